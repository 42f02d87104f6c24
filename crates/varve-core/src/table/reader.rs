//! An open table: its footer, properties, filter and index, verified and in memory; data blocks are read when asked for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::file::read_range;
use super::footer::{Footer, FOOTER_SIZE};
use super::format::{open_data_block, open_meta_block, BlockHandle, BLOCK_TRAILER_SIZE, PROPERTIES_NAME, RANGE_DELETES_NAME};
use super::key_index::KeyIndex;
use super::properties::Properties;
use super::range_deletes::RangeDeletes;
use crate::block::{Block, BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::filter::{policy_of, Filter, BLOCK_PREFIX};
use crate::internal_key;
use crate::range_delete::is_before;

/// A table to open.
#[derive(Clone, Debug)]
pub struct TableSpec {
    pub number: u64,
    pub path: PathBuf,
    /// Size in bytes as the manifest has it.
    pub size: u64,
}

#[derive(Debug)]
pub struct Table {
    pub number: u64,
    pub path: PathBuf,
    pub size: u64,
    pub index: KeyIndex,
    pub filter: Option<Box<dyn Filter>>,
    /// The table has a filter that this version does not know, and is read without it.
    pub unknown_filter: bool,
    pub properties: Properties,
    pub range_deletes: RangeDeletes,
    /// Where the span of entries and range deletes ends; see `range_delete`.
    pub end: Vec<u8>,
    pub file: File,
    /// Set when the registry has let go of the table: its blocks are not worth a place in the cache any more.
    pub dropped: AtomicBool,
}

impl Table {
    /// Opens a table and verifies everything but its data blocks.
    pub fn open(spec: &TableSpec) -> Result<Self> {
        let file = File::open(&spec.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::corruption("the table is listed by the manifest but missing: restore it from a backup, or repair the store with Database.repair").at(&spec.path, 0)
            }
            _ => Error::io(&spec.path, "opened")(error),
        })?;
        let size = file.metadata().map_err(Error::io(&spec.path, "examined"))?.len();
        if size != spec.size || size < FOOTER_SIZE as u64 {
            let message = format!("the table has {size} bytes; the manifest says {}. Restore it from a backup", spec.size);
            return Err(Error::corruption(message).at(&spec.path, size));
        }
        let parts = Parts { file: &file, path: &spec.path, data_end: size - FOOTER_SIZE as u64 };
        let footer = parts.footer()?;
        let Metadata { properties, filter, unknown_filter, range_deletes } = parts.metadata(&footer)?;
        let index = parts.index(&footer, !range_deletes.is_empty())?;
        Ok(Self {
            number: spec.number,
            path: spec.path.clone(),
            size,
            index,
            filter,
            unknown_filter,
            end: internal_key::end_of(&properties.largest_key),
            properties,
            range_deletes,
            file,
            dropped: AtomicBool::new(false),
        })
    }

    pub fn smallest_user_key(&self) -> &[u8] {
        internal_key::user_key(&self.properties.smallest_key)
    }

    /// Does the key lie within the span of the table?
    #[inline]
    pub fn covers(&self, user_key: &[u8]) -> bool {
        self.smallest_user_key() <= user_key && is_before(user_key, &self.end)
    }

    /// Where the first data block begins that may hold user keys at or after `key`; the end of the data blocks when none does.
    pub fn approximate_offset(&self, key: &[u8]) -> u64 {
        let mut target = Vec::with_capacity(key.len() + internal_key::TRAILER_SIZE);
        internal_key::seek_key(&mut target, key, u64::MAX >> 8);
        let block = self.index.find(&target);
        match block.checked_sub(1) {
            _ if block < self.index.len() => self.index.handle(block).offset,
            Some(last) => self.index.handle(last).end(),
            None => 0,
        }
    }

    /// Bytes of index, filter and range deletes in memory.
    pub fn memory(&self) -> usize {
        self.index.size() + self.filter.as_ref().map_or(0, |filter| filter.size()) + self.range_deletes.size()
    }

    /// Bytes of keys and values as they were added.
    pub fn raw_bytes(&self) -> u64 {
        self.properties.raw_key_bytes.saturating_add(self.properties.raw_value_bytes)
    }

    /// Reads, verifies and decompresses a data block.
    pub fn read_block(&self, handle: BlockHandle) -> Result<Block> {
        let sealed = read_sealed(&self.file, &self.path, handle)?;
        open_data_block(&sealed, &self.path, handle.offset)
    }
}

/// Reads a block with its trailer.
fn read_sealed(file: &File, path: &Path, handle: BlockHandle) -> Result<Vec<u8>> {
    let mut sealed = vec![0; handle.size as usize + BLOCK_TRAILER_SIZE];
    read_range(file, path, &mut sealed, handle.offset)?;
    Ok(sealed)
}

fn read_meta_block(file: &File, path: &Path, handle: BlockHandle) -> Result<Block> {
    let sealed = read_sealed(file, path, handle)?;
    Ok(Block::from(open_meta_block(&sealed, path, handle.offset)?))
}

/// What the metaindex leads to.
struct Metadata {
    properties: Properties,
    filter: Option<Box<dyn Filter>>,
    unknown_filter: bool,
    range_deletes: RangeDeletes,
}

/// A table that is being opened.
struct Parts<'a> {
    file: &'a File,
    path: &'a Path,
    data_end: u64,
}

impl Parts<'_> {
    fn footer(&self) -> Result<Footer> {
        let mut bytes = [0; FOOTER_SIZE];
        read_range(self.file, self.path, &mut bytes, self.data_end)?;
        Footer::decode(&bytes, self.data_end).map_err(|error| error.at(self.path, self.data_end))
    }

    fn metadata(&self, footer: &Footer) -> Result<Metadata> {
        let mut properties = None;
        let mut filter = None;
        let mut unknown_filter = false;
        let mut range_deletes = None;
        let origin = footer.metaindex.offset;
        let mut each = || -> Result<()> {
            let mut cursor = BlockCursor::new(read_meta_block(self.file, self.path, footer.metaindex)?, KeyOrder::Plain)?;
            cursor.seek_to_first()?;
            while cursor.valid() {
                let name = cursor.key();
                // An unknown name is a part that a reader can do without.
                let filter_name = name.strip_prefix(BLOCK_PREFIX);
                let policy = filter_name.and_then(policy_of);
                unknown_filter |= filter_name.is_some() && policy.is_none();
                if policy.is_some() || name == PROPERTIES_NAME || name == RANGE_DELETES_NAME {
                    let handle = BlockHandle::decode(cursor.value(), self.data_end)?;
                    let block = read_meta_block(self.file, self.path, handle)?;
                    let here = |error: Error| error.at(self.path, handle.offset);
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
        each().map_err(|error| error.at(self.path, origin))?;
        let refuse = |message: &str| Error::corruption(message).at(self.path, origin);
        let properties = properties.ok_or_else(|| refuse("the metaindex names no properties"))?;
        if range_deletes.is_some() != footer.range_deletes {
            return Err(refuse("flags and metaindex of a table do not agree on whether it has range deletes"));
        }
        Ok(Metadata { properties, filter, unknown_filter, range_deletes: range_deletes.unwrap_or_default() })
    }

    fn index(&self, footer: &Footer, may_be_empty: bool) -> Result<KeyIndex> {
        let here = |error: Error| error.at(self.path, footer.index.offset);
        let block = read_meta_block(self.file, self.path, footer.index)?;
        let index = KeyIndex::decode(block, self.data_end).map_err(here)?;
        if index.is_empty() && !may_be_empty {
            return Err(here(Error::corruption("the index is empty")));
        }
        Ok(index)
    }
}
