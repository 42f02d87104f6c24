//! All entries of many cursors, in order.
//!
//! Invariants:
//!  1. No internal key stands in two sources: sequence numbers are given once.
//!  2. Going forward, every source stands at its first entry at or behind the current one; going back, at its last at or before it.

use std::cmp::Ordering;

use super::heap::Heap;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{compare, user_key};

pub struct MergeCursor<C: Cursor> {
    sources: Vec<C>,
    heap: Heap,
    reverse: bool,
    /// The user key of the source that comes next after the top.
    bound: Vec<u8>,
}

impl<C: Cursor> MergeCursor<C> {
    pub fn new(sources: Vec<C>) -> Self {
        Self { sources, heap: Heap::default(), reverse: false, bound: Vec::new() }
    }

    /// Moves the source of the current entry, and no other, by `go`, which goes on in the direction of the merge.
    pub fn move_top(&mut self, go: impl FnOnce(&mut C) -> Result<()>) -> Result<()> {
        let Some(top) = self.heap.top() else { return Ok(()) };
        go(&mut self.sources[top])?;
        self.step(top);
        Ok(())
    }

    /// Forward: the source of the current entry, and the user key at which another one comes in between, where there is one.
    pub fn top_and_bound(&mut self) -> Option<(&mut C, Option<&[u8]>)> {
        let top = self.heap.top()?;
        let second = self.heap.second(before(&self.sources, false));
        if let Some(second) = second {
            self.bound.clear();
            self.bound.extend_from_slice(user_key(self.sources[second].key()));
        }
        Some((&mut self.sources[top], second.map(|_| self.bound.as_slice())))
    }

    /// The source of the current entry, where no other is left to come in between.
    pub fn only_source(&mut self) -> Option<&mut C> {
        self.heap.only().map(|only| &mut self.sources[only])
    }

    fn rebuild(&mut self, reverse: bool) {
        self.reverse = reverse;
        let sources = &self.sources;
        let valid = (0..sources.len()).filter(|&i| sources[i].valid());
        self.heap.fill(valid, before(sources, reverse));
    }

    fn step(&mut self, top: usize) {
        let before = before(&self.sources, self.reverse);
        if self.sources[top].valid() {
            self.heap.top_changed(before);
        } else {
            self.heap.remove_top(before);
        }
    }

    /// Turns round: the sources that are not current stand on its other side.
    fn turn(&mut self, top: usize) -> Result<()> {
        let key = self.sources[top].key().to_vec();
        for (i, source) in self.sources.iter_mut().enumerate() {
            if i != top {
                if self.reverse {
                    source.seek(&key)?;
                } else {
                    source.seek_for_prev(&key)?;
                }
            }
        }
        if self.reverse {
            self.sources[top].next()?;
        } else {
            self.sources[top].prev()?;
        }
        self.rebuild(!self.reverse);
        Ok(())
    }
}

fn before<C: Cursor>(sources: &[C], reverse: bool) -> impl Fn(usize, usize) -> bool + '_ {
    let wanted = if reverse { Ordering::Greater } else { Ordering::Less };
    move |a, b| compare(sources[a].key(), sources[b].key()) == wanted
}

impl<C: Cursor> Cursor for MergeCursor<C> {
    #[inline]
    fn valid(&self) -> bool {
        self.heap.top().is_some()
    }

    #[inline]
    fn key(&self) -> &[u8] {
        self.heap.top().map_or(&[], |top| self.sources[top].key())
    }

    #[inline]
    fn value(&self) -> &[u8] {
        self.heap.top().map_or(&[], |top| self.sources[top].value())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.sources.iter_mut().try_for_each(Cursor::seek_to_first)?;
        self.rebuild(false);
        Ok(())
    }

    fn seek_to_last(&mut self) -> Result<()> {
        self.sources.iter_mut().try_for_each(Cursor::seek_to_last)?;
        self.rebuild(true);
        Ok(())
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.sources.iter_mut().try_for_each(|source| source.seek(target))?;
        self.rebuild(false);
        Ok(())
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        self.sources.iter_mut().try_for_each(|source| source.seek_for_prev(target))?;
        self.rebuild(true);
        Ok(())
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        let Some(top) = self.heap.top() else { return Ok(()) };
        if self.reverse {
            return self.turn(top);
        }
        self.sources[top].next()?;
        self.step(top);
        Ok(())
    }

    fn prev(&mut self) -> Result<()> {
        let Some(top) = self.heap.top() else { return Ok(()) };
        if !self.reverse {
            return self.turn(top);
        }
        self.sources[top].prev()?;
        self.step(top);
        Ok(())
    }

    fn locate(&self, error: Error) -> Error {
        match self.heap.top() {
            Some(top) => self.sources[top].locate(error),
            None => error,
        }
    }
}
