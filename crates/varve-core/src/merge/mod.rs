//! The merge heap: many sorted sources become one.

pub mod cursor;
pub mod heap;

pub use cursor::MergeCursor;
