/**
 * The order of a memtable: a B+-tree of fat nodes over the entries of an arena.
 *
 * Invariants:
 *  1. Leaves hold all references in internal key order and are linked both ways.
 *  2. Slot i of an inner node holds a separator for child i: no key of child i is below it, every key of child i − 1 is. The
 *     separator of child 0 is never looked at, so a new smallest key changes no inner node.
 *  3. A full leaf at the right edge that gets a larger key is not halved: sorted input leaves full leaves behind.
 *  4. An insertion may move slots: positions (leaf, slot) hold until the next one, which `entries` tells.
 */
import { compareInternalKeys, readHead, TRAILER_SIZE } from '../internal-key';
import { Arena } from './arena';
import { FANOUT, Nodes, type SharedNodes } from './nodes';

const PREVIOUS = 0;
const NEXT = 1;
const LEAF_LINKS = 2;
export const NO_LEAF = -1;

/** What another thread needs to read a frozen memtable. */
export interface SharedTree {
	arena: SharedArrayBuffer;
	used: number;
	leaves: SharedNodes;
	inner: SharedNodes;
	root: number;
	height: number;
	lastLeaf: number;
	entries: number;
}

export class Tree {
	/** Entries inserted; changes with every insertion. */
	entries = 0;
	/** Result of {@link lowerBound}: a slot, and its leaf or NO_LEAF. */
	leaf = NO_LEAF;
	slot = 0;
	lastLeaf = 0;
	readonly firstLeaf = 0;

	/** A leaf when `height` is 0, else an inner node. */
	private root = 0;
	private height = 0;
	/** Inner nodes and their slots on the way to the leaf, from the root. */
	private readonly pathNodes = new Int32Array(24);
	private readonly pathSlots = new Int32Array(24);

	private constructor(
		readonly arena: Arena,
		private readonly leaves: Nodes,
		private readonly inner: Nodes,
	) {}

	static create(capacity: number): Tree {
		const tree = new Tree(Arena.allocate(capacity), new Nodes(LEAF_LINKS), new Nodes(FANOUT));
		tree.takeLeaf(NO_LEAF, NO_LEAF);
		return tree;
	}

	static attach(shared: SharedTree): Tree {
		const arena = Arena.attach(shared.arena, shared.used);
		const tree = new Tree(arena, new Nodes(LEAF_LINKS, shared.leaves), new Nodes(FANOUT, shared.inner));
		tree.root = shared.root;
		tree.height = shared.height;
		tree.lastLeaf = shared.lastLeaf;
		tree.entries = shared.entries;
		return tree;
	}

	share(): SharedTree {
		return {
			arena: this.arena.shared,
			used: this.arena.used,
			leaves: this.leaves.share(),
			inner: this.inner.share(),
			root: this.root,
			height: this.height,
			lastLeaf: this.lastLeaf,
			entries: this.entries,
		};
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

	reference(leaf: number, slot: number): number {
		return this.leaves.references[leaf * FANOUT + slot];
	}

	/** Inserts an entry of the arena. */
	insert(reference: number): void {
		const { arena } = this;
		const start = arena.keyStart(reference);
		const end = arena.keyEnd(reference);
		const head = readHead(arena.bytes, start, end - TRAILER_SIZE);
		const leaf = this.descend(head, arena.bytes, start, end);
		const slot = this.search(this.leaves, leaf, 0, head, arena.bytes, start, end);
		this.entries++;
		if (this.leaves.counts[leaf] < FANOUT) this.leaves.insert(leaf, slot, head, reference);
		else this.splitLeaf(leaf, slot, head, reference);
	}

	/** Leaves the position of the first entry at or after the internal key in `leaf` and `slot`. */
	lowerBound(bytes: Uint8Array, start: number, end: number): void {
		const head = readHead(bytes, start, end - TRAILER_SIZE);
		this.leaf = this.descend(head, bytes, start, end);
		this.slot = this.search(this.leaves, this.leaf, 0, head, bytes, start, end);
		if (this.slot < this.leaves.counts[this.leaf]) return;
		this.leaf = this.nextLeaf(this.leaf);
		this.slot = 0;
	}

	/** The leaf that a key belongs to; the way there is left in the path. */
	private descend(head: number, bytes: Uint8Array, start: number, end: number): number {
		let node = this.root;
		for (let depth = 0; depth < this.height; depth++) {
			const slot = this.search(this.inner, node, 1, head, bytes, start, end) - 1;
			this.pathNodes[depth] = node;
			this.pathSlots[depth] = slot;
			node = this.inner.links[node * FANOUT + slot];
		}
		return node;
	}

	/** First slot of a node, from `from` on, whose key is at or after the given one. */
	private search(nodes: Nodes, node: number, from: number, head: number, bytes: Uint8Array, start: number, end: number): number {
		const base = node * FANOUT;
		let low = base + from;
		let high = base + nodes.counts[node];
		while (low < high) {
			const middle = (low + high) >>> 1;
			const other = nodes.heads[middle];
			if (other < head || (other === head && this.compareEntry(nodes.references[middle], bytes, start, end) < 0)) {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		return low - base;
	}

	private compareEntry(reference: number, bytes: Uint8Array, start: number, end: number): number {
		const { arena } = this;
		return compareInternalKeys(arena.bytes, arena.keyStart(reference), arena.keyEnd(reference), bytes, start, end);
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

	private splitLeaf(leaf: number, slot: number, head: number, reference: number): void {
		const appends = slot === FANOUT && leaf === this.lastLeaf;
		const right = this.takeLeaf(leaf, this.nextLeaf(leaf));
		const half = appends ? FANOUT : FANOUT / 2;
		this.leaves.moveTail(leaf, half, right);
		if (slot < half) this.leaves.insert(leaf, slot, head, reference);
		else this.leaves.insert(right, slot - half, head, reference);
		const first = right * FANOUT;
		this.addChild(this.height - 1, leaf, right, this.leaves.heads[first], this.leaves.references[first]);
	}

	/** Adds `right`, split off `left`, to the inner node at a depth of the path; depth −1 makes a new root. */
	private addChild(depth: number, left: number, right: number, head: number, reference: number): void {
		if (depth < 0) {
			this.growRoot(left, right, head, reference);
			return;
		}
		let node = this.pathNodes[depth];
		let slot = this.pathSlots[depth] + 1;
		if (this.inner.counts[node] === FANOUT) {
			const half = slot === FANOUT ? FANOUT - 1 : FANOUT / 2;
			const sibling = this.splitInner(node, half);
			const first = sibling * FANOUT;
			this.addChild(depth - 1, node, sibling, this.inner.heads[first], this.inner.references[first]);
			if (slot > half) {
				node = sibling;
				slot -= half;
			}
		}
		this.insertChild(node, slot, right, head, reference);
	}

	private splitInner(node: number, half: number): number {
		const sibling = this.inner.take();
		const start = node * FANOUT;
		this.inner.moveTail(node, half, sibling);
		this.inner.links.copyWithin(sibling * FANOUT, start + half, start + FANOUT);
		return sibling;
	}

	private growRoot(left: number, right: number, head: number, reference: number): void {
		const root = this.inner.take();
		this.insertChild(root, 0, left, head, reference);
		this.insertChild(root, 1, right, head, reference);
		this.root = root;
		this.height++;
	}

	private insertChild(node: number, slot: number, child: number, head: number, reference: number): void {
		const at = node * FANOUT + slot;
		this.inner.links.copyWithin(at + 1, at, node * FANOUT + this.inner.counts[node]);
		this.inner.insert(node, slot, head, reference);
		this.inner.links[at] = child;
	}
}
