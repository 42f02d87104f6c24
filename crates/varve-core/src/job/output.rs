//! The output tables of a job.
//!
//! Invariants:
//!  1. A table is written as `<name>.tmp`, synced, renamed into place, and its directory synced, in that order: a name without `.tmp` is
//!     a whole table.
//!  2. A table is cut before an entry with another user key, once it has reached the cut size: versions of a key stay together.
//!  3. A table is cut where a user key of `cuts` lies between two entries or at the second.
//!  4. Range deletes are cut where tables are, at every cut too: each table has the parts that lie before the next one, and behind the one
//!     before. There may be a table of range deletes alone.
//!  5. `discard` leaves no file of the job behind.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::{JobOutput, TableSummary};
use crate::error::{Error, Result};
use crate::internal_key::user_key;
use crate::range_delete::{is_before, RangeDelete};
use crate::table::{TableWriter, Written};

const WRITE_BYTES: usize = 256 * 1024;

struct Current {
    path: PathBuf,
    temporary: PathBuf,
    writer: TableWriter<BufWriter<File>>,
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
}

impl<'a> OutputTables<'a> {
    /// Without a cut size and cuts (user keys, ascending) everything goes into one table. `range_deletes` are fragments in order.
    pub fn new(output: JobOutput, cut_size: Option<u64>, cuts: &'a [Vec<u8>], range_deletes: Vec<RangeDelete>) -> Self {
        let next_number = output.first_number;
        Self { output, cut_size, cuts, next_number, finished: 0, current: None, range_deletes, summaries: Vec::new() }
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
        if !current.writer.add(key, value).map_err(Error::io(&current.temporary, "written"))? {
            let message = "the keys of a job's input do not ascend: one of its tables is damaged";
            return Err(Error::corruption(message).at(&current.path, 0));
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
        let Some(Current { path, temporary, writer }) = self.current.take() else { return Ok(()) };
        let written = Error::io(&temporary, "written");
        let Written { out, size, properties, data_bytes } = match writer.finish(range_deletes) {
            Ok(finished) => finished,
            Err(error) => return Err(written(error)),
        };
        let file = out.into_inner().map_err(|error| written(error.into_error()))?;
        file.sync_all().map_err(Error::io(&temporary, "synced"))?;
        drop(file);
        fs::rename(&temporary, &path).map_err(Error::io(&temporary, "renamed"))?;
        sync_directory(&self.output.directory)?;
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
            expiry: properties.expiry,
        });
        Ok(())
    }

    pub fn into_summaries(self) -> Vec<TableSummary> {
        self.summaries
    }

    /// Removes every file that the job made. What cannot be removed is not in the manifest, and goes at the next open.
    pub fn discard(&mut self) {
        self.current = None;
        for number in self.output.first_number..self.next_number {
            let (path, temporary) = self.paths(number);
            let _ = fs::remove_file(temporary);
            let _ = fs::remove_file(path);
        }
    }

    fn start(&mut self) -> Result<Current> {
        if self.next_number >= self.output.first_number + self.output.number_count {
            let message = format!("the job needs more than the {} file numbers set aside for it", self.output.number_count);
            return Err(Error::Resource(message));
        }
        let (path, temporary) = self.paths(self.next_number);
        let file = File::create_new(&temporary).map_err(Error::io(&temporary, "made"))?;
        self.next_number += 1;
        let out = BufWriter::with_capacity(WRITE_BYTES, file);
        let writer = TableWriter::new(out, &self.output.table, self.output.created_at);
        Ok(Current { path, temporary, writer })
    }

    fn paths(&self, number: u64) -> (PathBuf, PathBuf) {
        let name = format!("{}_{number:06}_{:020}.sst", self.output.level, self.output.created_at);
        (self.output.directory.join(&name), self.output.directory.join(name + ".tmp"))
    }
}

/// Makes a rename durable. Windows has no such call, and needs none.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let opened = File::open(directory).and_then(|directory| directory.sync_all());
    opened.map_err(Error::io(directory, "synced"))
}
