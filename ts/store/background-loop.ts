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
	/** What is to be done next: one piece of it, which begins at once or not at all, and may be cut short by {@link cancel}. Undefined: nothing. */
	next(): (() => Promise<void>) | undefined;
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
	#isRunning = false;
	#running: Promise<void> = Promise.resolve();
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
		if (this.#isRunning) return;
		const step = this.#next();
		if (step === undefined) return;
		// Before the step begins: it may come here again.
		this.#isRunning = true;
		this.#running = this.#run(step).finally(() => {
			this.#isRunning = false;
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

	#next(): (() => Promise<void>) | undefined {
		return this.refusal === undefined ? this.#work.next() : undefined;
	}

	async #run(first: () => Promise<void>): Promise<void> {
		for (let step: typeof first | undefined = first; step !== undefined; step = this.#next()) {
			try {
				await step();
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
