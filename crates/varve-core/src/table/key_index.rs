//! The index of a table in memory: for each data block its last internal key and its handle, in key order.
//!
//! A search goes by *heads*, the eight bytes behind the prefix that all user keys share, as one big-endian number each. They lie side by
//! side, so that a search misses the cache two or three times and not once for each comparison. Only among equal heads are keys compared.

use std::cmp::Ordering;

use super::format::BlockHandle;
use crate::block::{BlockCursor, KeyOrder};
use crate::cache::Hint;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key;

/// The error for a block that ends before the key that the index has as its last.
#[cold]
pub fn index_mismatch() -> Error {
    Error::corruption("a block ends before the key that the index names as its last")
}

#[derive(Debug)]
pub struct KeyIndex {
    /// Bytes that all user keys begin with.
    prefix: Vec<u8>,
    heads: Vec<u64>,
    /// Where each internal key ends in `keys`.
    key_ends: Vec<u32>,
    keys: Vec<u8>,
    handles: Vec<BlockHandle>,
    /// Where the cache had each block last.
    hints: Vec<Hint>,
}

impl KeyIndex {
    /// Decodes an index block whose handles must lie before `limit`, ascending.
    pub fn decode(block: Vec<u8>, limit: u64) -> Result<Self> {
        let mut index = Self {
            prefix: Vec::new(),
            heads: Vec::new(),
            key_ends: Vec::new(),
            keys: Vec::new(),
            handles: Vec::new(),
            hints: Vec::new(),
        };
        let mut cursor = BlockCursor::new(block, KeyOrder::Internal)?;
        cursor.seek_to_first()?;
        while cursor.valid() {
            index.push(cursor.key(), BlockHandle::decode(cursor.value(), limit)?)?;
            cursor.next()?;
        }
        index.make_heads();
        index.hints.resize_with(index.len(), Hint::default);
        Ok(index)
    }

    fn push(&mut self, key: &[u8], handle: BlockHandle) -> Result<()> {
        let ordered = self.handles.last().is_none_or(|last| {
            last.end() <= handle.offset && internal_key::compare(self.key(self.len() - 1), key) == Ordering::Less
        });
        if !ordered {
            return Err(Error::corruption("the index is out of order"));
        }
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len() as u32);
        self.handles.push(handle);
        Ok(())
    }

    fn make_heads(&mut self) {
        if self.is_empty() {
            return;
        }
        let (first, last) = (internal_key::user_key(self.key(0)), internal_key::user_key(self.key(self.len() - 1)));
        // Keys ascend: what the first and the last share, all share.
        self.prefix = first.iter().zip(last).take_while(|(a, b)| a == b).map(|(&a, _)| a).collect();
        self.heads = (0..self.len()).map(|i| head(&internal_key::user_key(self.key(i))[self.prefix.len()..])).collect();
    }

    /// Number of data blocks.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    pub fn handle(&self, block: usize) -> BlockHandle {
        self.handles[block]
    }

    /// For lookups of a block in the cache.
    pub fn hint(&self, block: usize) -> &Hint {
        &self.hints[block]
    }

    /// The last internal key of a block.
    pub fn key(&self, block: usize) -> &[u8] {
        let start = if block == 0 { 0 } else { self.key_ends[block - 1] as usize };
        &self.keys[start..self.key_ends[block] as usize]
    }

    /// Bytes in memory.
    pub fn size(&self) -> usize {
        self.keys.len() + self.len() * (8 + 4 + std::mem::size_of::<BlockHandle>() + std::mem::size_of::<Hint>())
    }

    /// The first block whose last key is at or after `target`, an internal key; `len` when there is none.
    pub fn find(&self, target: &[u8]) -> usize {
        let user_key = internal_key::user_key(target);
        let Some(rest) = strip_prefix(user_key, &self.prefix) else {
            return if user_key < self.prefix.as_slice() { 0 } else { self.len() };
        };
        let wanted = head(rest);
        let low = self.heads.partition_point(|&head| head < wanted);
        let high = low + self.heads[low..].partition_point(|&head| head == wanted);
        let (mut from, mut to) = (low, high);
        while from < to {
            let middle = (from + to) / 2;
            if internal_key::compare(self.key(middle), target) == Ordering::Less {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// What follows the prefix, where the key begins with it.
///
/// An empty prefix is told apart first: comparing no bytes at the address of an empty vector, which leads nowhere, costs some processors
/// 150 ns, a masked load whose fault they must suppress.
#[inline]
pub fn strip_prefix<'a>(key: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return Some(key);
    }
    key.strip_prefix(prefix)
}

/// The first eight bytes as a number whose order is that of the bytes.
#[inline]
pub fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            u64::from_be_bytes(padded)
        }
    }
}
