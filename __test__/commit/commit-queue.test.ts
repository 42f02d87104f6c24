/** The commit queue and group fsync, without a store. */
import { describe, expect, it } from 'vitest';
import { CommitQueue, type CommitTarget, GROUP_LIMIT } from '../../ts/commit/commit-queue';
import { Deferred } from '../../ts/commit/deferred';
import { GroupSync } from '../../ts/commit/group-sync';

/** Records what the queue asks for. */
class Target implements CommitTarget {
	readonly commits: number[] = [];
	readonly stalls: Deferred<void>[] = [];
	soon = 0;
	syncs = 0;
	refusal: Error | undefined;
	/** What synchronous writes asked room for. */
	readonly rooms: number[] = [];
	full = false;
	durability = new Deferred<void>();

	checkWritable(): void {
		if (this.refusal !== undefined) throw this.refusal;
	}

	room(): Promise<void> | undefined {
		return this.stalls[0]?.promise;
	}

	makeRoomSync(encoder: { count: number }): void {
		if (this.full) throw new Error('disk full');
		this.rooms.push(encoder.count);
	}

	commit(encoder: { count: number }): void {
		this.commits.push(encoder.count);
	}

	durable(): Promise<void> {
		return this.durability.promise;
	}

	makeDurableSync(): void {
		this.syncs++;
	}

	durableSoon(): void {
		this.soon++;
	}
}

const put = (key: string, value = 'v') =>
	[(encoder: { put(key: string, value: string): void }) => encoder.put(key, value)] as const;

describe('the commit queue', () => {
	it('makes one group of the writes of a turn', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		await Promise.all(Array.from({ length: 64 }, (_, i) => queue.add(put(`k${i}`)[0], 'never')));
		await queue.add(put('later')[0], 'never');
		expect(target.commits).toEqual([64, 1]);
	});

	it('lets a write without fsync not wait for one with', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		let durable = false;
		const slow = queue.add(put('a')[0], 'always').then(() => {
			durable = true;
		});
		await queue.add(put('b')[0], 'never');
		expect([target.commits, durable]).toEqual([[2], false]);
		target.durability.resolve();
		await slow;
		await queue.add(put('c')[0], 'interval');
		expect(target.soon).toBe(1);
	});

	it('commits what waits before a synchronous write', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		const first = queue.add(put('a')[0], 'never');
		queue.addSync(put('b')[0], 'always');
		expect([target.commits, target.syncs]).toEqual([[1, 1], 1]);
		await first;
	});

	it('asks for room for both, and leaves the group that waits when there is none', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		const first = queue.add(put('a')[0], 'never');
		queue.addSync(put('b')[0], 'never');
		expect(target.rooms).toEqual([1, 1]);
		const second = queue.add(put('c')[0], 'never');
		target.full = true;
		expect(() => queue.addSync(put('d')[0], 'never')).toThrow('disk full');
		target.full = false;
		await Promise.all([first, second]);
		target.full = true;
		expect(() => queue.addSync(put('e')[0], 'never')).toThrow('disk full');
		target.full = false;
		queue.addSync(put('f')[0], 'never');
		expect(target.commits).toEqual([1, 1, 1, 1]);
	});

	it('drops the operations of a write that throws, and no others', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		const good = queue.add(put('a')[0], 'never');
		const bad = () =>
			queue.add((encoder) => {
				encoder.put('b', 'v');
				throw new Error('no');
			}, 'never');
		expect(bad).toThrow('no');
		await good;
		expect(target.commits).toEqual([1]);
	});

	it('commits a large group at once', () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		void queue.add(put('a', 'v'.repeat(GROUP_LIMIT))[0], 'never');
		expect(target.commits).toEqual([1]);
	});

	it('holds a group while writes are stalled, and lets it grow', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		target.stalls.push(new Deferred());
		const writes = [queue.add(put('a')[0], 'never')];
		await new Promise(setImmediate);
		writes.push(queue.add(put('b')[0], 'never'));
		expect(target.commits).toEqual([]);
		target.stalls.shift()?.resolve();
		await Promise.all(writes);
		expect(target.commits).toEqual([2]);
	});

	it('rejects the whole group when its commit fails, and waits for all when it drains', async () => {
		const target = new Target();
		const queue = new CommitQueue(target);
		target.commit = () => {
			throw new Error('disk');
		};
		const results = await Promise.allSettled([queue.add(put('a')[0], 'never'), queue.add(put('b')[0], 'always')]);
		expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
		await queue.drain();
		target.refusal = new Error('read-only');
		expect(() => queue.add(put('c')[0], 'never')).toThrow('read-only');
	});

	it('goes through the event loop from time to time', async () => {
		const queue = new CommitQueue(new Target());
		let turns = 0;
		let stop = false;
		const count = () => {
			turns++;
			if (!stop) setImmediate(count);
		};
		setImmediate(count);
		for (let i = 0; i < 2000; i++) await queue.add(put('k')[0], 'never');
		stop = true;
		expect(turns).toBeGreaterThan(3);
	});
});

describe('group fsync', () => {
	const turn = () => new Promise(setImmediate);

	/** A file whose fsyncs end when the test says so. */
	function held() {
		const syncs: Deferred<void>[] = [];
		const sync = () => {
			const begun = new Deferred<void>();
			syncs.push(begun);
			return begun.promise;
		};
		return { syncs, group: new GroupSync({ sync }, () => undefined) };
	}

	it('shares the next fsync among those who come while one is in flight', async () => {
		const { syncs, group } = held();
		const first = group.wait();
		const rest = Promise.all(Array.from({ length: 63 }, () => group.wait()));
		expect(group.count).toBe(1);
		syncs[0].resolve();
		await first;
		await turn();
		expect(group.count).toBe(2);
		syncs[1].resolve();
		await rest;
		await group.idle();
		expect(group.count).toBe(2);
	});

	it('lets those whom an fsync has released join the next one', async () => {
		const { syncs, group } = held();
		const released = group.wait().then(() => group.wait());
		const other = group.wait();
		syncs[0].resolve();
		await turn();
		await turn();
		expect(syncs).toHaveLength(2);
		let isIdle = false;
		const idle = group.idle().then(() => {
			isIdle = true;
		});
		await turn();
		expect(isIdle).toBe(false);
		syncs[1].resolve();
		await Promise.all([released, other, idle]);
		expect(group.count).toBe(2);
		expect(group.isIdle).toBe(true);
	});

	it('is not idle between two fsyncs', async () => {
		const { syncs, group } = held();
		const first = group.wait();
		const second = group.wait();
		syncs[0].resolve();
		await first;
		expect(group.isIdle).toBe(false);
		const idle = group.idle();
		await turn();
		syncs[1].resolve();
		await Promise.all([second, idle]);
		expect(group.count).toBe(2);
	});

	it('reports a failure, and rejects the waiters of that fsync', async () => {
		const failures: string[] = [];
		const group = new GroupSync({ sync: () => Promise.reject(new Error('EIO')) }, (error) => failures.push(error.message));
		const waits = [group.wait(), group.wait()];
		for (const result of await Promise.allSettled(waits)) expect(result.status).toBe('rejected');
		expect(failures).toEqual(['EIO', 'EIO']);
	});
});
