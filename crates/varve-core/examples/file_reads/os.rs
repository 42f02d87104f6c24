//! The calls that the standard library does not have.

use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const PROT_READ: i32 = 1;
const MAP_SHARED: i32 = 1;
const POSIX_FADV_DONTNEED: i32 = 4;
const O_DIRECT: i32 = if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { 0o200_000 } else { 0o40_000 };
/// What direct I/O wants offsets, lengths and addresses to be multiples of.
const ALIGNMENT: usize = 4096;

extern "C" {
    fn mmap(address: *mut u8, length: usize, protection: i32, flags: i32, file: i32, offset: i64) -> *mut u8;
    fn munmap(address: *mut u8, length: usize) -> i32;
    fn posix_fadvise(file: i32, offset: i64, length: i64, advice: i32) -> i32;
}

/// Takes a synced file out of the page cache.
pub fn forget(file: &File) -> Result<()> {
    // SAFETY: the descriptor is open, and the call touches no memory of this process.
    match unsafe { posix_fadvise(file.as_raw_fd(), 0, 0, POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        code => Err(Error::from_raw_os_error(code)),
    }
}

/// A file as memory.
pub struct Map {
    address: *mut u8,
    length: usize,
}

impl Map {
    pub fn of(file: &File, length: usize) -> Result<Self> {
        // SAFETY: a new mapping at an address that the system chooses overlaps nothing.
        let address = unsafe { mmap(std::ptr::null_mut(), length, PROT_READ, MAP_SHARED, file.as_raw_fd(), 0) };
        if address as isize == -1 {
            return Err(Error::last_os_error());
        }
        Ok(Self { address, length })
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping has this length until `self` is dropped, and nobody writes to the file of this example.
        unsafe { std::slice::from_raw_parts(self.address, self.length) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the mapping any more.
        unsafe { munmap(self.address, self.length) };
    }
}

/// A file that is read past the page cache.
pub struct DirectFile {
    file: File,
    buffer: Vec<u8>,
}

impl DirectFile {
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).custom_flags(O_DIRECT).open(path)?;
        Ok(Self { file, buffer: Vec::new() })
    }

    /// Reads the aligned range around the one that is wanted.
    pub fn read(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let before = offset as usize % ALIGNMENT;
        let aligned = (before + length).next_multiple_of(ALIGNMENT);
        self.buffer.resize(self.buffer.len().max(aligned + ALIGNMENT), 0);
        let start = self.buffer.as_ptr().align_offset(ALIGNMENT);
        let count = self.file.read_at(&mut self.buffer[start..start + aligned], offset - before as u64)?;
        if count < before + length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(&self.buffer[start + before..start + before + length])
    }
}
