//! The hand-over (交线路): a hub remembers when an envelope left by a live link to the child that it is for, and signs that
//! only where the child's own receipt is a minute late. So a room cannot stop its own clock by withholding `delivered`,
//! and what goes the good way costs nothing.
//!
//! It is the time by which the slowest line would have carried the envelope and all that was under way before it. A link that
//! is lost takes it along: what goes out again on the next one is handed over anew.
//! *Against:* a room that has an instruction and does not say so; a hub that blames a room for what waited in the hub.

use topology::RoomId;

use super::{About, Engine};
use crate::{
    envelope_id::EnvelopeKey,
    limits::{HANDED_OVER_MAX, RECEIPT_OVERDUE, SLOWEST_LINE_BYTES_PER_SECOND},
    receipt::Event,
    record::Record,
    step::Step,
    tick::TickRef,
    timestamp::Timestamp,
};

/// When an envelope was handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandedOver {
    /// At the latest.
    pub(super) by: Timestamp,
    /// The newest tick when it left: it came after that.
    pub(super) tick: Option<TickRef>,
}

impl Engine {
    /// An envelope leaves for `neighbour`; remembered if it is for the child itself and not yet handed over on this link.
    pub(super) fn handed_over(
        &mut self,
        record: &Record,
        neighbour: RoomId,
        recipients: &[RoomId],
        now: Timestamp,
    ) {
        if !recipients.contains(&neighbour) || !self.map.may_dial(self.me, neighbour) {
            return;
        }
        let tick = self.ticks.newest();
        let link = self.link(neighbour);
        let carried = link.bytes_in_flight().saturating_mul(1_000) / SLOWEST_LINE_BYTES_PER_SECOND;
        let by = now.after(std::time::Duration::from_millis(carried));
        if link.handed.len() < HANDED_OVER_MAX {
            link.handed.entry(record.key).or_insert(HandedOver { by, tick });
        }
    }

    /// Signs the hand-over to this recipient if its receipt has been missing for too long; once for each envelope.
    pub(super) fn attest_hand_over(
        &mut self,
        record: &mut Record,
        recipient: RoomId,
        now: Timestamp,
        step: &mut Step,
    ) {
        let Some(handed) = self.links.get(&recipient).and_then(|link| link.handed.get(&record.key)).copied()
        else {
            return;
        };
        let is_said = record.delivery(recipient).is_some_and(|delivery| {
            delivery.receipts.iter().any(|noted| noted.event == Event::Handed && noted.issuer == self.me)
        });
        if !is_said && now > handed.by.after(RECEIPT_OVERDUE) {
            let about = About { handed: Some(handed), ..About::record(record, recipient) };
            self.attest(record, about, Event::Handed, now, step);
        }
    }

    /// The recipient has answered.
    pub(super) fn forget_hand_over(&mut self, key: &EnvelopeKey, recipient: RoomId) {
        if let Some(link) = self.links.get_mut(&recipient) {
            link.handed.remove(key);
        }
    }
}
