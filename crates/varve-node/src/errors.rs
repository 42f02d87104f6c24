//! Errors on their way to JavaScript: plain objects `{ kind, message, path, offset }`, which TypeScript makes into typed errors.

use std::fmt;

use varve_core::Error as CoreError;

/// What goes wrong in the binding.
#[derive(Debug)]
pub enum Error {
    Core(CoreError),
    /// What is called has been closed before.
    Closed(&'static str),
    /// The caller is wrong: an argument that makes no sense.
    Usage(&'static str),
    /// A call of Node-API failed with this status.
    NodeApi(i32),
    Panic(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        Error::Core(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Core(error) => error.fmt(f),
            Error::Closed(message) | Error::Usage(message) => f.write_str(message),
            Error::NodeApi(status) => write!(f, "a call of Node-API failed with status {status}"),
            Error::Panic(message) => write!(f, "the native kernel panicked: {message}"),
        }
    }
}

impl Error {
    /// From what `catch_unwind` caught.
    pub fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Error::Panic(text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".to_owned()))
    }

    /// The name by which TypeScript knows the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Core(CoreError::Io { .. }) => "io",
            Error::Core(CoreError::Corruption { .. }) => "corruption",
            Error::Core(CoreError::Cancelled) => "cancelled",
            Error::Core(CoreError::Resource(_)) => "resource",
            Error::Closed(_) => "closed",
            Error::Core(CoreError::WouldBlock) | Error::Usage(_) | Error::NodeApi(_) | Error::Panic(_) => "internal",
        }
    }

    /// File and offset, where a file is to blame.
    pub fn place(&self) -> (Option<String>, Option<u64>) {
        match self {
            Error::Core(CoreError::Io { path, .. }) => (Some(path.display().to_string()), None),
            Error::Core(CoreError::Corruption { path, offset, .. }) => {
                (path.as_ref().map(|path| path.display().to_string()), *offset)
            }
            _ => (None, None),
        }
    }
}
