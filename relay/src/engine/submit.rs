//! A message of this room enters the network: numbered, signed, stored, and on its way in the same step.

use topology::{Precedence, RoomId, policy};

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope::{EnvelopeBytes, Role, SealedMessage, VerifiedEnvelope},
    receipt::Event,
    record::{Delivery, DeliveryState, Record},
    refusal::Refusal,
    step::{Reply, Step, StorageLevel, Submission, Write},
    timestamp::Timestamp,
};

impl Engine {
    pub(super) fn submit(&mut self, submission: Submission, now: Timestamp, step: &mut Step) {
        if submission.sealed.route.epoch != self.epoch {
            step.reply = Some(Reply::OtherEpoch);
            return;
        }
        if let Err(refusal) = self.check_submission(&submission.sealed, now) {
            step.reply = Some(Reply::Refused(refusal));
            return;
        }
        let signer = self.signer.clone();
        let numbers = &mut self.numbers;
        let envelope = submission.sealed.sign(&*signer, |room| {
            let number = numbers.entry(room).or_insert(0);
            *number += 1;
            *number
        });
        let mut record = new_record(&envelope, None, now);
        let key = record.key;
        step.writes.push(Write::Envelope {
            key,
            bytes: envelope.bytes().clone(),
            content_key: Some(submission.content_key),
            summary: Some(submission.summary),
        });
        if let Some(entry) = submission.call {
            step.writes.push(Write::Call { key, entry });
        }
        if let Some(once) = submission.once {
            step.writes.push(Write::SentOnce(once));
        }
        for address in &envelope.header().to {
            let waiting = DeliveryState::Waiting { neighbour: self.me };
            record.deliveries.push(Delivery::new(address.room, address.role, address.nr, waiting));
            let receipt = self.issue(&About::record(&record, address.room), Event::Accepted, now);
            record.note(receipt.receipt());
            self.keep(receipt, true, None, step);
        }
        self.cite(envelope.route().tick, None, step);
        self.route(&mut record, envelope.bytes(), now, step);
        self.save(record, step);
        step.points.push(CrashPoint::SubmitAccepted);
        step.reply = Some(Reply::Accepted { id: key.id });
    }

    fn check_submission(&self, sealed: &SealedMessage, now: Timestamp) -> Result<(), Refusal> {
        self.check_storage(self.storage, sealed.route.precedence)?;
        sealed
            .check(self.map.network(), self.me)
            .map_err(|error| Refusal::Unfit { why: error.to_string() })?;
        if now >= sealed.route.expires_at {
            return Err(Refusal::Expired);
        }
        for (recipient, _, _) in &sealed.to {
            if self.map.room(*recipient).is_none() {
                return Err(Refusal::UnknownRecipient);
            }
            policy::check(&self.map, sealed.route.flow, self.me, *recipient).map_err(Refusal::Policy)?;
            self.choose_hop(*recipient).ok_or(Refusal::NoRoute)?;
        }
        Ok(())
    }

    /// The last space is for what is urgent.
    pub(super) fn check_storage(&self, level: StorageLevel, precedence: Precedence) -> Result<(), Refusal> {
        let refused = match level {
            StorageLevel::Normal => false,
            StorageLevel::Low => precedence == Precedence::Routine,
            StorageLevel::Critical => precedence != Precedence::Flash,
        };
        if refused { Err(Refusal::StorageLow) } else { Ok(()) }
    }

    /// Sends or queues every delivery that has no neighbour yet (its neighbour is this room itself).
    pub(super) fn route(
        &mut self,
        record: &mut Record,
        bytes: &EnvelopeBytes,
        now: Timestamp,
        step: &mut Step,
    ) {
        let mut ways: Vec<(RoomId, Vec<RoomId>)> = Vec::new();
        for recipient in record.waiting_for(self.me) {
            let Some(hop) = self.choose_hop(recipient) else { continue };
            match ways.iter_mut().find(|(way, _)| *way == hop) {
                Some((_, recipients)) => recipients.push(recipient),
                None => ways.push((hop, vec![recipient])),
            }
        }
        for (hop, recipients) in ways {
            self.dispatch(record, hop, &recipients, bytes, now, step);
        }
    }
}

/// What will be remembered of an envelope, without its deliveries.
pub(super) fn new_record(envelope: &VerifiedEnvelope, source: Option<RoomId>, now: Timestamp) -> Record {
    let route = envelope.route();
    Record {
        key: envelope.key(),
        digest: envelope.digest(),
        source,
        flow: route.flow,
        precedence: route.precedence,
        status: route.status,
        created_at: route.created_at,
        received_at: now,
        expires_at: route.expires_at,
        size_bytes: envelope.bytes().size_bytes(),
        deliveries: Vec::new(),
        collisions: Vec::new(),
    }
}

/// The role that the origin gave a recipient.
pub(super) fn role_and_number(envelope: &VerifiedEnvelope, room: RoomId) -> (Role, u64) {
    envelope.address(room).map_or((Role::Info, 0), |address| (address.role, address.nr))
}
