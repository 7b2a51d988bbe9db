//! What time brings: an envelope is sent again, runs out, or stays unconfirmed.

use topology::RoomId;

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    receipt::{Event, Reason},
    record::{Delivery, DeliveryState, Record},
    refusal::Refusal,
    step::{Reply, Step},
    timestamp::Timestamp,
};

impl Engine {
    pub(super) fn due(&mut self, keys: &[EnvelopeKey], now: Timestamp, step: &mut Step) {
        for key in keys {
            let Some(mut record) = self.records.find(key) else { continue };
            let before = record.clone();
            self.run_out(&mut record, now, step);
            self.send_again(&mut record, now, step);
            if record != before {
                self.save(record, step);
            }
        }
    }

    /// After the expiry: what was never transmitted has expired, and we say so; of the rest only the next hop can
    /// tell, and until it does it is unconfirmed.
    fn run_out(&mut self, record: &mut Record, now: Timestamp, step: &mut Step) {
        if now < record.expires_at {
            return;
        }
        let recipients: Vec<RoomId> = record.deliveries.iter().map(|d| d.recipient).collect();
        for recipient in recipients {
            let Some(delivery) = record.delivery(recipient).cloned() else { continue };
            if delivery.outcome.is_some() || delivery.unconfirmed {
                continue;
            }
            if delivery.transmitted {
                self.unconfirmed(record, &delivery, now, step);
            } else if self.clock_is_trusted() {
                self.expire(record, &delivery, now, step);
            }
        }
    }

    fn unconfirmed(&mut self, record: &mut Record, delivery: &Delivery, now: Timestamp, step: &mut Step) {
        let answers_for_it = record.source.is_none() || !delivery.is_held_without_outcome();
        if !answers_for_it {
            return;
        }
        if let Some(delivery) = record.delivery_mut(delivery.recipient) {
            delivery.unconfirmed = true;
        }
        let about = About::record(record, delivery.recipient).because(Reason::code("next_hop_silent"));
        self.attest(record, about, Event::Unconfirmed, now, step);
        step.points.push(CrashPoint::UnconfirmedSigned);
    }

    fn expire(&mut self, record: &mut Record, delivery: &Delivery, now: Timestamp, step: &mut Step) {
        let about =
            About::record(record, delivery.recipient).because(Reason::code(Refusal::Expired.code()));
        self.attest(record, about, Event::Expired, now, step);
        record.end(delivery.recipient, Event::Expired, DeliveryState::Ended);
        if let DeliveryState::Waiting { neighbour } = delivery.state {
            self.leave_queue(record, neighbour, step);
        }
        step.points.push(CrashPoint::ExpirySigned);
    }

    /// Whatever has waited long enough for an answer goes back into the queue. The origin asks even the next hop
    /// that took custody: it answers with what it knows.
    fn send_again(&mut self, record: &mut Record, now: Timestamp, step: &mut Step) {
        let local = record.source.is_none();
        let recipients: Vec<RoomId> = record
            .deliveries
            .iter()
            .filter(|delivery| delivery.outcome.is_none() && delivery.resend_is_due(now, local))
            .map(|delivery| delivery.recipient)
            .collect();
        for recipient in recipients {
            let before = record.delivery(recipient).map(|delivery| delivery.state.clone());
            let Some(next) = self.choose_hop(recipient, record.source) else { continue };
            self.enqueue(record, next, &[recipient], step);
            if let Some(DeliveryState::Sent { neighbour, .. }) = before {
                self.landed(record, neighbour);
            }
            step.points.push(CrashPoint::EnvelopeRequeued);
        }
    }

    /// After a start, nothing is in flight: what was, waits again.
    pub(super) fn recovered(&mut self, keys: &[EnvelopeKey], step: &mut Step) {
        for key in keys {
            let Some(mut record) = self.records.find(key) else { continue };
            let sent: Vec<(RoomId, RoomId)> =
                record.deliveries.iter().filter_map(|d| Some((d.recipient, d.sent_neighbour()?))).collect();
            if sent.is_empty() {
                continue;
            }
            for (recipient, neighbour) in sent {
                self.enqueue(&mut record, neighbour, &[recipient], step);
            }
            step.points.push(CrashPoint::EnvelopeRequeued);
            self.save(record, step);
        }
    }

    /// An operator asks for another try now.
    pub(super) fn retry(&mut self, key: EnvelopeKey, step: &mut Step) {
        let Some(mut record) = self.records.find(&key) else {
            step.reply = Some(Reply::Unknown);
            return;
        };
        let open: Vec<Delivery> = record
            .deliveries
            .iter()
            .filter(|d| d.outcome.is_none() && !matches!(d.state, DeliveryState::Waiting { .. }))
            .cloned()
            .collect();
        if open.is_empty() {
            step.reply = Some(Reply::AlreadyDone);
            return;
        }
        for delivery in open {
            let Some(next) = self.choose_hop(delivery.recipient, record.source) else { continue };
            self.enqueue(&mut record, next, &[delivery.recipient], step);
            if let Some(neighbour) = delivery.sent_neighbour() {
                self.landed(&record, neighbour);
            }
        }
        self.save(record, step);
        step.reply = Some(Reply::Done);
    }
}

impl Delivery {
    fn resend_is_due(&self, now: Timestamp, local: bool) -> bool {
        match &self.state {
            DeliveryState::Sent { resend_at, .. } => now >= *resend_at,
            DeliveryState::Held { resend_at: Some(at), .. } => local && now >= *at,
            DeliveryState::Held { .. }
            | DeliveryState::Waiting { .. }
            | DeliveryState::Here
            | DeliveryState::Ended => false,
        }
    }

    fn sent_neighbour(&self) -> Option<RoomId> {
        match &self.state {
            DeliveryState::Sent { neighbour, .. } => Some(*neighbour),
            DeliveryState::Held { .. }
            | DeliveryState::Waiting { .. }
            | DeliveryState::Here
            | DeliveryState::Ended => None,
        }
    }

    /// The next hop answers for it and the outcome is not known.
    pub(super) fn is_held_without_outcome(&self) -> bool {
        self.outcome.is_none() && matches!(self.state, DeliveryState::Held { .. })
    }
}
