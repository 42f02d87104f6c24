/** How far the work is: a bar on a terminal, a line now and then elsewhere. */
import { performance } from 'node:perf_hooks';
import { SingleBar } from 'cli-progress';
import { number } from '../../scripts/table.mjs';

const BAR_INTERVAL = 100;
const LINE_INTERVAL = 2000;
/** Shorter work is over before it is worth a report. */
const FIRST_REPORT = 200;
const FORMAT = '{title} [{bar}] {share}  {amount}';

/** Use: `if (progress.due()) await progress.report(...)` as often as you like, then `stop()`. */
export class Progress {
	#start = performance.now();
	#next = this.#start + FIRST_REPORT;
	/** @type {string} */
	#title;
	/** @type {(key: Buffer) => Promise<number | undefined>} */
	#shareBefore;
	/** @type {SingleBar | undefined} */
	#bar;

	/**
	 * @param {string} title
	 * @param {(key: Buffer) => Promise<number | undefined>} shareBefore estimates the share of the work that lies before a key
	 */
	constructor(title, shareBefore) {
		this.#title = title;
		this.#shareBefore = shareBefore;
		if (!process.stdout.isTTY) return;
		this.#bar = new SingleBar({
			format: FORMAT,
			stream: process.stdout,
			hideCursor: true,
			gracefulExit: false,
			barCompleteChar: '#',
			barIncompleteChar: '.',
		});
		process.once('exit', () => this.stop());
		this.#bar.start(1, 0, { title, share: '', amount: '' });
	}

	/** Is it time for the next report? */
	due() {
		return performance.now() >= this.#next;
	}

	/**
	 * @param {number} entries so far
	 * @param {number} bytes of keys and values read by this run
	 * @param {Buffer} key the last one
	 */
	async report(entries, bytes, key) {
		this.#next = performance.now() + (this.#bar === undefined ? LINE_INTERVAL : BAR_INTERVAL);
		const share = await this.#shareBefore(key);
		const estimate = share === undefined ? 'share unknown' : `about ${number(100 * share)} %`;
		this.#show(share ?? 0, estimate, entries, bytes);
	}

	/**
	 * The last report: all is done.
	 * @param {number} entries
	 * @param {number} bytes
	 */
	finish(entries, bytes) {
		this.#show(1, '100 %', entries, bytes);
	}

	/** Leaves the terminal as it was. */
	stop() {
		this.#bar?.stop();
	}

	/**
	 * @param {number} share
	 * @param {string} estimate
	 * @param {number} entries
	 * @param {number} bytes
	 */
	#show(share, estimate, entries, bytes) {
		const seconds = Math.max(0.001, (performance.now() - this.#start) / 1000);
		const megabytes = bytes / 1e6;
		const amount = `${number(entries)} entries, ${number(megabytes, 1)} MB, ${number(megabytes / seconds, 1)} MB/s`;
		if (this.#bar === undefined) console.log(`${this.#title}: ${estimate}, ${amount}`);
		else this.#bar.update(share, { title: this.#title, share: estimate, amount });
	}
}
