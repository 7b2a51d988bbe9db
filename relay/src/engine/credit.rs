//! What neighbours may send to us: windows, granted as they are used, and the quota of what waits here.
//! *Against:* a neighbour that sends more than it may, one spoke that starves the others, a window that closes for
//! ever before a large envelope.

use topology::{Precedence, RoomId};

use super::Engine;
use crate::{
    frame::Credit,
    limits::{ENVELOPE_BYTES_MAX, WINDOW_BYTES, WINDOW_MESSAGES},
    record::Record,
    step::{Send, Step, Write},
};

impl Engine {
    /// An envelope that does not verify used up its part of the window like any other, and decides nothing.
    pub(super) fn unverified(
        &mut self,
        from: RoomId,
        precedence: Precedence,
        size_bytes: u64,
        step: &mut Step,
    ) {
        if self.count_arrival(from, precedence, size_bytes, step) {
            self.grant(from, precedence, step);
        }
    }

    /// Counts an arrival against what we granted; closes the link and gives `false` when it was more.
    pub(super) fn count_arrival(
        &mut self,
        from: RoomId,
        precedence: Precedence,
        bytes: u64,
        step: &mut Step,
    ) -> bool {
        let lane = self.link(from).lane(precedence);
        lane.arrived = (lane.arrived.0.saturating_add(1), lane.arrived.1.saturating_add(bytes));
        let allowed = lane.arrived.0 <= lane.granted.0 && lane.arrived.1 <= lane.granted.1;
        if !allowed {
            step.sends.push(Send::Close { neighbour: from, reason: "more envelopes than were granted" });
        }
        allowed
    }

    /// Grants more once half of a window is used or the largest envelope would not fit into the rest of it, unless the
    /// neighbour's quota is full.
    pub(super) fn grant(&mut self, to: RoomId, precedence: Precedence, step: &mut Step) {
        if self.is_over_quota(to, precedence) {
            return;
        }
        let lane = self.link(to).lane(precedence);
        let is_used = lane.granted.0.saturating_sub(lane.arrived.0) <= WINDOW_MESSAGES / 2
            || lane.granted.1.saturating_sub(lane.arrived.1) < ENVELOPE_BYTES_MAX;
        if is_used {
            let messages = lane.arrived.0.saturating_add(WINDOW_MESSAGES);
            let bytes = lane.arrived.1.saturating_add(WINDOW_BYTES);
            lane.granted = (messages, bytes);
            let class = u8::try_from(precedence.index()).unwrap_or(u8::MAX);
            step.sends.push(Send::Credit { to, credit: Credit { class, messages, bytes } });
        }
    }

    /// Whether what this neighbour has waiting here fills its quota; flash has one of its own.
    pub(super) fn is_over_quota(&mut self, from: RoomId, precedence: Precedence) -> bool {
        let quota = self.quota;
        let link = self.link(from);
        if precedence == Precedence::Flash {
            return link.lane(precedence).held.0 >= quota.flash_messages;
        }
        let (messages, bytes) = Precedence::ALL
            .into_iter()
            .filter(|class| *class != Precedence::Flash)
            .map(|class| link.lane(class).held)
            .fold((0_u64, 0_u64), |sum, held| (sum.0.saturating_add(held.0), sum.1.saturating_add(held.1)));
        messages >= quota.messages || bytes >= quota.bytes
    }

    /// Keeps a record, new or changed, and the count of what fills its source's quota.
    pub(super) fn save(&mut self, record: Record, step: &mut Step) {
        let was = self.records.peek(&record.key).is_some_and(Record::is_held_for_source);
        let is = record.is_held_for_source();
        if let (Some(source), true) = (record.source, was != is) {
            let (precedence, bytes) = (record.precedence, record.size_bytes);
            if is {
                self.link(source).hold(precedence, 1, bytes);
            } else {
                self.link(source).release(precedence, bytes);
                self.grant_all(source, step);
            }
        }
        step.writes.push(Write::Record(record.clone()));
        self.records.put(record);
    }

    /// Room in a quota may let every precedence go on.
    fn grant_all(&mut self, to: RoomId, step: &mut Step) {
        if self.is_up(to) {
            for precedence in Precedence::ALL {
                self.grant(to, precedence, step);
            }
        }
    }
}
