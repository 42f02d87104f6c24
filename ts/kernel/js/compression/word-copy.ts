/**
 * The copies of a decoder, eight bytes a step: most of them are of 4 to 100 bytes, too short for a call into the runtime, and byte by byte
 * they are what a decoder spends its time on. Views of `DataView` read and write at any alignment.
 *
 * Invariants:
 *  1. A copy writes up to {@link STEP} − 1 bytes behind its end, which the decoder writes after it: never behind the memory, where it goes byte by byte.
 *  2. Bytes that overlap are copied as LZ4 and Snappy mean it: what has just been written may be copied too.
 *
 * The caller has checked that what is read and what is written lies in the memory.
 */
const STEP = 8;
/** From here on a call into the runtime is faster. */
const RUNTIME_COPY = 256;

/** Bytes, and the view for them: making one costs as much as a hundred short copies, so they are kept. */
export class Memory {
	readonly view: DataView;

	constructor(readonly bytes: Buffer) {
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	}
}

/** Copies `length` bytes from `at` of one memory to `written` of another; answers the position behind them. */
export function copyLiterals(source: Memory, at: number, target: Memory, written: number, length: number): number {
	const end = written + length;
	if (length > RUNTIME_COPY) {
		source.bytes.copy(target.bytes, written, at, at + length);
	} else if (at + length + STEP <= source.bytes.length && end + STEP <= target.bytes.length) {
		copySteps(source.view, at, target.view, written, end);
	} else {
		const { bytes } = target;
		while (written < end) bytes[written++] = source.bytes[at++];
	}
	return end;
}

/** Writes the `length` bytes that stand `offset` before `at`, at `at`; answers the position behind them. `0 < offset <= at`. */
export function copyMatch(raw: Memory, at: number, offset: number, length: number): number {
	const { bytes, view } = raw;
	const end = at + length;
	if (length > RUNTIME_COPY) {
		repeat(bytes, at, offset, end);
	} else if (offset >= STEP && end + STEP <= bytes.length) {
		copySteps(view, at - offset, view, at, end);
	} else {
		for (let from = at - offset; at < end; at++) bytes[at] = bytes[from++];
	}
	return end;
}

function copySteps(source: DataView, from: number, target: DataView, to: number, end: number): void {
	for (; to < end; to += STEP) {
		target.setInt32(to, source.getInt32(from, true), true);
		target.setInt32(to + 4, source.getInt32(from + 4, true), true);
		from += STEP;
	}
}

/** The part that is there repeats itself: each copy may be twice as long as the one before. */
function repeat(bytes: Buffer, at: number, offset: number, end: number): void {
	const from = at - offset;
	if (offset === 1) {
		bytes.fill(bytes[from], at, end);
		return;
	}
	for (let span = offset; at < end; span = at - from) {
		const count = Math.min(span, end - at);
		bytes.copyWithin(at, from, from + count);
		at += count;
	}
}
