/**
 * Runs the suite that abstract-level publishes against VarveLevel, and prints TAP.
 *
 *   VARVE_KERNEL=<native | js> node abstract-suite.mjs [compacting]
 *
 * With `compacting` every write is flushed and merged into the deepest level before it is acknowledged, so that all that a test reads
 * has gone through both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const suite = require('abstract-level/test');
const tape = require('tape');
const { VarveLevel } = require('../../dist/level/index.js');

const folder = mkdtempSync(join(tmpdir(), 'varve-level-suite-'));
let stores = 0;
let compactions = 0;

class CompactingLevel extends VarveLevel {
	async #compacted(write) {
		await write;
		await this.database.compact();
		compactions += this.database.stats().compactions > 0 ? 1 : 0;
	}

	_put(...operation) {
		return this.#compacted(super._put(...operation));
	}

	_del(...operation) {
		return this.#compacted(super._del(...operation));
	}

	_batch(...operations) {
		return this.#compacted(super._batch(...operations));
	}

	_clear(...range) {
		return this.#compacted(super._clear(...range));
	}

	_chainedBatch() {
		const batch = super._chainedBatch();
		const write = batch._write;
		batch._write = (...options) => this.#compacted(write.apply(batch, options));
		return batch;
	}
}

const Level = process.argv[2] === 'compacting' ? CompactingLevel : VarveLevel;

suite({
	test: tape,
	factory: (options) => new Level(join(folder, String(stores++)), options),
});

tape.onFinish(() => {
	rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
	console.log(`# compactions ${compactions}`);
});
