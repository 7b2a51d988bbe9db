//! The tests' own binary: long runs of the simulated world and of real faults, and everything else as `yichuan` does it, so
//! that tests have an executable of their own.
//!
//! ```text
//! cargo run -p tests --release -- world --seeds 0..100000
//! cargo run -p tests --release -- world --seed 4711
//! cargo run -p tests --release -- world --province --seeds 0..3
//! cargo run -p tests --release -- kill --times 1000 --seed 4711
//! cargo run -p tests --release -- lines --outage-s 180 --seed 4711
//! cargo run -p tests --release -- power --times 1000 --seed 4711
//! cargo run -p tests --release -- long --minutes 60 --seed 4711
//! cargo run -p tests --release -- pages --messages 100000
//! cargo run -p tests --release -- flood
//! cargo run -p tests --release -- traffic --minutes 60
//! cargo run -p tests --release -- traffic --minutes 60 --every-s 600
//! cargo run -p tests -- corpora DIR
//! cargo run -p tests -- demo --once
//! ```

mod worlds;

use std::{path::Path, process::ExitCode, time::Duration};

use tests::{
    adversary::flood::{Measured, measure},
    campaign, lab, say, world,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("world") => worlds::run(&arguments[1..]),
        Some(name @ ("kill" | "lines" | "long" | "pages" | "power")) => campaign::run(name, &arguments[1..]),
        Some("store-work") => store_work(&arguments[1..]),
        Some("corpora") => corpora(&arguments[1..]),
        Some("flood") => flood(),
        Some("traffic") => traffic(&arguments[1..]),
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

/// Counts what goes over the links of a province.
fn traffic(arguments: &[String]) -> ExitCode {
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<i64>().ok()
    };
    match world::traffic::measure(number("--minutes").unwrap_or(60), number("--every-s")) {
        Ok(traffic) => {
            say(&traffic.to_string());
            ExitCode::SUCCESS
        }
        Err(what) => {
            say(&what);
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
