//! `yichuan bench evidence`: a synthetic file of so many receipts is written and verified again: how long it takes, how large
//! it is, and how much memory the verifier holds.
//!
//! A county reports to the province through the city, a message a second, three receipts each; the city exports. Every group
//! has a tick and a head of its own, as a busy hub's would.

mod forest;
mod quiet;
pub mod sample;

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    time::Instant,
};

use relay::evidence::{Account, Judge, MessageAccount, RuleVerdict, verify};
use serde::Serialize;
use topology::Map;

use self::sample::{Sample, Wish};
use super::machine;
use crate::{clock::Clock, problem::Problem};

/// What was measured.
#[derive(Debug, Serialize)]
pub struct EvidenceFigures {
    receipts: u64,
    messages: u64,
    file_bytes: u64,
    write_s: f64,
    verify_s: f64,
    receipts_per_s: f64,
    verdicts: u64,
    /// The most memory that the process ever held, writing included.
    peak_rss_kib: u64,
    /// What verifying added to it.
    verify_rss_kib: u64,
    machine: std::collections::BTreeMap<&'static str, String>,
}

#[derive(Default)]
struct Count {
    verdicts: u64,
}

impl Account for Count {
    fn message(&mut self, _: &Map, _: &MessageAccount) {}

    fn verdict(&mut self, _: &Map, _: RuleVerdict) {
        self.verdicts += 1;
    }
}

/// Writes a file with this many receipts, at least, beside the system's other throw-away files and verifies it.
///
/// # Errors
/// [`Problem`] when it cannot be written, read, or does not verify.
pub fn run(receipts: u64) -> Result<EvidenceFigures, Problem> {
    let path = std::env::temp_dir().join(format!("yichuan-evidence-{}.zip", std::process::id()));
    let measured = measure(&path, receipts);
    let _ = std::fs::remove_file(&path);
    measured
}

fn measure(path: &std::path::Path, receipts: u64) -> Result<EvidenceFigures, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        Problem::failed("write_failed").with("path", path.display()).with("detail", error)
    };
    let begun = Clock::instant();
    let sample = Sample::new(Wish { receipts, ..Wish::default() });
    let file = File::create(path).map_err(|error| failed(&error))?;
    sample.write(BufWriter::new(file)).map_err(|error| failed(&error))?;
    let write_s = seconds(begun);
    let root = sample.root();
    drop(sample);
    let before = rss("VmRSS");
    let file = File::open(path).map_err(|error| failed(&error))?;
    let file_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let begun = Clock::instant();
    let mut count = Count::default();
    let mut judge = Judge::new(&mut count);
    let conclusion = verify(BufReader::new(file), &root, &mut judge)
        .map_err(|error| Problem::failed("evidence_damaged").with("detail", error))?;
    judge.finish();
    let verify_s = seconds(begun);
    let receipts = conclusion.manifest.receipts;
    Ok(EvidenceFigures {
        receipts,
        messages: conclusion.manifest.messages,
        file_bytes,
        write_s,
        verify_s,
        receipts_per_s: receipts as f64 / verify_s,
        verdicts: count.verdicts,
        peak_rss_kib: rss("VmHWM"),
        verify_rss_kib: rss("VmRSS").saturating_sub(before),
        machine: machine::describe(),
    })
}

fn seconds(since: Instant) -> f64 {
    Clock::instant().duration_since(since).as_secs_f64()
}

fn rss(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = machine::value_of(&status, field).and_then(|value| value.split(' ').next());
    value.and_then(|number| number.parse().ok()).unwrap_or_default()
}
