//! Blocks: sorted entries with prefix-compressed keys and restart points.

pub mod builder;
pub mod cursor;
mod passed;

pub use builder::BlockBuilder;
pub use cursor::{BlockCursor, KeyOrder};

/// The checked contents of a block, without its trailer.
pub type Block = std::sync::Arc<[u8]>;
