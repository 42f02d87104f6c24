/**
 * The nodes of one kind (leaf or inner) of a memtable's tree, in typed arrays.
 *
 *     node n: heads[64n … 64n + 63], references[64n … ], links[width × n … ], counts[n]
 *
 * Invariants:
 *  1. A node is a number. Nodes are never freed: a memtable only grows.
 *  2. The arrays lie in shared memory and grow by doubling into new ones; who shares them shares a frozen tree.
 *  3. `heads[i]` is the head of the user key of `references[i]`: most comparisons read only doubles.
 */

export const FANOUT = 64;

/** What another thread needs to read the nodes. */
export interface SharedNodes {
	heads: SharedArrayBuffer;
	references: SharedArrayBuffer;
	links: SharedArrayBuffer;
	counts: SharedArrayBuffer;
	size: number;
}

export class Nodes {
	heads: Float64Array;
	references: Uint32Array;
	links: Int32Array;
	counts: Int32Array;

	constructor(
		private readonly linkWidth: number,
		shared?: SharedNodes,
	) {
		this.heads = new Float64Array(shared?.heads ?? new SharedArrayBuffer(FANOUT * 8));
		this.references = new Uint32Array(shared?.references ?? new SharedArrayBuffer(FANOUT * 4));
		this.links = new Int32Array(shared?.links ?? new SharedArrayBuffer(linkWidth * 4));
		this.counts = new Int32Array(shared?.counts ?? new SharedArrayBuffer(4));
		this.size = shared?.size ?? 0;
	}

	/** Nodes in use. */
	size: number;

	share(): SharedNodes {
		return {
			heads: this.heads.buffer as SharedArrayBuffer,
			references: this.references.buffer as SharedArrayBuffer,
			links: this.links.buffer as SharedArrayBuffer,
			counts: this.counts.buffer as SharedArrayBuffer,
			size: this.size,
		};
	}

	/** Bytes of all arrays. */
	get memory(): number {
		const { heads, references, links, counts } = this;
		return heads.byteLength + references.byteLength + links.byteLength + counts.byteLength;
	}

	/** Takes a new, empty node. */
	take(): number {
		if (this.size === this.counts.length) this.grow();
		return this.size++;
	}

	/** Opens a gap at `slot` of a node that is not full. */
	insert(node: number, slot: number, head: number, reference: number): void {
		const at = node * FANOUT + slot;
		const end = node * FANOUT + this.counts[node]++;
		this.heads.copyWithin(at + 1, at, end);
		this.references.copyWithin(at + 1, at, end);
		this.heads[at] = head;
		this.references[at] = reference;
	}

	/** Moves the slots from `slot` on to the end of another node. */
	moveTail(node: number, slot: number, to: number): void {
		const start = node * FANOUT + slot;
		const end = node * FANOUT + this.counts[node];
		this.heads.copyWithin(to * FANOUT + this.counts[to], start, end);
		this.references.copyWithin(to * FANOUT + this.counts[to], start, end);
		this.counts[to] += end - start;
		this.counts[node] = slot;
	}

	private grow(): void {
		const nodes = this.counts.length * 2;
		const { heads, references, links, counts } = this;
		this.heads = new Float64Array(new SharedArrayBuffer(nodes * FANOUT * 8));
		this.references = new Uint32Array(new SharedArrayBuffer(nodes * FANOUT * 4));
		this.links = new Int32Array(new SharedArrayBuffer(nodes * this.linkWidth * 4));
		this.counts = new Int32Array(new SharedArrayBuffer(nodes * 4));
		this.heads.set(heads);
		this.references.set(references);
		this.links.set(links);
		this.counts.set(counts);
	}
}
