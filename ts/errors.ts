/**
 * Typed errors. One class a kind; `code` is stable and part of the API, the message is free to improve.
 *
 * Invariants:
 *  1. Every error that leaves Varve is a `VarveError`.
 *  2. `path` and `offset` (bytes from the start of the file) are set wherever a file is to blame.
 *  3. A message says what happened, what was expected, and what to do.
 */

/** Every `code` that a {@link VarveError} carries. */
export type ErrorCode =
	| 'VARVE_IO'
	| 'VARVE_CORRUPTION'
	| 'VARVE_CONFIG'
	| 'VARVE_RESOURCE'
	| 'VARVE_CONCURRENCY'
	| 'VARVE_NOT_FOUND'
	| 'VARVE_CLOSED'
	| 'VARVE_LOCKED'
	| 'VARVE_READ_ONLY'
	| 'VARVE_ABORTED';

/** Where and why, for the constructor of a {@link VarveError}. */
export interface ErrorDetail {
	/** The error underneath, if there is one. */
	cause?: unknown;
	/** The file or directory to blame. */
	path?: string;
	/** Byte offset in that file. */
	offset?: number;
}

/** Base class of all errors of Varve. */
export class VarveError extends Error {
	readonly code: ErrorCode;
	readonly path: string | undefined;
	readonly offset: number | undefined;

	constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
		super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
		this.code = code;
		this.path = detail.path;
		this.offset = detail.offset;
		this.name = new.target.name;
	}
}

/** The operating system refused a file operation. */
export class IOError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_IO', message, detail);
	}
}

/** A file does not hold what was written to it. */
export class CorruptionError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_CORRUPTION', message, detail);
	}
}

/** An option or an argument makes no sense; nothing was written. */
export class ConfigError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_CONFIG', message, detail);
	}
}

/** A documented limit was passed (key, value or batch size); nothing was written. */
export class ResourceError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_RESOURCE', message, detail);
	}
}

/** Two operations that exclude each other were started together. */
export class ConcurrencyError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_CONCURRENCY', message, detail);
	}
}

/** Something that was asked for by name does not exist (never a missing key: that is `undefined`). */
export class NotFoundError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_NOT_FOUND', message, detail);
	}
}

/** The database, iterator, batch or snapshot was closed before. */
export class ClosedError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_CLOSED', message, detail);
	}
}

/** Another `Database` has the directory open. */
export class LockedError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_LOCKED', message, detail);
	}
}

/** Writes are refused: an earlier write or fsync failed (see `cause`), or the store was opened read-only. */
export class ReadOnlyError extends VarveError {
	constructor(message: string, detail?: ErrorDetail) {
		super('VARVE_READ_ONLY', message, detail);
	}
}

/** An `AbortSignal` fired; `cause` is its reason. The name is `AbortError`, as the platform's own. */
export class AbortError extends VarveError {
	constructor(reason: unknown) {
		super('VARVE_ABORTED', 'The operation was aborted by its signal.', { cause: reason });
		this.name = 'AbortError';
	}
}
