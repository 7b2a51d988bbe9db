//! Records: what changes about an envelope, and when it is due. And commits that must not half happen.

use relay::{
    receipt::Event,
    record::DeliveryState,
    step::{Loaded, Write},
    timestamp::Timestamp,
};
use topology::Precedence;

use super::{
    super::Store,
    arrive, commit, refused,
    sample::{ME, NEXT, SOURCE, Sample, epoch},
};

pub(super) async fn a_record_is_read_back_as_it_was_written_last<S: Store>(mut store: S) {
    let (first, second) = (Sample::new(1, Precedence::Routine), Sample::new(2, Precedence::Flash));
    let sent_state = DeliveryState::Sent { neighbour: NEXT, resend_at: Timestamp::from_ms(5) };
    let sent = first.in_state(&sent_state, None);
    let held = first.in_state(&DeliveryState::Held { neighbour: NEXT, resend_at: None }, None);
    commit(&mut store, vec![Write::Record(first.record.clone()), Write::Record(sent.clone())]).await;
    commit(&mut store, vec![Write::Record(second.record.clone())]).await;

    let unknown = Sample::new(3, Precedence::Routine).record.key;
    let wanted = [first.record.key, second.record.key, unknown];
    let found = store.records(&wanted).await.expect("records are read");
    assert_eq!(found.len(), 2, "a record that is not known is absent");
    assert_eq!(found.get(&sent.key), Some(&sent), "the last write of a commit counts");
    assert_eq!(found.get(&second.record.key), Some(&second.record));

    commit(&mut store, vec![Write::Record(held.clone())]).await;
    let found = store.records(&[held.key]).await.expect("records are read");
    assert_eq!(found.get(&held.key), Some(&held), "a later commit replaces an earlier one");
    assert!(store.records(&[]).await.expect("nothing is read").is_empty());
}

pub(super) async fn what_is_due_is_read_in_order_and_in_pages<S: Store>(mut store: S) {
    let at = |ms| DeliveryState::Sent { neighbour: NEXT, resend_at: Timestamp::from_ms(ms) };
    let times = [300, 100, 200, 200, 900];
    let mut expected = Vec::new();
    for (number, ms) in (0_u32..).zip(times) {
        let record = Sample::new(number, Precedence::Routine).in_state(&at(ms), None);
        expected.push((Timestamp::from_ms(ms), record.key));
        commit(&mut store, vec![Write::Record(record)]).await;
    }
    let ended = Sample::new(9, Precedence::Routine).in_state(&DeliveryState::Ended, Some(Event::Delivered));
    commit(&mut store, vec![Write::Record(ended)]).await;
    expected.sort();
    expected.pop();

    let until = Timestamp::from_ms(300);
    let due = store.due(until, 10).await.expect("what is due is read");
    assert_eq!(due, expected.iter().map(|(_, key)| *key).collect::<Vec<_>>(), "the longest due comes first");
    assert_eq!(store.due(until, 2).await.expect("what is due is read").len(), 2);

    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.open_records(until, cursor, 2).await.expect("a page is read");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2, "a page is no longer than wanted");
        cursor = Some(*last);
        pages.extend(page);
    }
    assert_eq!(pages, expected, "pages leave nothing out and repeat nothing");

    let done = Sample::new(1, Precedence::Routine).in_state(&DeliveryState::Ended, Some(Event::Delivered));
    commit(&mut store, vec![Write::Record(done.clone())]).await;
    let due = store.due(until, 10).await.expect("what is due is read");
    assert!(due.len() == 3 && !due.contains(&done.key), "what is done is not due any more");
}

pub(super) async fn a_commit_that_fails_changes_nothing<S: Store>(mut store: S) {
    let known = Sample::new(1, Precedence::Routine);
    let mut writes = arrive(&known);
    let noted = Write::Call { key: known.record.key, entry: known.call() };
    let once = Write::SentOnce(known.once());
    writes.extend([
        known.own(Event::Custody, 5, Some((SOURCE, 1))),
        known.line(),
        noted.clone(),
        once.clone(),
        first_leaf(),
    ]);
    commit(&mut store, writes).await;
    let before = store.load().await.expect("the state is loaded");

    let new = Sample::new(2, Precedence::Routine);
    let faults = [
        known.envelope(),
        known.line(),
        noted,
        once,
        known.own(Event::Delivered, 5, None),
        known.foreign(Event::Delivered, NEXT, Some((SOURCE, 1))),
        first_leaf(),
        Write::InboxDeed { key: known.record.key, event: Event::Custody },
    ];
    // A small commit and one of several statements may go different ways.
    let many: Vec<Write> = (100..150).flat_map(|n| arrive(&Sample::new(n, Precedence::Routine))).collect();
    for (fault, besides) in faults.iter().flat_map(|fault| [(fault, &[][..]), (fault, &many)]) {
        let mut writes = [arrive(&new), besides.to_vec()].concat();
        writes.push(new.own(Event::Custody, 6, Some((SOURCE, 2))));
        writes.push(fault.clone());
        refused(&mut store, writes).await;
        let after = store.load().await.expect("the state is loaded");
        assert_eq!(state_of(&after), state_of(&before), "nothing of a failed commit is left");
        let records = store.records(&[new.record.key]).await.expect("records are read");
        assert!(records.is_empty(), "no record of a failed commit is left");
        let receipts = store.receipts(new.record.key).await.expect("receipts are read");
        assert!(receipts.is_empty(), "no receipt of a failed commit is left");
    }
    let twice = vec![new.own(Event::Custody, 6, None), new.own(Event::Delivered, 6, None)];
    refused(&mut store, twice).await;
    let mut writes = arrive(&new);
    writes.push(new.own(Event::Custody, 6, Some((SOURCE, 2))));
    commit(&mut store, writes).await;
    let found = store.records(&[new.record.key]).await.expect("records are read");
    assert_eq!(found.len(), 1, "the next commit succeeds");
}

fn first_leaf() -> Write {
    Write::Epoch { epoch: epoch(1), seq: 0, bytes: ME.as_bytes()[..].into() }
}

/// [`Loaded`] as something that compares.
pub(super) fn state_of(loaded: &Loaded) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (loaded.epoch_counter, loaded.log.clone()),
        loaded.queued.clone(),
        loaded.outboxes.clone(),
        loaded.held.clone(),
    )
}
