//! Builds a block. Part of the file format: do not change.
//!
//! ```text
//! | entry … | restart offset (4) … | restart count (4) |
//! | entry … | restart offset (4) … | fingerprint (1) … | restart interval (2) | 2^31 + entry count (4) |      data blocks
//! entry: | shared (varint) | unshared (varint) | value length (varint) | key bytes (unshared) | value |
//! ```
//!
//! Invariants:
//!  1. `encoded_size` is exactly what `finish` will write; it decides where blocks and tables are cut.
//!  2. All entries of a block have a fingerprint, or none has. With them, restart points count = entry count / restart interval, rounded up.

use super::FINGERPRINTED;
use crate::varint::write_varint;

pub struct BlockBuilder {
    restart_interval: usize,
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    fingerprints: Vec<u8>,
    since_restart: usize,
    last_key: Vec<u8>,
    entries: usize,
}

impl BlockBuilder {
    pub fn new(restart_interval: usize) -> Self {
        Self {
            restart_interval,
            bytes: Vec::new(),
            restarts: vec![0],
            fingerprints: Vec::new(),
            since_restart: 0,
            last_key: Vec::new(),
            entries: 0,
        }
    }

    pub fn entries(&self) -> usize {
        self.entries
    }

    pub fn encoded_size(&self) -> usize {
        let fingerprints = if self.fingerprints.is_empty() { 0 } else { self.fingerprints.len() + 2 };
        self.bytes.len() + 4 * self.restarts.len() + fingerprints + 4
    }

    /// Gives the entry that was added last its fingerprint, in a data block.
    pub fn add_fingerprint(&mut self, fingerprint: u8) {
        self.fingerprints.push(fingerprint);
    }

    /// Appends an entry whose key is greater than all before it.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        if self.since_restart == self.restart_interval {
            self.restarts.push(self.bytes.len() as u32);
            self.since_restart = 0;
        }
        let shared = if self.since_restart == 0 { 0 } else { shared_prefix(&self.last_key, key) };
        write_varint(&mut self.bytes, shared as u64);
        write_varint(&mut self.bytes, (key.len() - shared) as u64);
        write_varint(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(&key[shared..]);
        self.since_restart += 1;
        self.entries += 1;
    }

    /// The encoded block; the builder is empty again.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut block = std::mem::take(&mut self.bytes);
        for restart in &self.restarts {
            block.extend_from_slice(&restart.to_le_bytes());
        }
        if self.fingerprints.is_empty() {
            block.extend_from_slice(&(self.restarts.len() as u32).to_le_bytes());
        } else {
            block.append(&mut self.fingerprints);
            block.extend_from_slice(&(self.restart_interval as u16).to_le_bytes());
            block.extend_from_slice(&(FINGERPRINTED + self.entries as u32).to_le_bytes());
        }
        self.restarts.truncate(1);
        self.since_restart = 0;
        self.last_key.clear();
        self.entries = 0;
        block
    }
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}
