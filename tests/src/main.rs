//! The tests' own binary: long runs of the simulated world, and everything else as `yichuan` does it, so that tests
//! have an executable of their own.
//!
//! ```text
//! cargo run -p tests -- world --seeds 0..100000
//! cargo run -p tests -- world --seed 4711
//! cargo run -p tests -- kill --times 1000 --seed 4711
//! cargo run -p tests -- lines --outage-s 180 --seed 4711
//! cargo run -p tests -- long --minutes 60
//! cargo run -p tests -- power --times 1000 --seed 4711
//! cargo run -p tests -- demo --once
//! ```

use std::{ops::Range, path::Path, process::ExitCode};

use tests::{
    campaign, lab, say,
    world::{self, Flaws, Summary},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("world") => worlds(&arguments[1..]),
        Some(name @ ("kill" | "lines" | "long" | "power")) => campaign::run(name, &arguments[1..]),
        Some("store-work") => store_work(&arguments[1..]),
        Some(_) | None => node::run(std::env::args_os()).into(),
    }
}

/// Works on a store for a test that fails its input and output.
fn store_work(arguments: &[String]) -> ExitCode {
    let [database, first] = arguments else { return ExitCode::from(2) };
    let first = first.parse().expect("the first commit has a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.expect("a runtime starts").block_on(lab::store_work::work(Path::new(database), first)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
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
