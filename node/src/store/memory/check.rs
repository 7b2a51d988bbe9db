//! What a commit must not do, looked for before anything is changed.

use std::collections::BTreeSet;

use relay::{receipt::Event, step::Write};

use super::{super::StoreError, Durable};

/// What the writes before this one in the same commit have taken.
#[derive(Default)]
struct Taken {
    envelopes: BTreeSet<relay::envelope_id::EnvelopeKey>,
    lines: BTreeSet<relay::envelope_id::EnvelopeKey>,
    calls: BTreeSet<relay::envelope_id::EnvelopeKey>,
    requests: BTreeSet<certs::signature::Digest>,
    leaves: BTreeSet<u64>,
    numbers: BTreeSet<(topology::RoomId, u64)>,
    epochs: BTreeSet<u64>,
    steps: BTreeSet<relay::duty::step::StepName>,
    /// Leaves of the log that are new.
    log: u64,
}

impl Durable {
    /// Refuses a commit in which something is new that is not.
    pub(super) fn check(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut taken = Taken::default();
        writes.iter().try_for_each(|write| self.check_one(write, &mut taken))
    }

    fn check_one(&self, write: &Write, taken: &mut Taken) -> Result<(), StoreError> {
        let (is_new, what) = match write {
            Write::Envelope { key, .. } => {
                (!self.envelopes.contains_key(key) && taken.envelopes.insert(*key), "an envelope")
            }
            Write::Inbox { key, .. } => {
                (!self.inbox.contains_key(key) && taken.lines.insert(*key), "a line of the inbox")
            }
            Write::Call { key, .. } => {
                (!self.calls.contains_key(key) && taken.calls.insert(*key), "a note of a call")
            }
            Write::SentOnce(once) => {
                let is_new = !self.sent_once.contains_key(&once.name);
                (is_new && taken.requests.insert(once.name), "a request")
            }
            Write::Epoch { epoch, .. } => {
                let counter = epoch.counter;
                (!self.epochs.contains_key(&counter) && taken.epochs.insert(counter), "an epoch")
            }
            Write::DutyStep { name, .. } => {
                (!self.steps.contains(name) && taken.steps.insert(*name), "a step of a timer")
            }
            Write::Receipt(stored) => {
                let leaf = !self.receipt_leaves.contains(&stored.leaf) && taken.leaves.insert(stored.leaf);
                let place = stored
                    .outbox
                    .is_none_or(|place| !self.outbox.contains_key(&place) && taken.numbers.insert(place));
                (leaf && place, "a receipt's number")
            }
            Write::InboxDeed { event, .. } => {
                return if is_deed(*event) {
                    Ok(())
                } else {
                    Err(StoreError::Database(format!("{event} is no deed of an officer")))
                };
            }
            Write::Log(run) => {
                let next = self.log.leaves.len() as u64 + taken.log;
                taken.log += run.leaves.len() as u64;
                (run.first == next, "a leaf of the log")
            }
            Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. }
            | Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Record(_)
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::OutboxStored { .. }
            | Write::Collision { .. } => (true, ""),
        };
        if is_new { Ok(()) } else { Err(StoreError::Database(format!("{what} must be new and is not"))) }
    }
}

fn is_deed(event: Event) -> bool {
    matches!(event, Event::Alerted | Event::Acknowledged | Event::Opened | Event::Disposed | Event::Returned)
}
