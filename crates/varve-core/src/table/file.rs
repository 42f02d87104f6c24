//! Positioned reads, on every platform.

use std::fs::File;
use std::io;

/// Fills `target` from `offset` of the file; the position of the file does not matter.
#[cfg(unix)]
pub fn read_exact_at(file: &File, target: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, target, offset)
}

/// Fills `target` from `offset` of the file; the position of the file does not matter.
#[cfg(windows)]
pub fn read_exact_at(file: &File, mut target: &mut [u8], mut offset: u64) -> io::Result<()> {
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
