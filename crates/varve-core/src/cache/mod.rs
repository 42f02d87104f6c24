//! The block cache: shards of S3-FIFO queues ([`shard`]), so that a scan does not drive out what is read again and again.
//!
//! Invariants:
//!  1. The bytes of cached blocks never pass the capacity: room is reserved before a block goes in. A block larger than the capacity is
//!     not cached. The capacity may change; whoever inserts a block meanwhile looks at it again and evicts for it.
//!  2. A block belongs to the shard that the hash of its key names. A hit takes that shard's lock shared, and relinks nothing.
//!  3. No thread holds the locks of two shards.
//!  4. A [`Hint`] is a guess where a block is: the key of the slot decides.
//!
//! The capacity is not divided among the shards: they share one count of bytes, so that a block may be larger than a shard's part. Whoever
//! inserts makes room in its own shard first.

mod key;
mod shard;

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::block::Block;
use key::Key;
use shard::Shard;

/// A smaller cache has fewer shards: each should hold a few hundred blocks, or its queues are too short to tell blocks apart.
const SHARD_BYTES: usize = 4 << 20;
const MOST_SHARDS: usize = 16;

/// Where in its shard a block was found last. It spares a lookup the hash table, two cache misses of the processor.
#[derive(Debug, Default)]
pub struct Hint(AtomicU32);

pub struct BlockCache {
    capacity: AtomicUsize,
    bytes: AtomicUsize,
    /// A power of two of them, for the first capacity.
    shards: Box<[RwLock<Shard>]>,
}

/// What a cache has counted, and holds.
pub struct CacheStats {
    pub bytes: usize,
    pub hits: u64,
    pub misses: u64,
}

impl BlockCache {
    pub fn new(capacity: usize) -> Self {
        let most = (capacity / SHARD_BYTES).clamp(1, MOST_SHARDS);
        Self::with_shards(capacity, 1 << most.ilog2())
    }

    fn with_shards(capacity: usize, count: usize) -> Self {
        let shards = (0..count).map(|_| RwLock::new(Shard::new(capacity / count))).collect();
        Self { capacity: AtomicUsize::new(capacity), bytes: AtomicUsize::new(0), shards }
    }

    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::SeqCst)
    }

    /// Changes the capacity, and lets go of blocks until the rest fits. The number of shards stays what it was.
    pub fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity, Ordering::SeqCst);
        for position in 0..self.shards.len() {
            self.write(position).set_share(capacity / self.shards.len());
        }
        self.shrink(0);
    }

    pub fn get(&self, table: u64, offset: u64, hint: &Hint) -> Option<Block> {
        self.with(table, offset, hint, Block::clone)
    }

    /// Has `read` look at a block under the lock of its shard, which spares the writes to its reference count; `None` when it is not here.
    #[inline]
    pub fn with<R>(&self, table: u64, offset: u64, hint: &Hint, read: impl FnOnce(&Block) -> R) -> Option<R> {
        let key = Key { table, offset };
        let shard = self.read(self.position(key));
        let (block, slot) = shard.find(key, hint.0.load(Ordering::Relaxed))?;
        hint.0.store(slot, Ordering::Relaxed);
        Some(read(block))
    }

    /// Is the block here? Counts nothing.
    pub fn holds(&self, table: u64, offset: u64) -> bool {
        let key = Key { table, offset };
        self.read(self.position(key)).holds(key)
    }

    /// Adds a block, and lets go of as many others as it takes.
    pub fn insert(&self, table: u64, offset: u64, block: &Block) {
        let key = Key { table, offset };
        let position = self.position(key);
        if block.len() > self.capacity() || self.read(position).holds(key) || !self.reserve(position, block.len()) {
            return;
        }
        if !self.write(position).insert(key, block.clone()) {
            self.bytes.fetch_sub(block.len(), Ordering::SeqCst);
        }
        self.shrink(position);
    }

    /// Lets go of all blocks of some tables.
    pub fn drop_tables(&self, tables: &[u64]) {
        for position in 0..self.shards.len() {
            let freed = self.write(position).drop_tables(tables);
            self.bytes.fetch_sub(freed, Ordering::SeqCst);
        }
    }

    pub fn stats(&self) -> CacheStats {
        let mut stats = CacheStats { bytes: self.bytes.load(Ordering::SeqCst), hits: 0, misses: 0 };
        for position in 0..self.shards.len() {
            let (hits, misses) = self.read(position).counts();
            stats.hits += hits;
            stats.misses += misses;
        }
        stats
    }

    /// Sets room aside. False when no block is left to evict: other threads have reserved the rest.
    fn reserve(&self, first: usize, size: usize) -> bool {
        let fits = |bytes: usize| bytes.checked_add(size).filter(|&sum| sum <= self.capacity());
        self.evict_until(first, || self.bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits).is_ok())
    }

    /// Evicts what passes the capacity, or all: what is left then is reserved for blocks whose threads will look after it themselves.
    fn shrink(&self, first: usize) {
        self.evict_until(first, || self.bytes.load(Ordering::SeqCst) <= self.capacity());
    }

    /// Evicts blocks until `done`, from the shard at `first`, and from the next ones when that has nothing left. False when all are empty.
    fn evict_until(&self, first: usize, done: impl Fn() -> bool) -> bool {
        let mut passed = 0;
        while !done() {
            if passed == self.shards.len() {
                return false;
            }
            match self.write((first + passed) % self.shards.len()).evict() {
                None => passed += 1,
                Some(freed) => drop(self.bytes.fetch_sub(freed, Ordering::SeqCst)),
            }
        }
        true
    }

    #[inline]
    fn position(&self, key: Key) -> usize {
        // The upper bits: the table of the shard goes by the lower ones.
        (key.hash() >> 32) as usize & (self.shards.len() - 1)
    }

    /// A panic while a lock was held leaves at worst a block too few: the cache may be used on.
    #[inline]
    fn read(&self, position: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[position].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, position: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[position].write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
