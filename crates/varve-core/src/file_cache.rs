//! The open files of tables and blob files: at most so many; the file that was used least recently is closed first, and opened again by its path.
//!
//! Invariants:
//!  1. Whoever reads holds the file, so it is not closed under a read. As many more files than the capacity may be open for a moment as
//!     threads are reading.
//!  2. Files are opened outside the lock: a slow disk holds up nobody who finds its file open.
//!  3. A table is known by an identity of its own, not by its number: of two tables with one number neither gets the file of the other.
//!
//! Opening by path again is safe: the store deletes a table's file only when no reader has a version that lists it.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

pub struct FileCache {
    capacity: usize,
    state: Mutex<State>,
    hits: AtomicU64,
    opens: AtomicU64,
}

#[derive(Default)]
struct State {
    /// By identity. Kept in no order: every read uses a file, and few close one.
    files: HashMap<u64, OpenFile>,
    /// Uses until now.
    uses: u64,
    last_identity: u64,
}

struct OpenFile {
    file: Arc<File>,
    /// The number of its last use.
    last_use: u64,
}

/// What a file cache has counted, and holds.
pub struct FileCacheStats {
    pub open: usize,
    pub hits: u64,
    /// Files opened, again or for the first time.
    pub opens: u64,
}

impl FileCache {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), hits: AtomicU64::new(0), opens: AtomicU64::new(0) }
    }

    /// An identity for a table's file.
    pub fn register(&self) -> u64 {
        let mut state = self.lock();
        state.last_identity += 1;
        state.last_identity
    }

    /// The open file.
    pub fn file(&self, identity: u64, path: &Path) -> Result<Arc<File>> {
        if let Some(file) = self.opened(identity) {
            return Ok(file);
        }
        self.opens.fetch_add(1, Ordering::Relaxed);
        let file = Arc::new(open(path)?);
        let closed = self.lock().add(identity, Arc::clone(&file), self.capacity);
        // Outside the lock: a close may take as long as an open.
        drop(closed);
        Ok(file)
    }

    /// The file, if it is open.
    pub fn opened(&self, identity: u64) -> Option<Arc<File>> {
        let file = self.lock().use_file(identity)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(file)
    }

    /// Closes a file, once nobody reads it.
    pub fn forget(&self, identity: u64) {
        let closed = self.lock().remove(identity);
        drop(closed);
    }

    pub fn stats(&self) -> FileCacheStats {
        let (hits, opens) = (self.hits.load(Ordering::Relaxed), self.opens.load(Ordering::Relaxed));
        FileCacheStats { open: self.lock().files.len(), hits, opens }
    }

    /// A panic while the lock was held leaves at worst a file out of turn.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn use_file(&mut self, identity: u64) -> Option<Arc<File>> {
        let open = self.files.get_mut(&identity)?;
        self.uses += 1;
        open.last_use = self.uses;
        Some(Arc::clone(&open.file))
    }

    /// Adds a file; returns those that are to be closed for it. When another thread has opened the same one, this replaces it.
    fn add(&mut self, identity: u64, file: Arc<File>, capacity: usize) -> Vec<Arc<File>> {
        let mut closed: Vec<_> = self.remove(identity).into_iter().collect();
        while self.files.len() >= capacity.max(1) {
            let Some((&oldest, _)) = self.files.iter().min_by_key(|(_, open)| open.last_use) else { break };
            closed.extend(self.remove(oldest));
        }
        self.uses += 1;
        self.files.insert(identity, OpenFile { file, last_use: self.uses });
        closed
    }

    fn remove(&mut self, identity: u64) -> Option<Arc<File>> {
        self.files.remove(&identity).map(|open| open.file)
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::corruption(
            "the file is listed by the manifest but missing: restore it from a backup, or repair the store with Database.repair",
        )
        .at(path, 0),
        _ => Error::io(path, "opened")(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_the_least_recently_used_file() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FileCache::new(2);
        let files: Vec<_> = (0..3)
            .map(|i| {
                let path = directory.path().join(i.to_string());
                std::fs::write(&path, [i]).unwrap();
                (cache.register(), path)
            })
            .collect();
        let read = |i: usize| cache.file(files[i].0, &files[i].1).unwrap();
        let held = read(0);
        read(1);
        read(0);
        read(2);
        assert_eq!((cache.stats().open, cache.stats().hits, cache.stats().opens), (2, 1, 3));
        read(0);
        assert_eq!(cache.stats().hits, 2);
        read(1);
        assert_eq!((cache.stats().open, cache.stats().opens), (2, 4));
        // Who holds a file reads on, whatever the cache does.
        cache.forget(files[0].0);
        assert_eq!(held.metadata().unwrap().len(), 1);
        assert_eq!(cache.stats().open, 1);
    }
}
