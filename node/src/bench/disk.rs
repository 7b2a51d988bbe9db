//! The disk: how long one fdatasync takes on it, and how much of it the three nodes use.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{figures::Microseconds, microseconds};
use crate::{clock::Clock, problem::Problem};

/// How the syncs follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rhythm {
    /// 500, one right after the other: what the disk can do.
    BackToBack,
    /// 250 with a pause before each, as between the five commits of a message at 50 a second: disk and processor have
    /// fallen asleep.
    Paced,
}

impl Rhythm {
    fn syncs_and_pause(self) -> (usize, Duration) {
        match self {
            Self::BackToBack => (500, Duration::ZERO),
            Self::Paced => (250, Duration::from_millis(4)),
        }
    }
}

/// Each sync follows an append of one page, as a database writes them.
const PAGE_BYTES: usize = 4096;

/// Measures fdatasync in this directory, in this rhythm.
///
/// # Errors
/// `write_failed`.
pub(super) async fn measure(directory: &Path, rhythm: Rhythm) -> Result<Microseconds, Problem> {
    let path = directory.join("fdatasync.probe");
    let failed = |detail: String| {
        Problem::failed("write_failed").with("path", directory.display()).with("detail", detail)
    };
    let probing = tokio::task::spawn_blocking(move || probe(&path, rhythm)).await;
    let mut samples =
        probing.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok(microseconds(&mut samples))
}

fn probe(path: &Path, rhythm: Rhythm) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let page = [7; PAGE_BYTES];
    let (syncs, pause) = rhythm.syncs_and_pause();
    let mut samples = Vec::with_capacity(syncs);
    for _ in 0..syncs {
        std::thread::sleep(pause);
        file.write_all(&page)?;
        let started = Clock::instant();
        file.sync_data()?;
        samples.push(started.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(samples)
}

/// Bytes of the databases and their logs in these directories.
pub(super) fn used(directories: &[PathBuf]) -> u64 {
    let files = directories.iter().flat_map(|directory| FILES.map(|name| directory.join(name)));
    files.filter_map(|file| std::fs::metadata(file).ok()).map(|metadata| metadata.len()).sum()
}

const FILES: [&str; 2] = ["node.db", "node.db-wal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_probe_takes_time_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        for rhythm in [Rhythm::BackToBack, Rhythm::Paced] {
            let figures = measure(place.path(), rhythm).await.unwrap();
            assert!(figures.p50 > 0.0 && figures.p99 >= figures.p50);
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_database_and_its_log_count_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        for (name, size) in [("node.db", 100), ("node.db-wal", 20), ("node.log", 3)] {
            std::fs::write(place.path().join(name), vec![0; size]).unwrap();
        }
        assert_eq!(used(&[place.path().to_owned(), place.path().join("absent")]), 120);
    }
}
