//! What goes when its time is over, and what stays whatever its age.

use std::time::Duration;

use certs::signature::{SimulationSigner, digest};
use relay::{
    checkpoint::{Anchor, Head},
    log::Edge,
    receipt::Event,
    record::DeliveryState,
    step::DatedCheckpoint,
    tick::VerifiedTick,
};
use sqlx::Row as _;

use super::*;
use crate::store::conformance::sample::{ME, SOURCE, START};

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Keep = Keep {
    log_book: DAY.saturating_mul(366),
    evidence: DAY.saturating_mul(3653),
    uncited_ticks: DAY.saturating_mul(7),
};

fn days_later(days: u32) -> Timestamp {
    START.after(DAY * days)
}

fn tick(at: Timestamp, cited: bool) -> Write {
    Write::Tick { tick: VerifiedTick::sign(at, "sample", &SimulationSigner::new(ME)), cited }
}

/// Delivered here and acknowledged, with our receipt.
fn settled(sample: &Sample, leaf: u64) -> Vec<Write> {
    let key = sample.record.key;
    let here = sample.in_state(&DeliveryState::Here, Some(Event::Delivered));
    let deed = Write::InboxDeed { key, event: Event::Acknowledged };
    vec![
        sample.envelope(),
        Write::Record(here),
        sample.line(),
        sample.own(Event::Delivered, leaf, None),
        deed,
    ]
}

async fn numbers(store: &mut SqliteStore, sql: &'static str) -> Vec<i64> {
    let rows = sqlx::query(sql).fetch_all(&mut store.connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Rows of everything that knows this envelope: record, envelope, its body, receipts, inbox.
async fn known(store: &mut SqliteStore, sample: &Sample) -> [i64; 5] {
    let sql = "SELECT (SELECT count(*) FROM record WHERE key = ?1), (SELECT count(*) FROM envelope WHERE key = ?1), \
               (SELECT count(body) FROM envelope WHERE key = ?1), (SELECT count(*) FROM receipt WHERE key = ?1), \
               (SELECT count(*) FROM inbox WHERE key = ?1)";
    let query = sqlx::query(sql).bind(sample.record.key.to_bytes().to_vec());
    let row = query.fetch_one(&mut store.connection).await.unwrap();
    [0, 1, 2, 3, 4].map(|column| row.get(column))
}

const WHOLE: [i64; 5] = [1, 1, 1, 1, 1];
const WITHOUT_BODY: [i64; 5] = [1, 1, 0, 1, 1];
const GONE: [i64; 5] = [0; 5];

#[tokio::test]
async fn a_settled_message_loses_its_body_after_the_log_book_and_the_rest_after_the_evidence_time() {
    let place = Place::new();
    let mut store = place.open().await;
    let sample = Sample::new(1, Precedence::Flash);
    let mut edge = Edge::default();
    edge.append(b"leaf");
    let log = Write::Log(edge.take_run().unwrap());
    store.commit([settled(&sample, 0), vec![log]].concat()).await.unwrap();
    for (day, expected) in [(366, WHOLE), (367, WITHOUT_BODY), (3653 + 31, WITHOUT_BODY), (3653 + 32, GONE)] {
        store.commit(vec![tick(days_later(day), false)]).await.unwrap();
        // Twice: the sweep begins anew when it has come to the end.
        for _ in 0..2 {
            store.prune_settled(&KEEP, days_later(day), 10).await.unwrap();
        }
        assert_eq!(known(&mut store, &sample).await, expected, "after {day} days");
    }
    assert_eq!(store.load().await.unwrap().log.root(), edge.root(), "the hash of the receipt stays");
}

#[tokio::test]
async fn what_is_open_stays_however_old_it_is() {
    let place = Place::new();
    let mut store = place.open().await;
    let [unread, waiting, held, in_outbox, undecided, damaged] =
        [1, 2, 3, 4, 5, 6].map(|number| Sample::new(number, Precedence::Routine));
    let unacknowledged: Vec<Write> = settled(&unread, 1)[..4].to_vec();
    let state = |sample: &Sample, state: &DeliveryState, outcome| {
        vec![sample.envelope(), Write::Record(sample.in_state(state, outcome))]
    };
    let next_holds = DeliveryState::Held { neighbour: NEXT, resend_at: None };
    let writes = [
        unacknowledged,
        arrive(&waiting),
        state(&held, &next_holds, None),
        state(&in_outbox, &DeliveryState::Ended, Some(Event::Delivered)),
        vec![in_outbox.own(Event::Custody, 2, Some((SOURCE, 1)))],
        state(&undecided, &DeliveryState::Here, None),
        settled(&damaged, 3),
        vec![tick(days_later(9000), false)],
    ];
    store.commit(writes.concat()).await.unwrap();
    sqlx::query("UPDATE record SET check_sum = check_sum + 1 WHERE key = ?")
        .bind(damaged.record.key.to_bytes().to_vec())
        .execute(&mut store.connection)
        .await
        .unwrap();
    for _ in 0..3 {
        let pruned = store.prune_settled(&KEEP, days_later(9000), 10).await.unwrap();
        assert_eq!(pruned.envelopes, 0);
    }
    for (sample, expected) in [
        (&unread, [1, 1, 1, 1, 1]),
        (&waiting, [1, 1, 1, 0, 0]),
        (&held, [1, 1, 1, 0, 0]),
        (&in_outbox, [1, 1, 0, 1, 0]),
        (&undecided, [1, 1, 1, 0, 0]),
        (&damaged, [1, 1, 1, 1, 1]),
    ] {
        assert_eq!(known(&mut store, sample).await, expected, "sample {}", sample.record.received_at.as_ms());
    }
    store.commit(vec![Write::OutboxStored { neighbour: SOURCE, upto: 1 }]).await.unwrap();
    for _ in 0..2 {
        store.prune_settled(&KEEP, days_later(9000), 10).await.unwrap();
    }
    assert_eq!(known(&mut store, &in_outbox).await, GONE, "the neighbour has it now");
}

#[tokio::test]
async fn a_clock_that_is_years_ahead_of_the_root_hub_deletes_nothing() {
    let place = Place::new();
    let mut store = place.open().await;
    let sample = Sample::new(1, Precedence::Flash);
    store.commit(settled(&sample, 0)).await.unwrap();
    assert_eq!(store.prune_settled(&KEEP, days_later(9000), 10).await.unwrap(), Pruned::default());
    store.commit(vec![tick(days_later(2), false)]).await.unwrap();
    assert_eq!(store.prune_settled(&KEEP, days_later(9000), 10).await.unwrap(), Pruned::default());
    assert_eq!(known(&mut store, &sample).await, WHOLE);
}

#[tokio::test]
async fn ticks_go_after_their_days_unless_something_cites_them() {
    let place = Place::new();
    let mut store = place.open().await;
    let at = [0, 1, 2, 9].map(days_later);
    let ticks = vec![tick(at[0], true), tick(at[1], false), tick(at[2], false), tick(at[3], false)];
    store.commit(ticks).await.unwrap();
    let pruned = store.prune_settled(&KEEP, at[3], 10).await.unwrap();
    assert_eq!(pruned.ticks, 1);
    let left = numbers(&mut store, "SELECT at_ms FROM tick ORDER BY at_ms").await;
    assert_eq!(left, [at[0], at[2], at[3]].map(Timestamp::as_ms));
}

#[tokio::test]
async fn checkpoints_that_a_dated_one_supersedes_go_after_a_day_and_dated_or_newer_ones_stay() {
    let place = Place::new();
    let mut store = place.open().await;
    let checkpoint = |size: u64| {
        let head = Head { root: digest(&size.to_be_bytes()), size };
        Write::Checkpoint { head, bytes: b"signed"[..].into() }
    };
    let dated = |size: u64, at| {
        Write::Dated(DatedCheckpoint { size, at, bytes: b"signed"[..].into(), anchor: Anchor::default() })
    };
    let mut writes: Vec<Write> = (1..=12).map(checkpoint).collect();
    writes.extend([
        dated(4, days_later(0)),
        dated(6, days_later(1)),
        dated(10, days_later(3)),
        tick(days_later(3), false),
    ]);
    store.commit(writes).await.unwrap();
    let pruned = async |store: &mut SqliteStore| {
        store.prune_settled(&KEEP, days_later(3), 2).await.unwrap().checkpoints
    };
    assert_eq!([pruned(&mut store).await, pruned(&mut store).await, pruned(&mut store).await], [2, 2, 0]);
    let left = numbers(&mut store, "SELECT size FROM checkpoint ORDER BY size").await;
    assert_eq!(left, [4, 6, 7, 8, 9, 10, 11, 12]);
}

#[tokio::test]
async fn the_answer_to_a_request_is_found_after_a_restart_and_goes_after_a_week() {
    let place = Place::new();
    let mut store = place.open().await;
    let sample = Sample::new(1, Precedence::Flash);
    store.commit(vec![Write::SentOnce(sample.once()), tick(days_later(30), false)]).await.unwrap();
    store.close().await.unwrap();
    let mut store = place.open().await;
    let reader = SqliteReader::open(&place.path()).await.unwrap();
    assert_eq!(reader.sent_once(sample.once().name).await.unwrap(), Some(sample.once()));
    assert_eq!(reader.sent_once(digest(b"another")).await.unwrap(), None);
    assert_eq!(store.prune_settled(&KEEP, days_later(6), 10).await.unwrap().answers, 0);
    assert_eq!(store.prune_settled(&KEEP, days_later(8), 10).await.unwrap().answers, 1);
    assert_eq!(reader.sent_once(sample.once().name).await.unwrap(), None);
}
