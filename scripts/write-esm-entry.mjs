/**
 * Writes dist/index.mjs and dist/index.d.mts: the same exports for `import`.
 *
 * The wrapper re-exports what the CommonJS build exports, so that a process which uses both module systems has one copy of the store,
 * of its classes and of its errors.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './toolchain.mjs';

const dist = path.join(root, 'dist');
const names = Object.keys(createRequire(import.meta.url)(path.join(dist, 'index.js'))).sort();
if (names.length === 0) throw new Error('dist/index.js exports nothing.');

writeFileSync(path.join(dist, 'index.mjs'), `import varve from './index.js';\n\nexport const { ${names.join(', ')} } = varve;\n`);
writeFileSync(path.join(dist, 'index.d.mts'), "export * from './index.js';\n");
