//! Long runs of the simulated world, on as many threads as there are cores.

use std::{
    ops::Range,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tests::{
    say,
    world::{self, Choice, Failure, Setup, Size, Summary},
};

const USAGE: &str = "usage: tests world --seed N | --seeds A..B
  --province          a province of 180 rooms instead of three or four
  --every-point       fail when there is a crash point at which no node has crashed
  --stop              stop at the first failure, and do not look for a smaller one
  --incidents N,N     only these of what the seed would let happen; none: nothing
  --crashes N         at most so many crashes at crash points";

/// What was asked for.
#[derive(Default)]
struct Wanted {
    seeds: Range<u64>,
    size: Size,
    choice: Choice,
    every_point: bool,
    stop: bool,
}

/// A failure is made small for so many seeds; of the others the number is enough.
const SHRUNK_MAX: usize = 3;

/// Lives the worlds of some seeds and says what was seen.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    let (seen, mut failures) = live(&wanted);
    failures.sort_by_key(|failure| failure.seed);
    for failure in failures.iter().take(SHRUNK_MAX) {
        say(&format!("seed {} failed: {}", failure.seed, failure.violation.what));
        if !wanted.stop {
            let small = world::shortest(&wanted.setup(failure.seed), Box::new(failure.clone()));
            say(&small.to_string());
        }
    }
    say(&format!("{} worlds, seeds {:?}", wanted.seeds.end - wanted.seeds.start, wanted.seeds));
    say(seen.to_string().trim_end());
    let not_hit = seen.not_hit();
    if wanted.every_point && !not_hit.is_empty() {
        say(&format!("no node has crashed at {not_hit:?}"));
        return ExitCode::FAILURE;
    }
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    let seeds: Vec<u64> = failures.iter().map(|failure| failure.seed).collect();
    say(&format!("{} failed: {seeds:?}", seeds.len()));
    ExitCode::FAILURE
}

/// Lives all worlds, on as many threads as there are cores.
fn live(wanted: &Wanted) -> (Summary, Vec<Failure>) {
    let next = AtomicU64::new(wanted.seeds.start);
    let seen = Mutex::new((Summary::default(), Vec::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= wanted.seeds.end {
                return;
            }
            let ended = world::run(&wanted.setup(seed));
            let mut seen = seen.lock().expect("no thread panics while it holds the sums");
            match ended {
                Ok(summary) => seen.0.add(&summary),
                Err(failure) => seen.1.push(*failure),
            }
            if wanted.stop && !seen.1.is_empty() {
                next.store(wanted.seeds.end, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    seen.into_inner().expect("no thread panics while it holds the sums")
}

impl Wanted {
    fn setup(&self, seed: u64) -> Setup {
        Setup { seed, size: self.size, choice: self.choice.clone(), ..Setup::default() }
    }
}

fn parse(arguments: &[String]) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(flag) = rest.next() {
        match flag {
            "--seed" => {
                let seed = rest.next()?.parse().ok()?;
                wanted.seeds = seed..seed + 1;
            }
            "--seeds" => {
                let (from, to) = rest.next()?.split_once("..")?;
                wanted.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--incidents" => {
                let numbers = rest.next()?.split(',').filter(|number| *number != "none");
                let chosen = numbers.map(|number| number.parse().ok()).collect::<Option<_>>()?;
                wanted.choice.incidents = Some(chosen);
            }
            "--crashes" => wanted.choice.crashes_max = Some(rest.next()?.parse().ok()?),
            "--province" => wanted.size = Size::Province,
            "--every-point" => wanted.every_point = true,
            "--stop" => wanted.stop = true,
            _ => return None,
        }
    }
    (!wanted.seeds.is_empty()).then_some(wanted)
}
