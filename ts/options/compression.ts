/** From the option `compression` to the ids of the kernels. */
import { ConfigError } from '../errors';
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

/** Names that the option takes. */
export const compressionNames: readonly string[] = Object.keys(ids);

/** What the tables of a level are compressed with. */
export function compressionAt(compression: CompressionOption, level: number): CompressionId {
	const names = namesOf(compression);
	return ids[names[Math.min(level, names.length - 1)]];
}

/**
 * Checks that a kernel can write what the options ask for.
 * @throws ConfigError when it cannot.
 */
export function checkCompression({ compression }: { compression: CompressionOption }, kernel: Kernel): void {
	const missing = namesOf(compression).find((name) => !kernel.canCompress(ids[name]));
	if (missing === undefined) return;
	throw new ConfigError(
		`Option 'compression' is '${missing}', which the TypeScript kernel writes with Node.js 22.15 or later only; this is ` +
			`${process.version}. Use the native kernel or a newer Node.js, or open with another compression, such as 'lz4': ` +
			`tables that are compressed with '${missing}' can be read all the same.`,
	);
}

function namesOf(compression: CompressionOption): readonly Compression[] {
	return typeof compression === 'string' ? [compression] : compression;
}
