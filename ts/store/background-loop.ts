/**
 * The loop that flusher and compactor share: one step after the other while there is something to do.
 *
 * Invariants:
 *  1. One step at a time.
 *  2. A step that fails is reported and tried again after a while. In a store that is read-only nothing is tried: who waits is told why.
 *  3. After `stop` nothing runs, and nobody waits.
 */
import type { Clock } from '../environment';
import { AbortError, ClosedError } from '../errors';
import { Backoff } from './backoff';
import type { Health } from './health';

/** What is done in the background. */
export interface BackgroundWork {
	/** Is there anything to do? */
	isDue(): boolean;
	/** Does one piece of it; may be cut short by {@link cancel}. */
	step(): Promise<void>;
	/** Asks the step in flight to end. */
	cancel(): void;
	/** Does somebody wait for the next step? Then the process must not end before it. */
	isAwaited(): boolean;
	/** No further step will come: rejects everybody who waits. */
	giveUp(reason: Error): void;
}

export class BackgroundLoop {
	readonly #work: BackgroundWork;
	readonly #health: Health;
	readonly #backoff: Backoff;
	readonly #name: string;
	#running: Promise<void> | undefined;
	#stopped = false;

	/** @param name what the loop does, for the error of those who wait when it stops */
	constructor(name: string, work: BackgroundWork, clock: Clock, health: Health) {
		this.#name = name;
		this.#work = work;
		this.#health = health;
		this.#backoff = new Backoff(clock);
	}

	/** Why no step will come any more; undefined while they do. */
	get refusal(): Error | undefined {
		if (!this.#stopped) return this.#health.readOnlyCause;
		return new ClosedError(`The database was closed before the ${this.#name} was done. Nothing is lost.`);
	}

	/** Starts on what is due unless a step is in flight. */
	schedule(): void {
		if (this.#running !== undefined || this.refusal !== undefined || !this.#work.isDue()) return;
		this.#running = this.#run().finally(() => {
			this.#running = undefined;
			this.schedule();
		});
	}

	/** As {@link schedule}, and a step that waits for its next attempt begins at once. */
	hurry(): void {
		this.schedule();
		this.#backoff.wake();
	}

	/** Cancels the step in flight and waits for it. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#work.cancel();
		this.#backoff.wake();
		await this.#running;
		this.#giveUp();
	}

	async #run(): Promise<void> {
		while (this.refusal === undefined && this.#work.isDue()) {
			try {
				await this.#work.step();
				this.#backoff.succeeded();
			} catch (error) {
				if (this.#stopped && (error instanceof AbortError || error instanceof ClosedError)) return;
				this.#health.report(error as Error);
				if (!this.#stopped) await this.#backoff.wait(this.#work.isAwaited());
			}
		}
		this.#giveUp();
	}

	#giveUp(): void {
		const { refusal } = this;
		if (refusal !== undefined) this.#work.giveUp(refusal);
	}
}
