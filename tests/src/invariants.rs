//! What must be true after every step of a simulated world, and what must be true at its end.
//!
//! Each rule compares what was committed or said with the [`Model`], and names the envelope that breaks it.

mod numbers;

use std::collections::BTreeSet;

use certs::signature::Digest;
use node::{driver::Outgoing, store::memory::MemoryStore};
use relay::{
    engine::Engine,
    envelope::peek_key,
    envelope_id::EnvelopeKey,
    limits::{RECORDS_CACHED, WINDOW_MESSAGES},
    log::{Run, leaf_hash},
    receipt::{Event, VerifiedReceipt},
    record::{Delivery, DeliveryState, Record},
    step::{QueuePlace, Write},
};
use topology::{Precedence, RoomId};

pub use self::numbers::gaps_are_shown;
use crate::model::{Fate, Letter, Model};

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub what: String,
    /// With which envelope, if with one.
    pub key: Option<EnvelopeKey>,
}

impl Violation {
    /// A rule about one envelope.
    pub fn of(key: EnvelopeKey, what: impl Into<String>) -> Self {
        Self { what: what.into(), key: Some(key) }
    }

    /// A rule about no envelope in particular.
    pub fn general(what: impl Into<String>) -> Self {
        Self { what: what.into(), key: None }
    }
}

/// Before the model hears of a committed write: does it fit what was committed before?
///
/// # Errors
/// [`Violation`].
pub fn before_write(model: &Model, room: RoomId, write: &Write) -> Result<(), Violation> {
    match write {
        Write::Epoch { seq, .. } => next_leaf(model, room, *seq, None),
        Write::Leaf { leaf, .. } => next_leaf(model, room, *leaf, None),
        Write::Receipt(stored) => {
            let statement = stored.receipt.receipt();
            next_leaf(model, room, stored.leaf, Some(statement.key()))?;
            if stored.own {
                next_leaf(model, room, statement.seq, Some(statement.key()))
            } else {
                as_issued(model, &stored.receipt)
            }
        }
        Write::Log(run) => is_hashed(model, room, run),
        Write::Inbox { key, delivered_at, nr, epoch, .. } => {
            let Some(letter) = model.letters().get(key) else {
                return Err(Violation::of(*key, "delivered, but its origin never accepted it"));
            };
            if *delivered_at >= letter.expires_at {
                return Err(Violation::of(*key, "delivered after its expiry by the target's own clock"));
            }
            numbers::as_given(letter, room, *key, (*epoch, *nr))
        }
        Write::Record(record) if record.source.is_none() => {
            numbers::follow_each_other(model, record)?;
            beliefs_stay(model, record)
        }
        Write::DutyStep { name, leaf, .. } => {
            if model.has_step(room, *name) {
                return Err(Violation::general(format!(
                    "step {} is taken twice, as leaf {leaf}",
                    name.stage.word()
                )));
            }
            Ok(())
        }
        Write::Record(_)
        | Write::Envelope { .. }
        | Write::Keys { .. }
        | Write::ContentKey { .. }
        | Write::Enqueue(_)
        | Write::Dequeue(_)
        | Write::OutboxStored { .. }
        | Write::Call { .. }
        | Write::SentOnce(_)
        | Write::InboxDeed { .. }
        | Write::Tick { .. }
        | Write::TickCited(_)
        | Write::Checkpoint { .. }
        | Write::Dated(_)
        | Write::HeldHead { .. }
        | Write::HistoryBreak { .. }
        | Write::LinkState { .. }
        | Write::Collision { .. } => Ok(()),
    }
}

/// After the model has heard of a commit: is everything that it touched still safe?
///
/// # Errors
/// [`Violation`].
pub fn after_commit(model: &Model, store: &MemoryStore, writes: &[Write]) -> Result<(), Violation> {
    for write in writes {
        match write {
            Write::Record(record) => {
                every_open_way_leads_on(store, &record.key)?;
                one_truth(model, &record.key)?;
            }
            Write::Receipt(stored) => {
                let statement = stored.receipt.receipt();
                if stored.own && !store.all_records().contains_key(&statement.key()) {
                    let what = format!("{} was signed for what is not stored", statement.event);
                    return Err(Violation::of(statement.key(), what));
                }
                one_truth(model, &statement.key())?;
            }
            Write::Inbox { key, .. } => one_truth(model, key)?,
            Write::DutyStep { .. }
            | Write::Envelope { .. }
            | Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::OutboxStored { .. }
            | Write::Call { .. }
            | Write::SentOnce(_)
            | Write::InboxDeed { .. }
            | Write::Collision { .. }
            | Write::Epoch { .. }
            | Write::Log(_)
            | Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => {}
        }
    }
    Ok(())
}

/// A receipt that somebody shows is, byte for byte, the one that its issuer has committed under that number.
///
/// # Errors
/// [`Violation`].
pub fn as_issued(model: &Model, receipt: &VerifiedReceipt) -> Result<(), Violation> {
    let statement = receipt.receipt();
    match model.leaf(statement.issuer, statement.seq) {
        Some(bytes) if bytes == receipt.bytes() => Ok(()),
        Some(_) => {
            let what = format!("two different receipts under leaf {} of one room", statement.seq);
            Err(Violation::of(statement.key(), what))
        }
        None => {
            let what = format!("{} was said before it was committed", statement.event);
            Err(Violation::of(statement.key(), what))
        }
    }
}

/// Nothing less urgent leaves while something more urgent waits for the same neighbour before and after the turn and
/// is not itself on its way, and nobody honest is accused of breaking the rules of a link.
///
/// # Errors
/// [`Violation`].
pub fn said(
    before: &BTreeSet<QueuePlace>,
    after: &BTreeSet<QueuePlace>,
    items: &[Outgoing],
) -> Result<(), Violation> {
    let mut sent = BTreeSet::new();
    for item in items {
        match item {
            Outgoing::Envelope { to, precedence, bytes } => {
                sent.extend(peek_key(&bytes.header).map(|key| (*to, key)));
                let waits = |place: &&QueuePlace| {
                    place.neighbour == *to
                        && place.precedence < *precedence
                        && !sent.contains(&(*to, place.key))
                };
                if let Some(place) = before.intersection(after).find(waits) {
                    let what = format!("{precedence} left while this waited for the same neighbour");
                    return Err(Violation::of(place.key, what));
                }
            }
            Outgoing::Close { reason, .. } => {
                return Err(Violation::general(format!("an honest neighbour is accused: {reason}")));
            }
            Outgoing::Control { .. } | Outgoing::Notice(_) => {}
        }
    }
    Ok(())
}

/// What an engine holds in memory stays within its limits, whatever waits on the disk.
///
/// # Errors
/// [`Violation`].
pub fn bounded(engine: &Engine, links_max: usize) -> Result<(), Violation> {
    let (records, under_way) = engine.in_memory();
    let under_way_max = links_max * Precedence::ALL.len() * usize::try_from(WINDOW_MESSAGES).unwrap_or(0);
    if records > RECORDS_CACHED || under_way > under_way_max {
        let what = format!("{records} records and {under_way} envelopes under way are held in memory");
        return Err(Violation::general(what));
    }
    Ok(())
}

/// When the faults have stopped and time has passed: every envelope has ended, and its origin knows how. It has also
/// heard of every deed, where one way alone leads from it to the recipient: a deed that is signed after an alternate
/// link has gone waits for that link.
///
/// # Errors
/// [`Violation`].
pub fn at_the_end(model: &Model, is_only_way: impl Fn(RoomId, RoomId) -> bool) -> Result<(), Violation> {
    for (key, letter) in model.letters() {
        for (recipient, fate) in &letter.fates {
            if fate.heard.len() != fate.deeds.len() && is_only_way(key.origin, *recipient) {
                return Err(Violation::of(
                    *key,
                    format!("its origin has not heard of every deed once: {fate:?}"),
                ));
            }
            if fate.belief.is_none() {
                return Err(Violation::of(*key, format!("its origin never learned the outcome: {fate:?}")));
            }
        }
        one_truth(model, key)?;
        known_and_true(key, letter)?;
    }
    Ok(())
}

/// Whether every envelope has ended as far as its origin knows.
pub fn all_ended(model: &Model) -> bool {
    model.letters().values().all(|letter| letter.fates.values().all(|fate| fate.belief.is_some()))
}

/// The log holds the hashes of what was committed, in order.
fn is_hashed(model: &Model, room: RoomId, run: &Run) -> Result<(), Violation> {
    let leaves = (run.first..).zip(&run.leaves);
    let is_other = |(number, hash): &(u64, &Digest)| {
        model.leaf(room, *number).map(|leaf| leaf_hash(leaf)) != Some(**hash)
    };
    match leaves.into_iter().find(is_other) {
        Some((number, _)) => {
            Err(Violation::general(format!("leaf {number} is not the hash of what was committed")))
        }
        None => Ok(()),
    }
}

fn next_leaf(model: &Model, room: RoomId, seq: u64, key: Option<EnvelopeKey>) -> Result<(), Violation> {
    let next = model.next_leaf(room);
    if seq == next {
        return Ok(());
    }
    Err(Violation { what: format!("leaf {seq} was committed, {next} is the next of this room's log"), key })
}

fn beliefs_stay(model: &Model, record: &Record) -> Result<(), Violation> {
    let Some(letter) = model.letters().get(&record.key) else { return Ok(()) };
    for (recipient, fate) in &letter.fates {
        let now = record.delivery(*recipient).and_then(|delivery| delivery.outcome);
        if fate.belief.is_some() && now != fate.belief {
            let what = format!("its origin believed {:?} and now believes {now:?}", fate.belief);
            return Err(Violation::of(record.key, what));
        }
    }
    Ok(())
}

/// What the recipient itself has said is the truth; the origin believes that or does not know yet. Nobody finds
/// it in an inbox twice.
fn one_truth(model: &Model, key: &EnvelopeKey) -> Result<(), Violation> {
    let Some(letter) = model.letters().get(key) else { return Ok(()) };
    for (recipient, fate) in &letter.fates {
        if fate.lines > 1 {
            return Err(Violation::of(*key, format!("it is in the same inbox {} times", fate.lines)));
        }
        if fate.endings.len() > 1 {
            return Err(Violation::of(*key, format!("it has ended more than once: {:?}", fate.endings)));
        }
        let own: Vec<Event> =
            fate.endings.iter().filter(|(_, issuer)| issuer == recipient).map(|(event, _)| *event).collect();
        if own.len() > 1 || (fate.lines == 1) != (own == [Event::Delivered]) {
            let what = format!("its recipient has it in {} lines and says {own:?}", fate.lines);
            return Err(Violation::of(*key, what));
        }
        if fate.belief.is_some() && own.first().is_some_and(|truth| Some(*truth) != fate.belief) {
            let what = format!("its origin believes {:?}, its recipient says {own:?}", fate.belief);
            return Err(Violation::of(*key, what));
        }
    }
    Ok(())
}

fn known_and_true(key: &EnvelopeKey, letter: &Letter) -> Result<(), Violation> {
    for (recipient, fate) in &letter.fates {
        let Fate { belief: Some(belief), endings, .. } = fate else { continue };
        if !endings.iter().any(|(event, _)| event == belief) {
            let what = format!("its origin believes {belief} for {recipient}, which nobody signed");
            return Err(Violation::of(*key, what));
        }
    }
    Ok(())
}

/// Whatever a node has promised to carry is in a queue, under way with a time to try again, or in the next hop's
/// custody; at the origin there is always a time at which it is looked at again.
fn every_open_way_leads_on(store: &MemoryStore, key: &EnvelopeKey) -> Result<(), Violation> {
    let Some(record) = store.all_records().get(key) else {
        return Err(Violation::of(*key, "a committed record is gone"));
    };
    for delivery in &record.deliveries {
        leads_on(store, record, delivery)?;
    }
    let waits_somewhere = |place: &QueuePlace| !record.waiting_for(place.neighbour).is_empty();
    match store.all_places().iter().find(|place| place.key == *key && !waits_somewhere(place)) {
        Some(_) => Err(Violation::of(*key, "it has a place in a queue in which nothing of it waits")),
        None => Ok(()),
    }
}

fn leads_on(store: &MemoryStore, record: &Record, delivery: &Delivery) -> Result<(), Violation> {
    let is_open = !matches!(delivery.state, DeliveryState::Here | DeliveryState::Ended);
    if is_open == delivery.outcome.is_some() {
        let what = format!("its state {:?} contradicts its outcome {:?}", delivery.state, delivery.outcome);
        return Err(Violation::of(record.key, what));
    }
    match &delivery.state {
        DeliveryState::Waiting { neighbour } => {
            let (precedence, since, key) = (record.precedence, record.received_at, record.key);
            let place = QueuePlace { neighbour: *neighbour, precedence, since, key };
            if store.all_places().contains(&place) {
                return Ok(());
            }
            Err(Violation::of(record.key, "it waits, but has no place in the queue"))
        }
        DeliveryState::Held { resend_at: None, .. } if record.source.is_none() => {
            Err(Violation::of(record.key, "its origin would never ask again"))
        }
        DeliveryState::Held { .. }
        | DeliveryState::Sent { .. }
        | DeliveryState::Here
        | DeliveryState::Ended
        | DeliveryState::Lost => Ok(()),
    }
}
