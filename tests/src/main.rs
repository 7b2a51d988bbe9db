//! The tests' own binary: long runs of the simulated world, and everything else as `yichuan` does it, so that tests
//! have an executable of their own.
//!
//! ```text
//! cargo run -p tests -- world --seeds 0..100000
//! cargo run -p tests -- world --seed 4711
//! cargo run -p tests -- corpora DIR
//! cargo run -p tests --release -- flood
//! cargo run -p tests -- demo --once
//! ```

use std::{io::Write, ops::Range, path::Path, process::ExitCode, time::Duration};

use tests::{
    adversary::flood::{Measured, measure},
    world::{self, Flaws, Summary},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("world") => worlds(&arguments[1..]),
        Some("corpora") => corpora(&arguments[1..]),
        Some("flood") => flood(),
        Some(_) | None => node::run(std::env::args_os()).into(),
    }
}

/// Writes the first seeds of the fuzzer's corpora.
fn corpora(arguments: &[String]) -> ExitCode {
    let [dir] = arguments else {
        say("usage: tests corpora DIR");
        return ExitCode::from(2);
    };
    match tests::corpora::write(Path::new(dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Measures what siblings notice of a room that floods their hub.
fn flood() -> ExitCode {
    let program = std::env::current_exe().expect("this program has a path");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let program = program.to_str().expect("the path is text");
    let measured = runtime.block_on(measure(program, Duration::from_secs(30)));
    for (name, took) in [("quiet", &measured.quiet_ms), ("flooded", &measured.flooded_ms)] {
        let [half, most, all] = [50, 99, 100].map(|share| Measured::percentile(took, share));
        say(&format!("{name}: {} reports, p50 {half} ms, p99 {most} ms, longest {all} ms", took.len()));
    }
    say(&format!("the flood: {} envelopes over {} links", measured.envelopes, measured.links));
    ExitCode::SUCCESS
}

fn worlds(arguments: &[String]) -> ExitCode {
    let Some(seeds) = seeds(arguments) else {
        say("usage: tests world --seed N | --seeds A..B");
        return ExitCode::from(2);
    };
    let (mut seen, mut failed) = (Summary::default(), Vec::new());
    let count = seeds.end.saturating_sub(seeds.start);
    for seed in seeds {
        match world::run(seed, Flaws::default()) {
            Ok(summary) => seen.add(&summary),
            Err(failure) => {
                say(&failure.to_string());
                failed.push(seed);
            }
        }
    }
    say(&format!("{count} worlds, {} steps, {} envelopes", seen.steps, seen.envelopes));
    say(&format!("outcomes {:?}", seen.outcomes));
    say(&format!("crashes {:?}", seen.crashed));
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    say(&format!("{} failed: {failed:?}", failed.len()));
    ExitCode::FAILURE
}

fn seeds(arguments: &[String]) -> Option<Range<u64>> {
    match arguments {
        [flag, seed] if flag == "--seed" => {
            let seed = seed.parse().ok()?;
            Some(seed..seed + 1)
        }
        [flag, range] if flag == "--seeds" => {
            let (from, to) = range.split_once("..")?;
            Some(from.parse().ok()?..to.parse().ok()?)
        }
        _ => None,
    }
}

fn say(line: &str) {
    // Nobody is left to read it when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
