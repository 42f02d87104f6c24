//! The rate at which the compactions of one engine write, together. Flushes pass it uncounted: writers wait for them, and if they took the
//! whole rate, compactions would never come to their turn.
//!
//! A write of n bytes takes n / rate of time, one behind the other; what was not used within [`BURST`] is lost. This is the virtual
//! scheduling form of a leaky bucket (ITU-T I.371, generic cell rate algorithm).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time without writes that a later write may make up for.
const BURST: Duration = Duration::from_millis(100);

#[derive(Default)]
struct State {
    /// 0: no limit.
    bytes_per_second: u64,
    /// When the writes so far have had their time.
    free_at: Option<Instant>,
}

#[derive(Default)]
pub struct RateLimiter {
    state: Mutex<State>,
}

impl RateLimiter {
    /// Changes the rate from now on; 0 takes the limit off.
    pub fn set_rate(&self, bytes_per_second: u64) {
        let mut state = self.state();
        state.bytes_per_second = bytes_per_second;
        state.free_at = None;
    }

    /// Counts a write and answers how long it should have waited.
    pub fn take(&self, bytes: u64, now: Instant) -> Duration {
        let mut state = self.state();
        let rate = state.bytes_per_second;
        if rate == 0 {
            return Duration::ZERO;
        }
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let begin = state.free_at.map_or(earliest, |free_at| free_at.max(earliest));
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        let free_at = begin + Duration::from_nanos(nanoseconds.try_into().unwrap_or(u64::MAX));
        state.free_at = Some(free_at);
        free_at.saturating_duration_since(now)
    }

    /// One assignment after the other: a panic in between leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_take_their_time_one_behind_the_other() {
        let limiter = RateLimiter::default();
        let now = Instant::now();
        assert_eq!(limiter.take(u64::MAX, now), Duration::ZERO);
        limiter.set_rate(1_000_000);
        // The first 100 ms are free.
        assert_eq!(limiter.take(150_000, now), Duration::from_millis(50));
        assert_eq!(limiter.take(1_000_000, now), Duration::from_millis(1050));
        let later = now + Duration::from_millis(1040);
        assert_eq!(limiter.take(0, later), Duration::from_millis(10));
        let much_later = later + Duration::from_secs(100);
        assert_eq!(limiter.take(200_000, much_later), Duration::from_millis(100));
        limiter.set_rate(0);
        assert_eq!(limiter.take(1_000_000, much_later), Duration::ZERO);
    }
}
