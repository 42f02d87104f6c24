/**
 * Writes index.mjs and index.d.mts beside each entry point of dist/: the same exports for `import`.
 *
 * The wrappers re-export what the CommonJS build exports, so that a process which uses both module systems has one copy of the store,
 * of its classes and of its errors.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './toolchain.mjs';

const require = createRequire(import.meta.url);

for (const folder of ['dist', path.join('dist', 'level')]) {
	const entry = path.join(root, folder);
	const names = Object.keys(require(path.join(entry, 'index.js'))).sort();
	if (names.length === 0) throw new Error(`${folder}/index.js exports nothing.`);
	const wrapper = `import commonJs from './index.js';\n\nexport const { ${names.join(', ')} } = commonJs;\n`;
	writeFileSync(path.join(entry, 'index.mjs'), wrapper);
	writeFileSync(path.join(entry, 'index.d.mts'), "export * from './index.js';\n");
}
