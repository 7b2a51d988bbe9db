//! A new directory: furnished beside its place first, then moved in. If anything fails on the way, nothing stays.
//!
//! *Against:* half a node that looks like a whole one, keys left behind by an attempt that failed.

use std::{
    fs::{self, Permissions},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use certs::{certificate::certificates_to_pem, identity::RoomKeys, peer::Publisher, seal::StorageKey};
use rustls::pki_types::CertificateDer;

use crate::{config::Config, directory::Directory, identity::Identity, problem::Problem, trust::sheet_file};

/// Everything that a node's directory holds before its first start.
pub(crate) struct Furniture<'a> {
    pub(crate) keys: &'a RoomKeys,
    pub(crate) tls_chain: &'a [CertificateDer<'static>],
    pub(crate) issuing_chain: Option<&'a [CertificateDer<'static>]>,
    pub(crate) root: &'a CertificateDer<'static>,
    pub(crate) plan: &'a [u8],
    pub(crate) sheets: Vec<(Publisher, &'a [u8])>,
    pub(crate) config: Config,
}

/// Writes a node's directory; its configuration, which makes it one, comes last.
pub(crate) fn furnish(root: &Path, furniture: &Furniture<'_>) -> Result<(), Problem> {
    let directory = Directory::create(root)?;
    let (tls, issuing) = (furniture.tls_chain, furniture.issuing_chain);
    Identity::store(&directory, furniture.keys, &StorageKey::generate(), tls, issuing)?;
    directory.write("anchor.pem", certificates_to_pem([furniture.root]).as_bytes())?;
    directory.write("map/plan.cose", furniture.plan)?;
    for (publisher, sheet) in &furniture.sheets {
        directory.write(&sheet_file(*publisher), sheet)?;
    }
    directory.write("config.toml", furniture.config.to_text().as_bytes())
}

/// The address to listen on for a room that is dialled at this one: the same where it is a number, else its port on
/// every interface.
pub(crate) fn listen_at(address: &str) -> Option<SocketAddr> {
    let port = || address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    address.parse().ok().or_else(|| port().map(|port| SocketAddr::from(([0, 0, 0, 0], port))))
}

/// A place inside a directory where new things are made; they leave it all together or not at all.
pub(crate) struct Nursery {
    target: PathBuf,
    within: PathBuf,
    target_is_new: bool,
}

impl Nursery {
    /// Opens a nursery in a directory, which is made if it is not there.
    pub(crate) fn open(target: &Path) -> Result<Self, Problem> {
        let target_is_new = !target.exists();
        let within = target.join(NURSERY);
        let nursery = Self { target: target.to_owned(), within, target_is_new };
        // What is left of an attempt that was killed.
        let _ = fs::remove_dir_all(&nursery.within);
        fs::create_dir_all(&nursery.within).map_err(|error| write_failed(&nursery.within, &error))?;
        fs::set_permissions(&nursery.within, Permissions::from_mode(0o700))
            .map_err(|error| write_failed(&nursery.within, &error))?;
        Ok(nursery)
    }

    /// Opens one in a directory that must be empty.
    ///
    /// # Errors
    /// `directory_taken`, `directory_not_empty`, `write_failed`.
    pub(crate) fn open_empty(target: &Path) -> Result<Self, Problem> {
        if target.join("config.toml").exists() {
            return Err(Problem::failed("directory_taken").with("path", target.display()));
        }
        let entries = fs::read_dir(target).into_iter().flatten().flatten();
        if entries.into_iter().any(|entry| entry.file_name() != NURSERY) {
            return Err(Problem::failed("directory_not_empty").with("path", target.display()));
        }
        Self::open(target)
    }

    /// Where something is made.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.within.join(name)
    }

    /// Moves everything in `from`, a directory in the nursery, into the target; `last` comes last.
    pub(crate) fn settle(self, from: &Path, last: &str) -> Result<(), Problem> {
        let failed = |error| write_failed(&self.target, &error);
        fs::set_permissions(&self.target, fs::metadata(from).map_err(failed)?.permissions())
            .map_err(failed)?;
        self.settle_beside(from, last)
    }

    /// The same, into a directory that keeps its permissions.
    pub(crate) fn settle_beside(mut self, from: &Path, last: &str) -> Result<(), Problem> {
        let failed = |error| write_failed(&self.target, &error);
        let entries = fs::read_dir(from).map_err(failed)?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort_by_key(|name| name == last);
        for name in names {
            fs::rename(from.join(&name), self.target.join(&name)).map_err(failed)?;
        }
        fs::File::open(&self.target).and_then(|target| target.sync_all()).map_err(failed)?;
        self.target_is_new = false;
        Ok(())
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next attempt.
        let _ = fs::remove_dir_all(&self.within);
        if self.target_is_new {
            let _ = fs::remove_dir(&self.target);
        }
    }
}

fn write_failed(path: &Path, error: &std::io::Error) -> Problem {
    Problem::failed("write_failed").with("path", path.display()).with("detail", error)
}

const NURSERY: &str = ".new";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_leaves_nothing_behind_and_what_was_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("node");
        let nursery = Nursery::open_empty(&target).unwrap();
        fs::write(nursery.path("key"), "secret").unwrap();
        drop(nursery);
        assert!(!target.exists());
        fs::create_dir(&target).unwrap();
        drop(Nursery::open_empty(&target).unwrap());
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn everything_moves_in_and_a_full_directory_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("node");
        let nursery = Nursery::open_empty(&target).unwrap();
        let made = nursery.path("made");
        fs::create_dir_all(made.join("keys")).unwrap();
        fs::write(made.join("keys/one"), "1").unwrap();
        fs::write(made.join("config.toml"), "").unwrap();
        nursery.settle(&made, "config.toml").unwrap();
        assert_eq!(fs::read_to_string(target.join("keys/one")).unwrap(), "1");
        assert!(!target.join(NURSERY).exists());
        assert_eq!(Nursery::open_empty(&target).err().unwrap().code, "directory_taken");
        fs::remove_file(target.join("config.toml")).unwrap();
        assert_eq!(Nursery::open_empty(&target).err().unwrap().code, "directory_not_empty");
    }

    #[test]
    fn a_room_listens_where_it_is_dialled() {
        assert_eq!(listen_at("10.1.2.3:7100"), Some("10.1.2.3:7100".parse().unwrap()));
        assert_eq!(listen_at("duty.henan.gov.cn:7100"), Some("0.0.0.0:7100".parse().unwrap()));
        assert_eq!(listen_at("nowhere"), None);
    }
}
