/**
 * One point lookup: the newest visible entry of a user key in a view.
 *
 * Invariants:
 *  1. Sources are asked newest first, and the first that knows the key decides: older sources hold only older versions. A source with a
 *     range delete over the key knows it.
 *  2. After a miss `run` goes on where it stopped: with the same table, its filter already passed.
 *  3. What has expired is a tombstone. The time is that of `moment`, which is asked when an entry that expires is met.
 *  4. The key is hashed once, before the first filter or block.
 */
import { EXPIRY_SIZE, KIND_PUT, KIND_PUT_WITH_EXPIRY, KIND_VALUE_POINTER } from '../kernel';
import type { ValueOwner } from './blob/file';
import { readPointer, type ValuePointer } from './blob/pointer';
import { fingerprintOf } from './block/builder';
import { BlockCursor, TABLE_KEYS } from './block/cursor';
import type { CachedBlocks } from './block-source';
import { EMPTY } from './bytes';
import { hasExpired, type Moment } from './expiry';
import type { Filter } from './filter/policy';
import { KIND_SEEK, readSequence, TRAILER_SIZE, writeTrailer } from './internal-key';
import { type Memtable, NOT_FOUND } from './memtable/memtable';
import type { Table } from './table/reader';
import type { Resident } from './table/resident';
import { varint } from './varint';
import type { View } from './view';
import { hash, xxHash64 } from './xxhash64';

/** Counters of the filters of one level, which all lookups of an engine share. */
export interface FilterCounters {
	probes: number;
	negatives: number;
	falsePositives: number;
}

const UNKNOWN = 0;
const PRESENT = 1;
const DELETED = 2;
type Verdict = typeof UNKNOWN | typeof PRESENT | typeof DELETED;

export class PointLookup {
	/** The value that a successful `run` found. */
	valueBytes: Buffer = EMPTY;
	valueStart = 0;
	valueEnd = 0;
	/** Where the value lies instead, if that is a blob file. */
	pointer: ValuePointer | undefined;
	/** Sequence number of the entry, and where it stands; only with a pointer. */
	entrySequence = 0;
	entryPath = '';
	entryOffset = 0;

	private view: View | undefined;
	private key: Buffer = EMPTY;
	/** Length of the internal key. */
	private length = 0;
	private sequence = 0;
	/** Next source to ask. */
	private source = 0;
	private hashed = false;
	private hashLow = 0;
	private hashHigh = 0;
	private filterPassed = false;
	private readonly entries = new BlockCursor(TABLE_KEYS);

	constructor(
		private readonly blocks: CachedBlocks,
		/** One for each level. */
		private readonly counters: readonly FilterCounters[],
		private readonly moment: Moment,
	) {}

	/** Prepares a lookup of `key[0, length)`; the eight bytes behind it are overwritten. */
	start(view: View, key: Buffer, length: number, sequence: number): void {
		this.view = view;
		this.key = key;
		this.length = writeTrailer(key, length, sequence, KIND_SEEK);
		this.sequence = sequence;
		this.source = 0;
		this.hashed = false;
		this.filterPassed = false;
		this.pointer = undefined;
	}

	/** The entry that was found, for its blob file. */
	get owner(): ValueOwner {
		return { key: this.key, start: 0, end: this.length - TRAILER_SIZE, sequence: this.entrySequence };
	}

	/** Gives the lookup the value that its pointer points to. */
	separated(value: Buffer): void {
		this.valueBytes = value;
		this.valueStart = 0;
		this.valueEnd = value.length;
	}

	/** Lets go of what the last lookup referred to. */
	clear(): void {
		this.view = undefined;
		this.valueBytes = EMPTY;
	}

	/** True when the key is there; the value is then in the fields. Throws the miss of its block source. */
	run(): boolean {
		const { memtables, level0, levels } = this.view as View;
		const tablesFrom = memtables.length;
		const levelsFrom = tablesFrom + level0.length;
		const end = levelsFrom + levels.length;
		let verdict: Verdict = UNKNOWN;
		while (this.source < end) {
			const source = this.source;
			if (source < tablesFrom) {
				verdict = this.askMemtable(memtables[source]);
			} else if (source < levelsFrom) {
				verdict = this.askTable(level0[source - tablesFrom], this.counters[0]);
			} else {
				const level = levels[source - levelsFrom];
				const position = level.index.lowerBound(this.key, 0, this.length);
				const counters = this.counters[level.number];
				verdict = position < level.tables.length ? this.askTable(level.tables[position], counters) : UNKNOWN;
			}
			if (verdict !== UNKNOWN) break;
			this.source++;
		}
		return verdict === PRESENT;
	}

	private askMemtable(memtable: Memtable): Verdict {
		const { arena, rangeDeletes } = memtable;
		const hiddenBelow = rangeDeletes.isEmpty ? 0 : rangeDeletes.covering(this.key, this.length - TRAILER_SIZE, this.sequence);
		const entry = memtable.find(this.key, this.length);
		if (entry === NOT_FOUND) return hiddenBelow > 0 ? DELETED : UNKNOWN;
		if (arena.sequence(entry) < hiddenBelow) return DELETED;
		this.valueBytes = arena.bytes;
		this.valueStart = arena.valueStart(entry);
		this.valueEnd = varint.end;
		return this.verdictOn(arena.kind(entry));
	}

	private askTable(table: Table, counters: FilterCounters): Verdict {
		const userLength = this.length - TRAILER_SIZE;
		if (!this.filterPassed && !table.covers(this.key, userLength)) return UNKNOWN;
		const { rangeDeletes } = table;
		const hiddenBelow = rangeDeletes.isEmpty ? 0 : rangeDeletes.covering(this.key, userLength, this.sequence);
		const verdict = this.askEntries(table, hiddenBelow, counters);
		return verdict === UNKNOWN && hiddenBelow > 0 ? DELETED : verdict;
	}

	private askEntries(table: Table, hiddenBelow: number, counters: FilterCounters): Verdict {
		const resident = this.blocks.resident(table);
		const { filter } = resident;
		if (!this.filterPassed && filter !== undefined && !this.passesFilter(filter, counters)) return UNKNOWN;
		const verdict = this.searchTable(table, resident, hiddenBelow);
		if (verdict === UNKNOWN && this.filterPassed && this.sequence >= table.span.largestSequence) {
			counters.falsePositives++;
		}
		this.filterPassed = false;
		return verdict;
	}

	private hashKey(): void {
		if (this.hashed) return;
		xxHash64(this.key, 0, this.length - TRAILER_SIZE);
		this.hashLow = hash.low;
		this.hashHigh = hash.high;
		this.hashed = true;
	}

	private passesFilter(filter: Filter, counters: FilterCounters): boolean {
		this.hashKey();
		counters.probes++;
		this.filterPassed = filter.mayContain(this.hashLow, this.hashHigh);
		if (!this.filterPassed) counters.negatives++;
		return this.filterPassed;
	}

	private searchTable(table: Table, resident: Resident, hiddenBelow: number): Verdict {
		const block = resident.index.lowerBound(this.key, 0, this.length);
		if (block === resident.blockCount) return UNKNOWN;
		const { entries } = this;
		this.hashKey();
		entries.reset(this.blocks.block(table, block), table.path, resident.blockOffset(block));
		entries.find(this.key, 0, this.length, fingerprintOf(this.hashLow));
		if (!entries.valid) return UNKNOWN;
		const keyEnd = entries.keyEnd - TRAILER_SIZE;
		this.valueBytes = entries.valueBytes;
		this.valueStart = entries.valueStart;
		this.valueEnd = entries.valueEnd;
		if (entries.keyBytes[keyEnd] === KIND_VALUE_POINTER) {
			this.pointer = readPointer(entries.valueBytes, entries.valueStart, entries.valueEnd);
			this.entrySequence = readSequence(entries.keyBytes, keyEnd);
			this.entryPath = table.path;
			this.entryOffset = resident.blockOffset(block);
		}
		if (hiddenBelow > 0 && readSequence(entries.keyBytes, keyEnd) < hiddenBelow) return DELETED;
		return this.verdictOn(entries.keyBytes[keyEnd]);
	}

	/** On an entry of this kind that no range delete hides. */
	private verdictOn(kind: number): Verdict {
		return kind === KIND_PUT || this.isLive(kind) ? PRESENT : DELETED;
	}

	/** Is an entry that is no plain put there? Its value gets rid of its expiry. */
	private isLive(kind: number): boolean {
		if (kind === KIND_VALUE_POINTER) return true;
		if (kind !== KIND_PUT_WITH_EXPIRY || hasExpired(kind, this.valueBytes, this.valueStart, this.moment.now())) return false;
		this.valueStart += EXPIRY_SIZE;
		return true;
	}
}
