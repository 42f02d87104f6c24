//! The parts of a table that stay in memory from its first use on: properties, filter and index, verified. Data blocks are read when asked for.

use super::file::TableFile;
use super::footer::{Footer, FOOTER_SIZE};
use super::format::{BlockHandle, PROPERTIES_NAME};
use super::key_index::KeyIndex;
use super::properties::Properties;
use crate::block::{BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::filter::{policy_of, Filter, BLOCK_PREFIX};

#[derive(Debug)]
pub struct Resident {
    pub index: KeyIndex,
    pub filter: Option<Box<dyn Filter>>,
    /// The table has a filter that this version does not know, and is read without it.
    pub unknown_filter: bool,
    pub properties: Properties,
}

/// What the metaindex leads to.
struct Metadata {
    properties: Properties,
    filter: Option<Box<dyn Filter>>,
    unknown_filter: bool,
}

impl Resident {
    /// Reads and verifies everything but the data blocks of a file whose size was checked.
    pub fn read(file: &TableFile, size: u64) -> Result<Self> {
        let reader = Reader { file, data_end: size - FOOTER_SIZE as u64 };
        let footer = reader.footer()?;
        let Metadata { properties, filter, unknown_filter } = reader.metadata(&footer)?;
        Ok(Self { index: reader.index(&footer)?, filter, unknown_filter, properties })
    }

    /// Bytes of keys and values as they were added.
    pub fn raw_bytes(&self) -> u64 {
        self.properties.raw_key_bytes.saturating_add(self.properties.raw_value_bytes)
    }

    /// Bytes of index and filter in memory.
    pub fn size(&self) -> usize {
        self.index.size() + self.filter.as_ref().map_or(0, |filter| filter.size())
    }
}

struct Reader<'a> {
    file: &'a TableFile,
    data_end: u64,
}

impl Reader<'_> {
    fn footer(&self) -> Result<Footer> {
        let mut bytes = [0; FOOTER_SIZE];
        self.file.read_range(&mut bytes, self.data_end)?;
        Footer::decode(&bytes, self.data_end).map_err(|error| error.at(self.file.path(), self.data_end))
    }

    fn metadata(&self, footer: &Footer) -> Result<Metadata> {
        let mut properties = None;
        let mut filter = None;
        let mut unknown_filter = false;
        let origin = footer.metaindex.offset;
        let mut each = || -> Result<()> {
            let mut cursor = BlockCursor::new(self.file.read_meta_block(footer.metaindex)?, KeyOrder::Plain)?;
            cursor.seek_to_first()?;
            while cursor.valid() {
                // An unknown name is a part that a reader can do without.
                let filter_name = cursor.key().strip_prefix(BLOCK_PREFIX);
                let policy = filter_name.and_then(policy_of);
                unknown_filter |= filter_name.is_some() && policy.is_none();
                if cursor.key() == PROPERTIES_NAME || policy.is_some() {
                    let handle = BlockHandle::decode(cursor.value(), self.data_end)?;
                    let block = self.file.read_meta_block(handle)?;
                    let here = |error: Error| error.at(self.file.path(), handle.offset);
                    match policy {
                        Some(policy) => filter = Some(policy.open(block.to_vec()).map_err(here)?),
                        None => properties = Some(Properties::decode(block).map_err(here)?),
                    }
                }
                cursor.next()?;
            }
            Ok(())
        };
        each().map_err(|error| error.at(self.file.path(), origin))?;
        let missing = || Error::corruption("the metaindex names no properties").at(self.file.path(), origin);
        Ok(Metadata { properties: properties.ok_or_else(missing)?, filter, unknown_filter })
    }

    fn index(&self, footer: &Footer) -> Result<KeyIndex> {
        let here = |error: Error| error.at(self.file.path(), footer.index.offset);
        let block = self.file.read_meta_block(footer.index)?;
        let index = KeyIndex::decode(block, self.data_end).map_err(here)?;
        if index.is_empty() {
            return Err(here(Error::corruption("the index is empty")));
        }
        Ok(index)
    }
}
