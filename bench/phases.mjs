/** Where the time of a CPU profile went: the self time of each function, by what kind of function it is. */

/**
 * The parts of a node of a V8 profile that are used.
 * @typedef {object} ProfileNode
 * @property {number} id
 * @property {{ functionName: string, url: string }} callFrame
 * @property {number[] | undefined} [children]
 */

/**
 * @typedef {object} Profile
 * @property {ProfileNode[]} nodes
 * @property {number[] | undefined} [samples] ids of nodes
 * @property {number[] | undefined} [timeDeltas] microseconds before each sample
 */

/** Phases in the order in which they are shown. */
export const phases = /** @type {const} */ ([
	'JavaScript of Varve',
	'boundary, JavaScript side',
	'native calls',
	'TypeScript kernel',
	'I/O',
	'rest of Node.js',
	'benchmark',
	'garbage collection',
	'V8 and other native code',
	'idle',
]);

/** @typedef {(typeof phases)[number]} Phase */

/** @type {Record<string, Phase>} */
const PSEUDO_FUNCTIONS = {
	'(garbage collector)': 'garbage collection',
	'(idle)': 'idle',
	'(program)': 'V8 and other native code',
	'(root)': 'V8 and other native code',
};

/** Where a function's file lies, and the phase that it then belongs to; the first that matches. @type {[RegExp, Phase][]} */
const PLACES = [
	[/^node:(internal\/)?fs\b/, 'I/O'],
	[/^node:/, 'rest of Node.js'],
	[/\/dist\/kernel\/native\//, 'boundary, JavaScript side'],
	[/\/dist\/kernel\/js\//, 'TypeScript kernel'],
	[/\/dist\/fs\//, 'I/O'],
	[/\/dist\//, 'JavaScript of Varve'],
	[/\/bench\//, 'benchmark'],
];

/**
 * The phase of a function. One without a file is native: what Node.js calls counts to the phase of the caller, what others call is the addon.
 * @param {ProfileNode} node
 * @param {ProfileNode | undefined} parent
 * @returns {Phase}
 */
export function phaseOf({ callFrame: { functionName, url } }, parent) {
	if (url === '') {
		const pseudo = PSEUDO_FUNCTIONS[functionName];
		if (pseudo !== undefined) return pseudo;
		const caller = parent === undefined ? undefined : placeOf(parent.callFrame.url);
		return caller === 'I/O' || caller === 'rest of Node.js' ? caller : 'native calls';
	}
	return placeOf(url) ?? 'rest of Node.js';
}

/** @param {string} url */
function placeOf(url) {
	return PLACES.find(([pattern]) => pattern.test(url))?.[1];
}

/**
 * Milliseconds of each phase, and of the functions that took most.
 * @param {readonly Profile[]} profiles
 */
export function summarize(profiles) {
	/** @type {Map<Phase, number>} */
	const byPhase = new Map();
	/** @type {Map<string, number>} */
	const byFunction = new Map();
	for (const { nodes, samples = [], timeDeltas = [] } of profiles) {
		const byId = new Map(nodes.map((node) => [node.id, node]));
		const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => /** @type {const} */ ([child, node]))));
		for (const [i, id] of samples.entries()) {
			const node = /** @type {ProfileNode} */ (byId.get(id));
			const parent = parents.get(id);
			if (isProfiler(node) || (parent !== undefined && isProfiler(parent))) continue;
			const phase = phaseOf(node, parent);
			// A sample stands for the time until the next; of the last, none is known.
			const milliseconds = Math.max(0, timeDeltas[i + 1] ?? 0) / 1000;
			add(byPhase, phase, milliseconds);
			add(byFunction, phase === 'native calls' ? '(addon)' : nameOf(node), milliseconds);
		}
	}
	const functions = [...byFunction].sort(([, a], [, b]) => b - a);
	return { phases: phases.map((phase) => /** @type {const} */ ([phase, byPhase.get(phase) ?? 0])), functions };
}

/**
 * V8 gives all functions of an addon one name, of any of them, so this is for the others only.
 * @param {ProfileNode} node
 */
function nameOf({ callFrame: { functionName, url } }) {
	return `${functionName || '(anonymous)'} ${url.replace(/^.*\/(?=(dist|bench)\/)/, '')}`.trim();
}

/** The profiler sees itself begin and end. @param {ProfileNode} node */
function isProfiler({ callFrame: { url } }) {
	return /^node:(internal\/)?inspector\b/.test(url);
}

/**
 * @template K
 * @param {Map<K, number>} map
 * @param {K} key
 * @param {number} amount
 */
function add(map, key, amount) {
	map.set(key, (map.get(key) ?? 0) + amount);
}
