/**
 * The nodes of one kind (leaf or inner) of a memtable's tree, in typed arrays.
 *
 *     node n: heads[64n … 64n + 63], entries[64n … ], links[width × n … ], counts[n]
 *
 * Invariants:
 *  1. A node is a number. Nodes are never freed: a memtable only grows.
 *  2. The arrays lie in shared memory and grow by doubling into new ones; who shares them shares a frozen tree.
 *  3. `heads[i]` is the head of the user key of `entries[i]`, behind the prefix of the tree: most comparisons read only doubles.
 */

export const FANOUT = 64;

/** What another thread needs to read the nodes. */
export interface SharedNodes {
	heads: SharedArrayBuffer;
	entries: SharedArrayBuffer;
	links: SharedArrayBuffer;
	counts: SharedArrayBuffer;
	size: number;
}

export class Nodes {
	heads: Float64Array;
	entries: Uint32Array;
	links: Int32Array;
	counts: Int32Array;

	constructor(
		private readonly linkWidth: number,
		shared?: SharedNodes,
	) {
		this.heads = new Float64Array(shared?.heads ?? new SharedArrayBuffer(FANOUT * 8));
		this.entries = new Uint32Array(shared?.entries ?? new SharedArrayBuffer(FANOUT * 4));
		this.links = new Int32Array(shared?.links ?? new SharedArrayBuffer(linkWidth * 4));
		this.counts = new Int32Array(shared?.counts ?? new SharedArrayBuffer(4));
		this.size = shared?.size ?? 0;
	}

	/** Nodes in use. */
	size: number;

	share(): SharedNodes {
		return {
			heads: this.heads.buffer as SharedArrayBuffer,
			entries: this.entries.buffer as SharedArrayBuffer,
			links: this.links.buffer as SharedArrayBuffer,
			counts: this.counts.buffer as SharedArrayBuffer,
			size: this.size,
		};
	}

	/** Bytes of all arrays. */
	get memory(): number {
		const { heads, entries, links, counts } = this;
		return heads.byteLength + entries.byteLength + links.byteLength + counts.byteLength;
	}

	/** Takes a new, empty node. */
	take(): number {
		if (this.size === this.counts.length) this.grow();
		return this.size++;
	}

	/** Opens a gap at `slot` of a node that is not full. */
	insert(node: number, slot: number, head: number, entry: number): void {
		const { heads, entries } = this;
		const at = node * FANOUT + slot;
		// Loops: the runtime moves shared memory by single bytes where source and target are not a whole word apart.
		for (let i = node * FANOUT + this.counts[node]++; i > at; i--) {
			heads[i] = heads[i - 1];
			entries[i] = entries[i - 1];
		}
		heads[at] = head;
		entries[at] = entry;
	}

	/** Moves the slots from `slot` on to the end of another node. */
	moveTail(node: number, slot: number, to: number): void {
		const start = node * FANOUT + slot;
		const end = node * FANOUT + this.counts[node];
		this.heads.copyWithin(to * FANOUT + this.counts[to], start, end);
		this.entries.copyWithin(to * FANOUT + this.counts[to], start, end);
		this.counts[to] += end - start;
		this.counts[node] = slot;
	}

	private grow(): void {
		const nodes = this.counts.length * 2;
		const { heads, entries, links, counts } = this;
		this.heads = new Float64Array(new SharedArrayBuffer(nodes * FANOUT * 8));
		this.entries = new Uint32Array(new SharedArrayBuffer(nodes * FANOUT * 4));
		this.links = new Int32Array(new SharedArrayBuffer(nodes * this.linkWidth * 4));
		this.counts = new Int32Array(new SharedArrayBuffer(nodes * 4));
		this.heads.set(heads);
		this.entries.set(entries);
		this.links.set(links);
		this.counts.set(counts);
	}
}
