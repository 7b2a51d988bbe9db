//! The backup (备份): everything that a restore needs in one file, made while the node runs or after it has stopped; and
//! the restore into a new directory.
//!
//! The file holds the node's private keys and is as secret as its directory: it is for its owner only from its first byte
//! on. A restored node opens a new epoch as at every start; what it lost is named by its parent ([`crate::loss`]).
//! *Against:* a copy that is torn, changed, of a newer program or half restored; a restore over a living node.

mod restoring;

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

pub use self::restoring::{Restored, restore};
use crate::{
    clock::Clock,
    directory::Directory,
    problem::Problem,
    store::sqlite::{complete_copy, copy_database},
};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Made {
    /// Where.
    pub path: String,
    /// When it was begun.
    pub made_at_ms: i64,
    /// Its size.
    pub size_bytes: u64,
    /// Leaves of the log.
    pub leaves: u64,
    /// Files of the directory in it.
    pub files: usize,
}

/// Directories of a node whose files a restore needs, the directory itself first.
const PLACES: [&str; 4] = ["", "keys", "certificates", "map"];
/// What files in the directory itself end in; the database, the lock, the socket and the reserve are none of them.
const ENDINGS: [&str; 5] = ["toml", "pem", "json", "begun", "key"];

/// Makes a backup of the node of a directory. It appears under its name only when it is whole and on the disk.
///
/// # Errors
/// `backup_exists`, `write_failed`, or what the database says; a file of that name is then as it was.
pub async fn make(dir: &Path, copy: &Path) -> Result<Made, Problem> {
    let directory = Directory::open(dir)?;
    if copy.exists() {
        return Err(Problem::failed("backup_exists").with("path", copy.display()));
    }
    let beside = beside(copy);
    let made_at = Clock::wall();
    fresh(&beside).map_err(|error| failed(&beside, &error))?;
    let whole = async {
        copy_database(&directory.file("node.db"), &beside).await?;
        // After the database: what it cites is then among them.
        let files = files(&directory)?;
        let facts = complete_copy(&beside, made_at, &files).await?;
        let size_bytes = publish(&beside, copy).map_err(|error| failed(copy, &error))?;
        Ok(Made {
            path: copy.display().to_string(),
            made_at_ms: made_at.as_ms(),
            size_bytes,
            leaves: facts.leaves,
            files: files.len(),
        })
    };
    let made = whole.await;
    if made.is_err() {
        // Half a backup is worth nothing and holds keys.
        let _ = fs::remove_file(&beside);
    }
    made
}

fn beside(copy: &Path) -> PathBuf {
    let mut name = copy.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// An empty file that only its owner may read.
fn fresh(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// On the disk first, then under its name.
fn publish(beside: &Path, copy: &Path) -> std::io::Result<u64> {
    let file = File::open(beside)?;
    file.sync_all()?;
    fs::rename(beside, copy)?;
    let parent = copy.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file.metadata()?.len())
}

/// The files of a node by their names below its directory.
fn files(directory: &Directory) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let mut files = Vec::new();
    for place in PLACES {
        gather(directory, Path::new(place), !place.is_empty(), &mut files)?;
    }
    Ok(files)
}

fn gather(
    directory: &Directory,
    place: &Path,
    is_deep: bool,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Problem> {
    let root = directory.root().join(place);
    let entries = match fs::read_dir(&root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&root, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&root, &error))?;
        let (below, path) = (place.join(entry.file_name()), entry.path());
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        let is_ours = is_deep || (ENDINGS.contains(&ending) && entry.file_name() != crate::loss::FILE);
        if kind.is_dir() && is_deep {
            gather(directory, &below, true, files)?;
        } else if kind.is_file() && is_ours && ending != "new" {
            let name = below.to_str().ok_or_else(|| unreadable(&path, &"its name is not UTF-8"))?;
            files.push((name.to_owned(), directory.read(name)?));
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Problem {
    Problem::failed("write_failed").with("path", path.display()).with("detail", error)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::failed("read_failed").with("path", path.display()).with("detail", error)
}
