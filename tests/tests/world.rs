//! The simulated world keeps its promises through three hundred seeds, and notices when somebody breaks them.

use std::{sync::Mutex, thread};

use relay::receipt::Event;
use tests::world::{self, Choice, DiskFlaw, Failure, Flaws, Setup, Size, Summary, WireFlaw};

/// Lives the worlds of these seeds on two threads.
fn live(seeds: std::ops::Range<u64>, flaws: Flaws) -> (Summary, Vec<Failure>) {
    let seen = Mutex::new((Summary::default(), Vec::new()));
    let (seen_here, seeds_here) = (&seen, &seeds);
    thread::scope(|scope| {
        for odd in 0..2 {
            scope.spawn(move || {
                for seed in seeds_here.clone().filter(|seed| seed % 2 == odd) {
                    let ended = world::run(&Setup { seed, flaws, ..Setup::default() });
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
    if let Some(failure) = failures.into_iter().min_by_key(|failure| failure.seed) {
        let setup = Setup { seed: failure.seed, ..Setup::default() };
        panic!("{}", world::shortest(&setup, Box::new(failure)));
    }
    assert_eq!(seen.not_hit(), [], "no world crashed there: {seen}");
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
fn a_province_of_180_rooms_keeps_its_promises() {
    let setup = Setup { seed: 3, size: Size::Province, ..Setup::default() };
    let seen = world::run(&setup).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(seen.envelopes > 100, "only {} envelopes", seen.envelopes);
}

#[test]
fn a_failure_is_made_small_and_its_command_line_fails_again() {
    let flaws = Flaws { disk: DiskFlaw::ForgetsTheDelivered, ..Flaws::default() };
    let (_, failures) = live(0..40, flaws);
    let failure = failures.into_iter().max_by_key(|failure| failure.told.len()).unwrap();
    let setup = Setup { seed: failure.seed, flaws, ..Setup::default() };
    let (before, of) = (failure.told.len(), failure.of);
    let small = world::shortest(&setup, Box::new(failure));
    assert!(small.told.len() < before.min(10), "{small}");
    assert!(small.prefix <= before && small.of == of, "{small}");
    let again = Setup { choice: small.choice.clone(), ..setup };
    assert_eq!(world::run(&again).unwrap_err().violation, small.violation);
    assert!(small.again().contains("--incidents"), "{}", small.again());
}

#[test]
fn nothing_happens_when_nothing_is_chosen() {
    let choice = Choice { incidents: Some([].into()), crashes_max: Some(0) };
    let seen = world::run(&Setup { seed: 5, choice, ..Setup::default() }).unwrap();
    assert_eq!((seen.envelopes, seen.incidents.len()), (0, 0));
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in [1, 7, 10, 11] {
        let [first, second] = [(); 2].map(|()| world::run(&Setup { seed, ..Setup::default() }).unwrap());
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
