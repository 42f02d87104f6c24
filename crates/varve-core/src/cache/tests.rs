use super::*;

/// One for all blocks, so that it is wrong most of the time.
static HINT: Hint = Hint(AtomicU32::new(0));

fn block(size: usize) -> Block {
    Block::from(vec![0; size])
}

/// The same numbers as in `__test__/kernel/js/cache.test.ts`.
struct Trace(u32);

impl Trace {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    /// Table, offset and size; some keys come up much more often than others.
    fn access(&mut self) -> (u64, u64, usize) {
        let range = [64, 8, 8, 8][self.next() as usize % 4];
        let (table, offset) = (self.next() % 3, self.next() % range);
        (u64::from(table), u64::from(offset), 1 + ((table * 7 + offset * 13) % 32) as usize)
    }
}

/// S3-FIFO without links: three lists, oldest first, searched from end to end.
#[derive(Default)]
struct Model {
    /// Key, size and frequency.
    small: Vec<((u64, u64), usize, u32)>,
    main: Vec<((u64, u64), usize, u32)>,
    ghost: Vec<((u64, u64), usize)>,
}

impl Model {
    fn bytes(&self) -> usize {
        self.small.iter().chain(&self.main).map(|entry| entry.1).sum()
    }

    fn get(&mut self, key: (u64, u64)) -> bool {
        let found = self.small.iter_mut().chain(&mut self.main).find(|entry| entry.0 == key);
        found.map(|entry| entry.2 = 3.min(entry.2 + 1)).is_some()
    }

    fn insert(&mut self, key: (u64, u64), size: usize, capacity: usize) {
        if size > capacity {
            return;
        }
        while self.bytes() + size > capacity {
            self.evict(capacity);
        }
        match self.ghost.iter().position(|ghost| ghost.0 == key) {
            Some(position) => {
                self.ghost.remove(position);
                self.main.push((key, size, 0));
            }
            None => self.small.push((key, size, 0)),
        }
    }

    fn set_capacity(&mut self, capacity: usize) {
        self.trim_ghosts(capacity);
        while self.bytes() > capacity {
            self.evict(capacity);
        }
    }

    fn trim_ghosts(&mut self, capacity: usize) {
        while self.ghost.iter().map(|ghost| ghost.1).sum::<usize>() > capacity {
            self.ghost.remove(0);
        }
    }

    fn evict(&mut self, capacity: usize) {
        loop {
            let small: usize = self.small.iter().map(|entry| entry.1).sum();
            if !self.small.is_empty() && (self.main.is_empty() || small * 10 > self.bytes()) {
                let (key, size, frequency) = self.small.remove(0);
                if frequency >= 2 {
                    self.main.push((key, size, 0));
                    continue;
                }
                self.ghost.push((key, size));
                self.trim_ghosts(capacity);
                return;
            }
            let (key, size, frequency) = self.main.remove(0);
            if frequency == 0 {
                return;
            }
            self.main.push((key, size, frequency - 1));
        }
    }
}

/// What the capacity changes to, again and again.
const CAPACITIES: [usize; 4] = [400, 90, 1500, 10];

#[test]
fn evicts_like_a_plain_model() {
    let (cache, mut model, mut trace) = (BlockCache::new(CAPACITIES[0]), Model::default(), Trace(7));
    let mut capacity = CAPACITIES[0];
    // Folded over all accesses: the TypeScript cache comes to the same number.
    let mut digest = 0u32;
    for step in 0..50_000 {
        let (table, offset, size) = trace.access();
        let hit = cache.get(table, offset, &HINT).is_some();
        assert_eq!(hit, model.get((table, offset)), "step {step}");
        digest = digest.wrapping_mul(31).wrapping_add(u32::from(hit));
        if !hit {
            cache.insert(table, offset, &block(size));
            model.insert((table, offset), size, capacity);
        }
        assert_eq!(cache.stats().bytes, model.bytes(), "step {step}");
        if step % 10_000 == 9_999 {
            cache.drop_tables(&[1]);
            model.small.retain(|entry| entry.0 .0 != 1);
            model.main.retain(|entry| entry.0 .0 != 1);
            model.ghost.retain(|entry| entry.0 .0 != 1);
        }
        if step % 3_000 == 2_999 {
            capacity = CAPACITIES[step / 3_000 % CAPACITIES.len()];
            cache.set_capacity(capacity);
            model.set_capacity(capacity);
            assert_eq!((cache.capacity(), cache.stats().bytes), (capacity, model.bytes()), "step {step}");
        }
    }
    let CacheStats { hits, misses, .. } = cache.stats();
    assert_eq!((hits, misses, digest), (23_785, 26_215, 1_577_043_147));
}

/// A hot set that fits is still there after a scan of many times the capacity.
#[test]
fn survives_scans() {
    for capacity in [100_000, 64 << 20] {
        let cache = BlockCache::new(capacity);
        let size = capacity / 1000;
        let read = |table, offset| {
            let hit = cache.get(table, offset, &HINT).is_some();
            if !hit {
                cache.insert(table, offset, &block(size));
            }
            hit
        };
        let hot = || (0..400).filter(|&offset| read(1, offset)).count();
        hot();
        hot();
        hot();
        assert_eq!(hot(), 400);
        assert!((0..10_000).all(|offset| !read(2, offset)));
        assert!(hot() > 390, "capacity {capacity}: {}", hot());
    }
}

#[test]
fn keeps_nothing_that_does_not_fit() {
    let cache = BlockCache::new(0);
    cache.insert(1, 0, &block(1));
    assert!(cache.get(1, 0, &HINT).is_none());
    assert_eq!((cache.stats().misses, cache.stats().bytes), (1, 0));
}

/// A block may have the whole capacity, whatever the part of its shard.
#[test]
fn takes_blocks_up_to_the_capacity() {
    let cache = BlockCache::with_shards(1000, 8);
    for offset in 0..100 {
        cache.insert(1, offset, &block(10));
        assert!(cache.get(1, offset, &HINT).is_some());
    }
    assert_eq!(cache.stats().bytes, 1000);
    cache.insert(2, 0, &block(1001));
    assert!(cache.get(2, 0, &HINT).is_none());
    cache.insert(2, 0, &block(1000));
    assert!(cache.get(2, 0, &HINT).is_some());
    assert_eq!(cache.stats().bytes, 1000);
    cache.drop_tables(&[2]);
    assert_eq!(cache.stats().bytes, 0);
}

#[test]
fn shrinks_and_grows() {
    let cache = BlockCache::with_shards(1000, 4);
    for offset in 0..100 {
        cache.insert(1, offset, &block(10));
    }
    assert_eq!(cache.stats().bytes, 1000);
    cache.set_capacity(155);
    assert_eq!((cache.capacity(), cache.stats().bytes), (155, 150));
    let kept = (0..100).filter(|&offset| cache.get(1, offset, &HINT).is_some()).count();
    assert_eq!(kept, 15);
    cache.set_capacity(0);
    assert_eq!(cache.stats().bytes, 0);
    cache.insert(1, 0, &block(1));
    assert!(cache.get(1, 0, &HINT).is_none());
    cache.set_capacity(2000);
    for offset in 0..200 {
        cache.insert(2, offset, &block(10));
    }
    assert_eq!(cache.stats().bytes, 2000);
    assert!((0..200).all(|offset| cache.get(2, offset, &HINT).is_some()));
}

/// Whatever threads insert meanwhile, in the end nothing passes the capacity that was set last.
#[test]
fn threads_insert_while_the_capacity_changes() {
    let cache = BlockCache::with_shards(2000, 4);
    std::thread::scope(|scope| {
        for seed in 1..3 {
            let cache = &cache;
            scope.spawn(move || {
                let mut trace = Trace(seed);
                for _ in 0..20_000 {
                    let (table, offset, size) = trace.access();
                    cache.insert(table, offset, &block(size));
                }
            });
        }
        for step in 0..2_000 {
            cache.set_capacity([2000, 300, 0, 50][step % 4]);
        }
        cache.set_capacity(100);
    });
    let held: usize = cache.shards.iter().map(|shard| shard.read().unwrap().held()).sum();
    assert_eq!(cache.stats().bytes, held);
    assert!(held <= 100, "{held}");
}

#[test]
fn threads_never_pass_the_capacity() {
    let cache = BlockCache::with_shards(2000, 4);
    std::thread::scope(|scope| {
        for seed in 1..4 {
            let cache = &cache;
            scope.spawn(move || {
                let mut trace = Trace(seed);
                for step in 0..20_000 {
                    let (table, offset, size) = trace.access();
                    match cache.get(table, offset, &HINT) {
                        Some(found) => assert_eq!(found.len(), size),
                        None => cache.insert(table, offset, &block(size)),
                    }
                    if step % 1000 == 0 {
                        cache.drop_tables(&[u64::from(seed) % 3]);
                    }
                    assert!(cache.stats().bytes <= 2000);
                }
            });
        }
    });
    let held: usize = cache.shards.iter().map(|shard| shard.read().unwrap().held()).sum();
    assert_eq!(cache.stats().bytes, held);
}
