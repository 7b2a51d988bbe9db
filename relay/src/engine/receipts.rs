//! Receipts come from a neighbour: believed only where their issuer stands on the way, kept once, and passed on
//! towards the origin.
//! *Against:* an outcome from a room that has no say, a receipt for other bytes, a repeated one.

use topology::{Precedence, RoomId, route::next_hops};

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    limits::{RECEIPTS_OF_HOPS_MAX, RECEIPTS_OF_ROOM_MAX, resend_after},
    receipt::{Event, Receipt, VerifiedReceipt},
    record::{DeliveryState, NotedReceipt, Record},
    step::{Notice, Send, Step},
    timestamp::Timestamp,
};

impl Engine {
    pub(super) fn receipts(
        &mut self,
        from: RoomId,
        upto: Option<u64>,
        receipts: Vec<VerifiedReceipt>,
        now: Timestamp,
        step: &mut Step,
    ) {
        for receipt in receipts {
            self.receipt(from, receipt, now, step);
        }
        if let Some(upto) = upto {
            step.sends.push(Send::ReceiptsStored { to: from, upto });
        }
    }

    fn receipt(&mut self, from: RoomId, receipt: VerifiedReceipt, now: Timestamp, step: &mut Step) {
        let statement = receipt.receipt();
        let Some(mut record) = self.records.find(&statement.key()) else { return };
        if !self.has_a_say(&record, statement) {
            return;
        }
        let is_news = !record.has_noted(statement);
        if is_news && record.has_heard_enough(statement) {
            return;
        }
        let is_held = statement.event == Event::Custody
            && statement.issuer == from
            && self.custody_learned(&mut record, statement.recipient, from, is_news, now, step);
        if is_news {
            self.cite(receipt.receipt().tick, Some(from), step);
            self.news(&mut record, receipt, now, step);
        }
        self.landed(&record, from);
        if is_held || is_news {
            self.save(record, step);
        }
    }

    /// A receipt that was not here before: kept, and passed on towards the origin.
    fn news(&mut self, record: &mut Record, receipt: VerifiedReceipt, now: Timestamp, step: &mut Step) {
        let statement = receipt.receipt();
        let (event, recipient) = (statement.event, statement.recipient);
        record.note(statement);
        if event.is_terminal() && statement.envelope_digest == record.digest {
            self.attest_hand_over(record, recipient, now, step);
            self.forget_hand_over(&record.key, recipient);
            self.outcome_learned(record, recipient, event, step);
        }
        if event == Event::Lost {
            self.loss_learned(record, recipient, step);
        }
        match record.source {
            Some(_) => step.points.push(CrashPoint::ReceiptForwarded),
            None => step.sends.push(Send::Notice(Notice::Receipt { key: record.key, event, recipient })),
        }
        self.keep(receipt, false, record.source, step);
    }

    /// Issues, notes and stores a receipt of our own, and starts it on its way back.
    pub(super) fn attest(
        &mut self,
        record: &mut Record,
        about: About<'_>,
        event: Event,
        now: Timestamp,
        step: &mut Step,
    ) {
        let recipient = about.recipient;
        let receipt = self.issue(&about, event, now);
        record.note(receipt.receipt());
        if record.source.is_none() {
            step.sends.push(Send::Notice(Notice::Receipt { key: record.key, event, recipient }));
        }
        self.keep(receipt, true, record.source, step);
    }

    /// Who may say what: the recipient about itself, a hop if it stands on a way from the origin up or down to the
    /// recipient. Only a collision is about other bytes, and then only passed on.
    fn has_a_say(&self, record: &Record, statement: &Receipt) -> bool {
        let digest_known = statement.envelope_digest == record.digest
            || (statement.event == Event::Collision && record.source.is_some());
        let on_the_way = statement.issuer != statement.origin
            && (self.map.contains(statement.issuer, statement.recipient)
                || self.map.carries_for(statement.issuer, statement.origin));
        digest_known
            && (statement.issuer == statement.recipient || on_the_way)
            && statement.issuer != self.me
            && record.delivery(statement.recipient).is_some()
            && statement.event != Event::Accepted
            && (statement.event != Event::Handed || statement.issuer != statement.recipient)
    }

    /// The next hop answers for it now. It may say so again when it was asked again, and it may have taken it before
    /// the link was lost: then it need not wait for another try. Gives whether that changed anything.
    fn custody_learned(
        &mut self,
        record: &mut Record,
        recipient: RoomId,
        from: RoomId,
        is_news: bool,
        now: Timestamp,
        step: &mut Step,
    ) -> bool {
        let local = record.source.is_none();
        // What went round about is asked after soon: its receipts come back by a link that lasts only while the
        // usual way is closed.
        let usual = next_hops(&self.map, self.me, recipient).first() == Some(&from);
        let patience = if usual { record.precedence } else { Precedence::Flash };
        let Some(delivery) = record.delivery_mut(recipient) else { return false };
        let was_waiting = match delivery.state {
            DeliveryState::Sent { neighbour, .. } if neighbour == from => false,
            DeliveryState::Waiting { neighbour } if neighbour == from && is_news => true,
            DeliveryState::Sent { .. }
            | DeliveryState::Waiting { .. }
            | DeliveryState::Held { .. }
            | DeliveryState::Here
            | DeliveryState::Ended
            | DeliveryState::Lost => return false,
        };
        let resend_at = local.then(|| now.after(resend_after(patience, delivery.attempts)));
        delivery.state = DeliveryState::Held { neighbour: from, resend_at };
        delivery.look_again_at = None;
        if was_waiting {
            self.leave_queue(record, from, step);
        }
        step.points.push(CrashPoint::CustodyLearned);
        true
    }

    /// The first terminal receipt is the outcome; a later one is kept as a supplement.
    fn outcome_learned(&mut self, record: &mut Record, recipient: RoomId, event: Event, step: &mut Step) {
        let is_here = recipient == self.me;
        let Some(delivery) = record.delivery_mut(recipient).filter(|_| !is_here) else { return };
        let before = std::mem::replace(&mut delivery.state, DeliveryState::Ended);
        delivery.outcome.get_or_insert(event);
        match before {
            DeliveryState::Waiting { neighbour } => self.leave_queue(record, neighbour, step),
            DeliveryState::Sent { neighbour, .. } => self.landed(record, neighbour),
            DeliveryState::Held { .. } | DeliveryState::Here | DeliveryState::Ended | DeliveryState::Lost => {
            }
        }
        step.points.push(CrashPoint::OutcomeLearned);
    }

    /// A neighbour did not take an envelope: it waits, and is sent again when the neighbour said.
    pub(super) fn not_taken(
        &mut self,
        from: RoomId,
        key: EnvelopeKey,
        retry_after_ms: u64,
        now: Timestamp,
        step: &mut Step,
    ) {
        let Some(mut record) = self.records.find(&key) else { return };
        let wait = std::time::Duration::from_millis(retry_after_ms.clamp(1_000, 600_000));
        let recipients = record.sent_to(from);
        if recipients.is_empty() {
            return;
        }
        for delivery in record.deliveries.iter_mut().filter(|d| recipients.contains(&d.recipient)) {
            delivery.state = DeliveryState::Sent { neighbour: from, resend_at: now.after(wait) };
            delivery.look_again_at = None;
        }
        self.link(from).land(&key);
        self.save(record, step);
    }
}

impl Record {
    /// Remembers a receipt.
    pub(super) fn note(&mut self, statement: &Receipt) {
        if let Some(delivery) = self.delivery_mut(statement.recipient) {
            delivery.receipts.push(NotedReceipt {
                event: statement.event,
                issuer: statement.issuer,
                epoch: statement.epoch,
                seq: statement.seq,
            });
        }
    }

    fn has_noted(&self, statement: &Receipt) -> bool {
        self.delivery(statement.recipient).is_some_and(|delivery| {
            delivery.receipts.iter().any(|noted| {
                noted.issuer == statement.issuer
                    && noted.epoch == statement.epoch
                    && noted.seq == statement.seq
            })
        })
    }

    /// Whether its issuer has signed more than any honest room does. What would be the outcome is always heard, and
    /// nobody on the way can use up what is kept for the recipient itself.
    fn has_heard_enough(&self, statement: &Receipt) -> bool {
        let Some(delivery) = self.delivery(statement.recipient) else { return true };
        if statement.event.is_terminal()
            && delivery.outcome.is_none()
            && statement.envelope_digest == self.digest
        {
            return false;
        }
        let count = |counts: &dyn Fn(&RoomId) -> bool| {
            delivery.receipts.iter().filter(|noted| counts(&noted.issuer)).count()
        };
        count(&|issuer| *issuer == statement.issuer) >= RECEIPTS_OF_ROOM_MAX
            || (statement.issuer != statement.recipient
                && count(&|issuer| *issuer != statement.recipient) >= RECEIPTS_OF_HOPS_MAX)
    }

    /// Fixes the outcome for a recipient.
    pub(super) fn end(&mut self, recipient: RoomId, event: Event, state: DeliveryState) {
        if let Some(delivery) = self.delivery_mut(recipient) {
            delivery.state = state;
            delivery.outcome = Some(event);
        }
    }
}
