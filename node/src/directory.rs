//! The node's directory: where everything that a node owns lies, and who may read it.
//!
//! ```text
//! config.toml            anchor.pem (the network's root certificate)
//! keys/                  tls.pem signing.pem sealing.pem issuing.pem storage.key, each 0600
//! certificates/          tls.pem issuing.pem, chains
//! map/                   plan.cose, plan@VERSION.cose (older ones), sheets/PUBLISHER.cose, packs/NAME@VERSION.DIGEST.cose, calendars/YEAR.DIGEST.cose
//! door.json              invitations of a hub           officers.json     officers' certificates and locked keys
//! node.db                the store                      node.lock         one node at a time
//! cases.db               which messages belong together, made anew from the store where it is missing
//! drafts.sealed          forms that wait to be signed off, encrypted
//! control.sock           the command line speaks here
//! ```
//!
//! *Against:* keys that others can read, half-written files, two nodes on one directory.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::problem::Problem;

/// The directory of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// An existing directory.
    ///
    /// # Errors
    /// `directory_missing`.
    pub fn open(root: &Path) -> Result<Self, Problem> {
        if root.is_dir() {
            Ok(Self { root: root.to_owned() })
        } else {
            Err(Problem::failed("directory_missing").with("path", root.display()))
        }
    }

    /// Makes the directory and those in it, readable by their owner only.
    ///
    /// # Errors
    /// `directory_taken` when a node lives there already, `write_failed`.
    pub fn create(root: &Path) -> Result<Self, Problem> {
        if root.join("config.toml").exists() {
            return Err(Problem::failed("directory_taken").with("path", root.display()));
        }
        for directory in [root, &root.join("keys"), &root.join("certificates"), &root.join("map/sheets")] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| write_failed(directory, &error))?;
            std::fs::set_permissions(directory, Permissions::from_mode(0o700))
                .map_err(|error| write_failed(directory, &error))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.file("control.sock")
    }

    /// Takes the directory for this process until the returned file is dropped.
    ///
    /// # Errors
    /// `already_running` with the process that has it.
    pub fn lock(&self) -> Result<File, Problem> {
        let path = self.file("node.lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| write_failed(&path, &error))?;
        if file.try_lock().is_err() {
            let mut holder = String::new();
            // Who holds it is a courtesy to the reader of the error.
            let _ = file.read_to_string(&mut holder);
            return Err(Problem::failed("already_running")
                .with("path", self.root.display())
                .with("pid", holder.trim()));
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| write_failed(&path, &error))?;
        Ok(file)
    }

    /// Reads a file that only its owner may read.
    ///
    /// # Errors
    /// `key_missing`, or `key_too_open` when others may read or write it, or another user owns it.
    pub fn read_secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let path = self.file(name);
        let missing =
            |error| Problem::failed("key_missing").with("path", path.display()).with("detail", error);
        let mut file = File::open(&path).map_err(missing)?;
        let metadata = file.metadata().map_err(missing)?;
        let directory_owner = std::fs::metadata(&self.root).map(|m| m.uid()).unwrap_or(metadata.uid());
        if metadata.mode() & 0o077 != 0 || metadata.uid() != directory_owner {
            return Err(Problem::failed("key_too_open")
                .with("path", path.display())
                .with("mode", format!("{:o}", metadata.mode() & 0o777)));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.read_to_end(&mut bytes).map_err(missing)?;
        Ok(bytes)
    }

    /// Reads any file.
    ///
    /// # Errors
    /// `read_failed`.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Problem> {
        let path = self.file(name);
        std::fs::read(&path).map_err(|error| {
            Problem::failed("read_failed").with("path", path.display()).with("detail", error)
        })
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// `read_failed`.
    pub fn read_text(&self, name: &str) -> Result<String, Problem> {
        let path = self.file(name);
        std::fs::read_to_string(&path).map_err(|error| {
            Problem::failed("read_failed").with("path", path.display()).with("detail", error)
        })
    }

    /// Writes a file whole: beside it, synced, renamed, the directory synced. Mode 0600.
    ///
    /// # Errors
    /// `write_failed`; the old file is then as it was.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let path = self.file(name);
        let beside = self.file(&format!("{name}.new"));
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        let write = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)?;
            File::open(&parent)?.sync_all()
        };
        write().map_err(|error| write_failed(&path, &error))
    }
}

fn write_failed(path: &Path, error: &std::io::Error) -> Problem {
    Problem::failed("write_failed").with("path", path.display()).with("detail", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_others_may_read_is_refused_until_it_is_closed() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        directory.write("keys/tls.pem", b"secret").unwrap();
        assert_eq!(&*directory.read_secret("keys/tls.pem").unwrap(), b"secret");
        let path = directory.file("keys/tls.pem");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let problem = directory.read_secret("keys/tls.pem").unwrap_err();
        assert_eq!((problem.code.as_str(), problem.details["mode"].as_str()), ("key_too_open", "640"));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(directory.read_secret("keys/tls.pem").is_ok());
    }

    #[test]
    fn a_second_lock_names_the_first_holder() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        let held = directory.lock().unwrap();
        let problem = directory.lock().unwrap_err();
        assert_eq!(problem.code, "already_running");
        assert_eq!(problem.details["pid"], std::process::id().to_string());
        drop(held);
        assert!(directory.lock().is_ok());
    }

    #[test]
    fn a_directory_with_a_node_is_not_made_again() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(place.path()).unwrap();
        directory.write("config.toml", b"").unwrap();
        assert_eq!(Directory::create(place.path()).unwrap_err().code, "directory_taken");
    }
}
