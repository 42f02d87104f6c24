//! A blob file that is read: its values come one by one, each checked.
//!
//! Invariants:
//!  1. Nothing is read before a value is asked for; then header and footer are checked first.
//!  2. A value leaves this module only after its checksum was verified and its record was found to be that of the entry.
//!  3. A pointer is checked against the size of the file, as the manifest has it, before memory is set aside for its value.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::format::{decode_ends, decode_record, FOOTER_SIZE, HEADER_SIZE};
use super::pointer::ValuePointer;
use crate::error::{Error, Result};
use crate::file_cache::FileCache;
use crate::io::Io;
use crate::table::file::TableFile;

/// A blob file of the store.
#[derive(Clone, Debug)]
pub struct BlobSpec {
    pub number: u64,
    pub path: PathBuf,
    /// Size in bytes as the manifest has it.
    pub size: u64,
}

pub struct BlobFile {
    file: TableFile,
    size: u64,
    /// Header and footer were found to be sound.
    checked: AtomicBool,
}

/// A value that was read from a blob file, in the memory of its record.
pub struct SeparatedValue {
    record: Vec<u8>,
    start: usize,
}

impl Deref for SeparatedValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.record[self.start..]
    }
}

impl BlobFile {
    pub fn new(spec: BlobSpec, open_files: &Arc<FileCache>) -> Self {
        Self { file: TableFile::new(&spec.path, open_files), size: spec.size, checked: AtomicBool::new(false) }
    }

    /// Refuses a pointer that leads outside of the file.
    pub fn check(&self, pointer: &ValuePointer, key: &[u8]) -> Result<()> {
        let end = pointer.offset.saturating_add(pointer.record_size(key.len()));
        if pointer.offset >= HEADER_SIZE as u64 && end <= self.size.saturating_sub(FOOTER_SIZE as u64) {
            return Ok(());
        }
        Err(Error::corruption("a value pointer leads outside of its blob file").at(self.file.path(), pointer.offset))
    }

    /// The value of the entry with this internal key, if `io` allows to read it.
    pub fn read(&self, pointer: &ValuePointer, key: &[u8], io: Io) -> Result<SeparatedValue> {
        self.check(pointer, key)?;
        if !self.checked.load(Ordering::Relaxed) {
            if !io.waits() {
                return Err(Error::WouldBlock);
            }
            self.check_ends()?;
            self.checked.store(true, Ordering::Relaxed);
        }
        let mut record = vec![0; pointer.record_size(key.len()) as usize];
        self.file.read_range(&mut record, pointer.offset, io)?;
        let start = decode_record(&record, key, pointer.length).map_err(|error| error.at(self.file.path(), pointer.offset))?;
        Ok(SeparatedValue { record, start })
    }

    fn check_ends(&self) -> Result<()> {
        self.file.check_size(self.size)?;
        let (mut header, mut footer) = ([0; HEADER_SIZE], [0; FOOTER_SIZE]);
        let origin = self.size - FOOTER_SIZE as u64;
        self.file.read_range(&mut header, 0, Io::Pass)?;
        self.file.read_range(&mut footer, origin, Io::Pass)?;
        decode_ends(&header, &footer, origin).map_err(|error| error.at(self.file.path(), 0))?;
        Ok(())
    }
}
