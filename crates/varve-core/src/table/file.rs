//! Positioned reads, on every platform.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

/// Fills `target` from `offset` of a table; the position of the file does not matter. A table that ends before that was cut since it
/// was opened: corruption.
pub fn read_range(file: &File, path: &Path, target: &mut [u8], offset: u64) -> Result<()> {
    read_exact_at(file, target, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::corruption("the table ends early: it was cut while it was open. Restore it from a backup").at(path, offset)
        }
        _ => Error::io(path, "read")(error),
    })
}

#[cfg(unix)]
fn read_exact_at(file: &File, target: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, target, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut target: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !target.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, target, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        target = &mut target[count..];
        offset += count as u64;
    }
    Ok(())
}
