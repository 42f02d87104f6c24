//! The memtable: the newest entries, sorted, in memory.
//!
//! Invariants:
//!  1. One writer, many readers: entries are only added, under a lock that readers share.
//!  2. Entries never move within the arena; the tree holds their places.

pub mod arena;
pub mod cursor;
pub mod tree;

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::batch::operations;
use crate::error::Result;
use crate::internal_key::{pack_trailer, KIND_PUT};
pub use cursor::MemtableCursor;
use tree::Tree;

/// What a source knows of a key: its newest visible version, or nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<R> {
    Value(R),
    Tombstone,
    Nothing,
}

pub struct Memtable {
    tree: RwLock<Tree>,
}

impl Memtable {
    /// An empty memtable with room for `capacity` bytes; the room is not touched before it is needed.
    pub fn new(capacity: usize) -> Self {
        Self { tree: RwLock::new(Tree::new(capacity)) }
    }

    /// Inserts all operations of a WAL record, or none.
    pub fn apply(&self, record: &[u8]) -> Result<()> {
        operations(record)?.try_for_each(|operation| operation.map(drop))?;
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        for operation in operations(record)? {
            let operation = operation?;
            tree.insert(operation.key, pack_trailer(operation.sequence, operation.kind), operation.value);
        }
        Ok(())
    }

    /// Looks for the newest version of a key that `sequence` can see.
    pub fn get<R>(&self, user_key: &[u8], sequence: u64, take: impl FnOnce(&[u8]) -> R) -> Found<R> {
        let tree = self.read();
        let Some(position) = tree.seek(user_key, pack_trailer(sequence, u8::MAX)) else { return Found::Nothing };
        let entry = tree.entry(position);
        if entry.user_key != user_key {
            return Found::Nothing;
        }
        match entry.trailer as u8 {
            KIND_PUT => Found::Value(take(entry.value)),
            _ => Found::Tombstone,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.read().len() == 0
    }

    /// Bytes of entries in the arena.
    pub fn size(&self) -> usize {
        self.read().arena_size()
    }

    /// Bytes of entries and of the tree over them.
    pub fn memory(&self) -> usize {
        self.read().memory()
    }

    /// A panic under the write lock can only come from running out of memory; what is in the tree is whole.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }
}
