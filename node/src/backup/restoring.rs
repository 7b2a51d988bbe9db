//! The restore: all of the backup is checked before anything is written; the configuration, without which no node starts,
//! is written last.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Component, Path},
};

use super::failed;
use crate::{
    clock::Clock,
    directory::Directory,
    loss::{LossBook, Source},
    problem::Problem,
    store::sqlite::SoundCopy,
};

/// A node that was restored and has not started yet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// Its directory.
    pub dir: String,
    /// When the backup was made.
    pub made_at_ms: i64,
    /// Leaves of its log: what the node signed after them is not in it.
    pub leaves: u64,
}

const CONFIG: &str = "config.toml";

/// Restores a backup into a directory that is new or empty.
///
/// # Errors
/// `restore_not_empty`, `restore_invalid` when the backup does not hold what it must, `write_failed`, or what the database
/// says. No node starts on a directory in which a restore ended half-way.
pub async fn restore(copy: &Path, dir: &Path) -> Result<Restored, Problem> {
    let is_taken = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken || dir.is_file() {
        return Err(Problem::failed("restore_not_empty").with("path", dir.display()));
    }
    let backup = SoundCopy::open(copy).await?;
    let files = backup.files();
    let config = files.iter().find(|(name, _)| name == CONFIG);
    let (_, config) = config.ok_or_else(|| invalid(copy, CONFIG))?;
    if let Some((name, _)) = files.iter().find(|(name, _)| !is_below(name)) {
        return Err(invalid(copy, name));
    }
    let directory = Directory::create(dir)?;
    let database = directory.file("node.db");
    fs::copy(copy, &database).map_err(|error| failed(&database, &error))?;
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600))
        .map_err(|error| failed(&database, &error))?;
    backup.into_database(&database).await?;
    File::open(&database).and_then(|file| file.sync_all()).map_err(|error| failed(&database, &error))?;
    for (name, bytes) in files.iter().filter(|(name, _)| name != CONFIG) {
        make_place(&directory, name)?;
        directory.write(name, bytes)?;
    }
    let facts = backup.facts();
    let (made_at_ms, leaves) = (facts.made_at.as_ms(), facts.leaves);
    let source = Source { made_at_ms, restored_at_ms: Clock::wall().as_ms(), leaves };
    LossBook::new(&directory).begin(source)?;
    directory.write(CONFIG, config)?;
    Ok(Restored { dir: dir.display().to_string(), made_at_ms, leaves })
}

/// Nothing is written outside the directory, whatever a backup names.
fn is_below(name: &str) -> bool {
    let mut parts = Path::new(name).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn make_place(directory: &Directory, name: &str) -> Result<(), Problem> {
    let path = directory.file(name);
    let place = path.parent().unwrap_or(directory.root());
    DirBuilder::new().recursive(true).mode(0o700).create(place).map_err(|error| failed(place, &error))
}

fn invalid(copy: &Path, what: &str) -> Problem {
    Problem::failed("restore_invalid").with("path", copy.display()).with("detail", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_in_a_backup_leads_out_of_the_directory() {
        assert!(is_below("keys/tls.pem") && is_below("config.toml"));
        for name in ["", "/etc/passwd", "../node", "keys/../../node", "./config.toml"] {
            assert!(!is_below(name), "{name}");
        }
    }
}
