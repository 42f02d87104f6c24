/** Plots as SVG: panels above each other, lines of one colour and dash for each strategy, and no script, style sheet or font from outside. */

/** @typedef {{ name: string, points: { x: number, y: number }[] }} Line */
/** @typedef {{ title: string, lines: Line[] }} Panel */

const WIDTH = 720;
const PANEL_HEIGHT = 200;
const HEAD = 56;
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 40, 28, 28];
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = PANEL_HEIGHT - TOP - BOTTOM;

/** @type {Record<string, string>} */
const PENS = {
	leveled: 'stroke="#1666a8"',
	tiered: 'stroke="#c4541a" stroke-dasharray="7 3"',
	fifo: 'stroke="#4d7a2a" stroke-dasharray="2 3"',
};

/**
 * @param {string} title
 * @param {string} xTitle
 * @param {Panel[]} panels with lines over the same x
 * @returns {string}
 */
export function svg(title, xTitle, panels) {
	const height = HEAD + panels.length * PANEL_HEIGHT + 16;
	const names = panels[0].lines.map(({ name }) => name);
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
		`<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
		text(LEFT, 22, title, 'font-size="15"'),
		...names.flatMap((name, i) => [
			`<path d="M${LEFT + i * 110} 42h28" fill="none" stroke-width="2" ${PENS[name]}/>`,
			text(LEFT + 34 + i * 110, 46, name),
		]),
		...panels.map((panel, i) => `<g transform="translate(0 ${HEAD + i * PANEL_HEIGHT})">\n${drawPanel(panel)}\n</g>`),
		text(WIDTH - RIGHT, height - 8, xTitle, 'text-anchor="end"'),
		'</svg>\n',
	].join('\n');
}

/** @param {Panel} panel */
function drawPanel({ title, lines }) {
	const points = lines.flatMap((line) => line.points);
	const right = Math.max(...points.map(({ x }) => x));
	const xTicks = ticks(right);
	const yTicks = ticks(Math.max(1, ...points.map(({ y }) => y)));
	const top = yTicks[yTicks.length - 1];
	const px = (/** @type {number} */ x) => round(LEFT + (x / right) * PLOT_WIDTH);
	const py = (/** @type {number} */ y) => round(TOP + PLOT_HEIGHT * (1 - y / top));
	return [
		text(LEFT, 16, title, 'font-weight="bold"'),
		...yTicks.flatMap((y) => [
			`<path d="M${LEFT} ${py(y)}h${PLOT_WIDTH}" stroke="#ddd"/>`,
			text(LEFT - 6, py(y) + 4, label(y), 'text-anchor="end"'),
		]),
		...xTicks.filter((x) => x <= right).map((x) => text(px(x), PANEL_HEIGHT - 10, label(x), 'text-anchor="middle"')),
		...lines.map((line) => {
			const path = line.points.map(({ x, y }) => `${px(x)} ${py(y)}`).join('L');
			return `<path d="M${path}" fill="none" stroke-width="2" ${PENS[line.name]}/>`;
		}),
	].join('\n');
}

/**
 * Round numbers from 0 to a maximum or just above it.
 * @param {number} maximum
 */
function ticks(maximum) {
	const magnitude = 10 ** Math.floor(Math.log10(maximum));
	const step = [0.2, 0.5, 1, 2].map((factor) => factor * magnitude).find((one) => maximum / one <= 6) ?? magnitude;
	return Array.from({ length: Math.ceil(maximum / step) + 1 }, (_, i) => i * step);
}

/** @param {number} value */
function label(value) {
	return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** @param {number} value */
function round(value) {
	return Math.round(value * 10) / 10;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {string} [attributes]
 */
function text(x, y, content, attributes = '') {
	const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
	return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}
