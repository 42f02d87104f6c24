/** Charts of plain text. */

/** @typedef {{ name: string, mark: string, values: number[] }} Series */

const HEIGHT = 8;

/**
 * A chart of several series over the same steps; where two meet, the later is drawn.
 * @param {string} title
 * @param {Series[]} series
 */
export function chart(title, series) {
	const top = Math.max(1, ...series.flatMap(({ values }) => values)) * 1.02;
	const width = Math.max(...series.map(({ values }) => values.length));
	const rows = Array.from({ length: HEIGHT }, () => new Array(width).fill(' '));
	for (const { mark, values } of series)
		for (const [x, value] of values.entries()) rows[Math.floor((value / top) * HEIGHT)][x] = mark;
	const legend = series.map(({ mark, name }) => `${mark} ${name}`).join('   ');
	const lines = rows.map((row, y) => `${(((y + 0.5) * top) / HEIGHT).toFixed(1).padStart(6)} |${row.join('')}`.trimEnd());
	return [`  ${title}   ${legend}`, ...lines.reverse(), `       +${'-'.repeat(width)}> writes`].join('\n');
}
