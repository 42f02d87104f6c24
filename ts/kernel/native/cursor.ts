/** A native scan cursor. It is a number to the addon: objects with functions of their own would cost more than a short scan. */
import { ConcurrencyError } from '../../errors';
import type { CursorOptions, KernelCursor } from '../kernel';
import {
	CURSOR_FILL_CACHE,
	CURSOR_KEYS,
	CURSOR_REVERSE,
	CURSOR_VALUES,
	type NativeEngineFunctions,
	type NativeFill,
} from './addon';
import { call, fromNative, typed } from './errors';

export class NativeCursor implements KernelCursor {
	readonly #functions: NativeEngineFunctions;
	readonly #id: number;

	constructor(functions: NativeEngineFunctions, options: CursorOptions) {
		this.#functions = functions;
		const flags =
			(options.reverse ? CURSOR_REVERSE : 0) |
			(options.keys ? CURSOR_KEYS : 0) |
			(options.values ? CURSOR_VALUES : 0) |
			(options.fillCache ? CURSOR_FILL_CACHE : 0);
		this.#id = call(() => functions.openCursor(options.sequence, options.lower, options.upper, flags));
	}

	seek(key: Uint8Array): void {
		call(() => this.#functions.seekCursor(this.#id, key));
	}

	fill(chunk: Uint8Array, index: Uint32Array, limit: number, allowIo: boolean): number {
		try {
			return this.#functions.fillCursor(this.#id, chunk, index, limit, allowIo);
		} catch (thrown) {
			throw fromNative(thrown);
		}
	}

	async fillAsync(chunk: Uint8Array, index: Uint32Array, limit: number): Promise<number> {
		const fill = await typed(call(() => this.#functions.fillCursorAsync(this.#id, chunk.length, index.length, limit)));
		copyFill(fill, chunk, index);
		return fill.answer;
	}

	close(): void {
		this.#functions.closeCursor(this.#id);
	}
}

function copyFill(fill: NativeFill, chunk: Uint8Array, index: Uint32Array): void {
	if (fill.chunk.length > chunk.length || fill.index.length > index.byteLength) {
		throw new ConcurrencyError('The memory of a scan was transferred away while a read into it was under way: seek again.');
	}
	chunk.set(fill.chunk);
	const ends = new Uint8Array(index.buffer, index.byteOffset, index.byteLength);
	ends.set(fill.index);
}
