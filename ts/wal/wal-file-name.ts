/** Names of log files. */
import { numberedName, parseNumberedName } from '../numbered-name';

const END = '.wal';

export function walFileName(number: number): string {
	return numberedName(number, '', END);
}

/** The number in a name, or `undefined` when it is no name of a log. */
export function parseWalFileName(name: string): number | undefined {
	return parseNumberedName(name, '', END);
}
