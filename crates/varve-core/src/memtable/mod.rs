//! The memtable: the newest entries, sorted, in memory.
//!
//! Invariants:
//!  1. One writer, many readers: entries are only added, under a lock that readers share.
//!  2. Entries never move within the arena; the tree holds their places.
//!  3. A memtable with a range delete over a key knows the key: what it hides in older sources is not looked for.

pub mod arena;
pub mod cursor;
pub mod range_deletes;
pub mod tree;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::batch::{operations, Operation};
use crate::coverage::Coverage;
use crate::error::Result;
use crate::expiry::{live_value, Moment};
use crate::internal_key::{pack_trailer, KIND_RANGE_DELETE};
use crate::range_delete::RangeDelete;
pub use cursor::MemtableCursor;
use range_deletes::RangeDeletes;
use tree::Tree;

/// What a source knows of a key: its newest visible version, or nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<R> {
    Value(R),
    Tombstone,
    Nothing,
}

impl<R> Found<R> {
    /// Of an entry with this value for its readers, if it has one.
    #[inline]
    pub fn of(live_value: Option<&[u8]>, take: impl FnOnce(&[u8]) -> R) -> Self {
        live_value.map_or(Self::Tombstone, |value| Self::Value(take(value)))
    }
}

pub struct Memtable {
    contents: RwLock<Contents>,
    /// False only while there is nothing: a look at it costs less than the lock, and a settled store has nothing in memory.
    is_used: AtomicBool,
}

/// What the lock guards.
pub(crate) struct Contents {
    pub(crate) tree: Tree,
    pub(crate) range_deletes: RangeDeletes,
    /// Highest sequence number of an entry of the tree.
    newest_entry: u64,
}

impl Memtable {
    /// An empty memtable with room for `capacity` bytes; the room is not touched before it is needed.
    pub fn new(capacity: usize) -> Self {
        let tree = Tree::new(capacity);
        let contents = RwLock::new(Contents { tree, range_deletes: RangeDeletes::default(), newest_entry: 0 });
        Self { contents, is_used: AtomicBool::new(false) }
    }

    /// Inserts all operations of a WAL record, or none.
    pub fn apply(&self, record: &[u8]) -> Result<()> {
        operations(record)?.try_for_each(|operation| operation.map(drop))?;
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        self.is_used.store(true, Ordering::Release);
        for operation in operations(record)? {
            let Operation { sequence, kind, key, value } = operation?;
            if kind == KIND_RANGE_DELETE {
                contents.range_deletes.insert(RangeDelete { start: key.to_vec(), end: value.to_vec(), sequence });
                continue;
            }
            contents.tree.insert(key, pack_trailer(sequence, kind), value);
            contents.newest_entry = sequence;
        }
        Ok(())
    }

    /// Looks for the newest version of a key that `sequence` can see.
    pub fn get<R>(&self, user_key: &[u8], sequence: u64, moment: &Moment<'_>, take: impl FnOnce(&[u8]) -> R) -> Result<Found<R>> {
        if !self.is_used.load(Ordering::Acquire) {
            return Ok(Found::Nothing);
        }
        let contents = self.read();
        let Contents { tree, range_deletes, .. } = &*contents;
        let hidden_below = if range_deletes.is_empty() { 0 } else { range_deletes.covering(user_key, sequence) };
        let position = tree.seek(user_key, pack_trailer(sequence, u8::MAX));
        Ok(match position.map(|position| tree.entry(position)).filter(|entry| entry.user_key == user_key) {
            Some(entry) if entry.trailer >> 8 < hidden_below => Found::Tombstone,
            Some(entry) => Found::of(live_value(entry.trailer as u8, entry.value, || moment.now())?, take),
            None if hidden_below > 0 => Found::Tombstone,
            None => Found::Nothing,
        })
    }

    pub fn is_empty(&self) -> bool {
        let contents = self.read();
        contents.tree.is_empty() && contents.range_deletes.is_empty()
    }

    /// Highest sequence number of its entries.
    pub fn newest_entry(&self) -> u64 {
        self.read().newest_entry
    }

    /// Its range deletes, oldest first.
    pub fn range_deletes(&self) -> Vec<RangeDelete> {
        self.read().range_deletes.all().to_vec()
    }

    /// What its range deletes cover that `sequence` can see; `None` when it has none.
    pub fn coverage(&self, sequence: u64) -> Option<Arc<Coverage>> {
        let contents = self.read();
        (!contents.range_deletes.is_empty()).then(|| contents.range_deletes.coverage(sequence))
    }

    /// Bytes of entries in the arena.
    pub fn size(&self) -> usize {
        self.read().tree.arena_size()
    }

    /// Bytes of entries and of the tree over them.
    pub fn memory(&self) -> usize {
        let contents = self.read();
        contents.tree.memory() + contents.range_deletes.memory()
    }

    /// A panic under the write lock can only come from running out of memory; what is in the tree is whole.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }
}
