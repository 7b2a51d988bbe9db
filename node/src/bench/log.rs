//! `yichuan bench log`: what the log costs a receipt. Leaves are hashed and appended as the engine does it and committed to a
//! store of its own as the node does it, 64 at a time, beside nothing else: what is measured is the log alone, not the
//! receipt that it holds.

use std::{path::Path, time::Duration};

use relay::{
    log::{Edge, Range, inclusion_ranges},
    step::Write,
};
use serde::Serialize;

use super::machine;
use crate::{
    clock::Clock,
    problem::Problem,
    store::{
        Store,
        sqlite::{OpenOptions, SqliteStore},
    },
};

/// What was measured.
#[derive(Debug, Serialize)]
pub struct LogFigures {
    leaves: u64,
    /// Hashing and appending, for each leaf.
    append_us: f64,
    /// The transaction of 64, for each leaf; the sync of the disk is in it.
    commit_us: f64,
    /// What the database grew by, for each leaf.
    bytes: f64,
    /// An inclusion path of a leaf in the whole log: making it out of the store.
    path_us: f64,
    path_bytes: f64,
    machine: std::collections::BTreeMap<&'static str, String>,
}

/// Leaves of one commit.
const BATCH: u64 = 64;
/// A receipt's size.
const LEAF_BYTES: usize = 430;
/// Paths that are made.
const PATHS: u64 = 1_000;

/// Writes a log of so many leaves beside the system's other throw-away files.
///
/// # Errors
/// [`Problem`] when the store cannot be opened or written.
pub async fn run(leaves: u64) -> Result<LogFigures, Problem> {
    let place = std::env::temp_dir().join(format!("yichuan-log-{}", std::process::id()));
    let failed = |error: std::io::Error| {
        Problem::failed("write_failed").with("path", place.display()).with("detail", error)
    };
    std::fs::create_dir(&place).map_err(failed)?;
    let measured = measure(&place, leaves.max(BATCH).next_multiple_of(BATCH)).await;
    let _ = std::fs::remove_dir_all(&place);
    measured
}

async fn measure(place: &Path, leaves: u64) -> Result<LogFigures, Problem> {
    let path = place.join("log.db");
    let mut store = SqliteStore::open(&path, OpenOptions { create: true, ..OpenOptions::default() }).await?;
    let mut edge = Edge::default();
    let (mut append, mut commit) = (Duration::ZERO, Duration::ZERO);
    for batch in 0..leaves / BATCH {
        let begun = Clock::instant();
        for number in 0..BATCH {
            let mut leaf = [7; LEAF_BYTES];
            leaf[..8].copy_from_slice(&(batch * BATCH + number).to_be_bytes());
            edge.append(&leaf);
        }
        append += begun.elapsed();
        let begun = Clock::instant();
        store.commit(edge.take_run().map(Write::Log).into_iter().collect()).await?;
        commit += begun.elapsed();
    }
    let begun = Clock::instant();
    let mut hashes = 0;
    for number in (0..PATHS).map(|index| index * (leaves / PATHS).max(1) % leaves) {
        let ranges: Vec<Range> = inclusion_ranges(number, leaves);
        hashes += store.log_roots(ranges).await?.len();
    }
    let paths = begun.elapsed();
    store.close().await?;
    let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let each = |took: Duration, count: u64| took.as_secs_f64() * 1e6 / count as f64;
    Ok(LogFigures {
        leaves,
        append_us: each(append, leaves),
        commit_us: each(commit, leaves),
        bytes: bytes as f64 / leaves as f64,
        path_us: each(paths, PATHS),
        path_bytes: 32.0 * hashes as f64 / PATHS as f64,
        machine: machine::describe(),
    })
}
