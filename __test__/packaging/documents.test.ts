/** The documents: links lead to files, and the bytes shown are those that are written. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
import { defaultStoreOptions } from '../../ts/options/schema';
import { root } from './packages';

const documents = [
	...readdirSync(root).filter((name) => name.endsWith('.md')),
	...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
		.filter((name) => name.endsWith('.md'))
		.map((name) => join('docs', name)),
];

describe.each(documents)('%s', (document) => {
	it('has no link to a file that is missing', () => {
		const text = readFileSync(join(root, document), 'utf8');
		const targets = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map((match) => join(root, dirname(document), match[1]));
		expect(targets.filter((target) => !existsSync(target)).map((target) => relative(root, target))).toEqual([]);
	});
});

describe('options', () => {
	const defaults = new Map(Object.entries(defaultStoreOptions).map(([name, value]) => [name, defaultShown(value)]));

	it.each(documents)('have their defaults in the tables of %s', (document) => {
		const shown = optionsShown(document).filter(([name]) => defaults.has(name));
		expect(shown).toEqual(shown.map(([name]) => [name, defaults.get(name)]));
	});

	it('are all in docs/tuning.md', () => {
		const shown = new Set(optionsShown(join('docs', 'tuning.md')).map(([name]) => name));
		expect([...defaults.keys()].filter((name) => !shown.has(name))).toEqual([]);
	});
});

describe('docs/architecture.md', () => {
	it('shows the bytes that its program writes', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'varve-documents-'));
		try {
			const db = await Database.open(folder);
			await db.put('varve', 'silt');
			expect(onlyFileIn(join(folder, 'wal')).toString('hex')).toBe(bytesShown('wal'));
			await db.flush();
			const shown = bytesShown('table');
			expect(onlyFileIn(join(folder, 'sst')).toString('hex').slice(0, shown.length)).toBe(shown);
			await db.close();
		} finally {
			rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
		}
	});
});

function onlyFileIn(folder: string): Buffer {
	const [name, ...others] = readdirSync(folder);
	expect(others).toEqual([]);
	return readFileSync(join(folder, name));
}

/** The bytes at the start of each line of a fenced block, as hexadecimal digits. */
function bytesShown(language: string): string {
	const text = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');
	const block = text.match(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's'));
	if (block === null) throw new Error(`docs/architecture.md has no block of '${language}'.`);
	return block[1].replace(/ {2,}.*$/gm, '').replace(/\s/g, '');
}

/** The names and defaults in the tables whose second column is the default. A row may hold several, separated by commas. */
function optionsShown(document: string): [name: string, byDefault: string][] {
	const text = readFileSync(join(root, document), 'utf8');
	const tables = [...text.matchAll(/^\| option \| default \|.*\n\|[-| ]+\n((?:\|.*\n)+)/gm)].map((match) => match[1]);
	return tables
		.flatMap((table) => table.trim().split('\n'))
		.flatMap((row) => {
			const [names, values] = row
				.split('|')
				.slice(1, 3)
				.map((cell) => cell.trim().replaceAll('`', '').split(', '));
			return names.map((name, i): [string, string] => [name, values[i]]);
		});
}

/** A default as the documents show it: bytes in the largest unit that divides them, text in quotes. */
function defaultShown(value: unknown): string {
	if (typeof value === 'string') return `'${value}'`;
	if (typeof value !== 'number' || value === 0 || value % 1024 !== 0) return String(value);
	const unit = [2 ** 30, 2 ** 20, 2 ** 10].find((size) => value % size === 0) as number;
	return `${value / unit} ${['KiB', 'MiB', 'GiB'][Math.log2(unit) / 10 - 1]}`;
}
