//! An envelope comes from a neighbour: refused for the time being, refused for ever, known already, a collision, taken into
//! custody, or delivered here.
//!
//! What is the neighbour's fault (handing over what is not its to hand over) never touches the envelope's own
//! outcome: it is not taken, and said so. What the origin itself did wrong is refused with signed evidence.

use topology::{RoomId, policy};

use super::{
    About, Engine,
    submit::{new_record, role_and_number},
};
use crate::{
    crash_point::CrashPoint,
    envelope::VerifiedEnvelope,
    limits::{CLOCK_AHEAD_MAX, COLLISIONS_KEPT, LIFETIME_MAX},
    receipt::{Event, Reason},
    record::{Delivery, DeliveryState, Record},
    refusal::Refusal,
    step::{Arrival, InboxEntry, Notice, Opened, Send, Step, Write},
    timestamp::Timestamp,
};

/// What is to become of an envelope for one recipient.
enum Fate {
    Deliver(InboxEntry),
    Carry,
    End(Event, Reason),
}

impl Engine {
    pub(super) fn arrived(&mut self, arrival: Arrival, now: Timestamp, step: &mut Step) {
        let from = arrival.from;
        let precedence = arrival.envelope.route().precedence;
        if !self.count_arrival(from, precedence, arrival.envelope.bytes().size_bytes(), step) {
            return;
        }
        self.judge(arrival, now, step);
        self.grant(from, precedence, step);
    }

    fn judge(&mut self, arrival: Arrival, now: Timestamp, step: &mut Step) {
        let key = arrival.envelope.key();
        if let Err(refusal) = self.check_neighbour(&arrival) {
            step.sends.push(Send::NotTaken { to: arrival.from, key, refusal });
            return;
        }
        match self.records.find(&key) {
            Some(record) if record.digest != arrival.envelope.digest() => {
                self.collide(record, &arrival, now, step);
            }
            Some(record) => self.again(record, arrival, now, step),
            None if self.is_for_now(&arrival, now, step) => self.take(arrival, now, step),
            None => {}
        }
    }

    fn check_neighbour(&self, arrival: &Arrival) -> Result<(), Refusal> {
        let route = arrival.envelope.route();
        let recipients = arrival.envelope.recipients();
        policy::check_hop(&self.map, self.me, arrival.from, route.origin, &recipients).map_err(|refusal| {
            if route.map_version > self.map.version() { Refusal::NewerMap } else { Refusal::Policy(refusal) }
        })
    }

    /// Whether nothing stands against it that time may heal. Else nothing is stored, and the neighbour keeps it and
    /// tries again.
    fn is_for_now(&mut self, arrival: &Arrival, now: Timestamp, step: &mut Step) -> bool {
        match self.check_for_now(arrival, now) {
            Ok(()) => true,
            Err(refusal) => {
                let (to, key) = (arrival.from, arrival.envelope.key());
                step.sends.push(Send::NotTaken { to, key, refusal });
                false
            }
        }
    }

    fn check_for_now(&mut self, arrival: &Arrival, now: Timestamp) -> Result<(), Refusal> {
        let route = arrival.envelope.route();
        self.check_storage(self.storage, route.precedence)?;
        // When it says that it was made decides nothing: one whose origin's clock is ahead is carried like any other.
        if route.expires_at > now.after(LIFETIME_MAX).after(CLOCK_AHEAD_MAX) {
            return Err(Refusal::ClockAhead);
        }
        if route.map_version > self.map.version() && self.needs_newer_map(arrival) {
            return Err(Refusal::NewerMap);
        }
        if self.is_over_quota(arrival.from, route.precedence) {
            return Err(Refusal::QuotaFull);
        }
        let is_mine = arrival.envelope.recipients().contains(&self.me);
        if is_mine && now >= route.expires_at && !self.clock_is_trusted() {
            return Err(Refusal::ClockUntrusted);
        }
        match &arrival.opened {
            Opened::Refused(refusal) if refusal.retry_after().is_some() => Err(refusal.clone()),
            Opened::Refused(_) | Opened::Entry(_) | Opened::NotForUs => Ok(()),
        }
    }

    /// Whether our plan would refuse what a newer one may allow.
    fn needs_newer_map(&self, arrival: &Arrival) -> bool {
        arrival.envelope.recipients().into_iter().any(|room| {
            self.forbidden(&arrival.envelope, room).is_some()
                || (room != self.me && !self.leads_on(room, arrival.from))
        })
    }

    /// First time here: one record, one receipt per recipient, one place in the queue per way.
    fn take(&mut self, arrival: Arrival, now: Timestamp, step: &mut Step) {
        let envelope = &arrival.envelope;
        let mut record = new_record(envelope, Some(arrival.from), now);
        let bytes = envelope.bytes().clone();
        step.writes.push(Write::Envelope { key: record.key, bytes, content_key: None, summary: None });
        self.cite(envelope.route().tick, Some(arrival.from), step);
        self.settle_recipients(&mut record, &arrival, &envelope.recipients(), now, step);
        self.route(&mut record, envelope.bytes(), now, step);
        self.save(record, step);
    }

    fn settle_recipients(
        &mut self,
        record: &mut Record,
        arrival: &Arrival,
        recipients: &[RoomId],
        now: Timestamp,
        step: &mut Step,
    ) {
        for recipient in recipients {
            let fate = if *recipient == self.me {
                self.fate_here(arrival, now)
            } else {
                self.fate_beyond(arrival, *recipient, now)
            };
            self.settle_one(record, &arrival.envelope, *recipient, fate, now, step);
        }
    }

    fn settle_one(
        &mut self,
        record: &mut Record,
        envelope: &VerifiedEnvelope,
        recipient: RoomId,
        fate: Fate,
        now: Timestamp,
        step: &mut Step,
    ) {
        let (role, nr) = role_and_number(envelope, recipient);
        let waiting = DeliveryState::Waiting { neighbour: self.me };
        record.deliveries.push(Delivery::new(recipient, role, nr, waiting));
        match fate {
            Fate::Carry => {
                self.attest(record, About::record(record, recipient), Event::Custody, now, step);
                step.points.push(CrashPoint::CustodySigned);
            }
            Fate::Deliver(entry) => {
                self.deliver(record, envelope, entry, now, step);
            }
            Fate::End(event, reason) => {
                let about = About::record(record, recipient).because(reason);
                self.attest(record, about, event, now, step);
                record.end(recipient, event, DeliveryState::Ended);
                step.points.push(CrashPoint::RefusalSigned);
            }
        }
    }

    /// It stands in the inbox, and its origin will know.
    pub(super) fn deliver(
        &mut self,
        record: &mut Record,
        envelope: &VerifiedEnvelope,
        entry: InboxEntry,
        now: Timestamp,
        step: &mut Step,
    ) {
        let (key, epoch, nr) = (record.key, envelope.route().epoch, role_and_number(envelope, self.me).1);
        if let Some(entry) = entry.call.clone() {
            step.writes.push(Write::Call { key, entry });
        }
        step.writes.push(Write::ContentKey { key, content_key: entry.content_key.clone() });
        step.writes.push(Write::Inbox { key, nr, epoch, entry, delivered_at: now });
        self.attest(record, About::record(record, self.me), Event::Delivered, now, step);
        record.end(self.me, Event::Delivered, DeliveryState::Here);
        step.sends.push(Send::Notice(Notice::Delivered { key, precedence: record.precedence }));
        step.points.push(CrashPoint::DeliveredSigned);
    }

    fn fate_here(&self, arrival: &Arrival, now: Timestamp) -> Fate {
        if let Some(end) = self.forbidden(&arrival.envelope, self.me) {
            return end;
        }
        if now >= arrival.envelope.route().expires_at {
            return Fate::End(Event::Expired, Reason::code(Refusal::Expired.code()));
        }
        match &arrival.opened {
            Opened::Entry(entry) => Fate::Deliver(entry.clone()),
            Opened::Refused(refusal) => Fate::End(Event::Refused, Reason::code(refusal.code())),
            Opened::NotForUs => Fate::End(Event::Refused, Reason::code(Refusal::CannotOpen.code())),
        }
    }

    fn fate_beyond(&self, arrival: &Arrival, recipient: RoomId, now: Timestamp) -> Fate {
        if let Some(end) = self.forbidden(&arrival.envelope, recipient) {
            return end;
        }
        let route = arrival.envelope.route();
        let has_run_out = now >= route.expires_at && self.clock_is_trusted();
        if has_run_out && self.is_only_way(route.origin, recipient) {
            return Fate::End(Event::Expired, Reason::code(Refusal::Expired.code()));
        }
        if !self.leads_on(recipient, arrival.from) {
            return Fate::End(Event::Failed, Reason::code(Refusal::NoRoute.code()));
        }
        Fate::Carry
    }

    fn forbidden(&self, envelope: &VerifiedEnvelope, recipient: RoomId) -> Option<Fate> {
        let route = envelope.route();
        if self.map.room(recipient).is_none() {
            let reason = Reason::code(Refusal::UnknownRecipient.code());
            return Some(Fate::End(Event::Failed, reason));
        }
        let refusal = policy::check(&self.map, route.flow, route.origin, recipient).err()?;
        Some(Fate::End(Event::Refused, Reason::code(Refusal::Policy(refusal).code())))
    }

    /// Known already: answered with the very receipts that are stored, and sent on again to whoever has not answered.
    fn again(&mut self, mut record: Record, arrival: Arrival, now: Timestamp, step: &mut Step) {
        step.points.push(CrashPoint::DuplicateRecognised);
        let (known, mut new): (Vec<RoomId>, Vec<RoomId>) =
            arrival.envelope.recipients().into_iter().partition(|room| record.delivery(*room).is_some());
        let unanswered = self.unanswered(&record, &known, arrival.from);
        let is_mine = arrival.envelope.recipients().contains(&self.me);
        if is_mine && self.has_lost(&record) && self.is_for_now(&arrival, now, step) {
            self.regain(&mut record, &arrival, now, step);
        }
        if !known.is_empty() {
            step.sends.push(Send::Answers { to: arrival.from, key: record.key, recipients: known });
        }
        if !new.is_empty() && !self.is_for_now(&arrival, now, step) {
            new.clear();
        }
        if new.is_empty() && unanswered.is_empty() {
            return;
        }
        let envelope = &arrival.envelope;
        let is_wanted = |room: &RoomId| record.delivery(*room).is_some_and(Delivery::is_lost);
        if !new.is_empty() || unanswered.iter().any(is_wanted) {
            step.writes.push(Write::Keys { key: record.key, bytes: envelope.bytes().clone() });
        }
        self.settle_recipients(&mut record, &arrival, &new, now, step);
        if record.source != Some(arrival.from) && !new.is_empty() {
            // What was just signed goes to where it first came from; who asks now is told as well.
            step.sends.push(Send::Answers { to: arrival.from, key: record.key, recipients: new });
        }
        for delivery in record.deliveries.iter_mut().filter(|d| unanswered.contains(&d.recipient)) {
            delivery.state = DeliveryState::Waiting { neighbour: self.me };
        }
        self.route(&mut record, envelope.bytes(), now, step);
        self.save(record, step);
    }

    /// Recipients of whom the next hop was the last to know, and to whom there is a way to ask that is not back to `from`:
    /// two rooms with different maps must not ask each other without end.
    fn unanswered(&self, record: &Record, known: &[RoomId], from: RoomId) -> Vec<RoomId> {
        let is_open = |room: &RoomId| {
            record.delivery(*room).is_some_and(|d| d.is_held_without_outcome() || d.is_lost())
                && self.choose_hop(*room).is_some_and(|hop| hop != from)
        };
        known.iter().copied().filter(is_open).collect()
    }

    /// Other signed bytes under one id: both are kept, and the newcomer's outcome is `collision`.
    fn collide(&mut self, mut record: Record, arrival: &Arrival, now: Timestamp, step: &mut Step) {
        let digest = arrival.envelope.digest();
        let key = record.key;
        if record.collisions.contains(&digest) {
            let recipients = arrival.envelope.recipients();
            step.sends.push(Send::Answers { to: arrival.from, key, recipients });
            return;
        }
        if record.collisions.len() >= COLLISIONS_KEPT {
            let refusal = Refusal::TooManyCollisions;
            step.sends.push(Send::NotTaken { to: arrival.from, key, refusal });
            return;
        }
        record.collisions.push(digest);
        step.writes.push(Write::Collision { key, digest, header: arrival.envelope.bytes().header.clone() });
        for recipient in arrival.envelope.recipients() {
            let about = About {
                key,
                digest,
                recipient,
                peer: Some(arrival.from),
                reason: Some(Reason::code("collision")),
                officer: None,
                handed: None,
            };
            let receipt = self.issue(&about, Event::Collision, now);
            self.keep(receipt, true, Some(arrival.from), step);
        }
        step.points.push(CrashPoint::CollisionSigned);
        self.save(record, step);
    }
}
