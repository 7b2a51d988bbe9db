//! What a node remembers of one envelope: a small row that changes, beside the bytes that never do.
//!
//! ```text
//! state      event                           next state
//! ---------  ------------------------------  --------------------------------------------
//! Waiting    the window opens                Sent     (marked before the frame leaves)
//! Waiting    another way is open             Waiting  in that neighbour's queue
//! Waiting    expired, never transmitted      Ended    `expired`, signed here
//! Waiting    no way any more                 Ended    `failed`, signed here; Sent once transmitted
//! Waiting    custody from the neighbour      Held     (it had taken it before the link was lost)
//! Sent       custody from the neighbour      Held     (a repeated one too)
//! Sent       terminal receipt                Ended
//! Sent       link lost, or resend time       Waiting
//! Sent       expired                         Sent     `unconfirmed`, once
//! Held       terminal receipt                Ended
//! Held       resend time, at the origin      Waiting  (the next hop answers what it knows)
//! Held       the envelope comes again        Waiting  (the one before wants the outcome)
//! Held       expired, at the origin          Held     `unconfirmed`, once
//! Here       -                               the recipient is this room; the outcome is there from the start
//! Ended      the recipient lost it           Lost     (the origin: Waiting)
//! Lost       the envelope comes again        Waiting, at the recipient Here
//! Ended      another terminal receipt        Ended    kept as a supplement
//! ```

use certs::signature::Digest;
use serde::{Deserialize, Serialize};
use topology::{Flow, Precedence, RoomId};

use crate::{
    envelope::Role,
    envelope_id::{EnvelopeKey, Epoch},
    limits::{DUPLICATES_KEPT, LOOK_AGAIN},
    message::field::Status,
    receipt::Event,
    timestamp::Timestamp,
};

/// One envelope at one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which envelope.
    pub key: EnvelopeKey,
    /// Which bytes.
    pub digest: Digest,
    /// The neighbour that handed it over; none when it was written here. Receipts go back there.
    pub source: Option<RoomId>,
    /// Which way it flows.
    pub flow: Flow,
    /// How urgent.
    pub precedence: Precedence,
    /// In earnest, exercise or test.
    pub status: Status,
    /// When the origin made it.
    pub created_at: Timestamp,
    /// When it came here: its age in the queue.
    pub received_at: Timestamp,
    /// When its time runs out.
    pub expires_at: Timestamp,
    /// What it counts against quotas.
    pub size_bytes: u64,
    /// One for each recipient that this node answers for.
    pub deliveries: Vec<Delivery>,
    /// Digests of other signed bytes that came under the same id.
    pub collisions: Vec<Digest>,
}

/// One recipient's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whom it is for.
    pub recipient: RoomId,
    /// 主送 or 抄送.
    pub role: Role,
    /// Number at the recipient.
    pub nr: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Whether a frame with it was ever about to leave: from then on only the next hop or the target decides.
    pub transmitted: bool,
    /// How often it was sent.
    pub attempts: u32,
    /// The terminal outcome, once known.
    pub outcome: Option<Event>,
    /// Whether `unconfirmed` was signed here.
    pub unconfirmed: bool,
    /// Nothing is due before this: it was due, and could not be settled.
    pub look_again_at: Option<Timestamp>,
    /// Receipts stored here: a repeated one is recognised.
    pub receipts: Vec<NotedReceipt>,
}

/// What suffices to know a receipt again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedReceipt {
    /// What it says.
    pub event: Event,
    /// Who says it.
    pub issuer: RoomId,
    /// In which of the issuer's runs; its nonce too, since a restored room may count its runs again.
    pub epoch: Epoch,
    /// Its leaf number there.
    pub seq: u64,
}

/// See the table at the top of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryState {
    /// In the queue for a neighbour.
    Waiting {
        /// Which.
        neighbour: RoomId,
    },
    /// Handed to the link, no custody yet.
    Sent {
        /// To whom.
        neighbour: RoomId,
        /// When to try again.
        resend_at: Timestamp,
    },
    /// The next hop answers for it.
    Held {
        /// Who.
        neighbour: RoomId,
        /// When the origin asks again; elsewhere never.
        resend_at: Option<Timestamp>,
    },
    /// The recipient is this room.
    Here,
    /// The outcome is known.
    Ended,
    /// It was delivered, and the recipient has lost it since and asks for it again. Hops pass it on when it comes.
    Lost,
}

impl Record {
    /// The way to one recipient.
    pub fn delivery(&self, recipient: RoomId) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.recipient == recipient)
    }

    /// The way to one recipient, to be changed.
    pub fn delivery_mut(&mut self, recipient: RoomId) -> Option<&mut Delivery> {
        self.deliveries.iter_mut().find(|delivery| delivery.recipient == recipient)
    }

    /// The recipients that wait in the queue for this neighbour.
    pub fn waiting_for(&self, neighbour: RoomId) -> Vec<RoomId> {
        self.in_state(|state| *state == DeliveryState::Waiting { neighbour })
    }

    /// The recipients that are under way to this neighbour without custody.
    pub fn sent_to(&self, to: RoomId) -> Vec<RoomId> {
        self.in_state(|state| matches!(state, DeliveryState::Sent { neighbour, .. } if *neighbour == to))
    }

    fn in_state(&self, wanted: impl Fn(&DeliveryState) -> bool) -> Vec<RoomId> {
        self.deliveries.iter().filter(|d| wanted(&d.state)).map(|d| d.recipient).collect()
    }

    /// When the engine must look at it again; none when nothing is open.
    pub fn due_at(&self) -> Option<Timestamp> {
        let local = self.source.is_none();
        self.deliveries.iter().filter_map(|delivery| delivery.due_at(self.expires_at, local)).min()
    }

    /// Puts off what is still due: it would stand before everything else that is.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        let (local, expires_at) = (self.source.is_none(), self.expires_at);
        for delivery in &mut self.deliveries {
            if delivery.due_at(expires_at, local).is_some_and(|at| at <= now) {
                delivery.look_again_at = Some(now.after(LOOK_AGAIN));
            }
        }
    }

    /// After the clock was set back: nothing is put off beyond this.
    pub(crate) fn look_again_by(&mut self, latest: Timestamp) {
        for delivery in &mut self.deliveries {
            delivery.look_again_at = delivery.look_again_at.filter(|at| *at <= latest);
        }
    }

    /// Whether it fills the quota of the neighbour that handed it over.
    pub fn is_held_for_source(&self) -> bool {
        self.source.is_some()
            && self.deliveries.iter().any(|delivery| {
                matches!(delivery.state, DeliveryState::Waiting { .. } | DeliveryState::Sent { .. })
            })
    }

    /// Whether every recipient's outcome is known.
    pub fn is_ended(&self) -> bool {
        self.deliveries.iter().all(|delivery| delivery.outcome.is_some())
    }
}

impl Delivery {
    /// A new way in this state.
    pub fn new(recipient: RoomId, role: Role, nr: u64, state: DeliveryState) -> Self {
        Self {
            recipient,
            role,
            nr,
            state,
            transmitted: false,
            attempts: 0,
            outcome: None,
            unconfirmed: false,
            look_again_at: None,
            receipts: Vec::new(),
        }
    }

    /// Whether an officer there has to acknowledge it and has not: whoever it was written to; nobody has to acknowledge a copy.
    pub fn owes_acknowledgement(&self) -> bool {
        let is_acknowledged = self.receipts.iter().any(|noted| noted.event == Event::Acknowledged);
        match self.role {
            Role::Action => !is_acknowledged,
            Role::Info => false,
        }
    }

    /// When to send it again; none where nobody here asks, and none once nobody need know the envelope any more.
    pub(crate) fn resend_at(&self, expires_at: Timestamp, local: bool) -> Option<Timestamp> {
        let at = match &self.state {
            DeliveryState::Sent { resend_at, .. } => Some(*resend_at),
            DeliveryState::Held { resend_at, .. } if local => *resend_at,
            DeliveryState::Held { .. }
            | DeliveryState::Waiting { .. }
            | DeliveryState::Here
            | DeliveryState::Ended
            | DeliveryState::Lost => None,
        };
        at.filter(|at| *at <= expires_at.after(DUPLICATES_KEPT))
    }

    /// Whether its expiry must be decided here: a hop that has custody from the next one leaves that to it.
    pub(crate) fn may_run_out(&self, local: bool) -> bool {
        let answered_for = match &self.state {
            DeliveryState::Waiting { .. } | DeliveryState::Sent { .. } => true,
            DeliveryState::Held { .. } => local,
            DeliveryState::Here | DeliveryState::Ended | DeliveryState::Lost => false,
        };
        answered_for && self.outcome.is_none() && !self.unconfirmed
    }

    fn due_at(&self, expires_at: Timestamp, local: bool) -> Option<Timestamp> {
        let expiry = self.may_run_out(local).then_some(expires_at);
        let due = expiry.into_iter().chain(self.resend_at(expires_at, local)).min()?;
        Some(self.look_again_at.map_or(due, |at| at.max(due)))
    }
}
