/** The kernel in pure TypeScript: the twin of the native one, for platforms without a binary and for comparison. */
import type { FileSystem } from '../../fs/file-system';
import { nodeFileSystem } from '../../fs/node-file-system';
import { COMPRESSION_ZSTD, type Kernel } from '../kernel';
import { canCompressZstd } from './compression/zstd';
import { crc32 } from './crc32';
import { JsEngine } from './engine';
import type { JobMode } from './job/runner';
import * as primitives from './primitives';

/** What the kernel runs on; tests inject faults here. */
export interface JsKernelEnvironment {
	/** For tables that are read, and for jobs that run inline. Default: the real one. Jobs on a worker always use the real one. */
	fileSystem?: FileSystem;
	/** Where jobs run: on a worker thread (the default), or in slices on the calling thread. */
	jobs?: JobMode;
}

export function createJsKernel(environment: JsKernelEnvironment = {}): Kernel {
	const { fileSystem = nodeFileSystem, jobs = 'worker' } = environment;
	return {
		name: 'js',
		canCompress: (compression) => compression !== COMPRESSION_ZSTD || canCompressZstd,
		crc32,
		...primitives,
		createEngine: (options) => new JsEngine(options, fileSystem, jobs),
	};
}
