/** A file that is made or opened when something is first written to it. */
import type { WritableFile } from './file-system';

export class LazyFile implements WritableFile {
	readonly path: string;
	readonly #open: () => WritableFile;
	#file: WritableFile | undefined;

	/** @param open makes or opens the file; where it throws, the write does. */
	constructor(path: string, open: () => WritableFile) {
		this.path = path;
		this.#open = open;
	}

	writeSync(data: Uint8Array, offset: number, length: number): number {
		this.#file ??= this.#open();
		return this.#file.writeSync(data, offset, length);
	}

	syncSync(): void {
		this.#file?.syncSync();
	}

	async sync(): Promise<void> {
		await this.#file?.sync();
	}

	closeSync(): void {
		this.#file?.closeSync();
	}
}
