//! Point lookups against one view, at one moment.

use std::ops::Deref;
use std::sync::{Arc, RwLockReadGuard};

use crate::blob::BlobFiles;
use crate::cache::BlockCache;
use crate::error::{Error, Result};
use crate::expiry::Moment;
use crate::io::Io;
use crate::stats::Counters;
use crate::view::{ReadContext, View};

/// What a lookup has found.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<R> {
    Found(R),
    Missing,
    /// The lookup would have to touch the disk.
    Pending,
}

/// A view that stays as it is. A count costs two writes to memory that all threads share, the lock keeps new views out.
pub(crate) enum Pinned<'a> {
    Locked(RwLockReadGuard<'a, Arc<View>>),
    Counted(Arc<View>),
}

impl Deref for Pinned<'_> {
    type Target = View;

    #[inline]
    fn deref(&self) -> &View {
        match self {
            Self::Locked(view) => view,
            Self::Counted(view) => view,
        }
    }
}

/// See [`Engine::reads`](crate::Engine::reads).
pub struct PointReads<'a> {
    pub(crate) view: Pinned<'a>,
    pub(crate) moment: Moment<'a>,
    pub(crate) cache: &'a BlockCache,
    pub(crate) counters: &'a Counters,
    pub(crate) blobs: &'a BlobFiles,
}

impl PointReads<'_> {
    /// Looks up a key; `take` gets the value where it lies.
    pub fn get<R>(&self, key: &[u8], sequence: u64, io: Io, take: impl FnOnce(&[u8]) -> R) -> Result<Lookup<R>> {
        self.look_up(key, sequence, io, true, take)
    }

    /// Is there such a key? Touches no blob file.
    pub fn contains(&self, key: &[u8], sequence: u64, io: Io) -> Result<Lookup<()>> {
        self.look_up(key, sequence, io, false, |_| ())
    }

    fn look_up<R>(&self, key: &[u8], sequence: u64, io: Io, values: bool, take: impl FnOnce(&[u8]) -> R) -> Result<Lookup<R>> {
        let Self { cache, counters, blobs, .. } = *self;
        let context = ReadContext { cache, counters, blobs, io, moment: &self.moment, values };
        match self.view.get(key, sequence, &context, take) {
            Ok(Some(found)) => Ok(Lookup::Found(found)),
            Ok(None) => Ok(Lookup::Missing),
            Err(Error::WouldBlock) => Ok(Lookup::Pending),
            Err(error) => Err(error),
        }
    }
}
