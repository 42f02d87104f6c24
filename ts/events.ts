/**
 * Typed events. Listeners run in a later microtask: one that throws makes an uncaught exception, as it should, and never disturbs
 * the write or the job that it was told of.
 */
import { EventEmitter } from 'node:events';
import type { DatabaseEvents } from './introspection';

export class TypedEmitter {
	readonly #emitter = new EventEmitter();

	on<E extends keyof DatabaseEvents>(event: E, listener: (detail: DatabaseEvents[E]) => void): void {
		this.#emitter.on(event, listener);
	}

	once<E extends keyof DatabaseEvents>(event: E, listener: (detail: DatabaseEvents[E]) => void): void {
		this.#emitter.once(event, listener);
	}

	off<E extends keyof DatabaseEvents>(event: E, listener: (detail: DatabaseEvents[E]) => void): void {
		this.#emitter.off(event, listener);
	}

	listenerCount(event: keyof DatabaseEvents): number {
		return this.#emitter.listenerCount(event);
	}

	emit<E extends keyof DatabaseEvents>(event: E, detail: DatabaseEvents[E]): void {
		if (this.#emitter.listenerCount(event) === 0) return;
		queueMicrotask(() => this.#emitter.emit(event, detail));
	}
}
