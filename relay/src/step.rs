//! What goes into the engine and what comes out: in, decided, stored, said.
//!
//! The driver commits all `writes` of a batch in one transaction and only then performs its `sends`.

mod input;
mod send;
mod write;

use std::{collections::BTreeMap, sync::Arc};

use topology::{Precedence, RoomId};

pub use self::{
    input::{
        Arrival, CallEntry, Deed, DutyOrder, InboxEntry, Input, Opened, SentOnce, StorageLevel,
        StoredEnvelope, Submission, Told,
    },
    send::{Notice, Send},
    write::{DatedCheckpoint, HeldHead, LeafKind, LinkState, QueuePlace, StoredReceipt, Write},
};
use crate::{
    checkpoint::Head, crash_point::CrashPoint, envelope_id::EnvelopeId, log::Edge, refusal::Refusal,
    tick::TickRef, timestamp::Timestamp,
};

/// What one input led to.
#[derive(Debug, Default)]
pub struct Step {
    /// To be committed, in this order, in one transaction with the rest of the batch.
    pub writes: Vec<Write>,
    /// To be performed after the commit, in this order.
    pub sends: Vec<Send>,
    /// To be read after the commit and handed back as inputs.
    pub fetches: Vec<Fetch>,
    /// What the local caller is told after the commit.
    pub reply: Option<Reply>,
    /// When [`crate::engine::Engine::finish`] is to be called again at the latest.
    pub wake_at: Option<Timestamp>,
    /// Crash points passed.
    pub points: Vec<CrashPoint>,
}

impl Step {
    /// Asks to be called again at this time at the latest.
    pub(crate) fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Adds what another input of the same batch led to. Replies belong to one input and are taken out before.
    pub fn join(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.sends.extend(other.sends);
        self.fetches.extend(other.fetches);
        self.points.extend(other.points);
        self.wake_at = match (self.wake_at, other.wake_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// What to read after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// The head of a queue.
    Waiting {
        /// Whose.
        neighbour: RoomId,
        /// Which class.
        precedence: Precedence,
        /// At most this many envelopes.
        messages: usize,
        /// At most this many bytes, but at least one envelope.
        bytes: u64,
    },
    /// Receipts that wait for a neighbour.
    Outbox {
        /// Whose.
        neighbour: RoomId,
        /// From this number.
        from: u64,
        /// At most this many.
        count: usize,
    },
    /// Whether a tick is in the store.
    Tick {
        /// Who may have it otherwise.
        neighbour: RoomId,
        /// Which.
        name: TickRef,
    },
    /// The root over as many of our leaves as a parent holds a head of.
    LogRoot {
        /// Who holds it.
        neighbour: RoomId,
        /// What it holds.
        head: Head,
    },
}

/// The answer to a local caller, true once committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The message is in the queue.
    Accepted {
        /// Its id.
        id: EnvelopeId,
    },
    /// The deed is in the log.
    Done,
    /// It was done before; nothing changed.
    AlreadyDone,
    /// There is no such envelope here.
    Unknown,
    /// Sealed for a run of the node that has ended meanwhile: seal it again.
    OtherEpoch,
    /// Not possible.
    Refused(Refusal),
}

/// What the store holds of the engine's own state when a node starts.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Counter of the last epoch.
    pub epoch_counter: u64,
    /// The right edge of the log.
    pub log: Edge,
    /// The newest tick.
    pub tick: Option<(TickRef, Arc<[u8]>)>,
    /// The last checkpoint that was signed here.
    pub checkpoint: Option<(Head, Arc<[u8]>)>,
    /// The newest one that is dated.
    pub dated: Option<DatedCheckpoint>,
    /// The head that is held of each child.
    pub heads: BTreeMap<RoomId, HeldHead>,
    /// Each link as it was when the node stopped.
    pub links: BTreeMap<RoomId, LinkState>,
    /// Places in each queue.
    pub queued: BTreeMap<(RoomId, Precedence), u64>,
    /// Next number and last confirmed number of each outbox.
    pub outboxes: BTreeMap<RoomId, (u64, u64)>,
    /// Envelopes and bytes that fill each neighbour's quota.
    pub held: BTreeMap<(RoomId, Precedence), (u64, u64)>,
    /// The latest time in what this room signed itself among its newest receipts. By it a start sees that the clock was set
    /// back meanwhile.
    pub signed_at: Option<Timestamp>,
}
