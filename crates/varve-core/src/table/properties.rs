//! The properties block: facts about a table, by name. Part of the file format: do not change.
//!
//! A block with restart interval 1; names in ascending order; values are 8-byte integers, but for the two keys:
//!
//! ```text
//! created-at | entries | expiring | format | largest-key | largest-sequence | latest-expiry | range-deletes | raw-key-bytes |
//! raw-value-bytes | smallest-key | smallest-sequence | tombstones | user-keys
//! ```
//!
//! Invariant: unknown names are ignored; a known one that is missing or has a wrong length is corruption. `range-deletes` is there if there
//! are some, `expiring` and `latest-expiry` if there are entries that expire.

use std::collections::HashMap;

use super::reader::TableSpan;
use crate::block::{BlockBuilder, BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::TRAILER_SIZE;
use crate::varint::MAX_SAFE_INTEGER;

const FORMAT: u64 = 1;

/// The entries of a table that expire; there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableExpiry {
    /// How many.
    pub entries: u64,
    /// When the last of them does, in milliseconds since the epoch.
    pub latest: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Nanoseconds since the epoch.
    pub created_at: u64,
    pub entries: u64,
    pub tombstones: u64,
    /// Distinct user keys.
    pub user_keys: u64,
    /// Sum of the lengths of internal keys.
    pub raw_key_bytes: u64,
    pub raw_value_bytes: u64,
    pub smallest_sequence: u64,
    pub largest_sequence: u64,
    pub range_deletes: u64,
    /// `None` when no entry expires.
    pub expiry: Option<TableExpiry>,
    /// Internal keys. The span of range deletes is within; where it reaches behind the last entry, the largest key is its end, marked as one.
    pub smallest_key: Vec<u8>,
    pub largest_key: Vec<u8>,
}

impl Properties {
    pub fn span(&self) -> TableSpan {
        TableSpan {
            smallest_key: self.smallest_key.clone(),
            largest_key: self.largest_key.clone(),
            smallest_sequence: self.smallest_sequence,
            largest_sequence: self.largest_sequence,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut block = BlockBuilder::new(1);
        block.add(b"created-at", &self.created_at.to_le_bytes());
        block.add(b"entries", &self.entries.to_le_bytes());
        if let Some(expiry) = &self.expiry {
            block.add(b"expiring", &expiry.entries.to_le_bytes());
        }
        block.add(b"format", &FORMAT.to_le_bytes());
        block.add(b"largest-key", &self.largest_key);
        block.add(b"largest-sequence", &self.largest_sequence.to_le_bytes());
        if let Some(expiry) = &self.expiry {
            block.add(b"latest-expiry", &expiry.latest.to_le_bytes());
        }
        if self.range_deletes > 0 {
            block.add(b"range-deletes", &self.range_deletes.to_le_bytes());
        }
        block.add(b"raw-key-bytes", &self.raw_key_bytes.to_le_bytes());
        block.add(b"raw-value-bytes", &self.raw_value_bytes.to_le_bytes());
        block.add(b"smallest-key", &self.smallest_key);
        block.add(b"smallest-sequence", &self.smallest_sequence.to_le_bytes());
        block.add(b"tombstones", &self.tombstones.to_le_bytes());
        block.add(b"user-keys", &self.user_keys.to_le_bytes());
        block.finish()
    }

    pub fn decode(block: Vec<u8>) -> Result<Self> {
        let values = Values::read(block)?;
        if values.number("format")? != FORMAT {
            return Err(refuse("format"));
        }
        Ok(Self {
            created_at: values.integer("created-at")?,
            entries: values.number("entries")?,
            tombstones: values.number("tombstones")?,
            user_keys: values.number("user-keys")?,
            raw_key_bytes: values.number("raw-key-bytes")?,
            raw_value_bytes: values.number("raw-value-bytes")?,
            smallest_sequence: values.number("smallest-sequence")?,
            largest_sequence: values.number("largest-sequence")?,
            range_deletes: if values.has("range-deletes") { values.number("range-deletes")? } else { 0 },
            expiry: values.expiry()?,
            smallest_key: values.key("smallest-key")?,
            largest_key: values.key("largest-key")?,
        })
    }
}

fn refuse(name: &str) -> Error {
    Error::corruption(format!("the property \"{name}\" is missing or malformed"))
}

struct Values(HashMap<Vec<u8>, Vec<u8>>);

impl Values {
    fn read(block: Vec<u8>) -> Result<Self> {
        let mut values = HashMap::new();
        let mut cursor = BlockCursor::new(block, KeyOrder::Plain)?;
        cursor.seek_to_first()?;
        while cursor.valid() {
            values.insert(cursor.key().to_vec(), cursor.value().to_vec());
            cursor.next()?;
        }
        Ok(Self(values))
    }

    fn expiry(&self) -> Result<Option<TableExpiry>> {
        if !self.has("expiring") {
            return Ok(None);
        }
        let (entries, latest) = (self.number("expiring")?, self.number("latest-expiry")?);
        if entries == 0 {
            return Err(refuse("expiring"));
        }
        Ok(Some(TableExpiry { entries, latest }))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name.as_bytes())
    }

    fn integer(&self, name: &str) -> Result<u64> {
        let value = self.0.get(name.as_bytes()).and_then(|value| value.as_slice().try_into().ok());
        value.map(u64::from_le_bytes).ok_or_else(|| refuse(name))
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.integer(name).and_then(|value| if value <= MAX_SAFE_INTEGER { Ok(value) } else { Err(refuse(name)) })
    }

    fn key(&self, name: &str) -> Result<Vec<u8>> {
        self.0.get(name.as_bytes()).filter(|key| key.len() >= TRAILER_SIZE).cloned().ok_or_else(|| refuse(name))
    }
}
