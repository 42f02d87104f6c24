/** Loads the places into a store. */
import { SingleBar } from 'cli-progress';
import { operationsFor } from './keys.mjs';

const CITIES_PER_BATCH = 500;

/**
 * Writes all places in batches.
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly import('./keys.mjs').City[]} cities
 * @param {(done: number) => void} [onProgress] called with the number of places written
 */
export async function load(db, cities, onProgress) {
	for (let start = 0; start < cities.length; start += CITIES_PER_BATCH) {
		await db.batch(cities.slice(start, start + CITIES_PER_BATCH).flatMap(operationsFor));
		onProgress?.(Math.min(start + CITIES_PER_BATCH, cities.length));
	}
}

/**
 * As `load`, with a progress bar.
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly import('./keys.mjs').City[]} cities
 */
export async function loadWithProgress(db, cities) {
	const format = 'loading  [{bar}]  {percentage} %  {value} of {total} places  {duration_formatted}';
	const bar = new SingleBar({ format, noTTYOutput: true, notTTYSchedule: 500, barCompleteChar: '#', barIncompleteChar: '.' });
	bar.start(cities.length, 0);
	try {
		await load(db, cities, (done) => bar.update(done));
	} finally {
		bar.stop();
	}
}
