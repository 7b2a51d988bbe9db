//! Ticks come down, heads go up, dates come back: the whole tree, and what is done with a log that does not go on.

use certs::signature::SimulationSigner;
use topology::RoomId;

use super::{
    net::Net,
    office::Office,
    rooms::{A, C, Draft, NOW, P, at, epoch, keyring, map},
};
use crate::{
    checkpoint::{Anchor, AnchorStep, Checkpoint, CheckpointError, VerifiedCheckpoint},
    log::{Edge, Line, PathError, consistency_ranges},
    step::{Input, LeafKind, Notice, Send, Step, Write},
    tick::{TICK_EVERY, VerifiedTick},
    timestamp::Timestamp,
};

const TICK_MS: i64 = TICK_EVERY.as_millis() as i64;

/// Province, city and county, with a report that has reached the province.
fn net() -> Net {
    let mut net = Net::linked(&[P, A, C], &[(P, A), (A, C)]);
    net.submit(&Draft::new(C, &[P], 1));
    net.run();
    net
}

/// Time for a tick and for heads to climb three levels.
fn climb(net: &mut Net) {
    for _ in 0..30 {
        net.wait(1_000);
    }
}

fn dated(net: &Net, room: RoomId) -> u64 {
    net.offices[&room].shelves.books.dated.last().map_or(0, |dated| dated.size)
}

fn leaves(net: &Net, room: RoomId) -> u64 {
    net.offices[&room].shelves.books.leaves.len() as u64
}

#[test]
fn every_log_of_the_tree_is_dated_by_the_root() {
    let mut net = net();
    climb(&mut net);
    for room in [P, A, C] {
        assert_eq!(dated(&net, room), leaves(&net, room), "{room}");
    }
    let county = &net.offices[&C].shelves.books.dated[0];
    assert_eq!(county.anchor.steps.len(), 2, "through the city to the province");
    assert!((NOW..net.now).contains(&county.at));
}

#[test]
fn what_is_urgent_is_dated_without_waiting_for_a_tick() {
    let mut net = net();
    climb(&mut net);
    net.submit(&Draft { created_at: net.now, ..Draft::new(C, &[P], 2) });
    net.run();
    let ticks = net.offices[&P].shelves.books.ticks.len();
    net.give(C, Input::DateNow);
    while dated(&net, C) < leaves(&net, C) {
        net.wait(500);
        assert_eq!(net.offices[&P].shelves.books.ticks.len(), ticks, "before the next tick");
    }
}

#[test]
fn an_idle_room_gets_a_dated_head_of_after_the_newest_tick_when_one_is_wanted_and_only_then() {
    let mut net = net();
    climb(&mut net);
    net.wait(TICK_MS);
    let size = leaves(&net, C);
    let newest = net.office(C).shelves.books.ticks.keys().last().copied();
    net.give(C, Input::DateTick);
    net.give(C, Input::DateTick);
    assert_eq!(leaves(&net, C), size + 1, "the log grew by the tick, once");
    while dated(&net, C) < size + 1 {
        net.wait(500);
    }
    let head = net.offices[&C].shelves.books.dated.last().cloned().unwrap();
    let signed = VerifiedCheckpoint::verify(&head.bytes, &keyring()).unwrap();
    assert!(signed.checkpoint().tick >= newest, "{:?}", signed.checkpoint());
    if net.office(C).shelves.books.ticks.keys().last().copied() == signed.checkpoint().tick {
        net.give(C, Input::DateTick);
        assert_eq!(leaves(&net, C), size + 1, "a head cites it already");
    }
}

#[test]
fn an_idle_tree_signs_ticks_and_nothing_else() {
    let mut net = net();
    climb(&mut net);
    let before: Vec<u64> = [P, A, C].map(|room| leaves(&net, room)).into();
    let signed = |net: &Net| net.offices.values().map(|o| o.shelves.books.signed.len()).sum::<usize>();
    let heads = signed(&net);
    climb(&mut net);
    assert_eq!([P, A, C].map(|room| leaves(&net, room)).to_vec(), before);
    assert_eq!(signed(&net), heads);
    let ticks = net.offices[&C].shelves.books.ticks.len() as i64;
    assert!((5..=7).contains(&ticks), "one in {TICK_MS} ms: {ticks}");
}

#[test]
fn a_receipt_cites_the_newest_tick_and_the_tick_is_kept() {
    let mut net = Net::linked(&[P, A, C], &[(P, A), (A, C)]);
    net.wait(TICK_MS);
    let tick = net.office(A).shelves.books.ticks.keys().last().copied();
    net.submit(&Draft { created_at: net.now, ..Draft::new(C, &[P], 1) });
    net.run();
    for room in [P, A, C] {
        let shelves = &net.offices[&room].shelves;
        let cites: Vec<_> = shelves.receipts.iter().map(|stored| stored.receipt.receipt().tick).collect();
        assert!(!cites.is_empty() && cites.iter().all(|cited| *cited == tick), "{cites:?}");
        assert!(shelves.books.ticks[&tick.unwrap()].1, "what is cited is kept");
    }
}

#[test]
fn a_tick_that_a_receipt_cites_and_that_never_came_is_fetched() {
    let mut net = Net::linked(&[P, A, C], &[(P, A), (A, C)]);
    net.wait(TICK_MS);
    net.submit(&Draft { created_at: net.now, ..Draft::new(C, &[P], 1) });
    while !net.offices[&C].shelves.receipts.iter().any(|stored| stored.receipt.receipt().issuer == A) {
        assert!(net.step(), "the city takes it");
    }
    net.down(A, C);
    net.wait(TICK_MS);
    let missed = *net.offices[&P].shelves.books.ticks.keys().last().unwrap();
    net.wait(TICK_MS);
    assert!(!net.offices[&C].shelves.books.ticks.contains_key(&missed), "it is away");
    net.up(A, C);
    net.run();
    let cites = |stored: &crate::step::StoredReceipt| stored.receipt.receipt().tick == Some(missed);
    assert!(net.offices[&C].shelves.receipts.iter().any(cites), "the province's receipt cites it");
    assert!(net.offices[&C].shelves.books.ticks[&missed].1, "fetched, and kept because it is cited");
}

#[test]
fn a_log_is_dated_although_an_answer_was_lost() {
    let mut net = net();
    while net.offices[&C].shelves.books.signed.is_empty() {
        net.wait(500);
    }
    net.down(A, C);
    climb(&mut net);
    assert_eq!(dated(&net, C), 0);
    net.up(A, C);
    climb(&mut net);
    assert_eq!(dated(&net, C), leaves(&net, C));
}

#[test]
fn logs_are_dated_at_once_when_clocks_that_were_days_ahead_are_set_right() {
    let mut net = net();
    let days_ms = 50 * 3_600_000;
    net.wait(days_ms);
    // Not long enough for the head that is due after this.
    net.submit(&Draft { created_at: net.now, ..Draft::new(C, &[P], 2) });
    net.wait(-days_ms);
    net.submit(&Draft { created_at: net.now, ..Draft::new(C, &[P], 3) });
    net.run();
    climb(&mut net);
    for room in [P, A, C] {
        assert_eq!(dated(&net, room), leaves(&net, room), "{room}");
    }
}

#[test]
fn a_tree_whose_hubs_restart_goes_on_being_dated() {
    for room in [P, A, C] {
        let mut net = net();
        net.wait(1_000);
        net.crash(room);
        let neighbours = [(P, A), (A, C)].into_iter().filter(|(one, other)| [*one, *other].contains(&room));
        for (one, other) in neighbours {
            net.up(one, other);
        }
        climb(&mut net);
        for other in [P, A, C] {
            assert_eq!(dated(&net, other), leaves(&net, other), "{other} after {room}");
            assert!(net.offices[&other].shelves.books.breaks.is_empty());
        }
    }
}

/// A city that holds a head of the county over three leaves, and that head.
fn holding() -> (Office, VerifiedCheckpoint, Edge) {
    let mut office = Office::new(A);
    office.link_up(C);
    let mut log = Edge::default();
    for leaf in ["one", "two", "three"] {
        log.append(leaf.as_bytes());
    }
    let first = shown(&log, None);
    show(&mut office, &first, 0, 1_000);
    (office, first, log)
}

fn shown(log: &Edge, lost: Option<crate::checkpoint::Head>) -> VerifiedCheckpoint {
    let checkpoint = Checkpoint {
        v: 1,
        at: NOW,
        lost,
        room: C,
        root: log.root(),
        size: log.size(),
        tick: None,
        clock: None,
        epoch: epoch(1),
        suite: 255,
    };
    checkpoint.sign(&SimulationSigner::new(C))
}

/// The county shows a head with an honest proof from `old` leaves of the log "one", "two", "three", and what follows.
fn show(office: &mut Office, head: &VerifiedCheckpoint, old: u64, after_ms: i64) -> Step {
    let all: Vec<_> =
        ["one", "two", "three", "four"].map(|leaf| crate::log::leaf_hash(leaf.as_bytes())).into();
    let path = consistency_ranges(old, head.checkpoint().size).into_iter();
    let path = path.map(|range| {
        crate::log::root_of(all[range.first as usize..][..range.count as usize].iter().copied())
    });
    let input = Input::Head { from: C, checkpoint: Box::new(head.clone()), old, path: path.collect() };
    office.turn(input, at(after_ms))
}

fn broken(step: &Step) -> Vec<bool> {
    let declared = |write: &Write| {
        if let Write::HistoryBreak { is_declared, .. } = write { Some(*is_declared) } else { None }
    };
    step.writes.iter().filter_map(declared).collect()
}

#[test]
fn a_log_that_goes_on_becomes_a_leaf_here() {
    let (mut office, _, mut log) = holding();
    log.append(b"four");
    let step = show(&mut office, &shown(&log, None), 3, 3_000);
    assert!(broken(&step).is_empty());
    assert!(step.writes.iter().any(|write| matches!(write, Write::Leaf { kind: LeafKind::Head, .. })));
    assert_eq!(office.shelves.books.held[&C].size, 4);
}

#[test]
fn a_log_that_was_rewritten_is_evidence_and_an_alarm_and_is_not_dated() {
    let (mut office, first, _) = holding();
    let mut other = Edge::default();
    for leaf in ["one", "2", "three", "four"] {
        other.append(leaf.as_bytes());
    }
    let step = show(&mut office, &shown(&other, None), 3, 3_000);
    assert_eq!(broken(&step), [false]);
    let told = |send: &Send| matches!(send, Send::Notice(Notice::HistoryBroken { room, .. }) if *room == C);
    assert!(step.sends.iter().any(told));
    assert_eq!(office.shelves.books.held[&C].bytes, *first.bytes(), "what was held is held on");
}

#[test]
fn a_child_that_shows_other_histories_without_end_fills_no_disk() {
    let (mut office, _, _) = holding();
    let shows = |office: &mut Office, leaf: &str, after_ms: i64| {
        let mut other = Edge::default();
        for leaf in ["one", leaf, "three", "four"] {
            other.append(leaf.as_bytes());
        }
        broken(&show(office, &shown(&other, None), 3, after_ms))
    };
    assert_eq!(shows(&mut office, "a", 3_000), [false]);
    assert!((1..50).all(|number| shows(&mut office, &number.to_string(), 3_000 + number * 1_000).is_empty()));
}

#[test]
fn the_dates_of_the_root_do_not_go_back_with_its_clock() {
    let mut root = Office::new(P);
    for (number, after_ms) in [(1, 60_000), (2, 20_000), (3, 1_000), (4, 70_000)] {
        let draft =
            Draft { created_at: at(after_ms), ..Draft::new(P, &[A], number).flowing(topology::Flow::Down) };
        root.submit(&draft);
        for second in 0..3 {
            root.turn(Input::DateNow, at(after_ms + second * 1_100));
        }
    }
    let dates: Vec<Timestamp> = root.shelves.books.dated.iter().map(|dated| dated.at).collect();
    assert!(dates.len() > 2 && dates.is_sorted(), "{dates:?}");
}

#[test]
fn a_log_that_shrinks_is_a_break_unless_the_room_says_what_it_lost() {
    let (mut office, first, _) = holding();
    let mut short = Edge::default();
    short.append(b"one");
    assert_eq!(broken(&show(&mut office, &shown(&short, None), 3, 3_000)), [false]);
    let lost = Some(first.checkpoint().head());
    assert_eq!(broken(&show(&mut office, &shown(&short, lost), 0, 5_000)), [true]);
    assert_eq!(office.shelves.books.held[&C].size, 1, "from here it goes on");
}

#[test]
fn a_room_that_was_restored_says_so() {
    let mut net = net();
    let backup = net.offices[&C].shelves.clone();
    climb(&mut net);
    net.submit(&Draft { created_at: net.now, number: 2, ..Draft::new(C, &[P], 2) });
    climb(&mut net);
    net.down(A, C);
    let restored = Office::open(C, map(), crate::limits::Quota::default(), backup);
    net.offices.insert(C, restored);
    net.up(A, C);
    climb(&mut net);
    assert_eq!(
        net.offices[&A].shelves.books.breaks,
        [(C, true)],
        "its parent knows, and that it said so itself"
    );
    assert_eq!(dated(&net, C), leaves(&net, C), "and it is dated again");
}

#[test]
fn heads_that_come_too_fast_are_not_logged() {
    let (mut office, first, mut log) = holding();
    log.append(b"four");
    let step = show(&mut office, &shown(&log, None), 3, 1_100);
    assert!(!step.writes.iter().any(|write| matches!(write, Write::Leaf { .. })));
    let is_shown = |send: &Send| matches!(send, Send::HeadHeld { checkpoint: Some(bytes), .. } if bytes == first.bytes());
    assert!(step.sends.iter().any(is_shown));
}

#[test]
fn only_the_root_makes_ticks_and_its_time_never_goes_back() {
    let mut root = Office::new(P);
    let newest = |office: &Office| office.shelves.books.ticks.keys().last().unwrap().at;
    let before = newest(&root);
    let step = root
        .turn(Input::Storage(crate::step::StorageLevel::Normal), Timestamp::from_ms(NOW.as_ms() - 60_000));
    assert!(step.wake_at.is_some());
    root.turn(Input::Storage(crate::step::StorageLevel::Normal), Timestamp::from_ms(NOW.as_ms() - 40_000));
    assert!(newest(&root) > before);
    let mut city = Office::new(A);
    city.turn(Input::Storage(crate::step::StorageLevel::Normal), at(60_000));
    assert!(city.shelves.books.ticks.is_empty());
    let foreign = VerifiedTick::sign(NOW, "henan", &SimulationSigner::new(A));
    assert!(VerifiedTick::verify(foreign.bytes(), &map(), &keyring()).is_err());
    let other = VerifiedTick::sign(NOW, "hunan", &SimulationSigner::new(P));
    assert!(VerifiedTick::verify(other.bytes(), &map(), &keyring()).is_err());
    let true_one = VerifiedTick::sign(NOW, "henan", &SimulationSigner::new(P));
    assert!(VerifiedTick::verify(true_one.bytes(), &map(), &keyring()).is_ok(), "the control");
}

#[test]
fn an_anchor_proves_nothing_about_another_checkpoint_or_without_the_root() {
    let mut net = net();
    climb(&mut net);
    let county = net.offices[&C].shelves.books.dated[0].clone();
    let checkpoint = VerifiedCheckpoint::verify(&county.bytes, &keyring()).unwrap();
    assert_eq!(county.anchor.check(&checkpoint, &map(), &keyring()), Ok(county.at), "the control");
    let other = Checkpoint { size: 99, ..checkpoint.checkpoint().clone() }.sign(&SimulationSigner::new(C));
    let outcome = county.anchor.check(&other, &map(), &keyring());
    assert_eq!(outcome, Err(CheckpointError::Path(PathError::OtherRoot)));
    let half = Anchor { steps: county.anchor.steps[..1].to_vec() };
    assert_eq!(half.check(&checkpoint, &map(), &keyring()), Err(CheckpointError::NotTheRoot { room: A }));
    assert!(Anchor::default().check(&checkpoint, &map(), &keyring()).is_err());
    let forged = Checkpoint { at: Timestamp::from_ms(1), ..checkpoint.checkpoint().clone() };
    let forged = forged.sign(&SimulationSigner::new(C));
    let steps = vec![AnchorStep::new(0, &[], forged.bytes())];
    assert!(Anchor { steps }.check(&checkpoint, &map(), &keyring()).is_err());
}

#[test]
fn an_outage_is_logged_at_both_ends_and_the_child_holds_the_parents_record() {
    let mut net = net();
    net.down(A, C);
    net.wait(90_000);
    net.up(A, C);
    net.run();
    let lines = |room: RoomId| -> Vec<Line> {
        let objects = net.offices[&room].shelves.books.objects.values();
        let lines = objects.filter_map(|bytes| crate::log::VerifiedLine::verify(bytes, &keyring()).ok());
        lines.map(|line| line.line().clone()).collect()
    };
    let of_parent: Vec<Line> = lines(A).into_iter().filter(|line| line.peer == C).collect();
    assert_eq!(of_parent.len(), 1);
    assert_eq!(of_parent[0].up_at.since(of_parent[0].down_at).as_secs(), 90);
    assert!(lines(C).contains(&of_parent[0]), "the record that excuses is at the county");
    assert!(lines(C).iter().any(|line| line.room == C && line.peer == A));
}
