/** Errors as abstract-level documents them: a stable `LEVEL_…` code, with the Varve error as `cause`. */
import { AbortError, type ErrorCode, VarveError } from '../internal';

/** Codes of abstract-level for what can go wrong in a store. Others (limits, impossible options) leave as the VarveError they are. */
const CODES: Partial<Record<ErrorCode, string>> = {
	VARVE_IO: 'LEVEL_IO_ERROR',
	VARVE_CORRUPTION: 'LEVEL_CORRUPTION',
	VARVE_LOCKED: 'LEVEL_LOCKED',
	VARVE_READ_ONLY: 'LEVEL_READONLY',
	VARVE_CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
	VARVE_ABORTED: 'LEVEL_ABORTED',
};

/** An error with a code of abstract-level. */
export class LevelError extends Error {
	readonly code: string;

	constructor(code: string, message: string, cause?: unknown) {
		super(message, cause === undefined ? undefined : { cause });
		this.code = code;
		this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError';
	}
}

/** The error to throw to a user of abstract-level. */
export function levelError(error: unknown): unknown {
	if (!(error instanceof VarveError)) return error;
	const code = CODES[error.code];
	if (code === undefined) return error;
	return new LevelError(code, error.message, error instanceof AbortError ? error.cause : error);
}

/** For the rejection side of a promise. */
export function rethrow(error: unknown): never {
	throw levelError(error);
}
