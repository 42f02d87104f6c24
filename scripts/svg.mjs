/** Plots as SVG, without any script, style sheet or font from outside: lines in panels above each other, and groups of bars. */

/** @typedef {{ name: string, points: { x: number, y: number }[] }} Line */
/** @typedef {{ title: string, lines: Line[] }} Panel */
/** @typedef {{ title: string, bars: { name: string, value: number, label: string }[] }} Group */

const WIDTH = 720;
const PANEL_HEIGHT = 200;
const HEAD = 56;
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 40, 28, 28];
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = PANEL_HEIGHT - TOP - BOTTOM;
const BAR_HEIGHT = 16;
const BAR_LEFT = 150;
const BAR_RIGHT = 90;
const GROUP_HEAD = 24;
const GROUP_GAP = 12;

/** Colour and dash, by the order of the lines or bars. */
const COLOURS = ['#1666a8', '#c4541a', '#4d7a2a', '#8a4fa3', '#8d8d8d', '#b8952b', '#2a9d8f'];
const DASHES = ['', '7 3', '2 3', '9 2 2 2'];

/**
 * Lines over the same x.
 * @param {string} title
 * @param {string} xTitle
 * @param {Panel[]} panels
 * @param {{ logarithmic?: boolean }} [options] of x; default false
 * @returns {string}
 */
export function svg(title, xTitle, panels, { logarithmic = false } = {}) {
	const height = HEAD + panels.length * PANEL_HEIGHT + 16;
	const names = panels[0].lines.map(({ name }) => name);
	return page(height, title, [
		...names.flatMap((name, i) => [
			`<path d="M${LEFT + i * 110} 42h28" fill="none" stroke-width="2" ${pen(i)}/>`,
			text(LEFT + 34 + i * 110, 46, name),
		]),
		...panels.map(
			(panel, i) => `<g transform="translate(0 ${HEAD + i * PANEL_HEIGHT})">\n${drawPanel(panel, logarithmic)}\n</g>`,
		),
		text(WIDTH - RIGHT, height - 8, xTitle, 'text-anchor="end"'),
	]);
}

/**
 * Groups of horizontal bars, each group with a scale of its own; a bar of one name has the same colour in all.
 * @param {string} title
 * @param {Group[]} groups
 * @returns {string}
 */
export function barSvg(title, groups) {
	const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
	/** @type {string[]} */
	const parts = [];
	let y = 40;
	for (const group of groups) {
		parts.push(text(16, y + 16, group.title, 'font-weight="bold"'));
		y += GROUP_HEAD;
		const most = Math.max(...group.bars.map(({ value }) => value));
		for (const { name, value, label: shown } of group.bars) {
			const length = round((value / most) * (WIDTH - BAR_LEFT - BAR_RIGHT));
			const colour = COLOURS[names.indexOf(name) % COLOURS.length];
			parts.push(
				text(BAR_LEFT - 8, y + 12, name, 'text-anchor="end"'),
				`<rect x="${BAR_LEFT}" y="${y + 1}" width="${length}" height="${BAR_HEIGHT - 3}" fill="${colour}"/>`,
				text(BAR_LEFT + length + 6, y + 12, shown),
			);
			y += BAR_HEIGHT;
		}
		y += GROUP_GAP;
	}
	return page(y + 8, title, parts);
}

/**
 * @param {number} height
 * @param {string} title
 * @param {string[]} parts
 */
function page(height, title, parts) {
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
		`<title>${escaped(title)}</title>`,
		`<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
		text(16, 22, title, 'font-size="15"'),
		...parts,
		'</svg>\n',
	].join('\n');
}

/**
 * @param {Panel} panel
 * @param {boolean} logarithmic
 */
function drawPanel({ title, lines }, logarithmic) {
	const points = lines.flatMap((line) => line.points);
	const xs = points.map(({ x }) => x);
	const place = logarithmic
		? logarithmicPlace(Math.min(...xs), Math.max(...xs))
		: (/** @type {number} */ x) => x / Math.max(...xs);
	const xTicks = logarithmic ? [...new Set(xs)] : ticks(Math.max(...xs)).filter((x) => x <= Math.max(...xs));
	const yTicks = ticks(Math.max(1, ...points.map(({ y }) => y)));
	const top = yTicks[yTicks.length - 1];
	const px = (/** @type {number} */ x) => round(LEFT + place(x) * PLOT_WIDTH);
	const py = (/** @type {number} */ y) => round(TOP + PLOT_HEIGHT * (1 - y / top));
	return [
		text(LEFT, 16, title, 'font-weight="bold"'),
		...yTicks.flatMap((y) => [
			`<path d="M${LEFT} ${py(y)}h${PLOT_WIDTH}" stroke="#ddd"/>`,
			text(LEFT - 6, py(y) + 4, label(y), 'text-anchor="end"'),
		]),
		...xTicks.map((x) => text(px(x), PANEL_HEIGHT - 10, label(x), 'text-anchor="middle"')),
		...lines.map((line, i) => {
			const path = line.points.map(({ x, y }) => `${px(x)} ${py(y)}`).join('L');
			return `<path d="M${path}" fill="none" stroke-width="2" ${pen(i)}/>`;
		}),
	].join('\n');
}

/**
 * @param {number} least
 * @param {number} most
 * @returns {(x: number) => number} 0 for the least, 1 for the most
 */
function logarithmicPlace(least, most) {
	return (x) => (most === least ? 0 : Math.log(x / least) / Math.log(most / least));
}

/** @param {number} i */
function pen(i) {
	const dash = DASHES[i % DASHES.length];
	return `stroke="${COLOURS[i % COLOURS.length]}"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`;
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
	return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(content)}</text>`;
}

/** @param {string} content */
function escaped(content) {
	return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
