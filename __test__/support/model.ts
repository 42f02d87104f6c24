/** The model that a store is held against: a sorted map that keeps every version, so that snapshots can be asked too. */

/** Entries of one moment, by key in hexadecimal, whose order is that of the bytes. */
export type Frozen = ReadonlyMap<string, string>;

export class Model {
	#entries = new Map<string, string>();

	get size(): number {
		return this.#entries.size;
	}

	put(key: Buffer, value: Buffer): void {
		this.#entries.set(key.toString('hex'), value.toString('hex'));
	}

	delete(key: Buffer): void {
		this.#entries.delete(key.toString('hex'));
	}

	/** Deletes from `start` to `end` (exclusive; undefined: to the end of all keys). */
	deleteRange(start: Buffer, end: Buffer | undefined): void {
		const [from, to] = [start.toString('hex'), end?.toString('hex')];
		for (const key of this.#entries.keys()) {
			if (key >= from && (to === undefined || key < to)) this.#entries.delete(key);
		}
	}

	get(key: Buffer): string | undefined {
		return this.#entries.get(key.toString('hex'));
	}

	freeze(): Frozen {
		return new Map(this.#entries);
	}
}

/** Bounds in the form of the public API. */
export interface Bounds {
	gt?: Buffer;
	gte?: Buffer;
	lt?: Buffer;
	lte?: Buffer;
	prefix?: Buffer;
	reverse?: boolean;
	limit?: number;
}

/** The entries that an iterator with these bounds must return. */
export function range(entries: Frozen, bounds: Bounds): [string, string][] {
	const hex = (key: Buffer | undefined) => key?.toString('hex');
	const { gt, gte, lt, lte, prefix } = {
		gt: hex(bounds.gt),
		gte: hex(bounds.gte),
		lt: hex(bounds.lt),
		lte: hex(bounds.lte),
		prefix: hex(bounds.prefix),
	};
	const result = [...entries]
		.filter(
			([key]) =>
				(gt === undefined || key > gt) &&
				(gte === undefined || key >= gte) &&
				(lt === undefined || key < lt) &&
				(lte === undefined || key <= lte) &&
				(prefix === undefined || key.startsWith(prefix)),
		)
		.sort(([a], [b]) => (a < b ? -1 : 1));
	if (bounds.reverse) result.reverse();
	return bounds.limit === undefined ? result : result.slice(0, bounds.limit);
}
