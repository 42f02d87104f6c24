/**
 * Copies within the output of a decoder, as LZ4 and Snappy mean it: what has just been written may be copied too.
 *
 * The caller has checked that `0 < offset <= at` and that the copy ends inside the buffer.
 */
const LOOP_COPY = 40;

/** Writes the `length` bytes that stand `offset` before `at`, at `at`; answers the position behind them. */
export function copyMatch(raw: Buffer, at: number, offset: number, length: number): number {
	const end = at + length;
	let from = at - offset;
	if (length <= LOOP_COPY) {
		while (at < end) raw[at++] = raw[from++];
		return end;
	}
	if (offset === 1) {
		raw.fill(raw[from], at, end);
		return end;
	}
	// The part that is there repeats itself: each copy may be twice as long as the one before.
	for (let span = offset; at < end; span = at - from) {
		const count = Math.min(span, end - at);
		raw.copyWithin(at, from, from + count);
		at += count;
	}
	return end;
}
