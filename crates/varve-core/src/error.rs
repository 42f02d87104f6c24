//! The errors of the kernels. The binding turns them into the typed errors of the public API.

use std::fmt;
use std::path::{Path, PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub enum Error {
    /// The operating system refused a file operation.
    Io { path: PathBuf, operation: &'static str, source: std::io::Error },
    /// A file does not hold what was written to it.
    Corruption { path: Option<PathBuf>, offset: Option<u64>, message: String },
    /// The job was asked to stop.
    Cancelled,
    /// Something that was set aside does not suffice.
    Resource(String),
    /// The read may not touch the disk but would have to. Never leaves the engine.
    WouldBlock,
}

impl Error {
    pub fn io(path: &Path, operation: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, operation, source }
    }

    /// Corruption that is not tied to a file, or not yet: see [`Error::at`].
    pub fn corruption(message: impl Into<String>) -> Error {
        Error::Corruption { path: None, offset: None, message: message.into() }
    }

    /// Adds file and offset to a corruption that has none.
    pub fn at(self, file: &Path, position: u64) -> Error {
        match self {
            Error::Corruption { path: None, offset, message } => {
                Error::Corruption { path: Some(file.to_path_buf()), offset: offset.or(Some(position)), message }
            }
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, operation, source } => write!(f, "{} could not be {operation}: {source}", path.display()),
            Error::Corruption { path: Some(path), offset: Some(offset), message } => {
                write!(f, "{} is damaged at byte {offset}: {message}", path.display())
            }
            Error::Corruption { message, .. } => f.write_str(message),
            Error::Cancelled => f.write_str("the job was cancelled"),
            Error::Resource(message) => f.write_str(message),
            Error::WouldBlock => f.write_str("the read would have to touch the disk"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
