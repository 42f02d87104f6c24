//! The blob files of one store, by number.
//!
//! Invariant: a file is known from before a table that refers to it is read until no version that anybody reads lists it; then it is dropped, and
//! closed when the last read of it is done.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::file::{BlobFile, BlobSpec, SeparatedValue};
use super::pointer::ValuePointer;
use crate::error::{Error, Result};
use crate::file_cache::FileCache;
use crate::io::Io;

#[derive(Default)]
pub struct BlobFiles {
    files: RwLock<HashMap<u64, Arc<BlobFile>>>,
}

impl BlobFiles {
    pub fn add(&self, specs: Vec<BlobSpec>, open_files: &Arc<FileCache>) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.extend(specs.into_iter().map(|spec| (spec.number, Arc::new(BlobFile::new(spec, open_files)))));
    }

    pub fn remove(&self, numbers: &[u64]) {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let removed: Vec<_> = numbers.iter().filter_map(|number| files.remove(number)).collect();
        drop(files);
        // Outside the lock: it closes the files.
        drop(removed);
    }

    pub fn has(&self, number: u64) -> bool {
        self.files.read().unwrap_or_else(PoisonError::into_inner).contains_key(&number)
    }

    pub fn len(&self) -> usize {
        self.files.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of the value of an entry, which its pointer may claim only within its file. Reads no file.
    pub fn value_length(&self, pointer: &ValuePointer, key: &[u8]) -> Result<usize> {
        self.file(pointer.file)?.check(pointer, key)?;
        Ok(pointer.length as usize)
    }

    /// The value of the entry with this internal key. Damage that is the pointer's has no place yet: see [`Error::at`].
    pub fn read(&self, pointer: &ValuePointer, key: &[u8], io: Io) -> Result<SeparatedValue> {
        self.file(pointer.file)?.read(pointer, key, io)
    }

    fn file(&self, number: u64) -> Result<Arc<BlobFile>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || Error::corruption(format!("a value pointer names blob file {number}, which the store does not have"));
        files.get(&number).cloned().ok_or_else(unknown)
    }
}
