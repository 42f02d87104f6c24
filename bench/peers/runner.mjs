/** Runs jobs, each in a process of its own, on directories that are removed at the end. */
import { fork } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stores } from './stores/index.mjs';
import { workloads } from './workloads.mjs';

/** @typedef {import('./job.mjs').Job} Job */
/** @typedef {import('./job.mjs').Outcome} Outcome */
/** @typedef {Pick<Job, 'store' | 'workload' | 'like' | 'directory' | 'varve'>} Task */
/** @typedef {import('./compare.mjs').Measurement} Measurement */

/**
 * @typedef {object} Settings
 * @property {number} n entries
 * @property {number} cacheBytes
 * @property {number} seconds for which reads and single puts are repeated
 * @property {number} timeLimitSeconds of each process
 * @property {string | undefined} directory in which stores are made; default: that of the system for temporary files
 */

const CHILD = new URL('child.mjs', import.meta.url);
/** What is kept of the end of a failed process' output. */
const ERROR_CHARACTERS = 4_000;

export class Runner {
	directory;
	#settings;
	/** Filled stores, with what was measured while they were filled, or why that failed. @type {Map<string, { measurement: Measurement, directory: string }>} */
	#prepared = new Map();
	#next = 0;

	/** @param {Settings} settings */
	constructor(settings) {
		this.#settings = settings;
		this.directory = mkdtempSync(path.join(settings.directory ?? tmpdir(), 'varve-bench-'));
		process.on('exit', () => this.remove());
		process.once('SIGINT', () => process.exit(130));
	}

	/** Removes all stores. The end of the process does so too. */
	remove() {
		rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
	}

	/**
	 * Measures a workload on a store, and before it, when that is needed for the first time, the filling of a store to read from.
	 * @param {string} store
	 * @param {string} workload
	 * @param {number} repetition
	 * @param {string} [varve] file of the Varve to measure
	 * @returns {Promise<Measurement[]>}
	 */
	async measure(store, workload, repetition, varve) {
		const { start } = workloads[workload];
		const place = path.join(this.directory, `${this.#next++}`);
		const job = { store, workload, like: workload, directory: place, ...(varve === undefined ? {} : { varve }) };
		if (start === 'empty') return [await this.#runIn(job, repetition)];
		const { measurement, directory, isNew } = await this.prepare(job);
		const results = isNew ? [measurement] : [];
		if (measurement.error !== undefined) return isNew ? results : [{ store, workload, repetition, error: 'no store to read' }];
		if (start === 'filled') return [...results, await this.#run({ ...job, directory }, repetition)];
		cpSync(directory, place, { recursive: true });
		return [...results, await this.#runIn(job, repetition)];
	}

	/**
	 * A filled store for a workload, made once.
	 * @param {Omit<Task, 'directory' | 'workload'>} job
	 */
	async prepare(job) {
		const { form = 'buffer', valueBytes = 0, share = 1 } = workloads[job.like];
		const key = [job.store, valueBytes, share, stores[job.store].formsDiffer ? form : '', job.varve ?? ''].join('\n');
		const known = this.#prepared.get(key);
		if (known !== undefined) return { ...known, isNew: false };
		const directory = path.join(this.directory, `filled-${this.#prepared.size}`);
		const measurement = await this.#run({ ...job, workload: 'prepare', directory }, 0);
		// Only the store of small values stands for the row of bytes on disk.
		if (valueBytes !== 0 || (stores[job.store].formsDiffer && form === 'string')) measurement.figures = {};
		this.#prepared.set(key, { measurement, directory });
		return { measurement, directory, isNew: true };
	}

	/**
	 * Runs a job and removes its directory.
	 * @param {Task} job
	 * @param {number} repetition
	 */
	async #runIn(job, repetition) {
		try {
			return await this.#run(job, repetition);
		} finally {
			rmSync(job.directory, { recursive: true, force: true, maxRetries: 5 });
		}
	}

	/**
	 * @param {Task} job
	 * @param {number} repetition
	 * @returns {Promise<Measurement>}
	 */
	async #run(job, repetition) {
		const { n, cacheBytes, seconds, timeLimitSeconds } = this.#settings;
		mkdirSync(job.directory, { recursive: true });
		const { store, workload } = job;
		try {
			const outcome = await runChild({ ...job, n, cacheBytes, seconds }, timeLimitSeconds);
			return { store, workload, repetition, ...outcome };
		} catch (error) {
			return { store, workload, repetition, error: /** @type {Error} */ (error).message };
		} finally {
			rmSync(`${job.directory}-first`, { recursive: true, force: true, maxRetries: 5 });
		}
	}
}

/**
 * @param {Job} job
 * @param {number} timeLimitSeconds
 * @returns {Promise<Outcome>}
 */
function runChild(job, timeLimitSeconds) {
	return new Promise((resolve, reject) => {
		const child = fork(CHILD, [JSON.stringify(job)], { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
		let late = false;
		let output = '';
		/** @type {Outcome | undefined} */
		let outcome;
		const timer = setTimeout(() => {
			late = true;
			child.kill('SIGKILL');
		}, timeLimitSeconds * 1000);
		child.stderr?.on('data', (chunk) => {
			output = (output + chunk).slice(-ERROR_CHARACTERS);
		});
		child.on('message', (message) => {
			outcome = /** @type {Outcome} */ (message);
		});
		child.on('error', reject);
		child.on('close', (code, signal) => {
			clearTimeout(timer);
			if (outcome !== undefined) resolve(outcome);
			else if (late) reject(new Error(`took longer than ${timeLimitSeconds} s and was stopped`));
			else reject(new Error(reasonOf(output, signal === null ? `ended with code ${code}` : `was ended by ${signal}`)));
		});
	});
}

/**
 * The line of a process' output that tells why it failed: no stack, no paths.
 * @param {string} output
 * @param {string} otherwise
 */
function reasonOf(output, otherwise) {
	const line =
		output.split('\n').find((one) => /^\S*(Error|Exception)\b.*:|^(FATAL|fatal|thread '|terminate)/.test(one)) ?? otherwise;
	return line.replaceAll(/(file:\/\/)?\/[^\s'"`:]+/g, (place) => path.basename(place)).slice(0, 300);
}
