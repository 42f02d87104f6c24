//! Entries that expire. Part of the file format: do not change.
//!
//! ```text
//! value of a put with expiry: | expires at (8): milliseconds since the epoch | value |
//! ```
//!
//! Invariants:
//!  1. From the moment at which it expires on, an entry is a tombstone to every reader: it hides older versions and has no value.
//!  2. A read asks for the time when it meets such an entry, and once: all that it returns is of one moment.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::internal_key::{unknown_kind, KIND_DELETE, KIND_PUT, KIND_PUT_WITH_EXPIRY, KIND_VALUE_POINTER};

pub const EXPIRY_SIZE: usize = 8;

/// When the entry expires, and its value.
#[inline]
pub fn split_expiry(value: &[u8]) -> Result<(u64, &[u8])> {
    let malformed = || Error::corruption("an entry that expires is too short to say when");
    let (expires_at, value) = value.split_first_chunk::<EXPIRY_SIZE>().ok_or_else(malformed)?;
    Ok((u64::from_le_bytes(*expires_at), value))
}

/// The value that a reader gets of an entry, or the pointer to it; `None` when it is a tombstone or has expired.
#[inline]
pub fn live_value(kind: u8, value: &[u8], now: impl FnOnce() -> u64) -> Result<Option<&[u8]>> {
    match kind {
        KIND_PUT | KIND_VALUE_POINTER => Ok(Some(value)),
        KIND_DELETE => Ok(None),
        KIND_PUT_WITH_EXPIRY => {
            let (expires_at, value) = split_expiry(value)?;
            Ok((expires_at > now()).then_some(value))
        }
        kind => Err(unknown_kind(kind)),
    }
}

/// Where reads take their time from: the system, unless one is set.
pub struct TimeSource {
    fixed: AtomicU64,
}

/// Stands for the time of the system.
const SYSTEM: u64 = u64::MAX;

impl Default for TimeSource {
    fn default() -> Self {
        Self { fixed: AtomicU64::new(SYSTEM) }
    }
}

impl TimeSource {
    /// Milliseconds since the epoch that reads see from now on; `None`: those of the system.
    pub fn set(&self, milliseconds: Option<u64>) {
        self.fixed.store(milliseconds.unwrap_or(SYSTEM), Ordering::Relaxed);
    }

    /// Milliseconds since the epoch.
    pub fn now(&self) -> u64 {
        match self.fixed.load(Ordering::Relaxed) {
            SYSTEM => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            fixed => fixed,
        }
    }
}

/// The time of one read, which is taken when it is first asked for.
pub struct Moment<'a> {
    source: &'a TimeSource,
    taken: Cell<Option<u64>>,
}

impl<'a> Moment<'a> {
    pub fn new(source: &'a TimeSource) -> Self {
        Self { source, taken: Cell::new(None) }
    }

    #[inline]
    pub fn now(&self) -> u64 {
        let now = self.taken.get().unwrap_or_else(|| self.source.now());
        self.taken.set(Some(now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_gone_from_its_expiry_on() {
        let value = [&1000u64.to_le_bytes()[..], b"value"].concat();
        let read = |now| live_value(KIND_PUT_WITH_EXPIRY, &value, || now).unwrap();
        assert_eq!((read(999), read(1000), read(1001)), (Some(&b"value"[..]), None, None));
        assert!(live_value(KIND_PUT_WITH_EXPIRY, &value[..7], || 0).is_err());
        assert!(live_value(9, &value, || 0).is_err());
    }

    #[test]
    fn a_read_has_one_moment() {
        let source = TimeSource::default();
        assert!(source.now() > 1_700_000_000_000);
        source.set(Some(5));
        let moment = Moment::new(&source);
        assert_eq!(moment.now(), 5);
        source.set(Some(6));
        assert_eq!((moment.now(), source.now()), (5, 6));
    }
}
