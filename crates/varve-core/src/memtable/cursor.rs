//! A cursor over a memtable that may grow meanwhile.
//!
//! The cursor copies the entry that it stands at, and shares the lock only while it moves. Where entries were added since, it finds its
//! place again by its key.

use std::sync::Arc;

use super::tree::{Position, Tree};
use super::Memtable;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::internal_key::{first_key, split};
use crate::range_delete::RangeDelete;

pub struct MemtableCursor {
    memtable: Arc<Memtable>,
    position: Option<Position>,
    /// Entries in the tree when `position` was taken.
    len: usize,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl MemtableCursor {
    pub fn new(memtable: Arc<Memtable>) -> Self {
        Self { memtable, position: None, len: 0, key: Vec::new(), value: Vec::new() }
    }

    /// Moves on over what a range delete over the current entry hides: to its end or, in reverse, before its start. Where the memtable has
    /// something as new, by one entry.
    pub fn pass(&mut self, over: &RangeDelete, reverse: bool) -> Result<()> {
        match (self.memtable.newest_entry() < over.sequence, reverse) {
            (true, true) => self.seek_for_prev(&first_key(&over.start)),
            (true, false) if over.end.is_empty() => {
                self.position = None;
                Ok(())
            }
            (true, false) => self.seek(&first_key(&over.end)),
            (false, true) => self.prev(),
            (false, false) => self.next(),
        }
    }

    fn go(&mut self, find: impl FnOnce(&Tree, &Self) -> Option<Position>) {
        let memtable = Arc::clone(&self.memtable);
        let tree = &memtable.read().tree;
        self.position = find(tree, self);
        self.len = tree.len();
        let Some(position) = self.position else { return };
        let entry = tree.entry(position);
        self.key.clear();
        self.key.extend_from_slice(entry.user_key);
        self.key.extend_from_slice(&entry.trailer.to_le_bytes());
        self.value.clear();
        self.value.extend_from_slice(entry.value);
    }

    /// The position of the entry that the cursor stands at, in the tree as it is now.
    fn here(&self, tree: &Tree) -> Option<Position> {
        if tree.len() == self.len {
            return self.position;
        }
        let (user_key, trailer) = split(&self.key);
        tree.seek(user_key, trailer)
    }
}

impl Cursor for MemtableCursor {
    fn valid(&self) -> bool {
        self.position.is_some()
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn value(&self) -> &[u8] {
        &self.value
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.go(|tree, _| tree.first());
        Ok(())
    }

    fn seek_to_last(&mut self) -> Result<()> {
        self.go(|tree, _| tree.last());
        Ok(())
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        let (user_key, trailer) = split(target);
        self.go(|tree, _| tree.seek(user_key, trailer));
        Ok(())
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        let (user_key, trailer) = split(target);
        self.go(|tree, _| match tree.seek(user_key, trailer) {
            None => tree.last(),
            Some(position) => {
                let entry = tree.entry(position);
                let exact = entry.user_key == user_key && entry.trailer == trailer;
                if exact {
                    Some(position)
                } else {
                    tree.before(position)
                }
            }
        });
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.go(|tree, cursor| cursor.here(tree).and_then(|position| tree.after(position)));
        Ok(())
    }

    fn prev(&mut self) -> Result<()> {
        self.go(|tree, cursor| cursor.here(tree).and_then(|position| tree.before(position)));
        Ok(())
    }
}
