/** The rate limiter of the TypeScript kernel; crates/varve-core/src/job/rate_limiter.rs tests its twin with the same figures. */
import { expect, it } from 'vitest';
import { RateLimiter } from '../../../ts/kernel/js/job/rate-limiter';

const milliseconds = (count: number) => BigInt(count) * 1_000_000n;

it('gives each write its time, one behind the other', () => {
	const limiter = new RateLimiter();
	expect(limiter.take(Number.MAX_SAFE_INTEGER, 0n)).toBe(0);
	limiter.setRate(1_000_000);
	// The first 100 ms are free.
	expect(limiter.take(150_000, 0n)).toBe(50);
	expect(limiter.take(1_000_000, 0n)).toBe(1050);
	expect(limiter.take(0, milliseconds(1040))).toBe(10);
	expect(limiter.take(200_000, milliseconds(101_040))).toBe(100);
	limiter.setRate(0);
	expect(limiter.take(1_000_000, milliseconds(101_040))).toBe(0);
});

it('shares the rate with the limiters of other threads', () => {
	const limiter = new RateLimiter();
	const other = new RateLimiter(limiter.state);
	limiter.setRate(1_000_000);
	expect(limiter.take(150_000, 0n)).toBe(50);
	expect(other.take(1_000_000, 0n)).toBe(1050);
	expect(limiter.take(50_000, 0n)).toBe(1100);
});
