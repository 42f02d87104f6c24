/**
 * The block cache: least recently used, bounded by bytes.
 *
 * Invariants:
 *  1. The bytes held never pass the capacity; a block that is larger than all of it is not kept.
 *  2. Slots form one list by recency, in typed arrays: a hit moves three links and allocates nothing.
 *  3. Keys are (table number, position of the block in its table); each table has a map of its own, so dropping a table costs no
 *     more than its blocks.
 */
const NONE = -1;

export class BlockCache {
	hits = 0;
	misses = 0;
	/** Bytes of the blocks held. */
	bytes = 0;

	private readonly tables = new Map<number, Map<number, number>>();
	private blocks: (Buffer | undefined)[] = [];
	private tableOf = new Float64Array(64);
	private blockOf = new Float64Array(64);
	private newer = new Int32Array(64);
	private older = new Int32Array(64);
	private newest = NONE;
	private oldest = NONE;
	/** Free slots, linked through `older`. */
	private free = NONE;

	constructor(readonly capacity: number) {}

	get(table: number, block: number): Buffer | undefined {
		const slot = this.tables.get(table)?.get(block);
		if (slot === undefined) {
			this.misses++;
			return undefined;
		}
		this.hits++;
		if (slot !== this.newest) {
			this.unlink(slot);
			this.link(slot);
		}
		return this.blocks[slot];
	}

	put(table: number, block: number, bytes: Buffer): void {
		if (bytes.length > this.capacity) return;
		let slots = this.tables.get(table);
		const known = slots?.get(block);
		if (known !== undefined) this.remove(known);
		while (this.bytes + bytes.length > this.capacity) this.remove(this.oldest);
		slots = this.tables.get(table);
		if (slots === undefined) {
			slots = new Map();
			this.tables.set(table, slots);
		}
		const slot = this.takeSlot();
		slots.set(block, slot);
		this.tableOf[slot] = table;
		this.blockOf[slot] = block;
		this.blocks[slot] = bytes;
		this.bytes += bytes.length;
		this.link(slot);
	}

	/** Forgets all blocks of a table. */
	dropTable(table: number): void {
		const slots = this.tables.get(table);
		if (slots === undefined) return;
		for (const slot of [...slots.values()]) this.remove(slot);
	}

	clear(): void {
		while (this.oldest !== NONE) this.remove(this.oldest);
	}

	private remove(slot: number): void {
		const table = this.tableOf[slot];
		const slots = this.tables.get(table);
		slots?.delete(this.blockOf[slot]);
		if (slots?.size === 0) this.tables.delete(table);
		this.bytes -= this.blocks[slot]?.length ?? 0;
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
		const enlarge = <T extends Float64Array | Int32Array>(larger: T, old: T): T => {
			larger.set(old);
			return larger;
		};
		this.tableOf = enlarge(new Float64Array(length), this.tableOf);
		this.blockOf = enlarge(new Float64Array(length), this.blockOf);
		this.newer = enlarge(new Int32Array(length), this.newer);
		this.older = enlarge(new Int32Array(length), this.older);
	}

	private link(slot: number): void {
		this.newer[slot] = NONE;
		this.older[slot] = this.newest;
		if (this.newest !== NONE) this.newer[this.newest] = slot;
		else this.oldest = slot;
		this.newest = slot;
	}

	private unlink(slot: number): void {
		const newer = this.newer[slot];
		const older = this.older[slot];
		if (newer !== NONE) this.older[newer] = older;
		else this.newest = older;
		if (older !== NONE) this.newer[older] = newer;
		else this.oldest = newer;
	}
}
