/** Explicit snapshots of abstract-level: a Varve snapshot with a reference count. */
import { AbstractSnapshot } from 'abstract-level';
import type { Snapshot } from '../snapshot/snapshot';
import { LevelError } from './errors';

// The published types leave the constructor out.
const Base = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot;

/** Made by `VarveLevel.snapshot()`. */
export class LevelSnapshot extends Base {
	/** @internal */
	readonly snapshot: Snapshot;

	constructor(options: object, snapshot: Snapshot) {
		super(options);
		this.snapshot = snapshot;
	}

	/** Called by abstract-level when nothing refers to the snapshot any more. */
	async _close(): Promise<void> {
		this.snapshot.close();
	}
}

/** The Varve snapshot in the `snapshot` option of a read. */
export function snapshotOf(option: unknown): Snapshot | undefined {
	if (option == null) return undefined;
	if (option instanceof LevelSnapshot) {
		// Throws, in the words of abstract-level, when the snapshot has been closed.
		option.ref();
		option.unref();
		return option.snapshot;
	}
	throw new LevelError('LEVEL_SNAPSHOT_NOT_OPEN', "Option 'snapshot' takes what db.snapshot() of this database returned.");
}
