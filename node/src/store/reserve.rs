//! Space for the worst day: a file that is given back when the disk is full, because a full disk refuses even the
//! pruning that would empty it.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// What is kept back: a thousand pages of the database, enough for a round of pruning.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// What must be free besides, or the reserve would be the next to fill the disk.
const SPARE_BYTES: u64 = 4 * RESERVE_BYTES;
/// The file's name in the node's directory.
const NAME: &str = "reserve";

/// The reserve of one node.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// The reserve in this directory, which [`Self::restore`] fills.
    pub fn new(directory: &Path) -> Self {
        Self { path: directory.join(NAME) }
    }

    /// Whether the whole reserve is there.
    pub fn is_whole(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == RESERVE_BYTES)
    }

    /// Gives the space back to the disk. Nothing happens when there is none.
    pub fn release(&self) {
        match self.remove() {
            Ok(()) => tracing::warn!("the disk is full: the reserve was given up so that space can be made"),
            Err(error) => tracing::error!(%error, "the disk is full and the reserve cannot be given up"),
        }
    }

    /// Takes the space again once the disk has it and four times as much besides. Gives whether the reserve is whole.
    pub fn restore(&self) -> bool {
        self.is_whole()
            || self.take(SPARE_BYTES).unwrap_or_else(|error| {
                tracing::warn!(%error, "the reserve for a full disk cannot be made");
                false
            })
    }

    fn take(&self, spare_bytes: u64) -> io::Result<bool> {
        self.remove()?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        if free_space(directory)? < RESERVE_BYTES.saturating_add(spare_bytes) {
            return Ok(false);
        }
        match self.fill() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => self.remove().map(|()| false),
            Err(error) => Err(error),
        }
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes the blocks, so that they are taken and not only promised.
    fn fill(&self) -> io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        let block = vec![0x5a; 64 * 1024];
        for _ in 0..RESERVE_BYTES / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}

/// The bytes that an ordinary user may still write on the volume of `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let volume = rustix::fs::statvfs(path)?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_takes_real_blocks_and_gives_them_back() {
        use std::os::unix::fs::MetadataExt as _;
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(directory.path());
        assert!(!reserve.is_whole());
        assert!(reserve.restore());
        assert!(reserve.is_whole());
        let metadata = fs::metadata(directory.path().join(NAME)).unwrap();
        assert!(metadata.blocks() * 512 >= RESERVE_BYTES);
        reserve.release();
        assert!(!reserve.is_whole());
        reserve.release();
        assert!(reserve.restore());
    }

    #[test]
    fn the_reserve_waits_until_the_disk_has_space() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(directory.path());
        assert!(!reserve.take(u64::MAX).unwrap());
        assert!(!reserve.is_whole());
    }

    #[test]
    fn the_free_space_of_what_is_not_there_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(free_space(directory.path()).unwrap() > 0);
        assert!(free_space(&directory.path().join("nothing")).is_err());
    }
}
