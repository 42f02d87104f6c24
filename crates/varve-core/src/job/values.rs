//! Where the values of a job's outputs lie: in the tables, or in blob files.
//!
//! Invariants:
//!  1. A value that the job has in hand (of a put, or read from a blob file that is collected) goes to a blob file of its own when it has at least
//!     `threshold` bytes, and into the table otherwise.
//!  2. Any other pointer passes as it is: its value is neither read nor copied.
//!  3. Each record of a blob file that the job writes is referred to by one entry of its output tables: their references add up to the file.
//!  4. `discard` leaves no file behind.

use std::fs::File;
use std::io::BufWriter;

use super::new_file::NewFile;
use super::BlobOutput;
use crate::blob::{BlobFiles, BlobWriter, ValuePointer};
use crate::error::{Error, Result};
use crate::internal_key::{self, pack_trailer, KIND_PUT, KIND_VALUE_POINTER};
use crate::io::Io;

pub struct ValueOutput<'a> {
    /// None: values stay where they are.
    output: Option<&'a BlobOutput>,
    files: &'a BlobFiles,
    current: Option<(NewFile, BlobWriter<BufWriter<File>>)>,
    next_number: u64,
    /// Bytes of finished files.
    finished: u64,
    /// The entry that was placed last, where it is not the one that came in.
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'a> ValueOutput<'a> {
    pub fn new(output: Option<&'a BlobOutput>, files: &'a BlobFiles) -> Self {
        let next_number = output.map_or(0, |output| output.first_number);
        Self { output, files, current: None, next_number, finished: 0, key: Vec::new(), value: Vec::new() }
    }

    /// Should the entry be left out, because its value is lost? Asked by a salvage only; others fail when they need the value.
    pub fn is_lost(&self, key: &[u8], value: &[u8]) -> Result<bool> {
        let Some(output) = self.output.filter(|output| output.salvage) else { return Ok(false) };
        if internal_key::split(key).1 as u8 != KIND_VALUE_POINTER {
            return Ok(false);
        }
        let read = ValuePointer::decode(value).and_then(|pointer| match self.is_collected(output, pointer.file) {
            true => self.files.read(&pointer, key, Io::Pass).map(drop),
            false => self.files.value_length(&pointer, key).map(drop),
        });
        match read {
            Ok(()) => Ok(false),
            Err(Error::Corruption { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The entry as it goes into the table.
    pub fn place<'b>(&'b mut self, key: &'b [u8], value: &'b [u8]) -> Result<(&'b [u8], &'b [u8])> {
        let Some(output) = self.output else { return Ok((key, value)) };
        match internal_key::split(key).1 as u8 {
            KIND_PUT if value.len() as u64 >= output.threshold => self.separate(output, key, value)?,
            KIND_VALUE_POINTER => {
                let pointer = ValuePointer::decode(value)?;
                if !self.is_collected(output, pointer.file) {
                    return Ok((key, value));
                }
                let taken = self.files.read(&pointer, key, Io::Pass)?;
                if taken.len() as u64 >= output.threshold {
                    self.separate(output, key, &taken)?;
                } else {
                    self.set_key(key, KIND_PUT);
                    self.value.clear();
                    self.value.extend_from_slice(&taken);
                }
            }
            _ => return Ok((key, value)),
        }
        Ok((&self.key, &self.value))
    }

    /// Bytes written so far, about.
    pub fn written(&self) -> u64 {
        self.finished + self.current.as_ref().map_or(0, |(_, writer)| writer.size())
    }

    /// Finishes the last file.
    pub fn finish(&mut self) -> Result<()> {
        let Some((file, writer)) = self.current.take() else { return Ok(()) };
        let (out, size) = writer.finish().map_err(Error::io(&file.temporary, "written"))?;
        self.finished += size;
        file.finish(out)
    }

    /// Removes every file that the job made.
    pub fn discard(&mut self) {
        self.current = None;
        let Some(output) = self.output else { return };
        for number in output.first_number..self.next_number {
            NewFile::remove(&output.directory, &blob_file_name(number));
        }
    }

    fn is_collected(&self, output: &BlobOutput, file: u64) -> bool {
        output.collect.contains(&file) || (output.salvage && !self.files.has(file))
    }

    fn separate(&mut self, output: &BlobOutput, key: &[u8], value: &[u8]) -> Result<()> {
        if self.current.as_ref().is_some_and(|(_, writer)| writer.size() >= output.file_size) {
            self.finish()?;
        }
        let (file, writer) = match &mut self.current {
            Some(current) => current,
            None => {
                let started = self.start(output)?;
                self.current.insert(started)
            }
        };
        let pointer = writer.add(key, value).map_err(Error::io(&file.temporary, "written"))?;
        pointer.encode(&mut self.value);
        self.set_key(key, KIND_VALUE_POINTER);
        Ok(())
    }

    fn start(&mut self, output: &BlobOutput) -> Result<(NewFile, BlobWriter<BufWriter<File>>)> {
        if self.next_number >= output.first_number + output.number_count {
            let message = format!("the job needs more than the {} numbers of blob files set aside for it", output.number_count);
            return Err(Error::Resource(message));
        }
        let number = self.next_number;
        let (file, out) = NewFile::create(&output.directory, &blob_file_name(number))?;
        self.next_number += 1;
        let writer = BlobWriter::new(out, number).map_err(Error::io(&file.temporary, "written"))?;
        Ok((file, writer))
    }

    fn set_key(&mut self, key: &[u8], kind: u8) {
        let (user_key, trailer) = internal_key::split(key);
        self.key.clear();
        self.key.extend_from_slice(user_key);
        self.key.extend_from_slice(&pack_trailer(trailer >> 8, kind).to_le_bytes());
    }
}

fn blob_file_name(number: u64) -> String {
    format!("{number:06}.blob")
}
