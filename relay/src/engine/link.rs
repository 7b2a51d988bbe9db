//! Links as the engine sees them: windows, what is in flight, what waits, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet};

use topology::{Precedence, RoomId};

use super::Engine;
use crate::{
    crash_point::CrashPoint,
    envelope::EnvelopeBytes,
    envelope_id::EnvelopeKey,
    frame::Credit,
    limits::{REFILL_MESSAGES, URGENT_HEAD_START, WINDOW_BYTES, WINDOW_MESSAGES, resend_after},
    record::{DeliveryState, Record},
    step::{Fetch, QueuePlace, Send, Step, StoredEnvelope, Write},
    timestamp::Timestamp,
};

/// One neighbour.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) up: bool,
    lanes: [Lane; 4],
    in_flight: BTreeMap<EnvelopeKey, Precedence>,
}

/// One precedence on one link.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Places in the queue.
    pub(super) backlog: u64,
    /// Whether the head of the queue has been asked for.
    fetching: bool,
    /// Envelopes under way without custody.
    in_flight: usize,
    last_sent: Option<Timestamp>,
    /// The neighbour takes so much in all; we have sent so much.
    allowed: (u64, u64),
    sent: (u64, u64),
    /// We take so much in all; so much has come.
    granted: (u64, u64),
    arrived: (u64, u64),
    /// What came from this neighbour and still waits here.
    held: (u64, u64),
}

impl Lane {
    fn room_for(&self, bytes: u64) -> bool {
        self.sent.0 < self.allowed.0 && self.sent.1 + bytes <= self.allowed.1
    }

    fn is_open(&self) -> bool {
        self.sent.0 < self.allowed.0 && self.sent.1 < self.allowed.1
    }
}

impl Link {
    pub(super) fn lane(&mut self, precedence: Precedence) -> &mut Lane {
        &mut self.lanes[precedence.index()]
    }

    pub(super) fn hold(&mut self, precedence: Precedence, messages: u64, bytes: u64) {
        let held = &mut self.lane(precedence).held;
        *held = (held.0 + messages, held.1 + bytes);
    }

    fn release(&mut self, precedence: Precedence, bytes: u64) {
        let held = &mut self.lane(precedence).held;
        *held = (held.0.saturating_sub(1), held.1.saturating_sub(bytes));
    }

    fn depart(&mut self, key: EnvelopeKey, precedence: Precedence) {
        if self.in_flight.insert(key, precedence).is_none() {
            self.lane(precedence).in_flight += 1;
        }
    }

    pub(super) fn land(&mut self, key: &EnvelopeKey) {
        if let Some(precedence) = self.in_flight.remove(key) {
            let lane = self.lane(precedence);
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
    }
}

/// What both sides take at the beginning of a link.
pub fn first_credits() -> Vec<Credit> {
    (0..4).map(|class| Credit { class, messages: WINDOW_MESSAGES, bytes: WINDOW_BYTES }).collect()
}

impl Engine {
    pub(super) fn link(&mut self, neighbour: RoomId) -> &mut Link {
        self.links.entry(neighbour).or_default()
    }

    pub(super) fn is_up(&self, neighbour: RoomId) -> bool {
        self.links.get(&neighbour).is_some_and(|link| link.up)
    }

    pub(super) fn in_flight(&self, neighbour: RoomId) -> Vec<EnvelopeKey> {
        self.links.get(&neighbour).map(|link| link.in_flight.keys().copied().collect()).unwrap_or_default()
    }

    pub(super) fn link_up(&mut self, neighbour: RoomId, credits: &[Credit], step: &mut Step) {
        if self.is_up(neighbour) {
            self.link_down(neighbour, step);
        }
        let first = first_credits();
        let link = self.link(neighbour);
        link.up = true;
        for (lane, ours) in link.lanes.iter_mut().zip(&first) {
            *lane = Lane {
                backlog: lane.backlog,
                held: lane.held,
                granted: (ours.messages, ours.bytes),
                ..Lane::default()
            };
        }
        for credit in credits {
            self.credit(neighbour, *credit);
        }
        self.outbox_resume(neighbour, step);
    }

    /// Whatever lacks custody goes back into the queue, for this neighbour or an alternate one.
    pub(super) fn link_down(&mut self, neighbour: RoomId, step: &mut Step) {
        let link = self.link(neighbour);
        link.up = false;
        for lane in &mut link.lanes {
            lane.fetching = false;
            lane.in_flight = 0;
        }
        let in_flight = std::mem::take(&mut link.in_flight);
        for key in in_flight.into_keys() {
            self.requeue(key, neighbour, step);
        }
    }

    pub(super) fn credit(&mut self, from: RoomId, credit: Credit) {
        if let Some(precedence) = Precedence::from_index(usize::from(credit.class)) {
            let lane = self.link(from).lane(precedence);
            lane.allowed = (lane.allowed.0.max(credit.messages), lane.allowed.1.max(credit.bytes));
        }
    }

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
        let link = self.links.entry(neighbour).or_default();
        let up = link.up;
        let lane = link.lane(record.precedence);
        let direct = up && lane.backlog == 0 && !lane.fetching && lane.room_for(branch.size_bytes());
        if direct {
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
            delivery.transmitted = true;
            delivery.attempts += 1;
        }
        let size = branch.size_bytes();
        let link = self.link(neighbour);
        link.depart(record.key, record.precedence);
        let lane = link.lane(record.precedence);
        lane.sent = (lane.sent.0 + 1, lane.sent.1 + size);
        lane.last_sent = Some(now);
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
        }
        if !queued_already {
            step.writes.push(Write::Enqueue(place(record, neighbour)));
            self.link(neighbour).lane(record.precedence).backlog += 1;
        }
    }

    /// Gives up the place in the queue when no recipient waits there any more.
    pub(super) fn leave_queue(&mut self, record: &Record, neighbour: RoomId, step: &mut Step) {
        if record.waiting_for(neighbour).is_empty() {
            step.writes.push(Write::Dequeue(place(record, neighbour)));
            let lane = self.link(neighbour).lane(record.precedence);
            lane.backlog = lane.backlog.saturating_sub(1);
        }
    }

    /// What was sent to `neighbour` without custody waits again.
    pub(super) fn requeue(&mut self, key: EnvelopeKey, neighbour: RoomId, step: &mut Step) {
        let Some(mut record) = self.records.find(&key) else { return };
        let recipients = record.sent_to(neighbour);
        if recipients.is_empty() {
            return;
        }
        for recipient in recipients {
            let next = self.choose_hop(recipient, record.source).unwrap_or(neighbour);
            self.enqueue(&mut record, next, &[recipient], step);
        }
        step.points.push(CrashPoint::EnvelopeRequeued);
        self.save(record, step);
    }

    /// Takes an envelope off the in-flight list once nothing of it is under way to this neighbour.
    pub(super) fn landed(&mut self, record: &Record, neighbour: RoomId) {
        if record.sent_to(neighbour).is_empty() {
            self.link(neighbour).land(&record.key);
        }
    }

    /// Keeps a record, new or changed, and the count of what fills its source's quota.
    pub(super) fn save(&mut self, record: Record, step: &mut Step) {
        let was = self.records.find(&record.key).is_some_and(|old| old.is_held_for_source());
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
        lane.fetching = false;
        if envelopes.is_empty() {
            lane.backlog = 0;
        }
        for StoredEnvelope { record, bytes } in envelopes {
            self.records.supply(record.key, Some(record.clone()));
            let Some(mut record) = self.records.find(&record.key) else { continue };
            let recipients = record.waiting_for(neighbour);
            if recipients.is_empty() {
                step.writes.push(Write::Dequeue(place(&record, neighbour)));
                continue;
            }
            let detour = self.detour(&recipients, neighbour, record.source);
            let branch = bytes.branch(&recipients);
            let size = branch.size_bytes();
            let link = self.link(neighbour);
            if let Some(other) = detour {
                self.enqueue(&mut record, other, &recipients, step);
            } else if link.up && link.lane(precedence).room_for(size) {
                self.transmit(&mut record, neighbour, &recipients, branch, now, step);
            } else {
                break;
            }
            self.leave_queue(&record, neighbour, step);
            self.save(record, step);
        }
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
            if lane.backlog > 0 && lane.is_open() {
                if !lane.fetching {
                    lane.fetching = true;
                    let free = usize::try_from(lane.allowed.0 - lane.sent.0).unwrap_or(usize::MAX);
                    step.fetches.push(Fetch::Waiting {
                        neighbour,
                        precedence,
                        messages: free.min(REFILL_MESSAGES),
                        bytes: lane.allowed.1 - lane.sent.1,
                    });
                }
                return;
            }
            let head_start_ends = lane.last_sent.map(|at| at.after(URGENT_HEAD_START));
            if let Some(ends) = head_start_ends.filter(|ends| lane.in_flight > 0 && now < *ends) {
                if link.lanes.iter().skip(precedence.index() + 1).any(|lower| lower.backlog > 0) {
                    step.wake_at = Some(step.wake_at.map_or(ends, |at| at.min(ends)));
                }
                return;
            }
        }
    }

    /// What waits for a neighbour that is away is read when another way is open.
    fn pump_detour(&mut self, neighbour: RoomId, step: &mut Step) {
        if !self.has_detour(neighbour) {
            return;
        }
        let link = self.link(neighbour);
        let waiting = Precedence::ALL.into_iter().find(|p| link.lane(*p).backlog > 0);
        if let Some(precedence) = waiting.filter(|p| !link.lane(*p).fetching) {
            link.lane(precedence).fetching = true;
            step.fetches.push(Fetch::Waiting {
                neighbour,
                precedence,
                messages: REFILL_MESSAGES,
                bytes: WINDOW_BYTES,
            });
        }
    }

    /// Counts an arrival against what we granted; `false` when the neighbour sent more than it was allowed.
    pub(super) fn count_arrival(&mut self, from: RoomId, precedence: Precedence, bytes: u64) -> bool {
        let lane = self.link(from).lane(precedence);
        lane.arrived = (lane.arrived.0 + 1, lane.arrived.1 + bytes);
        lane.arrived.0 <= lane.granted.0 && lane.arrived.1 <= lane.granted.1
    }

    /// Grants more once half a window is used, unless the neighbour's quota is full.
    pub(super) fn grant(&mut self, to: RoomId, precedence: Precedence, step: &mut Step) {
        if self.is_over_quota(to, precedence) {
            return;
        }
        let lane = self.link(to).lane(precedence);
        let half_used = lane.granted.0 - lane.arrived.0.min(lane.granted.0) <= WINDOW_MESSAGES / 2
            || lane.granted.1 - lane.arrived.1.min(lane.granted.1) <= WINDOW_BYTES / 2;
        if half_used {
            lane.granted = (lane.arrived.0 + WINDOW_MESSAGES, lane.arrived.1 + WINDOW_BYTES);
            let (messages, bytes) = lane.granted;
            let class = u8::try_from(precedence.index()).unwrap_or(u8::MAX);
            step.sends.push(Send::Credit { to, credit: Credit { class, messages, bytes } });
        }
    }

    /// Room in a quota may let every precedence go on.
    fn grant_all(&mut self, to: RoomId, step: &mut Step) {
        if self.is_up(to) {
            for precedence in Precedence::ALL {
                self.grant(to, precedence, step);
            }
        }
    }

    /// Whether what this neighbour has waiting here fills its quota; flash has one of its own.
    pub(super) fn is_over_quota(&mut self, from: RoomId, precedence: Precedence) -> bool {
        let quota = self.quota;
        let link = self.link(from);
        if precedence == Precedence::Flash {
            return link.lane(precedence).held.0 >= quota.flash_messages;
        }
        let lower = &link.lanes[Precedence::Immediate.index()..];
        let (messages, bytes) =
            lower.iter().fold((0, 0), |(m, b), lane| (m + lane.held.0, b + lane.held.1));
        messages >= quota.messages || bytes >= quota.bytes
    }
}

fn place(record: &Record, neighbour: RoomId) -> QueuePlace {
    QueuePlace { neighbour, precedence: record.precedence, since: record.received_at, key: record.key }
}
