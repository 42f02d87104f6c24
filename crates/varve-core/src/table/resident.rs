//! The parts of a table that stay in memory from its first use on: properties, filter, range deletes and index, verified. Data blocks are read when asked for.

use super::file::TableFile;
use super::footer::{Footer, FOOTER_SIZE};
use super::format::{BlockHandle, PROPERTIES_NAME, RANGE_DELETES_NAME};
use super::key_index::KeyIndex;
use super::properties::Properties;
use super::range_deletes::RangeDeletes;
use crate::block::{BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::filter::{policy_of, Filter, BLOCK_PREFIX};
use crate::io::Io;

#[derive(Debug)]
pub struct Resident {
    pub index: KeyIndex,
    pub filter: Option<Box<dyn Filter>>,
    /// The table has a filter that this version does not know, and is read without it.
    pub unknown_filter: bool,
    pub properties: Properties,
    pub range_deletes: RangeDeletes,
}

/// What the metaindex leads to.
struct Metadata {
    properties: Properties,
    filter: Option<Box<dyn Filter>>,
    unknown_filter: bool,
    range_deletes: RangeDeletes,
}

impl Resident {
    /// Reads and verifies everything but the data blocks of a file whose size was checked.
    pub fn read(file: &TableFile, size: u64) -> Result<Self> {
        let reader = Reader { file, data_end: size - FOOTER_SIZE as u64 };
        let footer = reader.footer()?;
        let Metadata { properties, filter, unknown_filter, range_deletes } = reader.metadata(&footer)?;
        let index = reader.index(&footer, !range_deletes.is_empty())?;
        Ok(Self { index, filter, unknown_filter, properties, range_deletes })
    }

    /// Bytes of keys and values as they were added.
    pub fn raw_bytes(&self) -> u64 {
        self.properties.raw_key_bytes.saturating_add(self.properties.raw_value_bytes)
    }

    /// Bytes of index, filter and range deletes in memory.
    pub fn size(&self) -> usize {
        self.index.size() + self.filter.as_ref().map_or(0, |filter| filter.size()) + self.range_deletes.size()
    }
}

struct Reader<'a> {
    file: &'a TableFile,
    data_end: u64,
}

impl Reader<'_> {
    fn footer(&self) -> Result<Footer> {
        let mut bytes = [0; FOOTER_SIZE];
        self.file.read_range(&mut bytes, self.data_end, Io::Pass)?;
        Footer::decode(&bytes, self.data_end).map_err(|error| error.at(self.file.path(), self.data_end))
    }

    fn metadata(&self, footer: &Footer) -> Result<Metadata> {
        let mut properties = None;
        let mut filter = None;
        let mut unknown_filter = false;
        let mut range_deletes = None;
        let origin = footer.metaindex.offset;
        let mut each = || -> Result<()> {
            let mut cursor = BlockCursor::new(self.file.read_meta_block(footer.metaindex)?, KeyOrder::Plain)?;
            cursor.seek_to_first()?;
            while cursor.valid() {
                let name = cursor.key();
                // An unknown name is a part that a reader can do without.
                let filter_name = name.strip_prefix(BLOCK_PREFIX);
                let policy = filter_name.and_then(policy_of);
                unknown_filter |= filter_name.is_some() && policy.is_none();
                if policy.is_some() || name == PROPERTIES_NAME || name == RANGE_DELETES_NAME {
                    let handle = BlockHandle::decode(cursor.value(), self.data_end)?;
                    let block = self.file.read_meta_block(handle)?;
                    let here = |error: Error| error.at(self.file.path(), handle.offset);
                    match policy {
                        Some(policy) => filter = Some(policy.open(block.to_vec()).map_err(here)?),
                        None if name == PROPERTIES_NAME => properties = Some(Properties::decode(block).map_err(here)?),
                        None => range_deletes = Some(RangeDeletes::decode(block).map_err(here)?),
                    }
                }
                cursor.next()?;
            }
            Ok(())
        };
        each().map_err(|error| error.at(self.file.path(), origin))?;
        let refuse = |message: &str| Error::corruption(message).at(self.file.path(), origin);
        let properties = properties.ok_or_else(|| refuse("the metaindex names no properties"))?;
        if range_deletes.is_some() != footer.range_deletes {
            return Err(refuse("flags and metaindex of a table do not agree on whether it has range deletes"));
        }
        Ok(Metadata { properties, filter, unknown_filter, range_deletes: range_deletes.unwrap_or_default() })
    }

    fn index(&self, footer: &Footer, may_be_empty: bool) -> Result<KeyIndex> {
        let here = |error: Error| error.at(self.file.path(), footer.index.offset);
        let block = self.file.read_meta_block(footer.index)?;
        let index = KeyIndex::decode(block, self.data_end).map_err(here)?;
        if index.is_empty() && !may_be_empty {
            return Err(here(Error::corruption("the index is empty")));
        }
        Ok(index)
    }
}
