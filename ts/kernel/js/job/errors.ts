/**
 * Errors on their way from the worker: structured cloning keeps neither classes nor codes.
 *
 * Invariant: code, path, offset and the system error underneath (its `code`, such as ENOSPC) arrive as they left.
 */
import { AbortError, CorruptionError, type ErrorDetail, IOError, ResourceError, VarveError } from '../../../errors';

export interface PortableError {
	code: string;
	message: string;
	path: string | undefined;
	offset: number | undefined;
	cause: { message: string; code: string | undefined; syscall: string | undefined } | undefined;
}

export function packError(error: unknown): PortableError {
	const known = error instanceof VarveError ? error : undefined;
	const cause = known === undefined ? error : known.cause;
	const system = cause as NodeJS.ErrnoException;
	return {
		code: known?.code ?? 'VARVE_IO',
		message: (error as Error).message,
		path: known?.path,
		offset: known?.offset,
		cause: cause instanceof Error ? { message: cause.message, code: system.code, syscall: system.syscall } : undefined,
	};
}

export function unpackError(error: PortableError): VarveError {
	const detail: ErrorDetail = {};
	if (error.path !== undefined) detail.path = error.path;
	if (error.offset !== undefined) detail.offset = error.offset;
	if (error.cause !== undefined) {
		const { message, code, syscall } = error.cause;
		detail.cause = Object.assign(new Error(message), { code, syscall });
	}
	switch (error.code) {
		case 'VARVE_ABORTED':
			return new AbortError('the job was cancelled');
		case 'VARVE_CORRUPTION':
			return new CorruptionError(error.message, detail);
		case 'VARVE_RESOURCE':
			return new ResourceError(error.message, detail);
		default:
			return new IOError(error.message, detail);
	}
}
