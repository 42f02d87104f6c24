//! The memtables and tables of one store, by number.
//!
//! Invariant: the registry, and the views made of it, are all that keeps a memtable or a table alive. Whether the file of a living table is open is
//! the business of the file cache.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::error::{Error, Result};
use crate::memtable::Memtable;
use crate::table::Table;
use crate::view::View;

#[derive(Default)]
pub struct Registry {
    pub memtables: HashMap<u64, Arc<Memtable>>,
    tables: HashMap<u64, Arc<Table>>,
    /// Every table that is still alive, also after it was dropped.
    opened: Vec<Weak<Table>>,
}

impl Registry {
    pub fn memtable(&self, id: u64) -> Result<Arc<Memtable>> {
        self.memtables.get(&id).cloned().ok_or_else(|| Error::Resource(format!("there is no memtable {id}")))
    }

    pub fn table(&self, number: u64) -> Result<Arc<Table>> {
        self.tables.get(&number).cloned().ok_or_else(|| Error::Resource(format!("table {number} is not open")))
    }

    pub fn add_tables(&mut self, tables: Vec<Table>) {
        self.opened.retain(|opened| opened.strong_count() > 0);
        for table in tables.into_iter().map(Arc::new) {
            self.opened.push(Arc::downgrade(&table));
            self.tables.insert(table.number, table);
        }
    }

    pub fn remove_table(&mut self, number: u64) {
        if let Some(table) = self.tables.remove(&number) {
            table.dropped.store(true, Ordering::Relaxed);
        }
    }

    /// Tables that the registry or a view knows.
    pub fn open_tables(&self) -> impl Iterator<Item = Arc<Table>> + '_ {
        self.opened.iter().filter_map(Weak::upgrade)
    }

    pub fn run(&self, numbers: &[u64]) -> Result<Arc<[Arc<Table>]>> {
        numbers.iter().map(|&number| self.table(number)).collect()
    }

    /// The view of these memtables (newest first) and levels (level 0 newest first, the others in key order).
    pub fn view(&self, memtables: &[u64], levels: &[Vec<u64>]) -> Result<View> {
        let (level0, deeper) = levels.split_first().map_or((&[][..], &[][..]), |(first, rest)| (first.as_slice(), rest));
        Ok(View::new(
            memtables.iter().map(|&id| self.memtable(id)).collect::<Result<_>>()?,
            level0.iter().map(|&number| self.table(number)).collect::<Result<_>>()?,
            (1..)
                .zip(deeper)
                .filter(|(_, numbers)| !numbers.is_empty())
                .map(|(level, numbers)| Ok((level, self.run(numbers)?)))
                .collect::<Result<_>>()?,
        ))
    }
}
