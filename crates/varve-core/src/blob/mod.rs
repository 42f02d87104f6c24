//! Blob files: values outside of tables, see `docs/format.md`.

pub mod file;
pub mod files;
pub mod format;
pub mod pointer;
pub mod writer;

pub use file::{BlobFile, BlobSpec, SeparatedValue};
pub use files::BlobFiles;
pub use pointer::ValuePointer;
pub use writer::BlobWriter;
