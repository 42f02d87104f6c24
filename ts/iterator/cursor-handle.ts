/**
 * What an iterator holds of the store: a kernel cursor, and the version whose tables it reads. Kept apart from the iterator, so that
 * it can be released when the iterator has been collected, or when the database closes first.
 *
 * Invariant: the version is released once, and not before the last fill in flight has settled.
 */
import type { KernelCursor } from '../kernel/kernel';
import { ChunkMemory } from './chunk-memory';

export class CursorHandle {
	readonly cursor: KernelCursor;
	readonly #onRelease: () => void;
	#inFlight: Promise<unknown> | undefined;
	#closed = false;

	constructor(cursor: KernelCursor, onRelease: () => void) {
		this.cursor = cursor;
		this.#onRelease = onRelease;
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Is a fill in flight? */
	get busy(): boolean {
		return this.#inFlight !== undefined;
	}

	/** Keeps the handle alive until a fill has settled. */
	during<T>(fill: Promise<T>): Promise<T> {
		this.#inFlight = fill;
		return fill.finally(() => {
			this.#inFlight = undefined;
		});
	}

	/** Resolves when no fill is in flight. */
	async idle(): Promise<void> {
		await this.#inFlight?.catch(() => undefined);
	}

	/** Idempotent. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.cursor.close();
		if (this.#inFlight === undefined) this.#onRelease();
		else this.idle().then(this.#onRelease);
	}
}

/** The living iterators of a database, and the memory of their chunks. */
export class CursorRegistry {
	readonly #handles = new Set<CursorHandle>();
	readonly memory = new ChunkMemory();
	readonly #finalizer: FinalizationRegistry<CursorHandle>;
	/** Iterators that were collected without being closed. */
	forgotten = 0;

	constructor() {
		this.#finalizer = new FinalizationRegistry((handle) => {
			this.forgotten++;
			handle.close();
		});
	}

	get living(): number {
		return this.#handles.size;
	}

	/** Makes a handle that leaves the registry when it is closed. */
	open(cursor: KernelCursor, release: () => void): CursorHandle {
		const handle = new CursorHandle(cursor, () => {
			this.#handles.delete(handle);
			release();
		});
		this.#handles.add(handle);
		return handle;
	}

	/** Closes the handle when its owner is collected. */
	watch(owner: object, handle: CursorHandle): void {
		this.#finalizer.register(owner, handle, handle);
	}

	unwatch(handle: CursorHandle): void {
		this.#finalizer.unregister(handle);
	}

	/** Closes all and waits for their fills in flight. */
	async closeAll(): Promise<void> {
		const handles = [...this.#handles];
		for (const handle of handles) handle.close();
		await Promise.all(handles.map((handle) => handle.idle()));
	}
}
