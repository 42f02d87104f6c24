//! A file that a job writes.
//!
//! Invariant: it is written as `<name>.tmp`, synced, renamed into place, and its directory synced, in that order: a name without `.tmp` is a whole
//! file.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const WRITE_BYTES: usize = 256 * 1024;

pub struct NewFile {
    directory: PathBuf,
    path: PathBuf,
    pub temporary: PathBuf,
}

impl NewFile {
    pub fn create(directory: &Path, name: &str) -> Result<(Self, BufWriter<File>)> {
        let file =
            Self { directory: directory.into(), path: directory.join(name), temporary: directory.join(format!("{name}.tmp")) };
        let out = File::create_new(&file.temporary).map_err(Error::io(&file.temporary, "made"))?;
        Ok((file, BufWriter::with_capacity(WRITE_BYTES, out)))
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts what was written in its place, durably.
    pub fn finish(self, out: BufWriter<File>) -> Result<()> {
        let file = out.into_inner().map_err(|error| Error::io(&self.temporary, "written")(error.into_error()))?;
        file.sync_all().map_err(Error::io(&self.temporary, "synced"))?;
        drop(file);
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.temporary, "renamed"))?;
        sync_directory(&self.directory)
    }

    /// Removes a file of this name, finished or not. What cannot be removed is not in the manifest, and goes at the next open.
    pub fn remove(directory: &Path, name: &str) {
        let _ = fs::remove_file(directory.join(format!("{name}.tmp")));
        let _ = fs::remove_file(directory.join(name));
    }
}

/// Makes a rename durable. Windows has no such call, and needs none.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let opened = File::open(directory).and_then(|directory| directory.sync_all());
    opened.map_err(Error::io(directory, "synced"))
}
