//! What a read may do for bytes that are not in the store's memory.

use std::fs::File;
use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Nothing: the read has to wait.
    None,
    /// Read them if the operating system has them in memory, and keep their block in the cache; else the read has to wait.
    NoWait,
    /// Read them, and keep their block in the cache.
    Cache,
    /// Read them past the cache, which keeps what it holds.
    Pass,
}

impl Io {
    /// Without waiting, only a read that keeps what it finds looks into the page cache: one that does not is one of many.
    #[inline]
    pub fn of(waits: bool, fills_cache: bool) -> Self {
        match (waits, fills_cache) {
            (true, true) => Io::Cache,
            (true, false) => Io::Pass,
            (false, true) => Io::NoWait,
            (false, false) => Io::None,
        }
    }

    /// May it wait for a disk?
    #[inline]
    pub fn waits(self) -> bool {
        matches!(self, Io::Cache | Io::Pass)
    }

    #[inline]
    pub fn fills_cache(self) -> bool {
        matches!(self, Io::NoWait | Io::Cache)
    }
}

/// Fills `target` from `offset`, on every platform.
#[cfg(unix)]
pub fn read_exact_at(file: &File, target: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, target, offset)
}

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

/// Fills `target` from `offset` if all of it is in the page cache, and says whether it did. False as well where the read fails, so that a
/// read that may wait tells why, and on file systems and platforms that cannot say (Linux can since 4.14, `RWF_NOWAIT`).
#[cfg(target_os = "linux")]
pub fn read_at_no_wait(file: &File, target: &mut [u8], offset: u64) -> bool {
    let wanted = target.len();
    let read = rustix::io::preadv2(file, &mut [io::IoSliceMut::new(target)], offset, rustix::io::ReadWriteFlags::NOWAIT);
    read == Ok(wanted)
}

#[cfg(not(target_os = "linux"))]
pub fn read_at_no_wait(_file: &File, _target: &mut [u8], _offset: u64) -> bool {
    false
}
