//! The kernels of Varve: what decides the speed of the store, and nothing else.
//!
//! TypeScript above decides when and what: it owns the write-ahead log, the manifest, and the scheduling of flushes and compactions.
//! Here are the loops over entries. Each file has a twin in `ts/kernel/js` that writes the same bytes; `docs/format.md` draws them.
//!
//! The modules follow the data: [`batch`] → [`memtable`] → [`block`] → [`compression`] → [`table`] → [`level_cursor`] and [`merge`] → [`view`] →
//! [`point_reads`] and [`scan`], [`job`]; [`engine`] holds the state of one store.
#![forbid(unsafe_code)]

pub mod batch;
pub mod blob;
pub mod block;
pub mod block_source;
pub mod cache;
pub mod compression;
pub mod coverage;
pub mod crc32;
pub mod cursor;
pub mod engine;
pub mod error;
pub mod expiry;
pub mod file_cache;
pub mod filter;
pub mod internal_key;
pub mod io;
pub mod job;
pub mod level_cursor;
pub mod memtable;
pub mod merge;
pub mod packed_chunk;
pub mod point_reads;
pub mod primitives;
pub mod range_delete;
pub mod read_ahead;
pub mod registry;
pub mod scan;
pub mod stats;
pub mod table;
pub mod varint;
pub mod view;
pub mod xxhash64;

pub use blob::BlobSpec;
pub use compression::Compression;
pub use engine::{Engine, EngineOptions};
pub use error::{Error, Result};
pub use io::Io;
pub use job::{BlobOutput, Bounds, CompactionJob, FlushJob, JobControl, JobOutput, TableSummary};
pub use point_reads::{Lookup, PointReads};
pub use scan::{CursorOptions, Fill, ScanCursor};
pub use stats::{LevelFilters, Stats};
pub use table::{TableOptions, TableSpan, TableSpec};
