/** The rate limiter of the TypeScript kernel; crates/varve-core/src/job/rate_limiter.rs tests its twin with the same figures. */
import { expect, it } from 'vitest';
import { RateLimiter } from '../../../ts/kernel/js/job/rate-limiter';

it('gives each write its time, one behind the other', () => {
	const limiter = new RateLimiter();
	expect(limiter.take(Number.MAX_SAFE_INTEGER, 0)).toBe(0);
	limiter.setRate(1_000_000);
	// The first 100 ms are free.
	expect(limiter.take(150_000, 0)).toBe(50);
	expect(limiter.take(1_000_000, 0)).toBe(1050);
	expect(limiter.take(0, 1040)).toBe(10);
	expect(limiter.take(200_000, 101_040)).toBe(100);
	limiter.setRate(0);
	expect(limiter.take(1_000_000, 101_040)).toBe(0);
});
