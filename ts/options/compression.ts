/** From the option `compression` to the ids of the kernels. */
import {
	COMPRESSION_LZ4,
	COMPRESSION_NONE,
	COMPRESSION_SNAPPY,
	COMPRESSION_ZSTD,
	type CompressionId,
	type Kernel,
} from '../kernel/kernel';
import type { Compression } from '../types';

const ids: Readonly<Record<Compression, CompressionId>> = {
	none: COMPRESSION_NONE,
	lz4: COMPRESSION_LZ4,
	snappy: COMPRESSION_SNAPPY,
	zstd: COMPRESSION_ZSTD,
};

type CompressionOption = Compression | readonly Compression[];

/** Names that the option takes; each stands at its id. */
export const compressionNames = Object.keys(ids) as readonly Compression[];

/** What a kernel writes where it cannot write what the options ask for. */
const FALLBACK = 'lz4';

let warned = false;

/** What the tables of a level are compressed with. */
export function compressionAt(compression: CompressionOption, level: number, kernel: Kernel): CompressionId {
	const names = namesOf(compression);
	const id = ids[names[Math.min(level, names.length - 1)]];
	return kernel.canCompress(id) ? id : ids[FALLBACK];
}

/** Says, once in a process, that a kernel cannot write what the options ask for. */
export function warnOfFallback({ compression }: { compression: CompressionOption }, kernel: Kernel): void {
	const missing = namesOf(compression).find((name) => !kernel.canCompress(ids[name]));
	if (missing === undefined || warned) return;
	warned = true;
	process.emitWarning(
		`Varve writes '${FALLBACK}' where option 'compression' is '${missing}': its TypeScript kernel can read that on every Node.js, and ` +
			`write it from Node.js 22.15 on; this is ${process.version}.`,
		{ type: 'VarveKernelWarning', code: 'VARVE_COMPRESSION_FALLBACK' },
	);
}

function namesOf(compression: CompressionOption): readonly Compression[] {
	return typeof compression === 'string' ? [compression] : compression;
}
