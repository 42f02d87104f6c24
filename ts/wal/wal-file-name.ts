/** Names of log files: the file number with at least six digits. */

export function walFileName(number: number): string {
	return `${String(number).padStart(6, '0')}.wal`;
}

/** The number in a name, or `undefined` when it is no name of a log. */
export function parseWalFileName(name: string): number | undefined {
	const match = /^(\d{6,16})\.wal$/.exec(name);
	if (match === null) return undefined;
	const number = Number(match[1]);
	return Number.isSafeInteger(number) && walFileName(number) === name ? number : undefined;
}
