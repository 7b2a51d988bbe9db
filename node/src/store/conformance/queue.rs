//! The queue: what waits, in which order, and what of it is read.

use relay::{
    receipt::Event,
    record::DeliveryState,
    step::{StoredEnvelope, Write},
};
use topology::Precedence;

use super::{
    super::Store,
    arrive, commit,
    sample::{NEXT, RECIPIENTS, SOURCE, Sample},
};

const ENOUGH: u64 = u64::MAX;

async fn waiting<S: Store>(
    store: &mut S,
    precedence: Precedence,
    messages: usize,
    bytes: u64,
) -> Vec<StoredEnvelope> {
    store.next_waiting(NEXT, precedence, messages, bytes).await.expect("the queue is read")
}

fn assert_same(found: &[StoredEnvelope], wanted: &[&Sample]) {
    let keys = |records: Vec<&relay::record::Record>| records.iter().map(|r| r.key.id).collect::<Vec<_>>();
    assert_eq!(
        keys(found.iter().map(|envelope| &envelope.record).collect()),
        keys(wanted.iter().map(|sample| &sample.record).collect()),
        "the queue is read in order"
    );
    for (envelope, sample) in found.iter().zip(wanted) {
        assert_eq!(envelope.record, sample.record);
        assert_eq!(envelope.bytes, sample.bytes, "what was stored is read back byte for byte");
    }
}

pub(super) async fn what_waits_is_read_oldest_first_within_the_budget<S: Store>(mut store: S) {
    let samples: Vec<Sample> = (1..=4).map(|number| Sample::new(number, Precedence::Routine)).collect();
    let urgent = Sample::new(9, Precedence::Flash);
    for sample in [&samples[2], &samples[0], &urgent, &samples[3], &samples[1]] {
        commit(&mut store, arrive(sample)).await;
    }
    let size = samples[0].record.size_bytes;
    let all: Vec<&Sample> = samples.iter().collect();
    assert_same(&waiting(&mut store, Precedence::Flash, 10, ENOUGH).await, &[&urgent]);
    assert_same(&waiting(&mut store, Precedence::Routine, 10, ENOUGH).await, &all);
    assert_same(&waiting(&mut store, Precedence::Routine, 3, ENOUGH).await, &all[..3]);
    assert_same(&waiting(&mut store, Precedence::Routine, 10, size * 2).await, &all[..2]);
    assert_same(&waiting(&mut store, Precedence::Routine, 10, 1).await, &all[..1]);
    assert!(waiting(&mut store, Precedence::Priority, 10, ENOUGH).await.is_empty());
    let others = store.next_waiting(SOURCE, Precedence::Routine, 10, ENOUGH).await;
    assert!(others.expect("the queue is read").is_empty(), "a queue belongs to one neighbour");
}

pub(super) async fn a_place_is_taken_or_given_up_by_the_last_write<S: Store>(mut store: S) {
    let (stays, goes) = (Sample::new(1, Precedence::Routine), Sample::new(2, Precedence::Routine));
    let mut writes = arrive(&stays);
    writes.extend([Write::Dequeue(stays.place()), Write::Enqueue(stays.place())]);
    writes.extend(arrive(&goes));
    writes.push(Write::Dequeue(goes.place()));
    commit(&mut store, writes).await;
    assert_same(&waiting(&mut store, Precedence::Routine, 10, ENOUGH).await, &[&stays]);

    commit(&mut store, vec![Write::Enqueue(stays.place()), Write::Enqueue(goes.place())]).await;
    assert_same(&waiting(&mut store, Precedence::Routine, 10, ENOUGH).await, &[&stays, &goes]);
    commit(&mut store, vec![Write::Dequeue(stays.place()), Write::Dequeue(stays.place())]).await;
    assert_same(&waiting(&mut store, Precedence::Routine, 10, ENOUGH).await, &[&goes]);
    let loaded = store.load().await.expect("the state is loaded");
    assert_eq!(loaded.queued.get(&(NEXT, Precedence::Routine)), Some(&1));
}

pub(super) async fn wrapped_keys_that_come_later_are_added<S: Store>(mut store: S) {
    let (early, late) = (Sample::new(1, Precedence::Routine), Sample::new(2, Precedence::Routine));
    let branch = |sample: &Sample, room: usize| sample.bytes.branch(&RECIPIENTS[room..=room]);
    let first_branch = |sample: &Sample| Write::Envelope {
        key: sample.record.key,
        bytes: branch(sample, 0),
        content_key: None,
        summary: None,
    };
    let second_branch = |sample: &Sample| Write::Keys { key: sample.record.key, bytes: branch(sample, 1) };
    let known = |sample: &Sample| vec![Write::Record(sample.record.clone()), Write::Enqueue(sample.place())];

    let mut writes = vec![first_branch(&early), first_branch(&late), second_branch(&late)];
    writes.push(Write::ContentKey { key: late.record.key, content_key: vec![1] });
    writes.extend([known(&early), known(&late)].concat());
    commit(&mut store, writes).await;
    commit(&mut store, vec![second_branch(&early), second_branch(&early)]).await;
    commit(&mut store, vec![Write::ContentKey { key: early.record.key, content_key: vec![1] }]).await;
    assert_same(&waiting(&mut store, Precedence::Routine, 10, ENOUGH).await, &[&early, &late]);
}

pub(super) async fn a_large_batch_is_read_back_whole<S: Store>(mut store: S) {
    let samples: Vec<Sample> = (0..150).map(|number| Sample::new(number, Precedence::Immediate)).collect();
    let large = Sample::with_body(150, Precedence::Immediate, 3 * 1024 * 1024);
    let mut writes: Vec<Write> = samples.iter().chain([&large]).flat_map(arrive).collect();
    for (seq, sample) in (0..).zip(&samples) {
        writes.push(sample.own(Event::Custody, seq, Some((SOURCE, seq + 1))));
    }
    commit(&mut store, writes).await;
    let all: Vec<&Sample> = samples.iter().chain([&large]).collect();
    assert_same(&waiting(&mut store, Precedence::Immediate, 200, ENOUGH).await, &all);
    let keys: Vec<_> = all.iter().map(|sample| sample.record.key).collect();
    assert_eq!(store.records(&keys).await.expect("records are read").len(), 151);

    let sent = |sample: &Sample| {
        let held = sample.in_state(&DeliveryState::Held { neighbour: NEXT, resend_at: None }, None);
        [Write::Record(held), Write::Dequeue(sample.place())]
    };
    commit(&mut store, samples.iter().flat_map(sent).collect()).await;
    assert_same(&waiting(&mut store, Precedence::Immediate, 200, ENOUGH).await, &[&large]);
    let loaded = store.load().await.expect("the state is loaded");
    let held = loaded.held.get(&(SOURCE, Precedence::Immediate)).copied();
    assert_eq!(held, Some((1, large.record.size_bytes)), "only what is not handed on fills the quota");
}
