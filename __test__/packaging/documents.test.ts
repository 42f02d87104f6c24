/** The documents: links lead to files, and the bytes shown are those that are written. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
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
