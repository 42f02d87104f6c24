/**
 * What a kind of filter is: its name in the file, how it is built over the keys of a table, and how it is probed.
 *
 * Invariants:
 *  1. A filter that says no is right: the key is not in the table.
 *  2. A policy sees the hashes of keys, xxHash64 with seed 0, and never the keys: a lookup hashes its key once for all tables.
 *  3. The name is part of the file format. A change to what a name means is another name: a table whose filter has an unknown
 *     name is read without it.
 */
import type { ErrorDetail } from '../../../errors';
import type { FilterPolicyName } from '../../kernel';

/** The metaindex names a filter block so, followed by the name of its policy. */
export const BLOCK_PREFIX = 'filter.';

/** How large a filter is made. */
export interface FilterSizing {
	/** Thousandths of a bit for each distinct user key. */
	milliBitsPerKey: number;
	/** Bits set for each key. */
	probes: number;
}

/** A kind of filter. */
export interface FilterPolicy {
	/** In options, and in the metaindex of a table behind {@link BLOCK_PREFIX}. */
	readonly name: FilterPolicyName;
	/**
	 * The filter block over distinct user keys.
	 * @param hashes low and high half of each hash
	 */
	build(hashes: Uint32Array, sizing: FilterSizing): Buffer;
	/** Checks a filter block; throws a CorruptionError. */
	open(block: Uint8Array, detail?: ErrorDetail): Filter;
}

/** A filter block that was checked. */
export interface Filter {
	/** Bytes in memory. */
	readonly size: number;
	/** False when no key with this hash was added. */
	mayContain(low: number, high: number): boolean;
}

/** Collects the keys of one table, whose number decides the size of the filter. */
export class FilterBuilder {
	private hashes = new Uint32Array(2048);
	private count = 0;

	constructor(
		private readonly policy: FilterPolicy,
		private readonly sizing: FilterSizing,
	) {}

	/** Name in the metaindex of the block that `finish` makes. */
	get blockName(): string {
		return BLOCK_PREFIX + this.policy.name;
	}

	/** Adds a user key that was not added before, by the halves of its hash. */
	add(low: number, high: number): void {
		if (2 * this.count === this.hashes.length) {
			const larger = new Uint32Array(this.hashes.length * 2);
			larger.set(this.hashes);
			this.hashes = larger;
		}
		this.hashes[2 * this.count] = low;
		this.hashes[2 * this.count + 1] = high;
		this.count++;
	}

	/** The filter block. */
	finish(): Buffer {
		return this.policy.build(this.hashes.subarray(0, 2 * this.count), this.sizing);
	}
}
