//! Writes one blob file. Part of the file format: do not change.

use std::io::{self, Write};

use super::format::{encode_footer, encode_header, encode_record, BlobCounts, FOOTER_SIZE, HEADER_SIZE};
use super::pointer::ValuePointer;

pub struct BlobWriter<W: Write> {
    out: W,
    number: u64,
    size: u64,
    counts: BlobCounts,
    record: Vec<u8>,
}

impl<W: Write> BlobWriter<W> {
    pub fn new(mut out: W, number: u64) -> io::Result<Self> {
        out.write_all(&encode_header())?;
        Ok(Self { out, number, size: HEADER_SIZE as u64, counts: BlobCounts::default(), record: Vec::new() })
    }

    /// Bytes of the file as it is, without its footer.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the value of the entry with this internal key.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<ValuePointer> {
        self.record.clear();
        encode_record(&mut self.record, key, value);
        self.out.write_all(&self.record)?;
        let pointer = ValuePointer { file: self.number, offset: self.size, length: value.len() as u32 };
        self.size += self.record.len() as u64;
        self.counts.records += 1;
        self.counts.value_bytes += value.len() as u64;
        Ok(pointer)
    }

    /// Writes the footer; answers the writer and the size of the file.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.out.write_all(&encode_footer(self.counts))?;
        Ok((self.out, self.size + FOOTER_SIZE as u64))
    }
}
