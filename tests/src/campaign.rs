//! Long runs over real processes, from the command line and, shorter, from the tests.

pub mod kill;
pub mod lines;
pub mod long;
pub mod pages;
pub mod power;

use std::{collections::BTreeMap, process::ExitCode};

use crate::say;

const USAGE: &str = "\
usage: tests kill  [--times N] [--seed N]      kill -9 at random instants, at every hop
       tests power [--times N] [--seed N]      power cuts, at every hop
       tests lines [--outage-s N] [--seed N]   everything that lines do to packets
       tests long  [--minutes N] [--seed N]    mixed traffic over seven rooms with faults
       tests pages [--messages N]              how long the console's pages take with so many messages stored";

/// Runs the campaign of this name with these arguments.
pub fn run(name: &str, arguments: &[String]) -> ExitCode {
    let Some(numbers) = numbers(arguments) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    let number = |name: &str, default| numbers.get(name).copied().unwrap_or(default);
    let seed = number("--seed", 1);
    say(&format!("{name} --seed {seed}"));
    let program = std::env::current_exe().expect("a running program knows its file");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        match name {
            "kill" => say(&kill::run(&program, seed, number("--times", 60) as usize).await.to_string()),
            "power" => say(&power::run(&program, seed, number("--times", 60) as usize).await.to_string()),
            "lines" => {
                let outage = std::time::Duration::from_secs(number("--outage-s", 60));
                say(&lines::run(&program, seed, outage).await);
            }
            "pages" => say(&pages::run(&program, number("--messages", 100_000)).await.to_string()),
            "long" => {
                let minute = std::time::Duration::from_secs(60);
                let long = long::run(&program, seed, number("--minutes", 60), minute).await;
                say(&long.to_string());
                long.check_flat();
            }
            _ => say(USAGE),
        }
    });
    ExitCode::SUCCESS
}

/// `--name N` pairs.
fn numbers(arguments: &[String]) -> Option<BTreeMap<&str, u64>> {
    arguments
        .chunks(2)
        .map(|pair| match pair {
            [name, number] if name.starts_with("--") => Some((name.as_str(), number.parse().ok()?)),
            _ => None,
        })
        .collect()
}
