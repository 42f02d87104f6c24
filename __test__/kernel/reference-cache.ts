/** S3-FIFO without links: three arrays, oldest first, searched from end to end. What the block caches are compared with. */

interface Entry<T> {
	key: string;
	block: T;
	size: number;
	frequency: number;
}

export class ReferenceCache<T> {
	hits = 0;
	misses = 0;
	private small: Entry<T>[] = [];
	private main: Entry<T>[] = [];
	private ghost: Entry<T>[] = [];

	constructor(private capacity: number) {}

	get bytes(): number {
		return sizeOf(this.small) + sizeOf(this.main);
	}

	get(table: number, block: number): T | undefined {
		const entry = this.find(`${table}/${block}`);
		if (entry === undefined) {
			this.misses++;
			return undefined;
		}
		this.hits++;
		entry.frequency = Math.min(3, entry.frequency + 1);
		return entry.block;
	}

	put(table: number, number: number, block: T, size: number): void {
		const key = `${table}/${number}`;
		if (size > this.capacity || this.find(key) !== undefined) return;
		while (this.bytes + size > this.capacity) this.evict();
		const known = this.ghost.some((entry) => entry.key === key);
		this.ghost = this.ghost.filter((entry) => entry.key !== key);
		(known ? this.main : this.small).push({ key, block, size, frequency: 0 });
	}

	dropTable(table: number): void {
		const others = (entries: Entry<T>[]) => entries.filter(({ key }) => !key.startsWith(`${table}/`));
		this.small = others(this.small);
		this.main = others(this.main);
		this.ghost = others(this.ghost);
	}

	setCapacity(capacity: number): void {
		this.capacity = capacity;
		this.trimGhosts();
		while (this.bytes > capacity) this.evict();
	}

	private trimGhosts(): void {
		while (sizeOf(this.ghost) > this.capacity) this.ghost.shift();
	}

	private find(key: string): Entry<T> | undefined {
		return this.small.find((entry) => entry.key === key) ?? this.main.find((entry) => entry.key === key);
	}

	private evict(): void {
		for (;;) {
			if (this.small.length > 0 && (this.main.length === 0 || sizeOf(this.small) * 10 > this.bytes)) {
				const entry = this.small.shift() as Entry<T>;
				if (entry.frequency < 2) {
					this.ghost.push(entry);
					this.trimGhosts();
					return;
				}
				this.main.push({ ...entry, frequency: 0 });
			} else {
				const entry = this.main.shift() as Entry<T>;
				if (entry.frequency === 0) return;
				this.main.push({ ...entry, frequency: entry.frequency - 1 });
			}
		}
	}
}

function sizeOf(entries: readonly { size: number }[]): number {
	return entries.reduce((sum, { size }) => sum + size, 0);
}
