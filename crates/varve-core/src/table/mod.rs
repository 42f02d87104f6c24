//! Tables: sorted files of blocks.
//!
//! ```text
//! | data block … | filter block | properties block | range deletes | metaindex block | index block | footer (48) |
//! ```

pub mod cursor;
pub mod file;
pub mod footer;
pub mod format;
pub mod key_index;
pub mod properties;
pub mod range_deletes;
pub mod reader;
pub mod resident;
pub mod writer;

pub use cursor::TableCursor;
pub use properties::TableExpiry;
pub use reader::{Table, TableSpan, TableSpec};
pub use resident::Resident;
pub use writer::{DataBytes, TableOptions, TableWriter, Written};
