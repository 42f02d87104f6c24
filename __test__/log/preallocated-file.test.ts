/** A file that is filled with zeros ahead of its end: what it holds is what was written, whatever becomes of the zeros. */
import { describe, expect, it } from 'vitest';
import { PreallocatedFile } from '../../ts/fs/preallocated-file';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';

const PATH = '/file';
const SMALL = 100;
const LARGE = 1024 * 1024;

function made() {
	const disk = new MemoryFileSystem();
	const fileSystem = new FaultFileSystem(disk);
	const file = new PreallocatedFile(fileSystem.create(PATH));
	let written = Buffer.alloc(0);
	/** Appends so many bytes and syncs, and answers by how much the file is longer than what was written. */
	const append = (length: number): number => {
		const bytes = Buffer.alloc(length, 1 + (written.length % 250));
		for (let done = 0; done < length; ) done += file.writeSync(bytes, done, length - done);
		file.syncSync();
		written = Buffer.concat([written, bytes]);
		const contents = disk.readFileSync(PATH);
		expect(contents.subarray(0, written.length).equals(written)).toBe(true);
		expect(contents.subarray(written.length).every((byte) => byte === 0)).toBe(true);
		return contents.length - written.length;
	};
	const sizeAfterClose = () => {
		file.closeSync();
		return disk.readFileSync(PATH).length;
	};
	return { disk, fileSystem, file, append, sizeAfterClose, written: () => written.length };
}

describe('a preallocated file', () => {
	it('is not filled by a few fsyncs, nor by large ones', () => {
		const { append, fileSystem } = made();
		for (let i = 0; i < 5; i++) expect(append(SMALL)).toBe(0);
		for (let i = 0; i < 20; i++) expect(append(LARGE)).toBe(0);
		for (let i = 0; i < 5; i++) expect(append(SMALL)).toBe(0);
		expect(fileSystem.count('fillSync')).toBe(0);
	});

	it('has many fsyncs of few bytes for each change of its size', async () => {
		const { append, fileSystem, disk, file, written, sizeAfterClose } = made();
		for (let i = 0; i < 20; i++) append(SMALL);
		expect(append(SMALL)).toBeGreaterThan(50 * 1024);
		const sizes = new Set<number>();
		for (let i = 0; i < 4000; i++) {
			append(SMALL);
			sizes.add(disk.readFileSync(PATH).length);
		}
		expect(sizes.size).toBeLessThan(10);
		expect(fileSystem.count('fillSync')).toBeLessThan(10);
		await file.sync();
		expect(sizeAfterClose()).toBe(written());
	});

	it('is not filled again by fsyncs of nothing', async () => {
		const { file, fileSystem } = made();
		for (let i = 0; i < 50; i++) await file.sync();
		expect(fileSystem.count('fillSync')).toBe(0);
	});

	it('goes on where what is written at once reaches beyond the zeros', () => {
		const { append, written, sizeAfterClose } = made();
		for (let i = 0; i < 20; i++) append(SMALL);
		expect(append(LARGE)).toBe(0);
		for (let i = 0; i < 20; i++) append(SMALL);
		expect(sizeAfterClose()).toBe(written());
	});

	it.each([0, 1000])('goes on without where the disk is full, %i bytes of zeros in', (partOf) => {
		const { append, fileSystem, written, sizeAfterClose } = made();
		fileSystem.fail({ methods: ['fillSync'], code: 'ENOSPC', times: 1000, partOf });
		for (let i = 0; i < 500; i++) append(SMALL);
		expect(fileSystem.count('fillSync')).toBe(1);
		expect(sizeAfterClose()).toBe(written());
	});

	it('is closed also where the zeros cannot be cut off', () => {
		const { append, fileSystem, file } = made();
		for (let i = 0; i < 20; i++) append(SMALL);
		fileSystem.fail({ methods: ['truncateSync'], code: 'EIO' });
		file.closeSync();
		expect(fileSystem.count('closeSync')).toBe(1);
	});
});
