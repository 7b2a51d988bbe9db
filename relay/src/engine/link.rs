//! Links as the engine sees them: up or down, what is in flight, and the windows of both directions.
//!
//! The queue itself is the store's; what a link knows of it is an upper bound of its length.

use std::collections::BTreeMap;

use topology::{Precedence, RoomId};

use super::{Engine, handed::HandedOver};
use crate::{
    crash_point::CrashPoint,
    envelope_id::EnvelopeKey,
    frame::Credit,
    limits::{WINDOW_BYTES, WINDOW_MESSAGES},
    record::Record,
    step::Step,
    timestamp::Timestamp,
};

/// One neighbour.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) up: bool,
    pub(super) lanes: [Lane; 4],
    in_flight: BTreeMap<EnvelopeKey, (Precedence, u64)>,
    /// What the neighbour itself has not answered since it left on this link.
    pub(super) handed: BTreeMap<EnvelopeKey, HandedOver>,
}

/// One precedence on one link. Pairs are envelopes and bytes.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// At least the places in the queue. It may be too high, never too low: an empty reading says that there are none.
    pub(super) backlog: u64,
    /// The backlog at the time when the head of the queue was asked for; none when nothing is being read.
    pub(super) fetching: Option<u64>,
    /// The neighbour is away and nothing that waits can go another way; until links or the map change.
    pub(super) stranded: bool,
    /// What the head of the queue needs and the window did not have.
    pub(super) head_bytes: u64,
    pub(super) last_sent: Option<Timestamp>,
    /// Under way without custody.
    in_flight: (u64, u64),
    /// The neighbour takes so much in all; we have sent so much.
    allowed: (u64, u64),
    sent: (u64, u64),
    /// We take so much in all; so much has come.
    pub(super) granted: (u64, u64),
    pub(super) arrived: (u64, u64),
    /// What came from this neighbour and still waits here.
    pub(super) held: (u64, u64),
}

impl Lane {
    /// What may still be sent: as much as the neighbour takes, and no more than a window without custody.
    pub(super) fn room(&self) -> (u64, u64) {
        let room = |allowed: u64, sent: u64, window: u64, in_flight: u64| {
            allowed.saturating_sub(sent).min(window.saturating_sub(in_flight))
        };
        (
            room(self.allowed.0, self.sent.0, WINDOW_MESSAGES, self.in_flight.0),
            room(self.allowed.1, self.sent.1, WINDOW_BYTES, self.in_flight.1),
        )
    }

    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        let (messages, most) = self.room();
        messages > 0 && bytes <= most
    }

    /// Whether something waits and the window is open for it.
    pub(super) fn can_drain(&self) -> bool {
        self.backlog > 0 && self.has_room_for(self.head_bytes.max(1))
    }

    /// When the less urgent may be drained: a moment after the last envelope that is still under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.in_flight.0 > 0
    }
}

impl Link {
    pub(super) fn lane(&mut self, precedence: Precedence) -> &mut Lane {
        &mut self.lanes[precedence.index()]
    }

    pub(super) fn hold(&mut self, precedence: Precedence, messages: u64, bytes: u64) {
        let held = &mut self.lane(precedence).held;
        *held = (held.0.saturating_add(messages), held.1.saturating_add(bytes));
    }

    pub(super) fn release(&mut self, precedence: Precedence, bytes: u64) {
        let held = &mut self.lane(precedence).held;
        *held = (held.0.saturating_sub(1), held.1.saturating_sub(bytes));
    }

    /// Whether something more urgent waits that could go now.
    pub(super) fn has_more_urgent(&self, precedence: Precedence) -> bool {
        self.lanes.iter().take(precedence.index()).any(Lane::can_drain)
    }

    pub(super) fn bytes_in_flight(&self) -> u64 {
        self.lanes.iter().fold(0, |sum, lane| lane.in_flight.1.saturating_add(sum))
    }

    /// An envelope leaves. One of which two parts go one after the other is in flight once.
    pub(super) fn depart(&mut self, key: EnvelopeKey, precedence: Precedence, bytes: u64, now: Timestamp) {
        let flight = self.in_flight.entry(key).or_insert((precedence, 0));
        let is_new = flight.1 == 0;
        flight.1 = flight.1.saturating_add(bytes);
        let lane = self.lane(precedence);
        lane.in_flight = (lane.in_flight.0 + u64::from(is_new), lane.in_flight.1.saturating_add(bytes));
        lane.sent = (lane.sent.0.saturating_add(1), lane.sent.1.saturating_add(bytes));
        lane.last_sent = Some(now);
    }

    pub(super) fn land(&mut self, key: &EnvelopeKey) {
        if let Some((precedence, bytes)) = self.in_flight.remove(key) {
            let in_flight = &mut self.lane(precedence).in_flight;
            *in_flight = (in_flight.0.saturating_sub(1), in_flight.1.saturating_sub(bytes));
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
        let link = self.link(neighbour);
        link.up = true;
        for lane in &mut link.lanes {
            *lane = Lane {
                backlog: lane.backlog,
                held: lane.held,
                granted: (WINDOW_MESSAGES, WINDOW_BYTES),
                ..Lane::default()
            };
        }
        for credit in credits {
            self.credit(neighbour, *credit);
        }
        self.ways_changed();
        self.outbox_resume(neighbour, step);
    }

    /// Whatever lacks custody goes back into the queue, for this neighbour or an alternate one.
    pub(super) fn link_down(&mut self, neighbour: RoomId, step: &mut Step) {
        let link = self.link(neighbour);
        link.up = false;
        link.handed.clear();
        let in_flight = std::mem::take(&mut link.in_flight);
        for lane in &mut link.lanes {
            lane.in_flight = (0, 0);
        }
        for key in in_flight.into_keys() {
            self.requeue(key, neighbour, step);
        }
        self.ways_changed();
    }

    /// Links or the map changed: what was stranded is looked at again.
    pub(super) fn ways_changed(&mut self) {
        for lane in self.links.values_mut().flat_map(|link| &mut link.lanes) {
            lane.stranded = false;
        }
    }

    /// The neighbour takes more. Whatever it grants, no more than a window is under way without custody.
    pub(super) fn credit(&mut self, from: RoomId, credit: Credit) {
        if let Some(precedence) = Precedence::from_index(usize::from(credit.class)) {
            let lane = self.link(from).lane(precedence);
            lane.allowed = (lane.allowed.0.max(credit.messages), lane.allowed.1.max(credit.bytes));
        }
    }

    /// What was sent to `neighbour` without custody waits again.
    fn requeue(&mut self, key: EnvelopeKey, neighbour: RoomId, step: &mut Step) {
        let Some(mut record) = self.records.find(&key) else { return };
        let recipients = record.sent_to(neighbour);
        if recipients.is_empty() {
            return;
        }
        for recipient in recipients {
            let next = self.choose_hop(recipient).unwrap_or(neighbour);
            self.enqueue(&mut record, next, &[recipient], step);
        }
        step.points.push(CrashPoint::EnvelopeRequeued);
        self.save(record, step);
    }

    /// Takes an envelope off the in-flight list once nothing of it is under way to this neighbour.
    pub(super) fn landed(&mut self, record: &Record, neighbour: RoomId) {
        if record.sent_to(neighbour).is_empty()
            && let Some(link) = self.links.get_mut(&neighbour)
        {
            link.land(&record.key);
        }
    }
}
