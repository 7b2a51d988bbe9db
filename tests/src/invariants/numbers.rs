//! The numbers by which a recipient sees what it is missing: given without a gap by each run of an origin, kept by the
//! envelope on its way, and in the end missing from an inbox exactly where nothing was delivered.

use std::collections::{BTreeMap, BTreeSet};

use node::store::memory::MemoryStore;
use relay::{
    envelope_id::{EnvelopeKey, Epoch},
    record::Record,
};
use topology::RoomId;

use super::Violation;
use crate::model::{Letter, Model};

/// An origin numbers what it accepts for a recipient without a gap.
pub(super) fn follow_each_other(model: &Model, record: &Record) -> Result<(), Violation> {
    if model.letters().contains_key(&record.key) {
        return Ok(());
    }
    for delivery in &record.deliveries {
        let next = model.next_number(record.key.origin, delivery.recipient);
        if delivery.nr != next {
            let what = format!("it has number {} at its recipient, {next} is the next", delivery.nr);
            return Err(Violation::of(record.key, what));
        }
    }
    Ok(())
}

/// It enters the inbox under the number that its origin gave it.
pub(super) fn as_given(
    letter: &Letter,
    room: RoomId,
    key: EnvelopeKey,
    shown: (Epoch, u64),
) -> Result<(), Violation> {
    let given = letter.fates.get(&room).map(|fate| (letter.epoch, fate.nr));
    if given == Some(shown) {
        return Ok(());
    }
    Err(Violation::of(key, format!("it was given {given:?} and enters the inbox as {shown:?}")))
}

/// What is missing between the numbers of an inbox is what was not delivered, and nothing else.
///
/// # Errors
/// [`Violation`].
pub fn gaps_are_shown(model: &Model, room: RoomId, store: &MemoryStore) -> Result<(), Violation> {
    let mut shown: BTreeMap<(RoomId, Epoch), BTreeSet<u64>> = BTreeMap::new();
    for (key, line) in store.inbox() {
        let is_new = shown.entry((key.origin, line.epoch)).or_default().insert(line.nr);
        if !is_new {
            return Err(Violation::of(*key, format!("number {} is in the inbox twice", line.nr)));
        }
    }
    for (key, letter) in model.letters() {
        let Some(fate) = letter.fates.get(&room) else { continue };
        let is_shown =
            shown.get(&(key.origin, letter.epoch)).is_some_and(|numbers| numbers.contains(&fate.nr));
        if is_shown != (fate.lines == 1) {
            let what = format!("its number {} is shown: {is_shown}, lines {}", fate.nr, fate.lines);
            return Err(Violation::of(*key, what));
        }
    }
    Ok(())
}
