//! Receipts come from a neighbour: believed only where their issuer stands on the way, kept once, and passed on
//! towards the origin.
//! *Against:* an outcome from a room that has no say, a receipt for other bytes, a repeated one.

use topology::RoomId;

use super::Engine;
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    limits::resend_after,
    receipt::{Event, VerifiedReceipt},
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
        let (event, recipient, issuer) = (statement.event, statement.recipient, statement.issuer);
        if !self.has_a_say(&record, &receipt) || record.has_noted(&receipt) {
            return;
        }
        record.note(&receipt);
        if event == Event::Custody && issuer == from {
            self.custody_learned(&mut record, recipient, from, now);
            step.points.push(CrashPoint::CustodyLearned);
        }
        if event.is_terminal() && statement.envelope_digest == record.digest {
            self.outcome_learned(&mut record, recipient, event, step);
        }
        self.landed(&record, from);
        match record.source {
            Some(_) => step.points.push(CrashPoint::ReceiptForwarded),
            None => step.sends.push(Send::Notice(Notice::Receipt { key: record.key, event, recipient })),
        }
        self.keep(receipt, false, record.source, step);
        self.save(record, step);
    }

    /// Who may say what: the recipient about itself; a hop only if it stands between the origin and the recipient.
    fn has_a_say(&self, record: &Record, receipt: &VerifiedReceipt) -> bool {
        let statement = receipt.receipt();
        let digest_known = statement.envelope_digest == record.digest
            || (statement.event == Event::Collision && record.source.is_some());
        let on_the_way = statement.issuer == statement.recipient
            || self.stands_above(statement.issuer, statement.recipient)
            || self.stands_above(statement.issuer, statement.origin);
        digest_known
            && on_the_way
            && statement.issuer != self.me
            && record.delivery(statement.recipient).is_some()
            && statement.event != Event::Accepted
    }

    fn stands_above(&self, hop: RoomId, room: RoomId) -> bool {
        hop != room
            && (self.map.contains(hop, room)
                || self.map.may_dial(hop, room)
                || self.map.ancestors(room).any(|ancestor| self.map.may_dial(hop, ancestor)))
    }

    fn custody_learned(&mut self, record: &mut Record, recipient: RoomId, from: RoomId, now: Timestamp) {
        let local = record.source.is_none();
        let precedence = record.precedence;
        let Some(delivery) = record.delivery_mut(recipient) else { return };
        if delivery.outcome.is_none()
            && matches!(delivery.state, DeliveryState::Sent { neighbour, .. } if neighbour == from)
        {
            let resend_at = local.then(|| now.after(resend_after(precedence, delivery.attempts)));
            delivery.state = DeliveryState::Held { neighbour: from, resend_at };
        }
    }

    /// The first terminal receipt is the outcome; a later one is kept as a supplement.
    fn outcome_learned(&mut self, record: &mut Record, recipient: RoomId, event: Event, step: &mut Step) {
        let Some(delivery) = record.delivery_mut(recipient) else { return };
        if delivery.outcome.is_some() {
            return;
        }
        let before = std::mem::replace(&mut delivery.state, DeliveryState::Ended);
        delivery.outcome = Some(event);
        match before {
            DeliveryState::Waiting { neighbour } => self.leave_queue(record, neighbour, step),
            DeliveryState::Sent { neighbour, .. } => self.landed(record, neighbour),
            DeliveryState::Held { .. } | DeliveryState::Here | DeliveryState::Ended => {}
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
        }
        self.link(from).land(&key);
        self.save(record, step);
    }
}

impl Record {
    /// Remembers a receipt.
    pub(super) fn note(&mut self, receipt: &VerifiedReceipt) {
        let statement = receipt.receipt();
        if let Some(delivery) = self.delivery_mut(statement.recipient) {
            delivery.receipts.push(NotedReceipt {
                event: statement.event,
                issuer: statement.issuer,
                epoch: statement.epoch.counter,
                seq: statement.seq,
            });
        }
    }

    fn has_noted(&self, receipt: &VerifiedReceipt) -> bool {
        let statement = receipt.receipt();
        let full = NOTED_MAX;
        self.delivery(statement.recipient).is_some_and(|delivery| {
            delivery.receipts.len() >= full
                || delivery.receipts.iter().any(|noted| {
                    noted.issuer == statement.issuer
                        && noted.epoch == statement.epoch.counter
                        && noted.seq == statement.seq
                })
        })
    }

    /// Fixes the outcome for a recipient.
    pub(super) fn end(&mut self, recipient: RoomId, event: Event, state: DeliveryState) {
        if let Some(delivery) = self.delivery_mut(recipient) {
            delivery.state = state;
            delivery.outcome = Some(event);
        }
    }
}

/// Receipts kept for one recipient: a dozen hops and a dozen deeds are less. A room that signs more is not heard.
const NOTED_MAX: usize = 64;
