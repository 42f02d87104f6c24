/**
 * The block cache: S3-FIFO (Yang et al., SOSP 2023), so that a scan does not drive out what is read again and again; bounded by bytes.
 *
 * ```
 * new block → small ── asked for again twice or more ──→ main ⟲ asked for again: once more round
 *               └─ not ─→ ghost: the key alone              └─ not ─→ gone
 * a block whose key is a ghost → main
 * ```
 *
 * Invariants:
 *  1. The bytes held never pass the capacity; a block that is larger than all of it is not kept.
 *  2. Three lists, newest first, take every slot that is in use: `small` and `main` have blocks, `ghost` only sizes. A hit counts
 *     in the slot, up to {@link MOST_FREQUENCY}, and changes nothing else.
 *  3. Eviction goes to `small` while that has more than a tenth of the bytes. Blocks that a scan reads once pass through it and
 *     drive nothing out of `main`.
 *  4. The blocks that the ghosts stand for have at most `capacity` bytes.
 *  5. A block in `main` has its memory alone, see ./block-memory.ts; those in `small` leave in the order in which they were read.
 *  6. Keys are (table number, position of the block in its table); each table has an array of its own, by position, so a hit costs no hashing
 *     of positions, and dropping a table no more than its blocks.
 *
 * The native cache evicts alike as long as it has one shard, below 8 MiB.
 */
import { alone } from './block-memory';

const NONE = -1;

const MOST_FREQUENCY = 3;
/** Hits while in `small` that bring a block to `main`. */
const PROMOTION_FREQUENCY = 2;
const SMALL_PARTS = 10;

/** The slots of the blocks of one table. */
class TableSlots {
	/** By position of the block; {@link NONE} for one that has none, as those behind the end. */
	private slots = new Int32Array(16).fill(NONE);
	count = 0;

	get(block: number): number {
		return block < this.slots.length ? this.slots[block] : NONE;
	}

	/** For a block that has none. */
	add(block: number, slot: number): void {
		if (block >= this.slots.length) {
			const larger = new Int32Array(Math.max(block + 1, 2 * this.slots.length)).fill(NONE);
			larger.set(this.slots);
			this.slots = larger;
		}
		this.slots[block] = slot;
		this.count++;
	}

	/** For a block that has one. */
	remove(block: number): void {
		this.slots[block] = NONE;
		this.count--;
	}

	/** Positions of blocks that have one. */
	positions(): number[] {
		const positions: number[] = [];
		for (let block = 0; block < this.slots.length; block++) if (this.slots[block] !== NONE) positions.push(block);
		return positions;
	}
}

/** A list of slots, and the bytes of the blocks that they have or had. */
class List {
	newest = NONE;
	oldest = NONE;
	bytes = 0;
}

const SMALL = 0;
const MAIN = 1;
const GHOST = 2;

export class BlockCache {
	hits = 0;
	misses = 0;

	private readonly tables = new Map<number, TableSlots>();
	private readonly small = new List();
	private readonly main = new List();
	private readonly ghost = new List();
	/** By the number of the queue. */
	private readonly lists = [this.small, this.main, this.ghost];
	/** `undefined` for a ghost, and for a free slot. */
	private readonly blocks: (Buffer | undefined)[] = [];
	private tableOf = new Float64Array(64);
	private blockOf = new Float64Array(64);
	private sizes = new Float64Array(64);
	private frequencies = new Uint8Array(64);
	private queues = new Uint8Array(64);
	private newer = new Int32Array(64);
	private older = new Int32Array(64);
	/** Free slots, linked through `older`. */
	private free = NONE;

	constructor(private limit: number) {}

	get capacity(): number {
		return this.limit;
	}

	/** Changes the capacity, and lets go of blocks until the rest fits. */
	setCapacity(capacity: number): void {
		this.limit = capacity;
		this.trimGhosts();
		while (this.bytes > capacity) this.evict();
	}

	/** Bytes of the blocks held. */
	get bytes(): number {
		return this.small.bytes + this.main.bytes;
	}

	get(table: number, block: number): Buffer | undefined {
		const slot = this.slotOf(table, block);
		const bytes = slot === NONE ? undefined : this.blocks[slot];
		if (bytes === undefined) {
			this.misses++;
			return undefined;
		}
		this.hits++;
		if (this.frequencies[slot] < MOST_FREQUENCY) this.frequencies[slot]++;
		return bytes;
	}

	/** Positions of the blocks of a table that are here. Counts nothing. */
	positions(table: number): number[] {
		const positions = this.tables.get(table)?.positions() ?? [];
		return positions.filter((block) => this.holds(table, block));
	}

	/** Adds a block, unless it is here, and lets go of as many others as it takes. */
	put(table: number, block: number, bytes: Buffer): void {
		if (bytes.length > this.capacity || this.holds(table, block)) return;
		while (this.bytes + bytes.length > this.capacity) this.evict();
		const ghost = this.slotOf(table, block);
		if (ghost !== NONE) this.remove(ghost);
		if (ghost === NONE) this.add(table, block, bytes, SMALL);
		else this.add(table, block, alone(bytes), MAIN);
	}

	/** Forgets all blocks of a table. */
	dropTable(table: number): void {
		const slots = this.tables.get(table);
		if (slots === undefined) return;
		for (const block of slots.positions()) this.remove(slots.get(block));
	}

	clear(): void {
		for (const table of [...this.tables.keys()]) this.dropTable(table);
	}

	private holds(table: number, block: number): boolean {
		const slot = this.slotOf(table, block);
		return slot !== NONE && this.blocks[slot] !== undefined;
	}

	private slotOf(table: number, block: number): number {
		const slots = this.tables.get(table);
		return slots === undefined ? NONE : slots.get(block);
	}

	/** Lets go of one block; there is one. */
	private evict(): void {
		const { small, main, frequencies } = this;
		for (;;) {
			if (small.oldest !== NONE && (main.oldest === NONE || small.bytes * SMALL_PARTS > this.bytes)) {
				const slot = small.oldest;
				if (frequencies[slot] < PROMOTION_FREQUENCY) {
					this.makeGhost(slot);
					return;
				}
				frequencies[slot] = 0;
				this.blocks[slot] = alone(this.blocks[slot] as Buffer);
				this.unlink(slot);
				this.link(slot, MAIN);
				continue;
			}
			const slot = main.oldest;
			if (frequencies[slot] === 0) {
				this.remove(slot);
				return;
			}
			frequencies[slot]--;
			this.unlink(slot);
			this.link(slot, MAIN);
		}
	}

	private makeGhost(slot: number): void {
		this.unlink(slot);
		this.blocks[slot] = undefined;
		this.link(slot, GHOST);
		this.trimGhosts();
	}

	private trimGhosts(): void {
		while (this.ghost.bytes > this.capacity) this.remove(this.ghost.oldest);
	}

	private add(table: number, block: number, bytes: Buffer, queue: number): void {
		let slots = this.tables.get(table);
		if (slots === undefined) {
			slots = new TableSlots();
			this.tables.set(table, slots);
		}
		const slot = this.takeSlot();
		slots.add(block, slot);
		this.tableOf[slot] = table;
		this.blockOf[slot] = block;
		this.blocks[slot] = bytes;
		this.sizes[slot] = bytes.length;
		this.frequencies[slot] = 0;
		this.link(slot, queue);
	}

	private remove(slot: number): void {
		const table = this.tableOf[slot];
		const slots = this.tables.get(table);
		slots?.remove(this.blockOf[slot]);
		if (slots?.count === 0) this.tables.delete(table);
		this.blocks[slot] = undefined;
		this.unlink(slot);
		this.older[slot] = this.free;
		this.free = slot;
	}

	private takeSlot(): number {
		if (this.free !== NONE) {
			const slot = this.free;
			this.free = this.older[slot];
			return slot;
		}
		const slot = this.blocks.length;
		this.blocks.push(undefined);
		if (slot === this.newer.length) this.growSlots();
		return slot;
	}

	private growSlots(): void {
		const length = this.newer.length * 2;
		const enlarge = <T extends Float64Array | Int32Array | Uint8Array>(larger: T, old: T): T => {
			larger.set(old);
			return larger;
		};
		this.tableOf = enlarge(new Float64Array(length), this.tableOf);
		this.blockOf = enlarge(new Float64Array(length), this.blockOf);
		this.sizes = enlarge(new Float64Array(length), this.sizes);
		this.frequencies = enlarge(new Uint8Array(length), this.frequencies);
		this.queues = enlarge(new Uint8Array(length), this.queues);
		this.newer = enlarge(new Int32Array(length), this.newer);
		this.older = enlarge(new Int32Array(length), this.older);
	}

	private link(slot: number, queue: number): void {
		const list = this.lists[queue];
		this.queues[slot] = queue;
		this.newer[slot] = NONE;
		this.older[slot] = list.newest;
		if (list.newest !== NONE) this.newer[list.newest] = slot;
		else list.oldest = slot;
		list.newest = slot;
		list.bytes += this.sizes[slot];
	}

	private unlink(slot: number): void {
		const list = this.lists[this.queues[slot]];
		const newer = this.newer[slot];
		const older = this.older[slot];
		list.bytes -= this.sizes[slot];
		if (newer !== NONE) this.older[newer] = older;
		else list.newest = older;
		if (older !== NONE) this.newer[older] = newer;
		else list.oldest = newer;
	}
}
