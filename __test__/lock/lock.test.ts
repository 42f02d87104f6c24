/** The lock on a directory: one owner, however the others come and the owner goes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { IOError, LockedError } from '../../ts/index';
import { type Claim, ownNamespace, parseClaims } from '../../ts/lock/claim';
import { acquireLock } from '../../ts/lock/lock';
import { temporaryDirectory } from '../support/stores';

const COMPILED = join(__dirname, '..', '..', 'dist', 'lock', 'lock.js');
/** Tries to lock the directory in its argument, says how it went, and stays until its input ends. */
const PROGRAM = `
	const { acquireLock } = require(${JSON.stringify(COMPILED)});
	let lock;
	try { lock = acquireLock({ directory: process.argv[1] }); console.log('locked'); } catch (error) { console.log(error.code); }
	process.stdin.resume().on('end', () => { lock?.release(true); });`;

function contender(directory: string): { child: ChildProcess; answer: Promise<string> } {
	const child = spawn(process.execPath, ['-e', PROGRAM, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
	const answer = new Promise<string>((resolve) => child.stdout?.once('data', (data) => resolve(String(data).trim())));
	return { child, answer };
}

const ended = (child: ChildProcess) => new Promise((resolve) => child.once('close', resolve));

describe('the lock', () => {
	it('refuses a second owner in the same thread until it is released', () => {
		const directory = temporaryDirectory();
		const lock = acquireLock({ directory });
		expect(() => acquireLock({ directory })).toThrow(LockedError);
		expect(() => acquireLock({ directory })).toThrow(new RegExp(`process ${process.pid}`));
		lock.release(true);
		lock.release(true);
		acquireLock({ directory }).release(true);
		expect(readFileSync(join(directory, 'LOCK')).length).toBe(0);
	});

	it('refuses a worker thread, and is free again when a worker that had it ends', async () => {
		const directory = temporaryDirectory();
		const source = `
			const { acquireLock } = require(${JSON.stringify(COMPILED)});
			const { parentPort } = require('node:worker_threads');
			try { acquireLock({ directory: ${JSON.stringify(directory)} }); parentPort.postMessage('locked'); }
			catch (error) { parentPort.postMessage(error.code); }
			setInterval(() => {}, 1000);`;
		const ask = async () => {
			const worker = new Worker(source, { eval: true });
			const answer = await new Promise((resolve) => worker.once('message', resolve));
			return { worker, answer };
		};
		const lock = acquireLock({ directory });
		const refused = await ask();
		expect(refused.answer).toBe('VARVE_LOCKED');
		await refused.worker.terminate();
		lock.release(true);
		const owner = await ask();
		expect(owner.answer).toBe('locked');
		expect(() => acquireLock({ directory })).toThrow(LockedError);
		await owner.worker.terminate();
		acquireLock({ directory }).release(true);
	});

	it('refuses another process, and is free when its owner was killed', async () => {
		const directory = temporaryDirectory();
		const owner = contender(directory);
		expect(await owner.answer).toBe('locked');
		expect(() => acquireLock({ directory })).toThrow(new RegExp(`process ${owner.child.pid}`));
		owner.child.kill('SIGKILL');
		await ended(owner.child);
		const lock = acquireLock({ directory });
		const late = contender(directory);
		expect(await late.answer).toBe('VARVE_LOCKED');
		late.child.stdin?.end();
		await ended(late.child);
		lock.release(true);
	});

	it('has one owner among twenty processes that race, round after round', { timeout: 60_000 }, async () => {
		const directory = temporaryDirectory();
		for (let round = 0; round < 3; round++) {
			const contenders = Array.from({ length: 20 }, () => contender(directory));
			const answers = await Promise.all(contenders.map(({ answer }) => answer));
			expect(answers.filter((answer) => answer === 'locked').length).toBe(1);
			expect(answers.filter((answer) => answer === 'VARVE_LOCKED').length).toBe(19);
			for (const { child } of contenders) child.kill(round === 1 ? 'SIGKILL' : 'SIGTERM');
			await Promise.all(contenders.map(({ child }) => ended(child)));
		}
		acquireLock({ directory }).release(true);
	});

	it('passes over torn lines and claims of the dead', () => {
		const directory = temporaryDirectory();
		const path = join(directory, 'LOCK');
		const dead: Claim = { pid: process.pid, fd: 999_999, token: 'dead', namespace: ownNamespace(), osLock: false };
		writeFileSync(path, `{"pid":1,"fd"\nnull\n42\n${JSON.stringify(dead)}\n{"torn`);
		acquireLock({ directory }).release(true);
		expect(parseClaims('')).toEqual([]);
	});

	it('takes a claim for dead whose descriptor a later claim of the process has', () => {
		const directory = temporaryDirectory();
		const lock = acquireLock({ directory });
		const [claim] = parseClaims(readFileSync(join(directory, 'LOCK'), 'utf8'));
		appendFileSync(join(directory, 'LOCK'), `\n${JSON.stringify({ ...claim, token: 'later' })}\n`);
		expect(() => acquireLock({ directory })).toThrow(LockedError);
		lock.release(true);
	});

	it('goes by the lock of the operating system for an owner that it cannot see', () => {
		const directory = temporaryDirectory();
		const path = join(directory, 'LOCK');
		const elsewhere: Claim = { pid: 1, fd: 3, token: 'elsewhere', namespace: 'another container', osLock: true };
		const write = (claim: Claim) => writeFileSync(path, `${JSON.stringify(claim)}\n`);
		const released: string[] = [];
		const tryLockFile = () => ({ release: () => released.push('released') });
		write(elsewhere);
		expect(() => acquireLock({ directory })).toThrow(/another container or on another host/);
		acquireLock({ directory, tryLockFile }).release(true);
		expect(released).toEqual(['released']);
		write({ ...elsewhere, osLock: false });
		expect(() => acquireLock({ directory, tryLockFile })).toThrow(LockedError);
		expect(released).toEqual(['released', 'released']);
		write(elsewhere);
		expect(() => acquireLock({ directory, tryLockFile: () => undefined })).toThrow(LockedError);
	});

	it('is clean after an owner who says so, and after no other', async () => {
		const directory = temporaryDirectory();
		const isCleanAfter = (release: boolean) => {
			const lock = acquireLock({ directory });
			lock.release(release);
			return lock.isClean;
		};
		// A new file says nothing.
		expect(isCleanAfter(true)).toBe(false);
		expect(isCleanAfter(true)).toBe(true);
		expect(isCleanAfter(false)).toBe(true);
		expect(isCleanAfter(false)).toBe(false);
		const size = readFileSync(join(directory, 'LOCK')).length;
		expect(size).toBeGreaterThan(0);
		// However often it goes wrong, one claim stays.
		expect(isCleanAfter(false)).toBe(false);
		expect(readFileSync(join(directory, 'LOCK')).length).toBe(size);
		expect(isCleanAfter(true)).toBe(false);
		const owner = contender(directory);
		expect(await owner.answer).toBe('locked');
		expect(() => acquireLock({ directory })).toThrow(LockedError);
		owner.child.kill('SIGKILL');
		await ended(owner.child);
		expect(isCleanAfter(true)).toBe(false);
		expect(isCleanAfter(true)).toBe(true);
	});

	it('says that the directory must be writable', () => {
		expect(() => acquireLock({ directory: join(temporaryDirectory(), 'missing') })).toThrow(IOError);
	});
});
