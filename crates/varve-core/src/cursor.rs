//! What every source of sorted entries can do.

use crate::error::{Error, Result};

/// A position among entries in internal key order. It may go in both directions, and turn round at any time.
///
/// `key` and `value` may be called only while `valid`. After an error the position is undefined until the next seek.
pub trait Cursor {
    fn valid(&self) -> bool;
    /// The internal key.
    fn key(&self) -> &[u8];
    fn value(&self) -> &[u8];
    fn seek_to_first(&mut self) -> Result<()>;
    fn seek_to_last(&mut self) -> Result<()>;
    /// To the first entry at or after `target`, an internal key.
    fn seek(&mut self, target: &[u8]) -> Result<()>;
    /// To the last entry at or before `target`, an internal key.
    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()>;
    /// One entry on. Only while `valid`.
    fn next(&mut self) -> Result<()>;
    /// One entry back. Only while `valid`.
    fn prev(&mut self) -> Result<()>;
    /// Adds to a corruption of the current entry the file and block that it lies in, where there are such. Only while `valid`.
    fn locate(&self, error: Error) -> Error {
        error
    }
}
