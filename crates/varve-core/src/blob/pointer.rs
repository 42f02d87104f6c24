//! Value pointers: what stands in a table for a value that lies in a blob file. Part of the file format: do not change.
//!
//! ```text
//! | blob file number (varint) | offset of the record (varint) | value length (varint) |
//! ```
//!
//! Invariant: nothing that a pointer says is believed before the blob file has confirmed it; see [`super::file`].

use crate::error::{Error, Result};
use crate::varint::{read_varint32, read_varint53, varint_length, write_varint};

/// Bytes of the checksum in front of a record.
const CHECKSUM_SIZE: u64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuePointer {
    /// Number of the blob file.
    pub file: u64,
    /// Where the record begins in it.
    pub offset: u64,
    /// Bytes of the value.
    pub length: u32,
}

impl ValuePointer {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        write_varint(out, self.file);
        write_varint(out, self.offset);
        write_varint(out, u64::from(self.length));
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::decode_in(bytes).ok_or_else(|| Error::corruption("a value pointer is malformed"))
    }

    fn decode_in(bytes: &[u8]) -> Option<Self> {
        let (file, first) = read_varint53(bytes)?;
        let (offset, second) = read_varint53(bytes.get(first..)?)?;
        let rest = bytes.get(first + second..)?;
        let (length, third) = read_varint32(rest)?;
        (third == rest.len()).then_some(Self { file, offset, length })
    }

    /// Bytes of the record, whose internal key is as long as the one of the entry.
    pub fn record_size(&self, key_length: usize) -> u64 {
        let (key, value) = (key_length as u64, u64::from(self.length));
        CHECKSUM_SIZE + (varint_length(key) + varint_length(value)) as u64 + key + value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_what_is_cut_or_too_long() {
        let pointer = ValuePointer { file: 300, offset: 1 << 40, length: 70_000 };
        let mut bytes = Vec::new();
        pointer.encode(&mut bytes);
        assert_eq!(ValuePointer::decode(&bytes).unwrap(), pointer);
        for end in 0..bytes.len() {
            assert!(ValuePointer::decode(&bytes[..end]).is_err(), "{end}");
        }
        bytes.push(0);
        assert!(ValuePointer::decode(&bytes).is_err());
    }
}
