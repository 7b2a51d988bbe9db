//! Receipts, outboxes and the log: evidence that must come back byte for byte, and numbers that are never used twice.

use std::sync::Arc;

use certs::signature::digest;
use relay::{
    receipt::Event,
    record::DeliveryState,
    step::{Loaded, Write},
};
use topology::Precedence;

use super::{
    super::{ReceiptRow, Store},
    arrive, commit,
    records::state_of,
    sample::{ME, NEXT, ORIGIN, RECIPIENTS, SOURCE, Sample, epoch},
};

pub(super) async fn receipts_are_kept_oldest_first_and_byte_for_byte<S: Store>(mut store: S) {
    let (sample, other) = (Sample::new(1, Precedence::Routine), Sample::new(2, Precedence::Routine));
    commit(&mut store, vec![sample.own(Event::Custody, 3, None), other.own(Event::Custody, 2, None)]).await;
    commit(&mut store, vec![sample.foreign(Event::Delivered, RECIPIENTS[0], Some((SOURCE, 1)))]).await;
    let row = |event, issuer, seq| ReceiptRow {
        event,
        recipient: RECIPIENTS[0],
        issuer,
        own: issuer == ME,
        bytes: sample.receipt(event, issuer, seq).bytes().clone(),
    };
    let found = store.receipts(sample.record.key).await.expect("receipts are read");
    assert_eq!(found, vec![row(Event::Custody, ME, 3), row(Event::Delivered, RECIPIENTS[0], 77)]);
    let unknown = Sample::new(3, Precedence::Routine).record.key;
    assert!(store.receipts(unknown).await.expect("receipts are read").is_empty());
}

pub(super) async fn an_outbox_is_numbered_without_gaps<S: Store>(mut store: S) {
    let sample = Sample::new(1, Precedence::Routine);
    let bytes = |seq| -> Arc<[u8]> { sample.receipt(Event::Custody, ME, seq).bytes().clone() };
    let writes = (1..=5).map(|nr| sample.own(Event::Custody, nr, Some((SOURCE, nr)))).collect();
    commit(&mut store, writes).await;
    commit(&mut store, vec![sample.own(Event::Custody, 6, Some((NEXT, 1)))]).await;
    let found = store.outbox(SOURCE, 2, 3).await.expect("the outbox is read");
    assert_eq!(found, vec![(2, bytes(2)), (3, bytes(3)), (4, bytes(4))]);
    assert_eq!(store.outbox(NEXT, 1, 9).await.expect("the outbox is read"), vec![(1, bytes(6))]);
    assert!(store.outbox(SOURCE, 6, 9).await.expect("the outbox is read").is_empty());

    commit(&mut store, vec![Write::OutboxStored { neighbour: SOURCE, upto: 4 }]).await;
    commit(&mut store, vec![Write::OutboxStored { neighbour: SOURCE, upto: 3 }]).await;
    let loaded = store.load().await.expect("the state is loaded");
    assert_eq!(loaded.outboxes.get(&SOURCE), Some(&(6, 4)), "a confirmation never goes back");
    assert_eq!(loaded.outboxes.get(&NEXT), Some(&(2, 0)));
}

/// Puts something of everything into a store and gives what it says of itself then.
pub(super) async fn fill<S: Store>(store: &mut S) -> Loaded {
    let nothing = store.load().await.expect("an empty store is loaded");
    assert_eq!((nothing.epoch_counter, nothing.log.size()), (0, 0));
    assert!(nothing.queued.is_empty() && nothing.outboxes.is_empty() && nothing.held.is_empty());

    let leaf = |text: &[u8]| -> Arc<[u8]> { text.into() };
    commit(store, vec![Write::Epoch { epoch: epoch(1), seq: 0, bytes: leaf(b"first") }]).await;
    let loaded = store.load().await.expect("the state is loaded");
    assert_eq!(loaded.epoch_counter, 1);

    let (waits, came) = (Sample::new(1, Precedence::Flash), Sample::new(2, Precedence::Routine));
    let here = came.in_state(&DeliveryState::Here, Some(Event::Delivered));
    let header = came.bytes.header.clone();
    let mut writes = arrive(&waits);
    writes.extend([waits.own(Event::Custody, 1, Some((SOURCE, 1))), came.envelope(), came.line()]);
    writes.extend([Write::Record(here), came.own(Event::Delivered, 2, Some((SOURCE, 2)))]);
    writes.push(Write::InboxDeed { key: came.record.key, event: Event::Acknowledged });
    writes.push(Write::Collision { key: came.record.key, digest: digest(&header), header });
    writes.push(Write::OutboxStored { neighbour: SOURCE, upto: 1 });
    commit(store, writes).await;
    store.load().await.expect("the state is loaded")
}

pub(super) async fn a_restart_finds_everything<S: Store>(store: &mut S, before: Loaded) {
    let (waits, came) = (Sample::new(1, Precedence::Flash), Sample::new(2, Precedence::Routine));
    let after = store.load().await.expect("the state is loaded");
    assert_eq!(state_of(&after), state_of(&before));
    assert_eq!(after.epoch_counter, 1);
    assert_eq!(after.signed_at, Some(came.receipt(Event::Delivered, ME, 2).receipt().at));
    let last = came.receipt(Event::Delivered, ME, 2);
    assert_eq!(after.outboxes.get(&SOURCE), Some(&(3, 1)));
    assert_eq!(after.queued.get(&(NEXT, Precedence::Flash)), Some(&1));
    let held = after.held.get(&(SOURCE, Precedence::Flash)).copied();
    assert_eq!(held, Some((1, waits.record.size_bytes)));

    let found = store.next_waiting(NEXT, Precedence::Flash, 1, 1).await.expect("the queue is read");
    assert_eq!(found.first().map(|envelope| &envelope.bytes), Some(&waits.bytes));
    let receipts = store.receipts(came.record.key).await.expect("receipts are read");
    assert_eq!(receipts.first().map(|row| &row.bytes), Some(last.bytes()));
    assert_eq!(came.record.key.origin, ORIGIN);

    let leaf: Arc<[u8]> = b"second"[..].into();
    commit(store, vec![Write::Epoch { epoch: epoch(2), seq: 3, bytes: leaf }]).await;
    let loaded = store.load().await.expect("the state is loaded");
    assert_eq!(loaded.epoch_counter, 2);
}
