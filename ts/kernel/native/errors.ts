/** From the plain objects that the addon throws to the typed errors of the API. */
import { AbortError, ClosedError, CorruptionError, IOError, ResourceError, VarveError } from '../../errors';
import type { NativeError } from './addon';

/** The typed error for whatever a call of the addon threw. */
export function fromNative(thrown: unknown): Error {
	if (!isNativeError(thrown)) return thrown instanceof Error ? thrown : new Error(String(thrown));
	const { kind, message, path, offset } = thrown;
	const detail = { ...(path === undefined ? {} : { path }), ...(offset === undefined ? {} : { offset }) };
	switch (kind) {
		case 'io':
			return new IOError(`${message}. Check the disk and its free space.`, detail);
		case 'corruption':
			return new CorruptionError(message, detail);
		case 'cancelled':
			return new AbortError(new Error(message));
		case 'resource':
			return new ResourceError(message, detail);
		case 'closed':
			return new ClosedError(message, detail);
		case 'internal':
			return new VarveError('VARVE_RESOURCE', `${message}. This is a bug of Varve; please report it.`, detail);
	}
}

/** Rejects with typed errors. */
export function typed<T>(promise: Promise<T>): Promise<T> {
	return promise.catch((thrown) => {
		throw fromNative(thrown);
	});
}

/** Calls a function of the addon that is not called often, throwing typed errors. */
export function call<T>(work: () => T): T {
	try {
		return work();
	} catch (thrown) {
		throw fromNative(thrown);
	}
}

function isNativeError(thrown: unknown): thrown is NativeError {
	return typeof thrown === 'object' && thrown !== null && 'kind' in thrown && 'message' in thrown;
}
