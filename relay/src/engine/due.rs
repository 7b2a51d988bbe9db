//! What time brings: an envelope is sent again, runs out, or stays unconfirmed.

use topology::RoomId;

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    limits::{LOOK_AGAIN, RESEND_MAX},
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
            record.put_off(now);
            if record != before {
                self.save(record, step);
            }
        }
    }

    /// After the expiry: what was never transmitted has expired, and we say so; of the rest only the next hop can
    /// tell, and until it does it is unconfirmed. So is what may have gone another way.
    pub(super) fn run_out(&mut self, record: &mut Record, now: Timestamp, step: &mut Step) {
        if now < record.expires_at {
            return;
        }
        let local = record.source.is_none();
        let open: Vec<Delivery> =
            record.deliveries.iter().filter(|d| d.may_run_out(local)).cloned().collect();
        for delivery in open {
            if delivery.transmitted || !self.may_end(record, delivery.recipient) {
                self.unconfirmed(record, &delivery, now, step);
            } else if self.clock_is_trusted() {
                self.expire(record, &delivery, now, step);
            }
        }
    }

    /// Whether this node may say, of what it never transmitted, that it has expired or failed.
    pub(super) fn may_end(&self, record: &Record, recipient: RoomId) -> bool {
        record.source.is_none() || self.is_only_way(record.key.origin, recipient)
    }

    fn unconfirmed(&mut self, record: &mut Record, delivery: &Delivery, now: Timestamp, step: &mut Step) {
        if let Some(delivery) = record.delivery_mut(delivery.recipient) {
            delivery.unconfirmed = true;
        }
        let about = About::record(record, delivery.recipient).because(Reason::code("next_hop_silent"));
        self.attest(record, about, Event::Unconfirmed, now, step);
        step.points.push(CrashPoint::UnconfirmedSigned);
    }

    fn expire(&mut self, record: &mut Record, delivery: &Delivery, now: Timestamp, step: &mut Step) {
        let about = About::record(record, delivery.recipient).because(Reason::code(Refusal::Expired.code()));
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
        let (local, expires_at) = (record.source.is_none(), record.expires_at);
        let is_due = |d: &&Delivery| d.resend_at(expires_at, local).is_some_and(|at| at <= now);
        let silent: Vec<Delivery> = record.deliveries.iter().filter(is_due).cloned().collect();
        for delivery in silent {
            self.attest_hand_over(record, delivery.recipient, now, step);
            self.ask_again(record, &delivery, step);
        }
    }

    /// Back into the queue of whichever way is best now; `false` when there is none.
    fn ask_again(&mut self, record: &mut Record, delivery: &Delivery, step: &mut Step) -> bool {
        let Some(next) = self.choose_hop(delivery.recipient) else { return false };
        self.enqueue(record, next, &[delivery.recipient], step);
        if let Some(neighbour) = delivery.sent_neighbour() {
            self.landed(record, neighbour);
        }
        step.points.push(CrashPoint::EnvelopeRequeued);
        true
    }

    /// After a start, or when the clock was set back: what was in flight waits again, and so does what would be asked for only
    /// when a time has come that the clock was ahead by.
    pub(super) fn recovered(&mut self, keys: &[EnvelopeKey], now: Timestamp, step: &mut Step) {
        for key in keys {
            let Some(mut record) = self.records.find(key) else { continue };
            let before = record.clone();
            record.look_again_by(now.after(LOOK_AGAIN));
            let again: Vec<(RoomId, RoomId)> = record
                .deliveries
                .iter()
                .filter_map(|d| Some((d.recipient, d.neighbour_to_ask(now)?)))
                .collect();
            for (recipient, neighbour) in &again {
                self.enqueue(&mut record, *neighbour, &[*recipient], step);
                self.landed(&record, *neighbour);
            }
            if !again.is_empty() {
                step.points.push(CrashPoint::EnvelopeRequeued);
            }
            if record != before {
                self.save(record, step);
            }
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
        let asked = open.iter().filter(|delivery| self.ask_again(&mut record, delivery, step)).count();
        if asked == 0 {
            step.reply = Some(Reply::Refused(Refusal::NoRoute));
            return;
        }
        self.save(record, step);
        step.reply = Some(Reply::Done);
    }
}

impl Delivery {
    fn sent_neighbour(&self) -> Option<RoomId> {
        match &self.state {
            DeliveryState::Sent { neighbour, .. } => Some(*neighbour),
            DeliveryState::Held { .. }
            | DeliveryState::Waiting { .. }
            | DeliveryState::Here
            | DeliveryState::Ended
            | DeliveryState::Lost => None,
        }
    }

    fn neighbour_to_ask(&self, now: Timestamp) -> Option<RoomId> {
        if let DeliveryState::Held { neighbour, resend_at: Some(at) } = &self.state
            && *at > now.after(RESEND_MAX)
        {
            return Some(*neighbour);
        }
        self.sent_neighbour()
    }

    /// The next hop answers for it and the outcome is not known.
    pub(super) fn is_held_without_outcome(&self) -> bool {
        self.outcome.is_none() && matches!(self.state, DeliveryState::Held { .. })
    }
}
