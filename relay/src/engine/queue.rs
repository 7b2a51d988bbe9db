//! What waits and whose turn it is: sent at once, queued on the disk, read again as the window opens, or sent round
//! by another way.
//!
//! It promises that urgent goes first, that every reading of a queue moves something or is not repeated, and that
//! nothing stays in a queue unread.

use std::collections::BTreeSet;

use topology::{Precedence, RoomId};

use super::{About, Engine, routing::Onward};
use crate::{
    crash_point::CrashPoint,
    envelope::EnvelopeBytes,
    limits::{DETOUR_MESSAGES, REFILL_MESSAGES, URGENT_HEAD_START, WINDOW_BYTES, resend_after},
    receipt::{Event, Reason},
    record::{DeliveryState, Record},
    refusal::Refusal,
    step::{Fetch, QueuePlace, Send, Step, StoredEnvelope, Write},
    timestamp::Timestamp,
};

/// What became of a place in the queue that was read.
enum Turn {
    Left,
    Stays,
    /// The window is too small for it; so many bytes are needed.
    NoRoom(u64),
}

impl Engine {
    /// Sends to `neighbour` at once when its window is open and nothing waits before it, else queues. The state
    /// `Sent` is written before the frame leaves.
    pub(super) fn dispatch(
        &mut self,
        record: &mut Record,
        neighbour: RoomId,
        recipients: &[RoomId],
        bytes: &EnvelopeBytes,
        now: Timestamp,
        step: &mut Step,
    ) {
        let branch = bytes.branch(recipients);
        let link = self.link(neighbour);
        let is_first = !link.has_more_urgent(record.precedence);
        let up = link.up;
        let lane = link.lane(record.precedence);
        let is_next = lane.backlog == 0 && lane.fetching.is_none();
        if up && is_first && is_next && lane.has_room_for(branch.size_bytes()) {
            self.transmit(record, neighbour, recipients, branch, now, step);
        } else {
            self.enqueue(record, neighbour, recipients, step);
        }
    }

    fn transmit(
        &mut self,
        record: &mut Record,
        neighbour: RoomId,
        recipients: &[RoomId],
        branch: EnvelopeBytes,
        now: Timestamp,
        step: &mut Step,
    ) {
        for delivery in record.deliveries.iter_mut().filter(|d| recipients.contains(&d.recipient)) {
            let resend_at = now.after(resend_after(record.precedence, delivery.attempts));
            delivery.state = DeliveryState::Sent { neighbour, resend_at };
            delivery.look_again_at = None;
            delivery.transmitted = true;
            delivery.attempts = delivery.attempts.saturating_add(1);
        }
        self.link(neighbour).depart(record.key, record.precedence, branch.size_bytes(), now);
        self.handed_over(record, neighbour, recipients, now);
        step.sends.push(Send::Envelope { to: neighbour, precedence: record.precedence, bytes: branch });
    }

    /// Puts these recipients of a record into a neighbour's queue.
    pub(super) fn enqueue(
        &mut self,
        record: &mut Record,
        neighbour: RoomId,
        recipients: &[RoomId],
        step: &mut Step,
    ) {
        let queued_already = !record.waiting_for(neighbour).is_empty();
        for delivery in record.deliveries.iter_mut().filter(|d| recipients.contains(&d.recipient)) {
            delivery.state = DeliveryState::Waiting { neighbour };
            delivery.look_again_at = None;
        }
        if !queued_already {
            step.writes.push(Write::Enqueue(place(record, neighbour)));
            self.link(neighbour).lane(record.precedence).backlog += 1;
        }
    }

    /// Gives up the place in the queue when no recipient waits there any more. The backlog is left as it is: whether
    /// the place was still there is known only to whoever reads the queue.
    pub(super) fn leave_queue(&mut self, record: &Record, neighbour: RoomId, step: &mut Step) {
        if record.waiting_for(neighbour).is_empty() {
            step.writes.push(Write::Dequeue(place(record, neighbour)));
        }
    }

    /// The head of a queue came from the store: it is sent as far as the window allows, or by another way.
    pub(super) fn waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        envelopes: Vec<StoredEnvelope>,
        now: Timestamp,
        step: &mut Step,
    ) {
        let lane = self.link(neighbour).lane(precedence);
        let asked = lane.fetching.take().unwrap_or(0);
        lane.head_bytes = 0;
        if envelopes.is_empty() {
            lane.backlog = lane.backlog.saturating_sub(asked);
            return;
        }
        let mut has_moved = false;
        for envelope in envelopes {
            match self.take_turn(neighbour, envelope, now, step) {
                Turn::Left => has_moved = true,
                Turn::Stays => {}
                Turn::NoRoom(bytes) => {
                    self.link(neighbour).lane(precedence).head_bytes = bytes;
                    break;
                }
            }
        }
        self.link(neighbour).lane(precedence).stranded = !has_moved;
    }

    fn take_turn(
        &mut self,
        neighbour: RoomId,
        envelope: StoredEnvelope,
        now: Timestamp,
        step: &mut Step,
    ) -> Turn {
        let StoredEnvelope { record: stored, bytes } = envelope;
        self.records.supply(stored.key, Some(stored.clone()));
        let mut record = self.records.find(&stored.key).unwrap_or(stored);
        let before = record.clone();
        let mut no_room = None;
        if record.waiting_for(neighbour).is_empty() {
            self.leave_queue(&record, neighbour, step);
        } else {
            self.run_out(&mut record, now, step);
            if !record.waiting_for(neighbour).is_empty() {
                no_room = self.pass_on(&mut record, neighbour, &bytes, now, step);
                self.leave_queue(&record, neighbour, step);
            }
        }
        let has_left = record.waiting_for(neighbour).is_empty();
        if has_left {
            let lane = self.link(neighbour).lane(record.precedence);
            lane.backlog = lane.backlog.saturating_sub(1);
        }
        if record != before {
            self.save(record, step);
        }
        match no_room {
            Some(bytes) => Turn::NoRoom(bytes),
            None if has_left => Turn::Left,
            None => Turn::Stays,
        }
    }

    /// Sends to `neighbour` what goes there, and puts the rest where it goes now. Gives the bytes that found no room.
    fn pass_on(
        &mut self,
        record: &mut Record,
        neighbour: RoomId,
        bytes: &EnvelopeBytes,
        now: Timestamp,
        step: &mut Step,
    ) -> Option<u64> {
        let mut here = Vec::new();
        for recipient in record.waiting_for(neighbour) {
            match self.onward(neighbour, recipient) {
                Onward::Here => here.push(recipient),
                Onward::By(other) => self.enqueue(record, other, &[recipient], step),
                Onward::NoWay => self.give_up(record, recipient, neighbour, now, step),
            }
        }
        if here.is_empty() || !self.is_up(neighbour) {
            return None;
        }
        let branch = bytes.branch(&here);
        let size = branch.size_bytes();
        if !self.link(neighbour).lane(record.precedence).has_room_for(size) {
            return Some(size);
        }
        self.transmit(record, neighbour, &here, branch, now, step);
        None
    }

    /// No way leads to a recipient any more. What was transmitted may have arrived: that is for others to say, and a
    /// way may come back.
    fn give_up(
        &mut self,
        record: &mut Record,
        recipient: RoomId,
        neighbour: RoomId,
        now: Timestamp,
        step: &mut Step,
    ) {
        let precedence = record.precedence;
        let may_end = self.may_end(record, recipient);
        let Some(delivery) = record.delivery_mut(recipient) else { return };
        if delivery.transmitted || !may_end {
            let resend_at = now.after(resend_after(precedence, delivery.attempts));
            delivery.state = DeliveryState::Sent { neighbour, resend_at };
            return;
        }
        let about = About::record(record, recipient).because(Reason::code(Refusal::NoRoute.code()));
        self.attest(record, about, Event::Failed, now, step);
        record.end(recipient, Event::Failed, DeliveryState::Ended);
        step.points.push(CrashPoint::RefusalSigned);
    }

    /// Asks for the next of what waits, most urgent first: a less urgent queue is touched only when no more
    /// urgent one waits, and a moment after the last more urgent envelope left.
    pub(super) fn pump(&mut self, now: Timestamp, step: &mut Step) {
        let neighbours: BTreeSet<RoomId> = self.links.keys().copied().collect();
        for neighbour in neighbours {
            if self.is_up(neighbour) {
                self.pump_link(neighbour, now, step);
            } else {
                self.pump_detour(neighbour, step);
            }
        }
    }

    fn pump_link(&mut self, neighbour: RoomId, now: Timestamp, step: &mut Step) {
        let link = self.link(neighbour);
        for precedence in Precedence::ALL {
            let lane = link.lane(precedence);
            if lane.can_drain() {
                if lane.fetching.is_none() {
                    lane.fetching = Some(lane.backlog);
                    let (messages, bytes) = lane.room();
                    let messages = usize::try_from(messages).unwrap_or(usize::MAX).min(REFILL_MESSAGES);
                    step.fetches.push(Fetch::Waiting { neighbour, precedence, messages, bytes });
                }
                return;
            }
            let head_start_ends = lane.last_sent.map(|at| at.after(URGENT_HEAD_START));
            if let Some(ends) = head_start_ends.filter(|ends| lane.is_under_way() && now < *ends) {
                if link.lanes.iter().skip(precedence.index() + 1).any(|lower| lower.backlog > 0) {
                    step.wake_by(ends);
                }
                return;
            }
        }
    }

    /// What waits for a neighbour that is away is read when it may go another way: once, until links or the map
    /// change or something of it has gone.
    fn pump_detour(&mut self, neighbour: RoomId, step: &mut Step) {
        let may_detour = self.may_detour(neighbour);
        let link = self.link(neighbour);
        for precedence in Precedence::ALL {
            let lane = link.lane(precedence);
            if lane.backlog == 0 || lane.stranded {
                continue;
            }
            if !may_detour {
                lane.stranded = true;
            } else if lane.fetching.is_none() {
                lane.fetching = Some(lane.backlog);
                let (messages, bytes) = (DETOUR_MESSAGES, WINDOW_BYTES);
                step.fetches.push(Fetch::Waiting { neighbour, precedence, messages, bytes });
                return;
            } else {
                return;
            }
        }
    }
}

fn place(record: &Record, neighbour: RoomId) -> QueuePlace {
    QueuePlace { neighbour, precedence: record.precedence, since: record.received_at, key: record.key }
}
