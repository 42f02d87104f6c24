//! The bytes of a memtable's entries, one behind the other.
//!
//! ```text
//! entry: | trailer (8) | key length (4) | value length (4) | user key | value |
//! ```

const HEADER_SIZE: usize = 16;

/// Place of an entry. A memtable stays below 4 GiB: a batch is at most 2 GiB.
pub type Place = u32;

pub struct Arena {
    bytes: Vec<u8>,
}

/// An entry, borrowed from the arena.
pub struct Entry<'a> {
    pub user_key: &'a [u8],
    pub trailer: u64,
    pub value: &'a [u8],
}

impl Arena {
    pub fn new(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub fn push(&mut self, user_key: &[u8], trailer: u64, value: &[u8]) -> Place {
        let place = self.bytes.len() as Place;
        self.bytes.extend_from_slice(&trailer.to_le_bytes());
        self.bytes.extend_from_slice(&(user_key.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(user_key);
        self.bytes.extend_from_slice(value);
        place
    }

    #[inline]
    pub fn entry(&self, place: Place) -> Entry<'_> {
        let (header, rest) = self.bytes[place as usize..].split_at(HEADER_SIZE);
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i])) as usize;
        let (user_key, rest) = rest.split_at(u32_at(8));
        Entry { user_key, trailer: u64::from_le_bytes(std::array::from_fn(|i| header[i])), value: &rest[..u32_at(12)] }
    }
}
