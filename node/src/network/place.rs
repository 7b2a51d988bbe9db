//! Where a throw-away network lies: a directory of its own, which is gone afterwards unless it is to be kept. What
//! was there before is never touched.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

use crate::problem::Problem;

/// A directory that removes itself when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    fate: Fate,
}

/// What becomes of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    IsRemoved,
    /// It was there before, empty.
    IsEmptied,
}

impl Place {
    /// Takes `dir`, which must be empty or absent; without one a new directory for temporary files.
    ///
    /// # Errors
    /// `demo_directory_taken`, `write_failed`.
    pub(crate) fn take(dir: Option<&Path>, keep: bool) -> Result<Self, Problem> {
        let path = match dir {
            Some(dir) => std::path::absolute(dir).map_err(|error| failed(dir, &error))?,
            None => temporary()?,
        };
        let existed = path.exists();
        if existed && !is_empty(&path).map_err(|error| failed(&path, &error))? {
            return Err(Problem::usage("demo_directory_taken").with("path", path.display()));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| failed(&path, &error))?;
        let fate = match (keep, existed) {
            (true, _) => Fate::Stays,
            (false, true) => Fate::IsEmptied,
            (false, false) => Fate::IsRemoved,
        };
        Ok(Self { path, fate })
    }

    /// The directory, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = match self.fate {
            Fate::Stays => Ok(()),
            Fate::IsRemoved => std::fs::remove_dir_all(&self.path),
            Fate::IsEmptied => empty(&self.path),
        };
    }
}

fn temporary() -> Result<PathBuf, Problem> {
    let mut drawn = [0; 6];
    rand::fill(&mut drawn).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(std::env::temp_dir().join(format!("yichuan-{}", HEXLOWER.encode(&drawn))))
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(std::fs::read_dir(path)?.next().is_none())
}

fn empty(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> Problem {
    Problem::failed("write_failed").with("path", path.display()).with("detail", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_gone_afterwards_unless_it_is_kept() {
        let outer = tempfile::tempdir().unwrap();
        let [new, empty, kept] = ["new", "empty", "kept"].map(|name| outer.path().join(name));
        std::fs::create_dir(&empty).unwrap();
        for (path, keep) in [(&new, false), (&empty, false), (&kept, true)] {
            let place = Place::take(Some(path), keep).unwrap();
            std::fs::create_dir(place.path().join("root")).unwrap();
            std::fs::write(place.path().join("root/node.db"), b"x").unwrap();
            std::fs::write(place.path().join("anchor"), b"x").unwrap();
        }
        assert!(!new.exists());
        assert!(empty.exists() && is_empty(&empty).unwrap());
        assert!(kept.join("root/node.db").exists());
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused_and_left_alone() {
        let outer = tempfile::tempdir().unwrap();
        std::fs::write(outer.path().join("thesis.txt"), b"x").unwrap();
        let problem = Place::take(Some(outer.path()), false).unwrap_err();
        assert_eq!(problem.code, "demo_directory_taken");
        assert!(outer.path().join("thesis.txt").exists());
    }

    #[test]
    fn a_place_of_no_name_is_new_and_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let [one, two] = [Place::take(None, false).unwrap(), Place::take(None, false).unwrap()];
        assert_ne!(one.path(), two.path());
        assert_eq!(std::fs::metadata(one.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
