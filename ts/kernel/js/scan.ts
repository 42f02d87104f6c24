/**
 * The cursor that users see the results of: visible entries of a view, in one direction, packed into chunks.
 *
 * Invariants:
 *  1. Of each user key only the newest version at or below `sequence` counts; when it is a tombstone, or a newer range delete lies over
 *     it, none does. Range deletes count that were there when the cursor was opened.
 *  2. `lastKey` is the last user key that was decided (packed, or found deleted). A miss, an error or a write to a memtable makes
 *     the merge seek again, right behind that key: nothing is packed twice or left out.
 *  3. Going backward the versions of a key come oldest first, so a key is decided once the next one, or the end, was seen.
 *  4. Entries that were packed before an error are returned; the error comes with the next call.
 *  5. What has expired when the cursor is opened is a tombstone to it; what expires later is there to its end.
 *  6. A value that lies in a blob file is read when its entry is packed, and not before it is known to fit.
 *  7. Where one source is left, the entries of its block that are plain are packed in one go, see `packRun` and `packRunBackward` of its
 *     cursor.
 *  8. A source whose entries are older than the range delete over the current one goes straight to the end of that range; of a level,
 *     this is asked table by table.
 */
import { ClosedError, CorruptionError } from '../../errors';
import {
	type CursorOptions,
	FILL_PENDING,
	FILL_TOO_SMALL,
	type KernelCursor,
	KIND_DELETE,
	KIND_PUT,
	KIND_VALUE_POINTER,
} from '../kernel';
import { readPointer } from './blob/pointer';
import type { ScanValues } from './blob/scan-values';
import type { CachedBlocks } from './block-source';
import { compareBytes, EMPTY } from './bytes';
import type { Coverage } from './coverage';
import type { SourceCursor } from './cursor';
import { expirySize, hasExpired } from './expiry';
import { KIND_SEEK, readSequence, TRAILER_SIZE } from './internal-key';
import { KeyCopy } from './key-copy';
import { MergeCursor } from './merge/cursor';
import { PackedChunk } from './packed-chunk';
import type { RangeDelete } from './range-delete';
import type { View } from './view';

/** Above every sequence number that an entry has. */
const PAST_ALL = Number.MAX_SAFE_INTEGER;

/** What a scan needs of its engine. */
export interface ScanHost {
	/** Throws ClosedError when the engine was closed. */
	checkOpen(): void;
	/** Runs asynchronous work that `close()` of the engine waits for. */
	track<T>(work: () => Promise<T>): Promise<T>;
	scanClosed(scan: ScanCursor): void;
}

export class ScanCursor implements KernelCursor {
	private readonly merge: MergeCursor<SourceCursor>;
	private readonly coverages: readonly Coverage[];
	private readonly lower: Buffer | undefined;
	private readonly upper: Buffer | undefined;
	private readonly target = new KeyCopy();
	private lastKey = new KeyCopy();
	/** Backward: the key whose versions are being seen, its newest visible value so far, and whether all were seen. */
	private group = new KeyCopy();
	private groupComplete = false;
	private groupLive = false;
	private groupValue: Buffer = EMPTY;
	private groupValueStart = 0;
	private groupValueEnd = 0;
	private groupKind = KIND_PUT;
	private groupSequence = 0;

	private positioned = false;
	private seenEntries = 0;
	private closed = false;
	/**
	 * The error that ended the last fill behind entries that were sound. The next fill gives it: to look for it again would be to trust
	 * the order of the keys before it.
	 */
	private failure: unknown;

	private readonly packed: PackedChunk;

	constructor(
		private readonly host: ScanHost,
		private readonly view: View,
		private readonly blocks: CachedBlocks,
		private readonly values: ScanValues,
		/** Milliseconds since the epoch at which it was opened. */
		private readonly now: number,
		private readonly options: CursorOptions,
	) {
		this.lower = options.lower === undefined ? undefined : Buffer.from(options.lower);
		this.upper = options.upper === undefined ? undefined : Buffer.from(options.upper);
		this.merge = new MergeCursor(view.cursors(blocks));
		this.coverages = view.coverages(options.sequence);
		this.packed = new PackedChunk(options.keys, options.values);
	}

	seek(key: Uint8Array): void {
		this.checkOpen();
		this.target.set(key, 0, key.length);
		this.lastKey.present = false;
		this.positioned = false;
		this.failure = undefined;
	}

	fill(chunk: Uint8Array, index: Uint32Array, limit: number, allowIo: boolean): number {
		this.checkOpen();
		this.begin(chunk, index, limit);
		this.blocks.allowIo = allowIo;
		const isComplete = this.attempt();
		this.values.clear();
		return isComplete || this.packed.count > 0 ? this.finish() : FILL_PENDING;
	}

	async fillAsync(chunk: Uint8Array, index: Uint32Array, limit: number): Promise<number> {
		this.checkOpen();
		this.begin(chunk, index, limit);
		this.blocks.allowIo = false;
		this.view.retain();
		try {
			return await this.host.track(() => this.fillWithLoads());
		} finally {
			this.blocks.unpin();
			this.values.clear();
			this.view.release();
		}
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		this.host.scanClosed(this);
		this.view.release();
	}

	private async fillWithLoads(): Promise<number> {
		let before = 0;
		while (!this.attempt()) {
			if (this.packed.count > before) this.blocks.unpin();
			before = this.packed.count;
			try {
				await (this.values.isWaiting ? this.values.load() : this.blocks.load());
				this.host.checkOpen();
			} catch (error) {
				if (this.packed.count === 0) throw error;
				this.failure = error;
				break;
			}
		}
		return this.finish();
	}

	private checkOpen(): void {
		if (this.closed) throw new ClosedError('The iterator was closed.');
		this.host.checkOpen();
	}

	private begin(chunk: Uint8Array, index: Uint32Array, limit: number): void {
		const { failure } = this;
		this.failure = undefined;
		if (failure !== undefined) throw failure;
		this.packed.begin(chunk, index, limit);
	}

	private finish(): number {
		const { count, tooSmall } = this.packed;
		this.packed.end();
		return count === 0 && tooSmall ? FILL_TOO_SMALL : count;
	}

	/** Packs what it can; false when a block or a value is missing. */
	private attempt(): boolean {
		try {
			if (!this.positioned || this.seenEntries !== this.view.memtableEntries) this.position();
			if (this.options.reverse) this.packBackward();
			else this.packForward();
			return !this.values.isWaiting;
		} catch (error) {
			this.positioned = false;
			if (error === this.blocks.miss) return false;
			if (this.packed.count === 0) throw error;
			this.failure = error;
			return true;
		}
	}

	/** Seeks behind the last decided key, or to where the scan starts. */
	private position(): void {
		this.positioned = false;
		this.group.present = false;
		this.groupComplete = false;
		this.seenEntries = this.view.memtableEntries;
		if (this.options.reverse) this.positionBackward();
		else this.positionForward();
		this.positioned = true;
	}

	private positionForward(): void {
		const { lastKey, target, lower, merge } = this;
		if (lastKey.present) {
			merge.seek(lastKey.bytes, 0, lastKey.withTrailer(0, 0));
			return;
		}
		const start = new KeyCopy();
		if (lower !== undefined) start.set(lower, 0, lower.length);
		if (target.present && (lower === undefined || compareBytes(target.bytes, 0, target.length, lower, 0, lower.length) > 0)) {
			start.set(target.bytes, 0, target.length);
		}
		if (start.present) merge.seek(start.bytes, 0, start.withTrailer(this.options.sequence, KIND_SEEK));
		else merge.seekToFirst();
	}

	private positionBackward(): void {
		const { lastKey, target, upper, merge } = this;
		if (lastKey.present) {
			merge.seekForPrev(lastKey.bytes, 0, lastKey.withTrailer(PAST_ALL, KIND_SEEK));
		} else if (
			target.present &&
			(upper === undefined || compareBytes(target.bytes, 0, target.length, upper, 0, upper.length) < 0)
		) {
			merge.seekForPrev(target.bytes, 0, target.withTrailer(0, 0));
		} else if (upper !== undefined) {
			const end = new KeyCopy();
			end.set(upper, 0, upper.length);
			merge.seekForPrev(end.bytes, 0, end.withTrailer(PAST_ALL, KIND_SEEK));
		} else {
			merge.seekToLast();
		}
	}

	private packForward(): void {
		const { merge, upper, lastKey, packed } = this;
		const { sequence, keys, values } = this.options;
		const takesRuns = keys && values && this.coverages.length === 0;
		while (merge.valid && packed.count < packed.limit) {
			const bytes = merge.keyBytes;
			const start = merge.keyStart;
			const end = merge.keyEnd - TRAILER_SIZE;
			if (upper !== undefined && compareBytes(bytes, start, end, upper, 0, upper.length) >= 0) return;
			const entrySequence = readSequence(bytes, end);
			if (entrySequence > sequence || lastKey.equals(bytes, start, end)) {
				merge.next();
				continue;
			}
			const over = this.hiding(bytes, start, end, entrySequence);
			if (over === undefined && this.isLive(bytes[end])) {
				const { valueBytes, valueEnd } = merge;
				const valueStart = merge.valueStart + expirySize(bytes[end]);
				if (!this.packEntry(bytes, start, end, bytes[end], entrySequence, valueBytes, valueStart, valueEnd)) return;
				if (takesRuns) merge.packRun(packed, sequence, upper);
			}
			lastKey.set(merge.keyBytes, merge.keyStart, merge.keyEnd - TRAILER_SIZE);
			if (over === undefined) merge.next();
			else merge.moveTop((source) => source.pass(over, false));
		}
	}

	private packBackward(): void {
		const { keys, values } = this.options;
		const takesRuns = keys && values && this.coverages.length === 0;
		while (this.packed.count < this.packed.limit) {
			if (takesRuns && !this.group.present && this.packRunBackward()) continue;
			this.completeGroup();
			const { group } = this;
			if (!this.groupComplete) return;
			if (this.groupLive) {
				const { groupKind, groupSequence, groupValue, groupValueStart, groupValueEnd } = this;
				const { bytes, length } = group;
				if (!this.packEntry(bytes, 0, length, groupKind, groupSequence, groupValue, groupValueStart, groupValueEnd)) return;
			}
			this.group = this.lastKey;
			this.group.present = false;
			this.lastKey = group;
			this.groupComplete = false;
			this.groupValue = EMPTY;
		}
	}

	/** Packs what needs no group; false when that is nothing. */
	private packRunBackward(): boolean {
		const { merge, packed, lastKey } = this;
		const before = packed.count;
		if (merge.valid) merge.packRunBackward(packed, this.options.sequence, this.lower);
		if (packed.count === before) return false;
		lastKey.set(packed.bytes, packed.lastStart, packed.index[2 * packed.count - 2]);
		return true;
	}

	/** Sees all versions of the next key; `groupComplete` stays false at the end of the range. */
	private completeGroup(): void {
		const { merge, group, lower } = this;
		if (this.groupComplete) return;
		while (merge.valid) {
			const bytes = merge.keyBytes;
			const start = merge.keyStart;
			const end = merge.keyEnd - TRAILER_SIZE;
			if (!group.present) {
				if (lower !== undefined && compareBytes(bytes, start, end, lower, 0, lower.length) < 0) return;
				group.set(bytes, start, end);
				this.groupLive = false;
			} else if (!group.equals(bytes, start, end)) {
				break;
			}
			const entrySequence = readSequence(bytes, end);
			if (entrySequence > this.options.sequence) {
				merge.prev();
				continue;
			}
			const over = this.hiding(bytes, start, end, entrySequence);
			this.groupKind = bytes[end];
			this.groupSequence = entrySequence;
			this.groupLive = over === undefined && this.isLive(this.groupKind);
			this.groupValue = merge.valueBytes;
			this.groupValueStart = merge.valueStart + expirySize(bytes[end]);
			this.groupValueEnd = merge.valueEnd;
			if (over === undefined) merge.prev();
			else merge.moveTop((source) => source.pass(over, true));
		}
		this.groupComplete = group.present;
	}

	/** Is the current entry, of this kind, neither a tombstone nor expired? */
	private isLive(kind: number): boolean {
		return kind !== KIND_DELETE && !hasExpired(kind, this.merge.valueBytes, this.merge.valueStart, this.now);
	}

	/** The range delete that hides an entry from this reader. */
	private hiding(key: Uint8Array, start: number, end: number, sequence: number): RangeDelete | undefined {
		if (this.coverages.length === 0) return undefined;
		for (const coverage of this.coverages) {
			const over = coverage.at(key, start, end);
			if (over !== undefined && over.sequence > sequence) return over;
		}
		return undefined;
	}

	/** Appends an entry to the chunk; false when it does not fit, or when its value has to be loaded first. */
	private packEntry(
		key: Uint8Array,
		keyStart: number,
		keyEnd: number,
		kind: number,
		sequence: number,
		value: Uint8Array,
		valueStart: number,
		valueEnd: number,
	): boolean {
		if (kind !== KIND_VALUE_POINTER || !this.options.values) {
			return this.packed.pack(key, keyStart, keyEnd, value, valueStart, valueEnd);
		}
		const pointer = readPointer(value, valueStart, valueEnd);
		if (pointer === undefined) throw new CorruptionError('a value pointer is malformed');
		const owner = { key, start: keyStart, end: keyEnd, sequence };
		const length = this.values.length(pointer, owner);
		if (!this.packed.fits((this.options.keys ? keyEnd - keyStart : 0) + length)) return false;
		const separated = this.values.value(pointer, owner, this.blocks.allowIo);
		return separated !== undefined && this.packed.pack(key, keyStart, keyEnd, separated, 0, length);
	}
}
