/**
 * Runs all tests and counts them: `cargo test` where cargo is there, then vitest, whose tests run on both kernels. Arguments go to vitest.
 * `--skip-cargo` leaves the Rust tests out. Each failure is named once more near the end, in a line that starts with `FAILED`; the last
 * line is `N passed, N failed`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hasCargo, root, run } from './toolchain.mjs';

const args = process.argv.slice(2).filter((argument) => argument !== '--skip-cargo');
const skipCargo = args.length < process.argv.length - 2;
const cargo = hasCargo();

const rust = cargo && !skipCargo ? await cargoTest() : { passed: 0, failed: 0, failures: [], code: 0 };
const typescript = await vitest();
for (const failure of [...rust.failures, ...typescript.failures]) console.log(`FAILED ${failure}`);
console.log(
	`Rust: ${rust.passed} passed, ${rust.failed} failed. Node.js ${process.version}: ${typescript.passed} passed, ${typescript.failed} failed.`,
);
console.log(`${rust.passed + typescript.passed} passed, ${rust.failed + typescript.failed} failed`);
process.exitCode = rust.code || typescript.code;

async function cargoTest() {
	let output = '';
	const code = await run('cargo', ['test', '--workspace', '--no-fail-fast'], {
		onOutput: (text) => {
			output += text;
		},
	});
	const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)];
	const passed = results.reduce((sum, match) => sum + Number(match[1]), 0);
	const failed = results.reduce((sum, match) => sum + Number(match[2]), 0);
	const failures = [...output.matchAll(/^test (.+) \.\.\. FAILED$/gm)].map((match) => match[1]);
	// A crate that does not compile prints no result.
	return { passed, failed: code === 0 ? failed : Math.max(failed, 1), failures, code };
}

async function vitest() {
	const folder = mkdtempSync(path.join(tmpdir(), 'varve-test-'));
	const report = path.join(folder, 'report.json');
	try {
		const runner = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
		const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
		// With cargo there is a native kernel, and a test that cannot load it must fail instead of being left out.
		const env = cargo ? { VARVE_REQUIRE_NATIVE: '1' } : {};
		const code = await run(process.execPath, [runner, 'run', ...reporters, ...args], { env });
		return { ...count(report), code };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/**
 * Tests that passed and failed; a file that could not be loaded is one failure.
 * @param {string} report
 */
function count(report) {
	if (!existsSync(report)) return { passed: 0, failed: 1, failures: ['vitest: no report'] };
	/** @type {{ numPassedTests: number, numFailedTests: number, testResults: FileResult[] }} */
	const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
	const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
	return { passed: numPassedTests, failed: numFailedTests + broken.length, failures: testResults.flatMap(failuresOf) };
}

/**
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} TestResult
 * @typedef {{ status: string, name: string, message: string, assertionResults: TestResult[] }} FileResult
 * @param {FileResult} file
 */
function failuresOf(file) {
	const name = path.relative(root, file.name);
	if (file.status === 'failed' && file.assertionResults.length === 0) return [`${name}: ${firstLine(file.message)}`];
	return file.assertionResults
		.filter((test) => test.status === 'failed')
		.map((test) => `${name} > ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
}

/** @param {string | undefined} text */
function firstLine(text) {
	return (text ?? '').split('\n', 1)[0];
}
