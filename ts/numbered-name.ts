/**
 * Names of files that hold a number: at least six digits between what such names begin and end with.
 *
 * Invariant: a number has one name. Plain string functions, and no regular expression: every open comes here, and to compile one takes longer than
 * all the names of a directory.
 */

/** The name of a number. */
export function numberedName(number: number, prefix: string, end: string): string {
	return `${prefix}${String(number).padStart(6, '0')}${end}`;
}

/** The number in a name, or `undefined` when it is no such name. */
export function parseNumberedName(name: string, prefix: string, end: string): number | undefined {
	if (!name.endsWith(end) || !name.startsWith(prefix)) return undefined;
	const number = Number(name.slice(prefix.length, name.length - end.length));
	return Number.isSafeInteger(number) && number >= 0 && numberedName(number, prefix, end) === name ? number : undefined;
}
