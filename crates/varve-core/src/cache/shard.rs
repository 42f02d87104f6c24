//! One shard of the block cache: S3-FIFO (Yang et al., SOSP 2023).
//!
//! ```text
//! new block → small ── asked for again twice or more ──→ main ⟲ asked for again: once more round
//!               └─ not ─→ ghost: the key alone              └─ not ─→ gone
//! a block whose key is a ghost → main
//! ```
//!
//! Invariants:
//!  1. Three doubly linked lists, newest first, take every slot that is in use: `small` and `main` have blocks, `ghost` only sizes.
//!  2. A hit counts in the slot, up to [`MOST_FREQUENCY`], and changes nothing else: a shared lock suffices for it.
//!  3. Eviction goes to `small` while that has more than a tenth of the shard's bytes. Blocks that a scan reads once pass through it and
//!     drive nothing out of `main`.
//!  4. The blocks that the ghosts stand for have at most `share` bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};

use super::key::{BuildKeyHasher, Key};
use crate::block::Block;

const MOST_FREQUENCY: u8 = 3;
/// Hits while in `small` that bring a block to `main`.
const PROMOTION_FREQUENCY: u8 = 2;
const SMALL_PARTS: usize = 10;

const NONE: usize = usize::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Small,
    Main,
    Ghost,
}

/// Lies in one cache line of the processor.
#[repr(align(64))]
struct Slot {
    key: Key,
    /// `None` for a ghost, and for a free slot.
    block: Option<Block>,
    size: usize,
    frequency: AtomicU8,
    queue: Queue,
    newer: usize,
    older: usize,
}

/// A list of slots, and the bytes of the blocks that they have or had.
struct List {
    newest: usize,
    oldest: usize,
    bytes: usize,
}

pub struct Shard {
    slots: Vec<Slot>,
    free: Vec<usize>,
    by_key: HashMap<Key, usize, BuildKeyHasher>,
    /// By [`Queue`].
    lists: [List; 3],
    share: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Shard {
    /// `share` bounds the ghosts: the bytes that this shard may be expected to hold.
    pub fn new(share: usize) -> Self {
        let empty = || List { newest: NONE, oldest: NONE, bytes: 0 };
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::default(),
            lists: [empty(), empty(), empty()],
            share,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Changes the share, and forgets the ghosts that pass it.
    pub fn set_share(&mut self, share: usize) {
        self.share = share;
        self.trim_ghosts();
    }

    /// The block, and its slot; which may be the guess.
    #[inline]
    pub fn find(&self, key: Key, guess: u32) -> Option<(&Block, u32)> {
        let guessed = self.slots.get(guess as usize).filter(|slot| slot.key == key && slot.block.is_some());
        let position = if guessed.is_some() { Some(guess) } else { self.by_key.get(&key).map(|&slot| slot as u32) };
        let slot = position.map(|position| (&self.slots[position as usize], position));
        let Some((slot, position, block)) = slot.and_then(|(slot, position)| Some((slot, position, slot.block.as_ref()?))) else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        let frequency = slot.frequency.load(Ordering::Relaxed);
        if frequency < MOST_FREQUENCY {
            slot.frequency.store(frequency + 1, Ordering::Relaxed);
        }
        Some((block, position))
    }

    /// Is the block here? Counts nothing.
    pub fn holds(&self, key: Key) -> bool {
        self.by_key.get(&key).is_some_and(|&slot| self.slots[slot].block.is_some())
    }

    /// Adds a block for which there is room; false when it is here.
    pub fn insert(&mut self, key: Key, block: Block) -> bool {
        let queue = match self.by_key.get(&key) {
            Some(&slot) if self.slots[slot].block.is_some() => return false,
            Some(&ghost) => {
                self.remove(ghost);
                Queue::Main
            }
            None => Queue::Small,
        };
        let size = block.len();
        let slot = Slot { key, block: Some(block), size, frequency: AtomicU8::new(0), queue, newer: NONE, older: NONE };
        let position = match self.free.pop() {
            Some(position) => {
                self.slots[position] = slot;
                position
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.by_key.insert(key, position);
        self.link(position, queue);
        true
    }

    /// Lets go of one block; returns its size.
    pub fn evict(&mut self) -> Option<usize> {
        loop {
            let [small, main, _] = &self.lists;
            let from_small =
                small.oldest != NONE && (main.oldest == NONE || small.bytes * SMALL_PARTS > small.bytes + main.bytes);
            let slot = if from_small { small.oldest } else { main.oldest };
            if slot == NONE {
                return None;
            }
            let frequency = *self.slots[slot].frequency.get_mut();
            if from_small && frequency < PROMOTION_FREQUENCY {
                return Some(self.make_ghost(slot));
            }
            if !from_small && frequency == 0 {
                return Some(self.remove(slot));
            }
            *self.slots[slot].frequency.get_mut() = if from_small { 0 } else { frequency - 1 };
            self.unlink(slot);
            self.link(slot, Queue::Main);
        }
    }

    /// Lets go of everything that belongs to some tables; returns the bytes of their blocks.
    pub fn drop_tables(&mut self, tables: &[u64]) -> usize {
        let dropped = |key: &Key| tables.contains(&key.table);
        let slots: Vec<usize> = self.by_key.iter().filter(|(key, _)| dropped(key)).map(|(_, &slot)| slot).collect();
        slots.into_iter().map(|slot| self.remove(slot)).sum()
    }

    /// Hits and misses.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// Bytes of the blocks that are here.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.slots.iter().filter_map(|slot| slot.block.as_ref()).map(|block| block.len()).sum()
    }

    fn make_ghost(&mut self, slot: usize) -> usize {
        self.unlink(slot);
        self.slots[slot].block = None;
        let size = self.slots[slot].size;
        self.link(slot, Queue::Ghost);
        self.trim_ghosts();
        size
    }

    fn trim_ghosts(&mut self) {
        while self.lists[Queue::Ghost as usize].bytes > self.share {
            self.remove(self.lists[Queue::Ghost as usize].oldest);
        }
    }

    /// Frees a slot; returns the bytes of its block, 0 for a ghost.
    fn remove(&mut self, slot: usize) -> usize {
        self.unlink(slot);
        self.by_key.remove(&self.slots[slot].key);
        self.free.push(slot);
        self.slots[slot].block.take().map_or(0, |block| block.len())
    }

    fn link(&mut self, slot: usize, queue: Queue) {
        let list = &mut self.lists[queue as usize];
        let before = std::mem::replace(&mut list.newest, slot);
        if before == NONE {
            list.oldest = slot;
        } else {
            self.slots[before].newer = slot;
        }
        let entry = &mut self.slots[slot];
        (entry.queue, entry.newer, entry.older) = (queue, NONE, before);
        list.bytes += entry.size;
    }

    fn unlink(&mut self, slot: usize) {
        let Slot { queue, newer, older, size, .. } = self.slots[slot];
        let list = &mut self.lists[queue as usize];
        list.bytes -= size;
        match newer {
            NONE => list.newest = older,
            newer => self.slots[newer].older = older,
        }
        match older {
            NONE => list.oldest = newer,
            older => self.slots[older].newer = newer,
        }
    }
}
