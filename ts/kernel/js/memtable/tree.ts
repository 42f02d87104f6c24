/**
 * The order of a memtable: a B+-tree of fat nodes over the entries of an arena.
 *
 * Invariants:
 *  1. Leaves hold all entries in internal key order and are linked both ways.
 *  2. Slot i of an inner node holds a separator for child i: no key of child i is below it, every key of child i − 1 is. The
 *     separator of child 0 is never looked at, so a new smallest key changes no inner node.
 *  3. A full leaf at the right edge that gets a larger key is not halved: sorted input leaves full leaves behind.
 *  4. An insertion may move slots: positions (leaf, slot) hold until the next one, which `entries` tells.
 *  5. All user keys begin with the first `prefixLength` bytes of entry 0; when one comes that does not, the prefix shrinks and all heads
 *     are made anew. After {@link MAX_PREFIX_CHANGES} times it is given up, so that this never costs more than a constant factor.
 */
import { compareBytes } from '../bytes';
import { readHead, readSequence, TRAILER_SIZE } from '../internal-key';
import { Arena } from './arena';
import { FANOUT, Nodes, type SharedNodes } from './nodes';

const PREVIOUS = 0;
const NEXT = 1;
const LEAF_LINKS = 2;
const MAX_PREFIX_CHANGES = 16;
export const NO_LEAF = -1;

/** What another thread needs to read a frozen memtable. */
export interface SharedTree {
	arena: SharedArrayBuffer;
	end: number;
	entries: number;
	leaves: SharedNodes;
	inner: SharedNodes;
	root: number;
	height: number;
	lastLeaf: number;
	prefixLength: number;
}

/** What is looked for: an internal key, its user key `bytes[start, end)`. */
interface Wanted {
	bytes: Uint8Array;
	start: number;
	end: number;
	sequence: number;
	kind: number;
	head: number;
}

export class Tree {
	/** Result of {@link lowerBound}: a slot, and its leaf or NO_LEAF. */
	leaf = NO_LEAF;
	slot = 0;
	lastLeaf = 0;
	readonly firstLeaf = 0;

	/** A leaf when `height` is 0, else an inner node. */
	private root = 0;
	private height = 0;
	private prefixLength = 0;
	private prefixChanges = 0;
	private readonly wanted: Wanted;
	/** Inner nodes and their slots on the way to the leaf, from the root. */
	private readonly pathNodes = new Int32Array(24);
	private readonly pathSlots = new Int32Array(24);

	private constructor(
		readonly arena: Arena,
		private readonly leaves: Nodes,
		private readonly inner: Nodes,
	) {
		this.wanted = { bytes: arena.bytes, start: 0, end: 0, sequence: 0, kind: 0, head: 0 };
	}

	static create(capacity: number): Tree {
		const tree = new Tree(Arena.allocate(capacity), new Nodes(LEAF_LINKS), new Nodes(FANOUT));
		tree.takeLeaf(NO_LEAF, NO_LEAF);
		return tree;
	}

	static attach(shared: SharedTree): Tree {
		const arena = Arena.attach(shared.arena, shared.end, shared.entries);
		const tree = new Tree(arena, new Nodes(LEAF_LINKS, shared.leaves), new Nodes(FANOUT, shared.inner));
		tree.root = shared.root;
		tree.height = shared.height;
		tree.lastLeaf = shared.lastLeaf;
		tree.prefixLength = shared.prefixLength;
		return tree;
	}

	share(): SharedTree {
		return {
			arena: this.arena.shared,
			end: this.arena.end,
			entries: this.arena.entries,
			leaves: this.leaves.share(),
			inner: this.inner.share(),
			root: this.root,
			height: this.height,
			lastLeaf: this.lastLeaf,
			prefixLength: this.prefixLength,
		};
	}

	/** Entries inserted; changes with every insertion. */
	get entries(): number {
		return this.arena.entries;
	}

	/** Bytes of entries and nodes. */
	get memory(): number {
		return this.arena.used + this.leaves.memory + this.inner.memory;
	}

	leafCount(leaf: number): number {
		return this.leaves.counts[leaf];
	}

	nextLeaf(leaf: number): number {
		return this.leaves.links[leaf * LEAF_LINKS + NEXT];
	}

	previousLeaf(leaf: number): number {
		return this.leaves.links[leaf * LEAF_LINKS + PREVIOUS];
	}

	entry(leaf: number, slot: number): number {
		return this.leaves.entries[leaf * FANOUT + slot];
	}

	/** Inserts an entry whose user key is in the arena. */
	insert(keyStart: number, keyEnd: number, sequence: number, kind: number): void {
		const { arena } = this;
		const entry = arena.add(keyStart, keyEnd - keyStart, sequence, kind);
		if (entry === 0) this.prefixLength = keyEnd - keyStart;
		const shared = this.matching(arena.bytes, keyStart, keyEnd);
		if (shared < this.prefixLength) this.shrinkPrefix(shared);
		const head = this.want(arena.bytes, keyStart, keyEnd, sequence, kind);
		const leaf = this.descend();
		const slot = this.search(this.leaves, leaf, 0);
		if (this.leaves.counts[leaf] < FANOUT) this.leaves.insert(leaf, slot, head, entry);
		else this.splitLeaf(leaf, slot, head, entry);
	}

	/** Leaves the position of the first entry at or after the internal key in `leaf` and `slot`. */
	lowerBound(bytes: Uint8Array, start: number, end: number): void {
		const userEnd = end - TRAILER_SIZE;
		const shared = this.matching(bytes, start, userEnd);
		this.slot = 0;
		if (shared < this.prefixLength) {
			const first = this.arena.keyStart(0);
			const isBefore = compareBytes(bytes, start, userEnd, this.arena.bytes, first, first + this.prefixLength) < 0;
			this.leaf = isBefore ? this.firstLeaf : NO_LEAF;
			return;
		}
		this.want(bytes, start, userEnd, readSequence(bytes, userEnd), bytes[userEnd]);
		this.leaf = this.descend();
		this.slot = this.search(this.leaves, this.leaf, 0);
		if (this.slot < this.leaves.counts[this.leaf]) return;
		this.leaf = this.nextLeaf(this.leaf);
		this.slot = 0;
	}

	/** Bytes of the prefix that a user key begins with. */
	private matching(bytes: Uint8Array, start: number, end: number): number {
		if (this.prefixLength === 0) return 0;
		const first = this.arena.bytes;
		const firstStart = this.arena.keyStart(0);
		const limit = Math.min(this.prefixLength, end - start);
		let length = 0;
		while (length < limit && bytes[start + length] === first[firstStart + length]) length++;
		return length;
	}

	/** Says what to look for, a user key that begins with the prefix; returns its head. */
	private want(bytes: Uint8Array, start: number, end: number, sequence: number, kind: number): number {
		const { wanted } = this;
		wanted.bytes = bytes;
		wanted.start = start;
		wanted.end = end;
		wanted.sequence = sequence;
		wanted.kind = kind;
		wanted.head = readHead(bytes, start + this.prefixLength, end);
		return wanted.head;
	}

	/** The leaf that the wanted key belongs to; the way there is left in the path. */
	private descend(): number {
		let node = this.root;
		for (let depth = 0; depth < this.height; depth++) {
			const slot = this.search(this.inner, node, 1) - 1;
			this.pathNodes[depth] = node;
			this.pathSlots[depth] = slot;
			node = this.inner.links[node * FANOUT + slot];
		}
		return node;
	}

	/** First slot of a node, from `from` on, whose key is at or after the wanted one. */
	private search(nodes: Nodes, node: number, from: number): number {
		const { head } = this.wanted;
		const { heads } = nodes;
		const base = node * FANOUT;
		let low = base + from;
		let high = base + nodes.counts[node];
		while (low < high) {
			const middle = (low + high) >>> 1;
			const other = heads[middle];
			if (other < head || (other === head && this.isBefore(nodes.entries[middle]))) low = middle + 1;
			else high = middle;
		}
		return low - base;
	}

	/** Is an entry before the wanted key? */
	private isBefore(entry: number): boolean {
		const { arena, wanted } = this;
		const { bytes, start, end, sequence, kind } = wanted;
		const order = compareBytes(arena.bytes, arena.keyStart(entry), arena.keyEnd(entry), bytes, start, end);
		if (order !== 0) return order < 0;
		const other = arena.sequence(entry);
		return other > sequence || (other === sequence && arena.kind(entry) > kind);
	}

	private shrinkPrefix(shared: number): void {
		this.prefixChanges++;
		this.prefixLength = this.prefixChanges > MAX_PREFIX_CHANGES ? 0 : shared;
		this.remakeHeads(this.leaves);
		this.remakeHeads(this.inner);
	}

	private remakeHeads({ heads, entries, counts, size }: Nodes): void {
		const { arena } = this;
		for (let node = 0; node < size; node++) {
			const start = node * FANOUT;
			for (let i = start; i < start + counts[node]; i++) {
				heads[i] = readHead(arena.bytes, arena.keyStart(entries[i]) + this.prefixLength, arena.keyEnd(entries[i]));
			}
		}
	}

	private takeLeaf(previous: number, next: number): number {
		const leaf = this.leaves.take();
		this.leaves.links[leaf * LEAF_LINKS + PREVIOUS] = previous;
		this.leaves.links[leaf * LEAF_LINKS + NEXT] = next;
		if (previous !== NO_LEAF) this.leaves.links[previous * LEAF_LINKS + NEXT] = leaf;
		if (next !== NO_LEAF) this.leaves.links[next * LEAF_LINKS + PREVIOUS] = leaf;
		else this.lastLeaf = leaf;
		return leaf;
	}

	private splitLeaf(leaf: number, slot: number, head: number, entry: number): void {
		const appends = slot === FANOUT && leaf === this.lastLeaf;
		const right = this.takeLeaf(leaf, this.nextLeaf(leaf));
		const half = appends ? FANOUT : FANOUT / 2;
		this.leaves.moveTail(leaf, half, right);
		if (slot < half) this.leaves.insert(leaf, slot, head, entry);
		else this.leaves.insert(right, slot - half, head, entry);
		const first = right * FANOUT;
		this.addChild(this.height - 1, leaf, right, this.leaves.heads[first], this.leaves.entries[first]);
	}

	/** Adds `right`, split off `left`, to the inner node at a depth of the path; depth −1 makes a new root. */
	private addChild(depth: number, left: number, right: number, head: number, entry: number): void {
		if (depth < 0) {
			this.growRoot(left, right, head, entry);
			return;
		}
		let node = this.pathNodes[depth];
		let slot = this.pathSlots[depth] + 1;
		if (this.inner.counts[node] === FANOUT) {
			const half = slot === FANOUT ? FANOUT - 1 : FANOUT / 2;
			const sibling = this.splitInner(node, half);
			const first = sibling * FANOUT;
			this.addChild(depth - 1, node, sibling, this.inner.heads[first], this.inner.entries[first]);
			if (slot > half) {
				node = sibling;
				slot -= half;
			}
		}
		this.insertChild(node, slot, right, head, entry);
	}

	private splitInner(node: number, half: number): number {
		const sibling = this.inner.take();
		const start = node * FANOUT;
		this.inner.moveTail(node, half, sibling);
		this.inner.links.copyWithin(sibling * FANOUT, start + half, start + FANOUT);
		return sibling;
	}

	private growRoot(left: number, right: number, head: number, entry: number): void {
		const root = this.inner.take();
		this.insertChild(root, 0, left, head, entry);
		this.insertChild(root, 1, right, head, entry);
		this.root = root;
		this.height++;
	}

	private insertChild(node: number, slot: number, child: number, head: number, entry: number): void {
		const at = node * FANOUT + slot;
		this.inner.links.copyWithin(at + 1, at, node * FANOUT + this.inner.counts[node]);
		this.inner.insert(node, slot, head, entry);
		this.inner.links[at] = child;
	}
}
