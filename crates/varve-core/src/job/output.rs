//! The output tables of a job.
//!
//! Invariants:
//!  1. A name without `.tmp` is a whole table, see [`super::new_file`].
//!  2. A table is cut before an entry with another user key, once it has reached the cut size: versions of a key stay together.
//!  3. A table is cut where a user key of `cuts` lies between two entries or at the second.
//!  4. Range deletes are cut where tables are, at every cut too: each table has the parts that lie before the next one, and behind the one
//!     before. There may be a table of range deletes alone.
//!  5. A summary says to which blob files its table refers, and to how many bytes of them.
//!  6. `discard` leaves no file of the job behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::rc::Rc;

use super::new_file::NewFile;
use super::warming::Warming;
use super::{JobOutput, TableSummary};
use crate::blob::ValuePointer;
use crate::error::{Error, Result};
use crate::internal_key::{self, user_key, KIND_VALUE_POINTER};
use crate::range_delete::{is_before, RangeDelete};
use crate::table::{TableWriter, Written};

struct Current {
    file: NewFile,
    writer: TableWriter<BufWriter<File>>,
    /// Bytes of records by the number of their blob file.
    blob_references: BTreeMap<u64, u64>,
}

pub struct OutputTables<'a> {
    output: JobOutput,
    cut_size: Option<u64>,
    /// Those behind the last entry.
    cuts: &'a [Vec<u8>],
    next_number: u64,
    /// Bytes of finished tables.
    finished: u64,
    current: Option<Current>,
    /// Those that are in no table yet: fragments in order.
    range_deletes: Vec<RangeDelete>,
    summaries: Vec<TableSummary>,
    warming: Option<Rc<Warming>>,
}

impl<'a> OutputTables<'a> {
    /// Without a cut size and cuts (user keys, ascending) everything goes into one table. `range_deletes` are fragments in order.
    pub fn new(output: JobOutput, cut_size: Option<u64>, cuts: &'a [Vec<u8>], range_deletes: Vec<RangeDelete>) -> Self {
        let next_number = output.first_number;
        Self {
            output,
            cut_size,
            cuts,
            next_number,
            finished: 0,
            current: None,
            range_deletes,
            summaries: Vec::new(),
            warming: None,
        }
    }

    /// Tells of each data block that is written.
    pub fn warming(self, warming: &Rc<Warming>) -> Self {
        Self { warming: Some(Rc::clone(warming)), ..self }
    }

    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.pass_cuts(Some(user_key(key)))?;
        let full = |current: &Current, size: u64| current.writer.cut_size() >= size && !current.writer.is_same_user_key(key);
        if self.current.as_ref().zip(self.cut_size).is_some_and(|(current, size)| full(current, size)) {
            self.finish_before(user_key(key))?;
        }
        let current = match &mut self.current {
            Some(current) => current,
            None => {
                let started = self.start()?;
                self.current.insert(started)
            }
        };
        if !current.writer.add(key, value).map_err(Error::io(&current.file.temporary, "written"))? {
            let message = "the keys of a job's input do not ascend: one of its tables is damaged";
            return Err(Error::corruption(message).at(current.file.path(), 0));
        }
        if internal_key::split(key).1 as u8 == KIND_VALUE_POINTER {
            let pointer = ValuePointer::decode(value)?;
            *current.blob_references.entry(pointer.file).or_default() += pointer.record_size(key.len());
        }
        Ok(())
    }

    /// Nanoseconds since the epoch.
    pub fn created_at(&self) -> u64 {
        self.output.created_at
    }

    /// Bytes written so far, about.
    pub fn written(&self) -> u64 {
        self.finished + self.current.as_ref().map_or(0, |current| current.writer.stored_size())
    }

    /// Finishes the last table, which takes the rest of the range deletes.
    pub fn finish(&mut self) -> Result<()> {
        self.pass_cuts(None)?;
        let rest = std::mem::take(&mut self.range_deletes);
        self.finish_table(&rest)
    }

    /// Cuts at the `cuts` up to a user key; at all that are left without one.
    fn pass_cuts(&mut self, key: Option<&[u8]>) -> Result<()> {
        while let Some((cut, rest)) = self.cuts.split_first().filter(|(cut, _)| key.is_none_or(|key| cut.as_slice() <= key)) {
            self.cuts = rest;
            self.finish_before(cut)?;
        }
        Ok(())
    }

    fn finish_before(&mut self, user_key: &[u8]) -> Result<()> {
        let taken = self.take_range_deletes(user_key);
        self.finish_table(&taken)
    }

    /// Takes what lies before a user key; what reaches over it is cut in two.
    fn take_range_deletes(&mut self, user_key: &[u8]) -> Vec<RangeDelete> {
        let count = self.range_deletes.partition_point(|one| one.start.as_slice() < user_key);
        let mut taken: Vec<RangeDelete> = self.range_deletes.drain(..count).collect();
        let reaching = taken.iter_mut().filter(|one| is_before(user_key, &one.end));
        let rest: Vec<RangeDelete> = reaching
            .map(|one| {
                let rest = RangeDelete { start: user_key.to_vec(), ..one.clone() };
                one.end = user_key.to_vec();
                rest
            })
            .collect();
        self.range_deletes.splice(..0, rest);
        taken
    }

    /// Finishes the table that is being written, or one of range deletes alone, if there is something to write.
    fn finish_table(&mut self, range_deletes: &[RangeDelete]) -> Result<()> {
        if self.current.is_none() && !range_deletes.is_empty() {
            self.current = Some(self.start()?);
        }
        let Some(Current { file, writer, blob_references }) = self.current.take() else { return Ok(()) };
        let written = writer.finish(range_deletes).map_err(Error::io(&file.temporary, "written"))?;
        let Written { out, size, properties, data_bytes } = written;
        file.finish(out)?;
        self.finished += size;
        self.summaries.push(TableSummary {
            number: self.next_number - 1,
            birth_level: self.output.level,
            created_at: self.output.created_at,
            size,
            entries: properties.entries,
            tombstones: properties.tombstones,
            range_deletes: properties.range_deletes,
            smallest_sequence: properties.smallest_sequence,
            largest_sequence: properties.largest_sequence,
            smallest_key: properties.smallest_key,
            largest_key: properties.largest_key,
            raw_data_bytes: data_bytes.raw,
            stored_data_bytes: data_bytes.stored,
            blob_references: blob_references.into_iter().collect(),
            expiry: properties.expiry,
        });
        Ok(())
    }

    pub fn into_summaries(self) -> Vec<TableSummary> {
        self.summaries
    }

    /// Removes every file that the job made.
    pub fn discard(&mut self) {
        self.current = None;
        for number in self.output.first_number..self.next_number {
            NewFile::remove(&self.output.directory, &self.name(number));
        }
        if let Some(warming) = &self.warming {
            warming.give_up(&(self.output.first_number..self.next_number).collect::<Vec<_>>());
        }
    }

    fn start(&mut self) -> Result<Current> {
        if self.next_number >= self.output.first_number + self.output.number_count {
            let message = format!("the job needs more than the {} file numbers set aside for it", self.output.number_count);
            return Err(Error::Resource(message));
        }
        let (file, out) = NewFile::create(&self.output.directory, &self.name(self.next_number))?;
        let number = self.next_number;
        self.next_number += 1;
        let mut writer = TableWriter::new(out, &self.output.table, self.output.created_at);
        if let Some(warming) = self.warming.clone() {
            writer.on_data_block(move |offset, contents| warming.wrote(number, offset, contents));
        }
        Ok(Current { file, writer, blob_references: BTreeMap::new() })
    }

    fn name(&self, number: u64) -> String {
        format!("{}_{number:06}_{:020}.sst", self.output.level, self.output.created_at)
    }
}
