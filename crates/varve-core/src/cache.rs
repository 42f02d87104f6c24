//! The block cache: least recently used blocks go first.
//!
//! Invariants:
//!  1. The bytes of cached blocks never pass the capacity; a block larger than that is not cached.
//!  2. Slots form one doubly linked list, most recently used first; free slots form another.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::block::Block;

const NONE: usize = usize::MAX;

/// Table number and block offset.
type Key = (u64, u64);

struct Slot {
    key: Key,
    block: Option<Block>,
    previous: usize,
    next: usize,
}

#[derive(Default)]
struct Lru {
    slots: Vec<Slot>,
    by_key: HashMap<Key, usize>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
    bytes: usize,
    hits: u64,
    misses: u64,
}

pub struct BlockCache {
    capacity: usize,
    lru: Mutex<Lru>,
}

/// What a cache has counted, and holds.
pub struct CacheStats {
    pub bytes: usize,
    pub hits: u64,
    pub misses: u64,
}

impl BlockCache {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, lru: Mutex::new(Lru { newest: NONE, oldest: NONE, ..Lru::default() }) }
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The block, which becomes the most recently used.
    pub fn get(&self, table: u64, offset: u64) -> Option<Block> {
        let mut lru = self.lock();
        let Some(&slot) = lru.by_key.get(&(table, offset)) else {
            lru.misses += 1;
            return None;
        };
        lru.hits += 1;
        if lru.newest != slot {
            lru.unlink(slot);
            lru.link(slot);
        }
        lru.slots[slot].block.clone()
    }

    /// Adds a block, and lets go of as many of the least recently used as it takes.
    pub fn insert(&self, table: u64, offset: u64, block: &Block) {
        if block.len() > self.capacity {
            return;
        }
        let mut lru = self.lock();
        if lru.by_key.contains_key(&(table, offset)) {
            return;
        }
        while lru.bytes + block.len() > self.capacity && lru.oldest != NONE {
            let oldest = lru.oldest;
            lru.remove(oldest);
        }
        lru.add((table, offset), block.clone());
    }

    /// Lets go of all blocks of a table.
    pub fn drop_table(&self, table: u64) {
        let mut lru = self.lock();
        let slots: Vec<usize> = lru.by_key.iter().filter(|((number, _), _)| *number == table).map(|(_, &slot)| slot).collect();
        for slot in slots {
            lru.remove(slot);
        }
    }

    pub fn stats(&self) -> CacheStats {
        let lru = self.lock();
        CacheStats { bytes: lru.bytes, hits: lru.hits, misses: lru.misses }
    }

    /// A panic while the lock was held leaves at worst a block too few: the cache may be used on.
    fn lock(&self) -> std::sync::MutexGuard<'_, Lru> {
        self.lru.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Lru {
    fn add(&mut self, key: Key, block: Block) {
        self.bytes += block.len();
        let slot = Slot { key, block: Some(block), previous: NONE, next: NONE };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.by_key.insert(key, index);
        self.link(index);
    }

    fn remove(&mut self, slot: usize) {
        self.unlink(slot);
        let key = self.slots[slot].key;
        self.by_key.remove(&key);
        if let Some(block) = self.slots[slot].block.take() {
            self.bytes -= block.len();
        }
        self.free.push(slot);
    }

    fn link(&mut self, slot: usize) {
        self.slots[slot].previous = NONE;
        self.slots[slot].next = self.newest;
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.slots[newest].previous = slot,
        }
        self.newest = slot;
    }

    fn unlink(&mut self, slot: usize) {
        let Slot { previous, next, .. } = self.slots[slot];
        match previous {
            NONE => self.newest = next,
            previous => self.slots[previous].next = next,
        }
        match next {
            NONE => self.oldest = previous,
            next => self.slots[next].previous = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evicts_like_a_reference_lru() {
        let cache = BlockCache::new(100);
        let mut reference: Vec<(u64, u64, usize)> = Vec::new();
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (table, offset, size) = (state >> 33 & 3, state >> 40 & 15, 1 + (state >> 50 & 31) as usize);
            let hit = cache.get(table, offset).is_some();
            let position = reference.iter().position(|&(t, o, _)| (t, o) == (table, offset));
            assert_eq!(hit, position.is_some());
            if let Some(position) = position {
                let entry = reference.remove(position);
                reference.push(entry);
                continue;
            }
            cache.insert(table, offset, &Block::from(vec![0; size]));
            while reference.iter().map(|entry| entry.2).sum::<usize>() + size > 100 {
                reference.remove(0);
            }
            reference.push((table, offset, size));
            assert_eq!(cache.stats().bytes, reference.iter().map(|entry| entry.2).sum::<usize>());
        }
        cache.drop_table(1);
        reference.retain(|entry| entry.0 != 1);
        assert_eq!(cache.stats().bytes, reference.iter().map(|entry| entry.2).sum::<usize>());
    }

    #[test]
    fn keeps_nothing_that_does_not_fit() {
        let cache = BlockCache::new(0);
        cache.insert(1, 0, &Block::from(vec![1]));
        assert!(cache.get(1, 0).is_none());
        assert_eq!(cache.stats().misses, 1);
    }
}
