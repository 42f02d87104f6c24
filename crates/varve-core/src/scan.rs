//! The scan cursor: the visible entries of a view within bounds, in one direction, packed into chunks.
//!
//! ```text
//! chunk: | key 0 | value 0 | key 1 | value 1 | …       no gaps
//! index: | end of key 0 | end of value 0 | end of key 1 | …
//! ```
//!
//! Invariants:
//!  1. Of each user key the newest version that `sequence` can see decides; a tombstone hides the key, and so does a newer range delete
//!     over it. Range deletes count that were there when the cursor was opened.
//!  2. A source whose entries are older than the range delete over the current one goes straight to the end of that range; of a level, this
//!     is asked table by table.
//!  3. What has expired when the cursor is opened is a tombstone to it; what expires later is there to its end.
//!  4. A value that lies in a blob file is read when its entry is packed, and not before it is known to fit.
//!  5. After an error the cursor goes on behind the last key that it has given: it can be called again, for instance with I/O allowed.
//!  6. Entries of a block that are plain and lie before those of all other sources are packed in one go, see `pack_run` of [`Source`];
//!     backward only where no other source is left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::blob::{BlobFiles, ValuePointer};
use crate::block_source::CachedBlocks;
use crate::coverage::Coverage;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::expiry::live_value;
use crate::internal_key::{self, KIND_VALUE_POINTER};
use crate::io::Io;
use crate::merge::MergeCursor;
use crate::packed_chunk::PackedChunk;
use crate::range_delete::RangeDelete;
use crate::stats::Counters;
use crate::view::{Source, View};

#[derive(Clone, Debug, Default)]
pub struct CursorOptions {
    /// Highest sequence number that is visible.
    pub sequence: u64,
    /// Inclusive lower bound of user keys.
    pub lower: Option<Vec<u8>>,
    /// Exclusive upper bound of user keys.
    pub upper: Option<Vec<u8>>,
    /// Descending order.
    pub reverse: bool,
    /// Put keys into the chunks.
    pub keys: bool,
    /// Put values into the chunks.
    pub values: bool,
    /// Keep the blocks that are read in the cache.
    pub fill_cache: bool,
}

/// What a fill has done.
#[derive(Debug, PartialEq, Eq)]
pub enum Fill {
    /// This many entries; 0 at the end.
    Entries(usize),
    /// None, because the first block that is needed is not in memory.
    Pending,
    /// None, because the first entry alone takes this many bytes.
    TooSmall(usize),
}

/// Where the next entry is to be found.
#[derive(Debug)]
enum Place {
    /// From the beginning (reverse: the end) of the range.
    Start,
    /// At or behind the key `sought` (reverse: at or before).
    At,
    /// Before every version of the key `sought`. Reverse only.
    Before,
    /// Behind `last` (reverse: before), the key given last.
    Behind,
    /// The merge cursor (reverse: the saved entry) holds it.
    Here,
    End,
}

pub struct ScanCursor {
    /// Keeps memtables and tables alive.
    _view: Arc<View>,
    options: CursorOptions,
    /// Milliseconds since the epoch at which it was opened.
    now: u64,
    cache_only: Arc<AtomicBool>,
    counters: Arc<Counters>,
    blobs: Arc<BlobFiles>,
    merge: MergeCursor<Source>,
    coverages: Vec<Arc<Coverage>>,
    place: Place,
    /// Where the search begins that `place` speaks of.
    sought: Vec<u8>,
    /// Forward: the user key whose further versions are passed over. Both: where to go on after an error.
    last: Vec<u8>,
    /// Reverse: the entry that is next, which the merge cursor has left already.
    saved_key: Vec<u8>,
    saved_trailer: u64,
    saved_value: Vec<u8>,
    /// Forward: where in the value of the entry that is next the part for its reader begins.
    value_start: usize,
    target: Vec<u8>,
    /// The error that ended the last fill behind entries that were sound. The next fill gives it: to look for it again would be to trust the
    /// order of the keys before it.
    failure: Option<Error>,
}

impl ScanCursor {
    pub fn new(view: Arc<View>, blocks: CachedBlocks, blobs: Arc<BlobFiles>, now: u64, options: CursorOptions) -> Self {
        Self {
            merge: view.cursor(&blocks),
            coverages: view.coverages(options.sequence),
            cache_only: blocks.cache_only,
            counters: blocks.counters,
            blobs,
            _view: view,
            options,
            now,
            place: Place::Start,
            sought: Vec::new(),
            last: Vec::new(),
            saved_key: Vec::new(),
            saved_trailer: 0,
            saved_value: Vec::new(),
            value_start: 0,
            target: Vec::new(),
            failure: None,
        }
    }

    /// The next fill starts at the first entry at or after `key` (reverse: at or before), within the bounds.
    pub fn seek(&mut self, key: &[u8]) {
        self.place = Place::At;
        self.sought.clear();
        self.sought.extend_from_slice(key);
        self.failure = None;
    }

    /// Packs entries from the current position on until chunk, index or `limit` is full. Without `allow_io` it stops before the first
    /// block that is not in memory, that of the operating system included (see [`Io::of`]).
    pub fn fill(&mut self, chunk: &mut [u8], index: &mut [u32], limit: usize, allow_io: bool) -> Result<Fill> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.cache_only.store(!allow_io, Ordering::Relaxed);
        let mut into = PackedChunk::new(chunk, index, limit);
        while !into.is_full() {
            match self.find_and_pack(&mut into, allow_io) {
                Ok(Packed::Entry) => {}
                Ok(Packed::End) => break,
                Ok(Packed::TooSmall(needed)) if into.count == 0 => return Ok(Fill::TooSmall(needed)),
                Ok(Packed::TooSmall(_)) => break,
                Err(Error::WouldBlock) if into.count == 0 => return Ok(Fill::Pending),
                Err(Error::WouldBlock) => break,
                Err(error) if into.count > 0 => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            self.given();
            self.pack_run(&mut into);
        }
        Ok(Fill::Entries(into.count))
    }

    /// Finds the next entry and packs it.
    fn find_and_pack(&mut self, into: &mut PackedChunk<'_>, allow_io: bool) -> Result<Packed> {
        self.find()?;
        if matches!(self.place, Place::End) {
            return Ok(Packed::End);
        }
        self.pack(into, allow_io)
    }

    /// Packs the entry that is next, without the parts that were not asked for.
    fn pack(&self, into: &mut PackedChunk<'_>, allow_io: bool) -> Result<Packed> {
        let (user_key, trailer, value) = self.entry();
        let key = if self.options.keys { user_key } else { &[] };
        if !self.options.values || trailer as u8 != KIND_VALUE_POINTER {
            return Ok(Packed::of(into, key, value));
        }
        let locate = |error| if self.options.reverse { error } else { self.merge.locate(error) };
        let internal_key = [user_key, &trailer.to_le_bytes()].concat();
        let pointer = ValuePointer::decode(value).map_err(locate)?;
        let length = self.blobs.value_length(&pointer, &internal_key).map_err(locate)?;
        if !into.fits(key.len() + length) {
            return Ok(Packed::TooSmall(key.len() + length));
        }
        let value = self.blobs.read(&pointer, &internal_key, Io::of(allow_io, self.options.fill_cache))?;
        Counters::count(&self.counters.blob_reads);
        Ok(Packed::of(into, key, &value))
    }

    /// Packs plain entries behind the one that was packed last, as far as no other source comes in between.
    fn pack_run(&mut self, into: &mut PackedChunk<'_>) {
        let CursorOptions { keys, values, reverse, sequence, lower, upper, .. } = &self.options;
        if !keys || !values || !self.coverages.is_empty() {
            return;
        }
        if *reverse {
            let Some(source) = self.merge.only_source() else { return };
            source.pack_run_back(into, *sequence, lower.as_deref());
        } else {
            let Some((source, bound)) = self.merge.top_and_bound() else { return };
            source.pack_run(into, *sequence, bound.into_iter().chain(upper.as_deref()).min());
        }
        self.last.clear();
        self.last.extend_from_slice(&into.bytes[into.last_key()]);
    }

    /// User key, trailer and value of the entry that is next; a value that was not asked for may be missing.
    fn entry(&self) -> (&[u8], u64, &[u8]) {
        if self.options.reverse {
            return (&self.saved_key, self.saved_trailer, &self.saved_value);
        }
        let (user_key, trailer) = internal_key::split(self.merge.key());
        (user_key, trailer, if self.options.values { &self.merge.value()[self.value_start..] } else { &[] })
    }

    /// The entry that is next has been given.
    fn given(&mut self) {
        self.last.clear();
        if self.options.reverse {
            self.last.extend_from_slice(&self.saved_key);
        } else {
            self.last.extend_from_slice(internal_key::user_key(self.merge.key()));
        }
        self.place = Place::Behind;
    }

    /// Finds the next entry. `merge` follows `last` unless an error came between.
    fn find(&mut self) -> Result<()> {
        if matches!(self.place, Place::Here | Place::End) {
            return Ok(());
        }
        let result = self.approach().and_then(|()| if self.options.reverse { self.find_backward() } else { self.find_forward() });
        match result {
            Ok(found) => self.place = if found { Place::Here } else { Place::End },
            Err(_) => self.retreat(),
        }
        result.map(drop)
    }

    /// Brings the merge cursor to where the search begins.
    fn approach(&mut self) -> Result<()> {
        match self.place {
            Place::Behind | Place::Here | Place::End => Ok(()),
            Place::Start => self.approach_key(None),
            Place::At => {
                let sought = std::mem::take(&mut self.sought);
                let result = self.approach_key(Some(&sought));
                self.sought = sought;
                result
            }
            Place::Before => {
                internal_key::seek_key(&mut self.target, &self.sought, u64::MAX >> 8);
                self.merge.seek_for_prev(&self.target)
            }
        }
    }

    fn approach_key(&mut self, key: Option<&[u8]>) -> Result<()> {
        self.last.clear();
        if self.options.reverse {
            let upper = self.options.upper.as_deref();
            match key.filter(|key| upper.is_none_or(|upper| *key < upper)) {
                // Behind every version of the key.
                Some(key) => {
                    internal_key::last_key(&mut self.target, key);
                    self.merge.seek_for_prev(&self.target)
                }
                None => match upper {
                    // Before every version of the bound.
                    Some(upper) => {
                        internal_key::seek_key(&mut self.target, upper, u64::MAX >> 8);
                        self.merge.seek_for_prev(&self.target)
                    }
                    None => self.merge.seek_to_last(),
                },
            }
        } else {
            let lower = self.options.lower.as_deref();
            match key.into_iter().chain(lower).max() {
                Some(key) => {
                    internal_key::seek_key(&mut self.target, key, u64::MAX >> 8);
                    self.merge.seek(&self.target)
                }
                None => self.merge.seek_to_first(),
            }
        }
    }

    /// After an error the position of the merge cursor is lost: the next search begins at a key.
    fn retreat(&mut self) {
        if !matches!(self.place, Place::Behind) {
            return;
        }
        self.sought.clone_from(&self.last);
        self.place = if self.options.reverse {
            Place::Before
        } else {
            self.sought.push(0);
            Place::At
        };
    }

    /// To the newest visible version of the next user key that is no tombstone.
    fn find_forward(&mut self) -> Result<bool> {
        let mut passing = matches!(self.place, Place::Behind);
        while self.merge.valid() {
            let (user_key, trailer) = internal_key::split(self.merge.key());
            if !passing || user_key != self.last.as_slice() {
                if self.options.upper.as_deref().is_some_and(|upper| user_key >= upper) {
                    return Ok(false);
                }
                passing = false;
                if trailer >> 8 <= self.options.sequence {
                    let over = hiding(&self.coverages, user_key, trailer >> 8);
                    let whole = self.merge.value();
                    let live = live_value(trailer as u8, whole, || self.now).map_err(|error| self.merge.locate(error))?;
                    if let Some(value) = live.filter(|_| over.is_none()) {
                        self.value_start = whole.len() - value.len();
                        return Ok(true);
                    }
                    self.last.clear();
                    self.last.extend_from_slice(user_key);
                    passing = true;
                    // From here on an error goes on behind the tombstone.
                    self.place = Place::Behind;
                    if let Some(over) = over {
                        self.merge.move_top(|source| source.pass(over, false))?;
                        continue;
                    }
                }
            }
            self.merge.next()?;
        }
        Ok(false)
    }

    /// Going back, the versions of a key come oldest first: the last visible one decides.
    fn find_backward(&mut self) -> Result<bool> {
        while self.merge.valid() {
            let user_key = internal_key::user_key(self.merge.key());
            if self.options.lower.as_deref().is_some_and(|lower| user_key < lower) {
                return Ok(false);
            }
            self.saved_key.clear();
            self.saved_key.extend_from_slice(user_key);
            if self.save_newest()? {
                return Ok(true);
            }
            // From here on an error goes on before the key that has no value to give.
            std::mem::swap(&mut self.last, &mut self.saved_key);
            self.place = Place::Behind;
        }
        Ok(false)
    }

    /// Passes all versions of `saved_key`; saves the value of the newest visible one, unless there is none or it is a tombstone.
    fn save_newest(&mut self) -> Result<bool> {
        let mut found = false;
        while self.merge.valid() {
            let (user_key, trailer) = internal_key::split(self.merge.key());
            if user_key != self.saved_key.as_slice() {
                break;
            }
            if trailer >> 8 <= self.options.sequence {
                if let Some(over) = hiding(&self.coverages, user_key, trailer >> 8) {
                    self.merge.move_top(|source| source.pass(over, true))?;
                    continue;
                }
                let live = live_value(trailer as u8, self.merge.value(), || self.now);
                let live = live.map_err(|error| self.merge.locate(error))?;
                found = live.is_some();
                self.saved_trailer = trailer;
                self.saved_value.clear();
                if let Some(value) = live.filter(|_| self.options.values) {
                    self.saved_value.extend_from_slice(value);
                }
            }
            self.merge.prev()?;
        }
        Ok(found)
    }
}

/// What became of an entry.
enum Packed {
    Entry,
    /// There was none.
    End,
    /// It takes so many bytes, and there are not.
    TooSmall(usize),
}

impl Packed {
    #[inline]
    fn of(into: &mut PackedChunk<'_>, key: &[u8], value: &[u8]) -> Self {
        if into.pack(key, value) {
            Self::Entry
        } else {
            Self::TooSmall(key.len() + value.len())
        }
    }
}

/// The range delete that hides an entry from this reader.
#[inline]
fn hiding<'a>(coverages: &'a [Arc<Coverage>], user_key: &[u8], sequence: u64) -> Option<&'a RangeDelete> {
    coverages.iter().filter_map(|coverage| coverage.at(user_key)).find(|one| one.sequence > sequence)
}
