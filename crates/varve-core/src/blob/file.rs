//! A blob file that is read: its values come one by one, each checked.
//!
//! Invariants:
//!  1. Nothing is read before a value is asked for; then header and footer are checked first.
//!  2. A value leaves this module only after its checksum was verified and its record was found to be that of the entry.
//!  3. A pointer is checked against the size of the file, as the manifest has it, before memory is set aside for its value.

use std::fs::File;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::format::{decode_ends, decode_record, FOOTER_SIZE, HEADER_SIZE};
use super::pointer::ValuePointer;
use crate::error::{Error, Result};
use crate::table::file::read_range;

/// A blob file of the store.
#[derive(Clone, Debug)]
pub struct BlobSpec {
    pub number: u64,
    pub path: PathBuf,
    /// Size in bytes as the manifest has it.
    pub size: u64,
}

#[derive(Debug)]
pub struct BlobFile {
    pub path: PathBuf,
    size: u64,
    file: OnceLock<File>,
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
    pub fn new(spec: BlobSpec) -> Self {
        Self { path: spec.path, size: spec.size, file: OnceLock::new() }
    }

    /// The error of a pointer that leads outside of the file; its own place is not known here.
    pub fn check(&self, pointer: &ValuePointer, key: &[u8]) -> Result<()> {
        let end = pointer.offset.saturating_add(pointer.record_size(key.len()));
        if pointer.offset >= HEADER_SIZE as u64 && end <= self.size.saturating_sub(FOOTER_SIZE as u64) {
            return Ok(());
        }
        Err(Error::corruption(format!("a value pointer leads outside of the blob file {}", self.path.display())))
    }

    /// The value of the entry with this internal key.
    pub fn read(&self, pointer: &ValuePointer, key: &[u8]) -> Result<SeparatedValue> {
        self.check(pointer, key)?;
        let mut record = vec![0; pointer.record_size(key.len()) as usize];
        read_range(self.file()?, &self.path, &mut record, pointer.offset)?;
        let start = decode_record(&record, key, pointer.length).map_err(|error| error.at(&self.path, pointer.offset))?;
        Ok(SeparatedValue { record, start })
    }

    fn file(&self) -> Result<&File> {
        match self.file.get() {
            Some(file) => Ok(file),
            None => {
                let file = self.open()?;
                Ok(self.file.get_or_init(|| file))
            }
        }
    }

    fn open(&self) -> Result<File> {
        let path = &self.path;
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let message = "the blob file is listed by the manifest but missing: restore it from a backup, or repair the store with Database.repair";
                Error::corruption(message).at(path, 0)
            }
            _ => Error::io(path, "opened")(error),
        })?;
        let size = file.metadata().map_err(Error::io(path, "examined"))?.len();
        if size != self.size || size < (HEADER_SIZE + FOOTER_SIZE) as u64 {
            let message = format!("the blob file has {size} bytes; the manifest says {}. Restore it from a backup", self.size);
            return Err(Error::corruption(message).at(path, size));
        }
        let (mut header, mut footer) = ([0; HEADER_SIZE], [0; FOOTER_SIZE]);
        let origin = size - FOOTER_SIZE as u64;
        read_range(&file, path, &mut header, 0)?;
        read_range(&file, path, &mut footer, origin)?;
        decode_ends(&header, &footer, origin).map_err(|error| error.at(path, 0))?;
        Ok(file)
    }
}
