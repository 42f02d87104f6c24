//! A B+-tree over the entries of a memtable.
//!
//! Nodes are fat: up to 32 entries, of each its *head* (the eight bytes behind the prefix that all user keys share, as one big-endian
//! number) beside its place. Most comparisons stay within the heads of a node, a few cache lines; entries are looked at among equal
//! heads only. A thin node for each entry, as in a skip list, costs a cache miss for each comparison.
//!
//! Invariants:
//!  1. Entries are ordered by user key ascending, trailer descending, and are never removed.
//!  2. The separator of an inner node's child i + 1 is an entry that was its first when it was split off; all entries of child i are before it.
//!  3. All user keys begin with `prefix`; when one comes that does not, the prefix shrinks and all heads are made anew. After
//!     [`MAX_PREFIX_CHANGES`] times it is given up, so that this never costs more than a constant factor.

use std::cmp::Ordering;

use super::arena::{Arena, Entry, Place};
use crate::table::key_index::{head, strip_prefix};

/// Entries of a node: 32 heads are four cache lines.
const FANOUT: usize = 32;
const MAX_PREFIX_CHANGES: u32 = 16;
const NONE: u32 = u32::MAX;

#[derive(Clone)]
struct Node {
    heads: [u64; FANOUT],
    places: [Place; FANOUT],
    /// Leaf: empty. Inner: children; child i + 1 begins at separator i.
    children: Vec<u32>,
    count: usize,
    previous: u32,
    next: u32,
}

impl Node {
    fn leaf() -> Self {
        Self { heads: [0; FANOUT], places: [0; FANOUT], children: Vec::new(), count: 0, previous: NONE, next: NONE }
    }

    fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    fn insert(&mut self, at: usize, head: u64, place: Place) {
        self.heads.copy_within(at..self.count, at + 1);
        self.places.copy_within(at..self.count, at + 1);
        self.heads[at] = head;
        self.places[at] = place;
        self.count += 1;
    }

    /// Moves the entries from `at` on into a new node.
    fn split_off(&mut self, at: usize) -> Self {
        let mut right = Self::leaf();
        right.count = self.count - at;
        right.heads[..right.count].copy_from_slice(&self.heads[at..self.count]);
        right.places[..right.count].copy_from_slice(&self.places[at..self.count]);
        self.count = at;
        right
    }
}

/// Where an entry is: leaf and slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    leaf: u32,
    slot: usize,
}

pub struct Tree {
    arena: Arena,
    nodes: Vec<Node>,
    root: u32,
    len: usize,
    prefix: Vec<u8>,
    prefix_changes: u32,
}

impl Tree {
    pub fn new(capacity: usize) -> Self {
        Self { arena: Arena::new(capacity), nodes: vec![Node::leaf()], root: 0, len: 0, prefix: Vec::new(), prefix_changes: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn arena_size(&self) -> usize {
        self.arena.size()
    }

    /// Bytes of entries and nodes: every node but the root is the child of one.
    pub fn memory(&self) -> usize {
        self.arena.size() + self.nodes.len() * (size_of::<Node>() + size_of::<u32>())
    }

    pub fn entry(&self, position: Position) -> Entry<'_> {
        let leaf = &self.nodes[position.leaf as usize];
        self.arena.entry(leaf.places[position.slot])
    }

    /// Adds an entry. Its trailer is not in the tree for its user key.
    pub fn insert(&mut self, user_key: &[u8], trailer: u64, value: &[u8]) {
        if self.len == 0 {
            self.prefix = user_key.to_vec();
        } else if strip_prefix(user_key, &self.prefix).is_none() {
            self.shrink_prefix(user_key);
        }
        let place = self.arena.push(user_key, trailer, value);
        let head = head(&user_key[self.prefix.len()..]);
        if let Some((separator, right)) = self.insert_below(self.root, head, place) {
            self.grow(separator, right);
        }
        self.len += 1;
    }

    /// The first entry at or after a key and trailer.
    pub fn seek(&self, user_key: &[u8], trailer: u64) -> Option<Position> {
        let Some(rest) = strip_prefix(user_key, &self.prefix) else {
            return if user_key < self.prefix.as_slice() { self.first() } else { None };
        };
        let wanted = Wanted { head: head(rest), user_key, trailer };
        let mut index = self.root;
        loop {
            let node = &self.nodes[index as usize];
            let slot = self.lower_bound(node, &wanted);
            if node.is_leaf() {
                return self.at_or_next(Position { leaf: index, slot });
            }
            // The separator itself is the first of the child behind it.
            let here = slot < node.count && self.compare(node.places[slot], &wanted) == Ordering::Equal;
            index = node.children[slot + usize::from(here)];
        }
    }

    pub fn first(&self) -> Option<Position> {
        let mut index = self.root;
        while let Some(&child) = self.nodes[index as usize].children.first() {
            index = child;
        }
        self.at_or_next(Position { leaf: index, slot: 0 })
    }

    pub fn last(&self) -> Option<Position> {
        let mut index = self.root;
        while let Some(&child) = self.nodes[index as usize].children.last() {
            index = child;
        }
        self.before(Position { leaf: index, slot: self.nodes[index as usize].count })
    }

    pub fn after(&self, position: Position) -> Option<Position> {
        self.at_or_next(Position { leaf: position.leaf, slot: position.slot + 1 })
    }

    pub fn before(&self, position: Position) -> Option<Position> {
        if position.slot > 0 {
            return Some(Position { leaf: position.leaf, slot: position.slot - 1 });
        }
        let leaf = self.nodes[position.leaf as usize].previous;
        let count = self.nodes.get(leaf as usize)?.count;
        Some(Position { leaf, slot: count.checked_sub(1)? })
    }

    fn at_or_next(&self, position: Position) -> Option<Position> {
        let node = &self.nodes[position.leaf as usize];
        if position.slot < node.count {
            return Some(position);
        }
        // Leaves are never empty but for the only one of an empty tree.
        (node.next != NONE).then_some(Position { leaf: node.next, slot: 0 })
    }

    /// The first slot whose entry is not before `wanted`.
    #[inline]
    fn lower_bound(&self, node: &Node, wanted: &Wanted<'_>) -> usize {
        let heads = &node.heads[..node.count];
        let mut low = heads.partition_point(|&head| head < wanted.head);
        let mut high = low + heads[low..].partition_point(|&head| head == wanted.head);
        while low < high {
            let middle = (low + high) / 2;
            if self.compare(node.places[middle], wanted) == Ordering::Less {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    #[inline]
    fn compare(&self, place: Place, wanted: &Wanted<'_>) -> Ordering {
        let entry = self.arena.entry(place);
        entry.user_key.cmp(wanted.user_key).then_with(|| wanted.trailer.cmp(&entry.trailer))
    }

    /// Inserts below a node; returns the separator and the node that was split off, if one was.
    fn insert_below(&mut self, index: u32, head: u64, place: Place) -> Option<(Place, u32)> {
        let entry = self.arena.entry(place);
        let wanted = Wanted { head, user_key: entry.user_key, trailer: entry.trailer };
        let node = &self.nodes[index as usize];
        let slot = self.lower_bound(node, &wanted);
        if node.is_leaf() {
            return self.insert_into_leaf(index, slot, head, place);
        }
        let child = node.children[slot];
        let (separator, right) = self.insert_below(child, head, place)?;
        self.insert_into_inner(index, slot, separator, right)
    }

    fn insert_into_leaf(&mut self, index: u32, slot: usize, head: u64, place: Place) -> Option<(Place, u32)> {
        let node = &mut self.nodes[index as usize];
        if node.count < FANOUT {
            node.insert(slot, head, place);
            return None;
        }
        // Keys that come in order would leave half-full leaves behind: at the very end, only the new entry goes into the new leaf.
        let at_end = node.next == NONE && slot == FANOUT;
        let split = if at_end { FANOUT } else { FANOUT / 2 };
        let mut right = node.split_off(split);
        if slot >= split && (slot > split || at_end) {
            right.insert(slot - split, head, place);
        } else {
            node.insert(slot, head, place);
        }
        let right_index = self.link_leaf(index, right);
        Some((self.nodes[right_index as usize].places[0], right_index))
    }

    fn link_leaf(&mut self, left: u32, mut right: Node) -> u32 {
        let right_index = self.nodes.len() as u32;
        let next = self.nodes[left as usize].next;
        right.previous = left;
        right.next = next;
        self.nodes[left as usize].next = right_index;
        if let Some(next) = self.nodes.get_mut(next as usize) {
            next.previous = right_index;
        }
        self.nodes.push(right);
        right_index
    }

    fn insert_into_inner(&mut self, index: u32, slot: usize, separator: Place, child: u32) -> Option<(Place, u32)> {
        let head = self.head_of(separator);
        let node = &mut self.nodes[index as usize];
        if node.count < FANOUT {
            node.insert(slot, head, separator);
            node.children.insert(slot + 1, child);
            return None;
        }
        let split = if slot == FANOUT { FANOUT - 1 } else { FANOUT / 2 };
        let mut right = node.split_off(split + 1);
        right.children = node.children.split_off(split + 1);
        // The separator in the middle moves up.
        node.count = split;
        let up = node.places[split];
        if slot > split {
            right.insert(slot - split - 1, head, separator);
            right.children.insert(slot - split, child);
        } else {
            node.insert(slot, head, separator);
            node.children.insert(slot + 1, child);
        }
        self.nodes.push(right);
        Some((up, self.nodes.len() as u32 - 1))
    }

    fn grow(&mut self, separator: Place, right: u32) {
        let mut root = Node::leaf();
        root.insert(0, self.head_of(separator), separator);
        root.children = vec![self.root, right];
        self.root = self.nodes.len() as u32;
        self.nodes.push(root);
    }

    fn head_of(&self, place: Place) -> u64 {
        head(&self.arena.entry(place).user_key[self.prefix.len()..])
    }

    fn shrink_prefix(&mut self, user_key: &[u8]) {
        self.prefix_changes += 1;
        let shared = self.prefix.iter().zip(user_key).take_while(|(a, b)| a == b).count();
        self.prefix.truncate(if self.prefix_changes > MAX_PREFIX_CHANGES { 0 } else { shared });
        let (arena, length) = (&self.arena, self.prefix.len());
        for node in &mut self.nodes {
            for slot in 0..node.count {
                node.heads[slot] = head(&arena.entry(node.places[slot]).user_key[length..]);
            }
        }
    }
}

/// What is looked for.
struct Wanted<'a> {
    head: u64,
    user_key: &'a [u8],
    trailer: u64,
}
