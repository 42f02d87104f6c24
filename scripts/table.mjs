/** Tables of plain text. */

/**
 * Lines of a table under a heading: the first column to the left, the others to the right.
 * @param {string[]} heading
 * @param {string[][]} rows
 * @returns {string}
 */
export function table(heading, rows) {
	const widths = heading.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
	/** @param {string[]} cells */
	const line = (cells) =>
		cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
	return [line(heading), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/**
 * The same as a table of Markdown.
 * @param {string[]} heading
 * @param {string[][]} rows
 * @param {number} [left] how many columns are to the left, default 1
 * @returns {string}
 */
export function markdownTable(heading, rows, left = 1) {
	const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
	return [line(heading), line(heading.map((_, column) => (column < left ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/**
 * A number with separators between thousands.
 * @param {number} value
 * @param {number} [digits] decimals, default 0
 */
export function number(value, digits = 0) {
	return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
