/**
 * What `for (const entry of iterator)` runs on. A generator would do the same: its `next` is a call into the runtime, and this one is
 * inlined into the loop together with the object that it returns.
 *
 * Invariant: it closes its source once, at the end, after an error, or when the loop is left.
 */

/** An iterator as far as a loop needs it. */
interface Source<T> {
	/** `undefined` at the end. */
	nextSync(): T | undefined;
	close(): void;
}

export class SyncEntries<T> implements IterableIterator<T> {
	readonly #source: Source<T>;
	#ended = false;

	constructor(source: Source<T>) {
		this.#source = source;
	}

	next(): IteratorResult<T, undefined> {
		if (this.#ended) return { value: undefined, done: true };
		let entry: T | undefined;
		try {
			entry = this.#source.nextSync();
		} catch (error) {
			this.#end();
			throw error;
		}
		if (entry !== undefined) return { value: entry, done: false };
		this.#end();
		return { value: undefined, done: true };
	}

	return(): IteratorResult<T, undefined> {
		this.#end();
		return { value: undefined, done: true };
	}

	[Symbol.iterator](): this {
		return this;
	}

	#end(): void {
		if (this.#ended) return;
		this.#ended = true;
		this.#source.close();
	}
}

// As a generator has it, so that there are `map`, `filter` and the like where the runtime has them.
const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
Object.setPrototypeOf(SyncEntries.prototype, iteratorPrototype);
