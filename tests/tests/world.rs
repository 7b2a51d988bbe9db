//! The simulated world keeps its promises through three hundred seeds, and notices when somebody breaks them.

use std::{sync::Mutex, thread};

use relay::{crash_point::CrashPoint, receipt::Event};
use tests::world::{self, DiskFlaw, Failure, Flaws, Summary, WireFlaw};

/// Lives the worlds of these seeds on two threads.
fn live(seeds: std::ops::Range<u64>, flaws: Flaws) -> (Summary, Vec<Failure>) {
    let seen = Mutex::new((Summary::default(), Vec::new()));
    let (seen_here, seeds_here) = (&seen, &seeds);
    thread::scope(|scope| {
        for odd in 0..2 {
            scope.spawn(move || {
                for seed in seeds_here.clone().filter(|seed| seed % 2 == odd) {
                    let ended = world::run(seed, flaws);
                    let mut seen = seen_here.lock().unwrap();
                    match ended {
                        Ok(summary) => seen.0.add(&summary),
                        Err(failure) => seen.1.push(*failure),
                    }
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

fn broken(disk: DiskFlaw) -> Vec<String> {
    let (_, failures) = live(0..40, Flaws { disk, ..Flaws::default() });
    failures.into_iter().map(|failure| failure.violation.what).collect()
}

#[test]
fn whatever_goes_wrong_every_accepted_envelope_ends_once_and_its_origin_knows_how() {
    let (seen, failures) = live(0..300, Flaws::default());
    assert!(failures.is_empty(), "{}", failures.iter().map(|f| format!("{f}\n")).collect::<String>());
    for point in CrashPoint::ALL {
        assert!(seen.crashed.contains_key(&point), "no world crashed at {point:?}: {:?}", seen.crashed);
    }
    for outcome in [Event::Delivered, Event::Refused, Event::Expired] {
        assert!(seen.outcomes.contains_key(&outcome), "no envelope ended in {outcome}");
    }
    assert!(seen.envelopes > 300 * 10, "only {} envelopes", seen.envelopes);
}

#[test]
fn memory_stays_within_its_limits_while_a_backlog_drains_the_most_urgent_first() {
    let seen = world::drain(5_000).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(seen.envelopes == 5_000, "{} envelopes", seen.envelopes);
    assert!(seen.outcomes[&Event::Delivered] > 3_000, "{:?}", seen.outcomes);
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in [1, 7, 10, 11] {
        let [first, second] = [(); 2].map(|()| world::run(seed, Flaws::default()).unwrap());
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn a_disk_that_loses_its_last_commit_is_noticed() {
    let seen = broken(DiskFlaw::LosesTheLastCommit);
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn a_queue_that_is_not_written_is_noticed() {
    let seen = broken(DiskFlaw::DropsPlaces);
    assert!(seen.len() > 30, "{seen:?}");
    assert!(seen.iter().any(|what| what.contains("has no place in the queue")), "{seen:?}");
}

#[test]
fn a_table_of_duplicates_that_is_only_in_memory_is_noticed() {
    let seen = broken(DiskFlaw::ForgetsTheDelivered);
    assert!(seen.iter().any(|what| what.contains("in the same inbox 2 times")), "{seen:?}");
}

#[test]
fn receipts_of_others_that_are_not_written_are_noticed() {
    let seen = broken(DiskFlaw::DropsReceipts);
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn envelopes_that_come_twice_do_no_harm() {
    let (seen, failures) = live(1_000..1_040, Flaws { wire: WireFlaw::DeliversTwice, ..Flaws::default() });
    assert!(failures.is_empty(), "{}", failures[0]);
    assert!(seen.outcomes[&Event::Delivered] > 100);
}

#[test]
fn outcomes_that_are_lost_on_the_way_back_heal() {
    let (seen, failures) = live(2_000..2_040, Flaws { wire: WireFlaw::LosesReceipts, ..Flaws::default() });
    assert!(failures.is_empty(), "{}", failures[0]);
    assert!(seen.outcomes[&Event::Delivered] > 100);
}
