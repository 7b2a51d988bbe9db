//! What people read beside the writer, and what pruning leaves them.

use relay::{
    receipt::Event,
    record::{DeliveryState, Record},
};

use sqlx::Row as _;

use super::*;
use crate::store::conformance::sample::{ME, RECIPIENTS, SOURCE, epoch};

/// Delivered here.
fn deliver(sample: &Sample) -> Vec<Write> {
    let here = sample.in_state(&DeliveryState::Here, Some(Event::Delivered));
    vec![sample.envelope(), Write::Record(here), sample.line()]
}

fn ended(sample: &Sample) -> Record {
    sample.in_state(&DeliveryState::Ended, Some(Event::Delivered))
}

async fn reader(place: &Place) -> SqliteReader {
    SqliteReader::open(&place.path()).await.unwrap()
}

const ALL: InboxFilter = InboxFilter { unacknowledged: false, unalerted: false, before: None, count: 10 };

#[tokio::test]
async fn the_inbox_lists_the_newest_first_with_what_was_done() {
    let place = Place::new();
    let mut store = place.open().await;
    let samples: Vec<Sample> = (1..=3).map(|number| Sample::new(number, Precedence::Flash)).collect();
    for sample in &samples {
        store.commit(deliver(sample)).await.unwrap();
    }
    let key = samples[0].record.key;
    let deed = Write::InboxDeed { key, event: Event::Acknowledged };
    store.commit(vec![deed, samples[1].own(Event::Alerted, 1, None)]).await.unwrap();

    let reader = reader(&place).await;
    let all = reader.inbox(ALL).await.unwrap();
    assert_eq!(all.iter().map(|line| line.nr).collect::<Vec<_>>(), vec![3, 2, 1]);
    assert!(all[2].acknowledged && !all[2].alerted && !all[2].opened && !all[2].disposed && !all[2].returned);
    assert!(all[1].alerted && !all[1].acknowledged);
    assert_eq!((all[0].kind, all[0].epoch, all[0].summary.as_slice()), (3, epoch(1), &[8; 200][..]));
    assert_eq!(all[0].record.key, samples[2].record.key);
    assert_eq!(all[0].delivered_at, samples[2].record.received_at);

    let numbers = async |filter| -> Vec<u64> {
        reader.inbox(filter).await.unwrap().iter().map(|line| line.nr).collect()
    };
    assert_eq!(numbers(InboxFilter::default()).await, vec![3, 2]);
    assert_eq!(numbers(InboxFilter { unalerted: true, ..ALL }).await, vec![3, 1]);
    assert_eq!(numbers(InboxFilter { unalerted: true, ..InboxFilter::default() }).await, vec![3]);
    assert_eq!(numbers(InboxFilter { before: Some(all[0].line), count: 1, ..ALL }).await, vec![2]);
    assert_eq!(reader.oldest_unacknowledged().await.unwrap(), Some(samples[1].record.received_at));
}

#[tokio::test]
async fn missing_numbers_are_named() {
    let place = Place::new();
    let mut store = place.open().await;
    for number in [2, 3, 6] {
        store.commit(deliver(&Sample::new(number, Precedence::Flash))).await.unwrap();
    }
    let lines = reader(&place).await.inbox(ALL).await.unwrap();
    let numbers: Vec<(u64, u64)> = lines.iter().map(|line| (line.nr_before, line.nr)).collect();
    assert_eq!(numbers, vec![(3, 6), (2, 3), (0, 2)]);
}

#[tokio::test]
async fn an_envelope_is_found_by_its_id_or_the_beginning_of_it() {
    let place = Place::new();
    let mut store = place.open().await;
    let (one, two) = (Sample::new(1, Precedence::Flash), Sample::new(2, Precedence::Flash));
    store.commit([arrive(&one), arrive(&two)].concat()).await.unwrap();
    let reader = reader(&place).await;
    let (key, text) = (one.record.key, one.record.key.id.to_string());
    assert_eq!(reader.find_by_id(key.id).await.unwrap(), vec![key]);
    assert_eq!(reader.find_by_prefix(&text).await.unwrap(), vec![key]);
    assert_eq!(reader.find_by_prefix(&text[..9]).await.unwrap(), vec![key, two.record.key]);
    assert!(reader.find_by_prefix("ffff").await.unwrap().is_empty());
    assert!(reader.find_by_prefix("not an id").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_queue_is_listed_and_summed_up() {
    let place = Place::new();
    let mut store = place.open().await;
    let routine = [Sample::new(1, Precedence::Routine), Sample::new(2, Precedence::Routine)];
    let flash = Sample::new(3, Precedence::Flash);
    store.commit([arrive(&routine[1]), arrive(&routine[0]), arrive(&flash)].concat()).await.unwrap();
    let reader = reader(&place).await;
    let lines = reader.queue(None, 10).await.unwrap();
    let places: Vec<_> = lines.iter().map(|line| line.place.clone()).collect();
    assert_eq!(places, vec![flash.place(), routine[0].place(), routine[1].place()]);
    assert_eq!(lines[0].record, flash.record);
    assert_eq!(reader.queue(Some(NEXT), 2).await.unwrap().len(), 2);
    assert!(reader.queue(Some(SOURCE), 10).await.unwrap().is_empty());
    let total = |precedence, envelopes, oldest: &Sample| QueueTotal {
        neighbour: NEXT,
        precedence,
        envelopes,
        oldest: oldest.record.received_at,
    };
    assert_eq!(
        reader.queue_summary().await.unwrap(),
        vec![total(Precedence::Flash, 1, &flash), total(Precedence::Routine, 2, &routine[0])]
    );
    let totals = reader.totals().await.unwrap();
    assert_eq!((totals.unacknowledged, totals.quarantined), (0, 0));
    let disk = reader.disk_use().await.unwrap();
    assert!(disk.database_bytes > 0 && disk.log_bytes > 0, "{disk:?}");
}

/// A long queue would be sorted in memory, twice: by whoever asks for the status, and at the start.
#[tokio::test]
async fn the_queue_is_summed_up_without_being_sorted() {
    let place = Place::new();
    let mut store = place.open().await;
    let plan = format!("EXPLAIN QUERY PLAN {}", rows::LANES);
    let steps = sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&mut store.connection).await.unwrap();
    let steps: Vec<String> = steps.iter().map(|step| step.get(3)).collect();
    assert!(steps.iter().any(|step| step.contains("SEARCH")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
}

#[tokio::test]
async fn what_was_sent_and_its_receipts_are_listed() {
    let place = Place::new();
    let mut store = place.open().await;
    let samples: Vec<Sample> = (1..=3).map(|number| Sample::new(number, Precedence::Flash)).collect();
    for sample in &samples {
        let mut record = sample.record.clone();
        record.source = None;
        let (key, bytes) = (record.key, sample.bytes.clone());
        let envelope = Write::Envelope { key, bytes, content_key: None, summary: Some(vec![5]) };
        store.commit(vec![envelope, Write::Record(record)]).await.unwrap();
    }
    store.commit(arrive(&Sample::new(4, Precedence::Flash))).await.unwrap();
    store.commit(vec![samples[0].own(Event::Accepted, 4, None)]).await.unwrap();
    let reader = reader(&place).await;
    let page = reader.sent(None, 2).await.unwrap();
    assert_eq!(page[0].record.key, samples[2].record.key);
    assert_eq!(page[0].summary, Some(vec![5]));
    let last = &page[1].record;
    let rest = reader.sent(Some((last.received_at, last.key)), 2).await.unwrap();
    assert_eq!(rest.iter().map(|line| line.record.key).collect::<Vec<_>>(), vec![samples[0].record.key]);
    let receipts = reader.receipts(samples[0].record.key).await.unwrap();
    assert_eq!((receipts[0].epoch, receipts[0].seq, receipts[0].at), (1, 4, samples[0].record.received_at));
    assert_eq!((receipts[0].receipt.issuer, receipts[0].receipt.recipient), (ME, RECIPIENTS[0]));
}

#[tokio::test]
async fn pruning_drops_only_bodies_that_passed_through_and_are_done_with() {
    let place = Place::new();
    let mut store = place.open().await;
    let (done, open, mine) = (
        Sample::new(1, Precedence::Flash),
        Sample::new(2, Precedence::Routine),
        Sample::new(3, Precedence::Flash),
    );
    let held = open.in_state(&DeliveryState::Held { neighbour: NEXT, resend_at: None }, None);
    let writes = [vec![done.envelope(), open.envelope()], vec![Write::Record(ended(&done))], deliver(&mine)];
    store.commit(writes.concat()).await.unwrap();
    store.commit(vec![Write::Record(held)]).await.unwrap();
    let reader = reader(&place).await;
    assert_eq!(store.prune(100).await.unwrap(), 1);
    assert_eq!(store.prune(100).await.unwrap(), 0);

    let kept = async |sample: &Sample| reader.envelope(sample.record.key).await.unwrap().unwrap();
    let pruned = kept(&done).await;
    assert!(pruned.is_pruned && pruned.bytes.body.is_empty());
    assert_eq!(pruned.bytes.header, done.bytes.header);
    assert_eq!(kept(&open).await.bytes, open.bytes);
    assert_eq!(kept(&mine).await.bytes, mine.bytes);

    let again = done.in_state(&DeliveryState::Waiting { neighbour: NEXT }, None);
    let keys = Write::Keys { key: done.record.key, bytes: done.bytes.clone() };
    store.commit(vec![keys, Write::Record(again)]).await.unwrap();
    assert_eq!(kept(&done).await.bytes, done.bytes, "what comes again is whole again");
}

#[tokio::test]
async fn pruning_takes_no_more_than_it_is_told() {
    let place = Place::new();
    let mut store = place.open().await;
    let samples: Vec<Sample> = (0..100).map(|number| Sample::new(number, Precedence::Routine)).collect();
    let store_all = samples.iter().flat_map(|s| [s.envelope(), Write::Record(ended(s))]).collect();
    store.commit(store_all).await.unwrap();
    let rounds: Vec<usize> = [store.prune(70).await.unwrap(), store.prune(70).await.unwrap()].into();
    assert_eq!(rounds, vec![70, 30]);
}

#[tokio::test]
async fn collisions_are_kept_as_evidence() {
    let place = Place::new();
    let mut store = place.open().await;
    let (sample, other) = (Sample::new(1, Precedence::Flash), Sample::new(2, Precedence::Flash));
    let (key, digest, header) = (sample.record.key, other.record.digest, other.bytes.header.clone());
    let write = Write::Collision { key, digest, header: header.clone() };
    store.commit(vec![write.clone()]).await.unwrap();
    store.commit(vec![write]).await.unwrap();
    let reader = reader(&place).await;
    assert_eq!(reader.collisions(key).await.unwrap(), vec![CollisionLine { digest, header }]);
    assert!(reader.check().await.unwrap().is_empty());
}
