//! An open table: its file, its place in the store, and what stays of it in memory once it was loaded.
//!
//! Invariants:
//!  1. The size of the file was checked when the table was opened.
//!  2. A table is loaded when it is opened or, where the caller knows its bounds, by the first read that needs it; then it has those bounds.
//!     A load that failed is tried again by the next read.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::file::TableFile;
use super::footer::FOOTER_SIZE;
use super::range_deletes::{self, RangeDeletes};
use super::resident::Resident;
use crate::error::{Error, Result};
use crate::file_cache::FileCache;
use crate::internal_key;
use crate::range_delete::is_before;

/// What a table spans. Keys are internal keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpan {
    pub smallest_key: Vec<u8>,
    pub largest_key: Vec<u8>,
    pub smallest_sequence: u64,
    pub largest_sequence: u64,
}

/// A table to open.
#[derive(Clone, Debug)]
pub struct TableSpec {
    pub number: u64,
    pub path: PathBuf,
    /// Size in bytes as the manifest has it.
    pub size: u64,
    /// Its span as the manifest has it, of a table without range deletes: the first read that needs the table loads it. `None` loads it when
    /// it is opened.
    pub lazy: Option<TableSpan>,
}

pub struct Table {
    pub number: u64,
    pub size: u64,
    pub span: TableSpan,
    /// Where the span of entries and range deletes ends; see `range_delete`.
    pub end: Vec<u8>,
    pub file: TableFile,
    resident: OnceLock<Resident>,
    /// Held while the table is loaded, so that this is done once.
    loading: Mutex<()>,
    /// Set when the registry has let go of the table: its blocks are not worth a place in the cache any more.
    pub dropped: AtomicBool,
}

impl Table {
    pub fn open(spec: &TableSpec, files: &Arc<FileCache>) -> Result<Self> {
        let file = TableFile::new(&spec.path, files);
        file.check_size(spec.size)?;
        let (resident, span) = match &spec.lazy {
            Some(span) => (OnceLock::new(), span.clone()),
            None => {
                let resident = Resident::read(&file, spec.size)?;
                let span = resident.properties.span();
                (OnceLock::from(resident), span)
            }
        };
        Ok(Self {
            number: spec.number,
            size: spec.size,
            end: internal_key::end_of(&span.largest_key),
            span,
            file,
            resident,
            loading: Mutex::default(),
            dropped: AtomicBool::new(false),
        })
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What is in memory; `None` while the table is not loaded.
    #[inline]
    pub fn loaded(&self) -> Option<&Resident> {
        self.resident.get()
    }

    /// What is in memory; loads it if need be.
    #[inline]
    pub fn load(&self) -> Result<&Resident> {
        match self.resident.get() {
            Some(resident) => Ok(resident),
            None => self.load_now(),
        }
    }

    #[cold]
    fn load_now(&self) -> Result<&Resident> {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resident) = self.resident.get() {
            return Ok(resident);
        }
        let resident = Resident::read(&self.file, self.size)?;
        if resident.properties.span() != self.span || !resident.range_deletes.is_empty() {
            let message = "the table has other contents than the manifest says: restore it from a backup, or repair the store with Database.repair";
            return Err(Error::corruption(message).at(self.path(), self.size - FOOTER_SIZE as u64));
        }
        Ok(self.resident.get_or_init(|| resident))
    }

    /// None for a table that is not loaded.
    #[inline]
    pub fn range_deletes(&self) -> &RangeDeletes {
        self.loaded().map_or(&range_deletes::NONE, |resident| &resident.range_deletes)
    }

    pub fn smallest_user_key(&self) -> &[u8] {
        internal_key::user_key(&self.span.smallest_key)
    }

    /// Does the key lie within the span of the table?
    #[inline]
    pub fn covers(&self, user_key: &[u8]) -> bool {
        self.smallest_user_key() <= user_key && is_before(user_key, &self.end)
    }

    /// Where the first data block begins that may hold user keys at or after `key`; the end of the data blocks when none does.
    pub fn approximate_offset(&self, key: &[u8]) -> Result<u64> {
        let mut target = Vec::with_capacity(key.len() + internal_key::TRAILER_SIZE);
        internal_key::seek_key(&mut target, key, u64::MAX >> 8);
        let index = &self.load()?.index;
        let block = index.find(&target);
        Ok(match block.checked_sub(1) {
            _ if block < index.len() => index.handle(block).offset,
            Some(last) => index.handle(last).end(),
            None => 0,
        })
    }

    /// Bytes of index, filter and range deletes in memory.
    pub fn memory(&self) -> usize {
        self.loaded().map_or(0, Resident::size)
    }
}
