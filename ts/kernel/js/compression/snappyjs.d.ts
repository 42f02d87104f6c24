/** The part of snappyjs that is used here; the package has no types. */
declare module 'snappyjs' {
	/** The raw Snappy format of `raw`, in memory of its own. */
	export function compress(raw: Uint8Array): Uint8Array;
}
