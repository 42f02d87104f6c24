//! Batches as the write-ahead log stores them. Part of the file format: do not change.
//!
//! ```text
//! record:    | sequence (8) | count (4) | operation … |
//! operation: | kind (1) | key length (varint) | key | value length (varint) | value |
//! ```
//!
//! Of a range delete the key is the start, the value the end; an empty value stands for the end of all keys. The value of a put with expiry
//! begins with the time, see [`crate::expiry`].

use crate::error::{Error, Result};
use crate::expiry::EXPIRY_SIZE;
use crate::internal_key::{KIND_PUT_WITH_EXPIRY, KIND_RANGE_DELETE};
use crate::varint::{read_varint32, MAX_SAFE_INTEGER};

const HEADER_SIZE: usize = 12;

/// One operation, borrowed from its record.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    pub sequence: u64,
    pub kind: u8,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// The operations of a record, in order. Ends after the first error.
pub struct Operations<'a> {
    rest: &'a [u8],
    sequence: u64,
    left: u32,
}

/// Reads the header of a record.
pub fn operations(record: &[u8]) -> Result<Operations<'_>> {
    let Some((header, rest)) = record.split_at_checked(HEADER_SIZE) else {
        return Err(Error::corruption("a batch is too short for its header"));
    };
    let (sequence, count) = header.split_at(8);
    let sequence = u64::from_le_bytes(sequence.try_into().unwrap_or_default());
    let left = u32::from_le_bytes(count.try_into().unwrap_or_default());
    if sequence.saturating_add(u64::from(left)) > MAX_SAFE_INTEGER {
        return Err(Error::corruption(format!("the sequence number {sequence} of a batch is out of range")));
    }
    Ok(Operations { rest, sequence, left })
}

impl<'a> Operations<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (length, size) = read_varint32(self.rest)?;
        self.take(size)?;
        self.take(length as usize)
    }

    fn operation(&mut self) -> Option<Operation<'a>> {
        let &[kind] = self.take(1)? else { return None };
        let least_value = match kind {
            0..=KIND_RANGE_DELETE => 0,
            KIND_PUT_WITH_EXPIRY => EXPIRY_SIZE,
            _ => return None,
        };
        let operation = Operation { sequence: self.sequence, kind, key: self.bytes()?, value: self.bytes()? };
        (operation.value.len() >= least_value).then_some(operation)
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let behind = !std::mem::take(&mut self.rest).is_empty();
            return behind.then(|| Err(Error::corruption("a batch is longer than its operations")));
        }
        self.left -= 1;
        let operation = self.operation();
        self.sequence += 1;
        if operation.is_none() {
            self.left = 0;
            self.rest = &[];
        }
        Some(operation.ok_or_else(|| Error::corruption("an operation of a batch is malformed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut bytes = 7u64.to_le_bytes().to_vec();
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(b"\x01\x01a\x03xyz\x00\x02bb\x00");
        bytes
    }

    #[test]
    fn reads_operations_in_order() {
        let operations: Vec<_> = operations(&record()).unwrap().map(|one| format!("{:?}", one.unwrap())).collect();
        assert_eq!(operations.len(), 2);
        assert!(operations[0].contains("sequence: 7") && operations[1].contains("sequence: 8"), "{operations:?}");
    }

    #[test]
    fn refuses_every_cut_every_unknown_kind_and_an_expiry_that_is_cut_short() {
        let whole = record();
        for end in 0..whole.len() {
            let cut = operations(&whole[..end]).and_then(|all| all.collect::<Result<Vec<_>>>().map(|_| ()));
            assert!(cut.is_err(), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(operations(&longer).unwrap().any(|one| one.is_err()));
        let mut unknown = whole;
        for kind in [3, KIND_PUT_WITH_EXPIRY, 9] {
            unknown[HEADER_SIZE] = kind;
            assert!(operations(&unknown).unwrap().any(|one| one.is_err()), "{kind}");
        }
    }
}
