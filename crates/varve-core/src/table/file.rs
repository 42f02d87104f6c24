//! The file of a table, or a blob file: positioned reads, on every platform, of a file that may be closed between two of them.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::footer::FOOTER_SIZE;
use super::format::{open_data_block, open_meta_block, BlockHandle, BLOCK_TRAILER_SIZE};
use crate::block::Block;
use crate::error::{Error, Result};
use crate::file_cache::FileCache;
use crate::io::{read_at_no_wait, read_exact_at, Io};

/// A larger block is read into memory of its own.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Most bytes that are read at once without waiting.
const MOST_NO_WAIT: usize = 64 * 1024;

thread_local! {
    /// Stored bytes of a block between its read and its decompression: neither allocated nor cleared for each.
    static STORED: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

pub struct TableFile {
    path: PathBuf,
    files: Arc<FileCache>,
    identity: u64,
}

impl TableFile {
    pub fn new(path: &Path, files: &Arc<FileCache>) -> Self {
        Self { path: path.to_path_buf(), files: Arc::clone(files), identity: files.register() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails unless the file is there and has the size that the manifest says.
    pub fn check_size(&self, expected: u64) -> Result<()> {
        let file = self.files.file(self.identity, &self.path)?;
        let size = file.metadata().map_err(Error::io(&self.path, "examined"))?.len();
        if size != expected || size < FOOTER_SIZE as u64 {
            let message = format!("the file has {size} bytes; the manifest says {expected}. Restore it from a backup");
            return Err(Error::corruption(message).at(&self.path, size));
        }
        Ok(())
    }

    /// Fills `target` from `offset`, if `io` allows it. A table that ends before that was cut since it was opened: corruption.
    pub fn read_range(&self, target: &mut [u8], offset: u64, io: Io) -> Result<()> {
        if !io.waits() {
            return if io == Io::NoWait && self.read_no_wait(target, offset) { Ok(()) } else { Err(Error::WouldBlock) };
        }
        let file = self.files.file(self.identity, &self.path)?;
        read_exact_at(&file, target, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let message = "the file ends early: it was cut while it was open. Restore it from a backup";
                Error::corruption(message).at(&self.path, offset)
            }
            _ => Error::io(&self.path, "read")(error),
        })
    }

    /// A file that would have to be opened first may wait for the disk, and so would a large copy keep others waiting.
    fn read_no_wait(&self, target: &mut [u8], offset: u64) -> bool {
        target.len() <= MOST_NO_WAIT
            && self.files.opened(self.identity).is_some_and(|file| read_at_no_wait(&file, target, offset))
    }

    /// Reads, verifies and decompresses a data block, if `io` allows it.
    pub fn read_data_block(&self, handle: BlockHandle, io: Io) -> Result<Block> {
        self.with_sealed(handle, io, |sealed| open_data_block(sealed, &self.path, handle.offset))
    }

    /// Reads and verifies a block that is never compressed.
    pub fn read_meta_block(&self, handle: BlockHandle) -> Result<Block> {
        self.with_sealed(handle, Io::Pass, |sealed| open_meta_block(sealed, &self.path, handle.offset).map(Block::from))
    }

    /// Reads a block with its trailer, unchecked, and gives it to `open`.
    fn with_sealed<R>(&self, handle: BlockHandle, io: Io, open: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        let read = |sealed: &mut [u8]| {
            self.read_range(sealed, handle.offset, io)?;
            open(sealed)
        };
        let size = handle.size as usize + BLOCK_TRAILER_SIZE;
        if size > SCRATCH_BYTES {
            return read(&mut vec![0; size]);
        }
        STORED.with_borrow_mut(|stored| read(&mut stored[..size]))
    }
}

impl Drop for TableFile {
    fn drop(&mut self) {
        self.files.forget(self.identity);
    }
}
