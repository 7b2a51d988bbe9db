//! What people at this node do with what was delivered: the alarm rings, an officer signs.

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    limits::{REASON_CHARACTERS_MAX, RECEIPT_BYTES_MAX},
    receipt::Event,
    record::{DeliveryState, Record},
    refusal::Refusal,
    step::{Deed, Reply, Step, Write},
    timestamp::Timestamp,
};

impl Engine {
    /// A named officer acknowledges, opens, disposes or returns; once each.
    pub(super) fn deed(&mut self, deed: Deed, now: Timestamp, step: &mut Step) {
        if let Err(refusal) = check_deed(&deed) {
            step.reply = Some(Reply::Refused(refusal));
            return;
        }
        let Some(mut record) = self.delivered_here(&deed.key) else {
            step.reply = Some(Reply::Unknown);
            return;
        };
        if self.has_said(&record, deed.event) {
            step.reply = Some(Reply::AlreadyDone);
            return;
        }
        let mut about = About::record(&record, self.me);
        about.officer = Some(&deed.officer);
        about.reason = deed.reason.clone();
        self.attest(&mut record, about, deed.event, now, step);
        step.writes.push(Write::InboxDeed { key: deed.key, event: deed.event });
        step.points.push(CrashPoint::DeedSigned);
        self.save(record, step);
        step.reply = Some(Reply::Done);
    }

    pub(super) fn alerted(&mut self, key: EnvelopeKey, now: Timestamp, step: &mut Step) {
        let Some(mut record) = self.delivered_here(&key) else { return };
        if !self.has_said(&record, Event::Alerted) {
            let about = About::record(&record, self.me);
            self.attest(&mut record, about, Event::Alerted, now, step);
            step.points.push(CrashPoint::DeedSigned);
            self.save(record, step);
        }
    }

    fn delivered_here(&mut self, key: &EnvelopeKey) -> Option<Record> {
        let record = self.records.find(key)?;
        let here = record.delivery(self.me)?.state == DeliveryState::Here;
        here.then_some(record)
    }

    fn has_said(&self, record: &Record, event: Event) -> bool {
        record.delivery(self.me).is_some_and(|delivery| {
            delivery.receipts.iter().any(|noted| noted.event == event && noted.issuer == self.me)
        })
    }
}

/// What would make a receipt that nobody takes is not signed.
fn check_deed(deed: &Deed) -> Result<(), Refusal> {
    let unfit = |why: &str| Err(Refusal::Unfit { why: why.to_owned() });
    if !deed.event.is_by_officer() {
        return unfit("an officer acknowledges, opens, disposes or returns");
    }
    let text = deed.reason.as_ref().and_then(|reason| reason.text.as_deref()).unwrap_or_default();
    if text.chars().count() > REASON_CHARACTERS_MAX {
        return unfit("the reason has more than 500 characters");
    }
    if deed.officer.len() + text.len() + STATEMENT_BYTES > RECEIPT_BYTES_MAX {
        return unfit("the officer's signature and the reason are too long for a receipt");
    }
    Ok(())
}

/// What a receipt needs beside the officer's signature and the reason, rounded up.
const STATEMENT_BYTES: usize = 768;
