//! What the store is to change, and what it keeps.

use std::sync::Arc;

use certs::signature::Digest;
use topology::{Precedence, RoomId};

use super::input::{CallEntry, InboxEntry, SentOnce};
use crate::{
    checkpoint::{Anchor, Head, VerifiedCheckpoint},
    duty::step::StepName,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    log::Run,
    receipt::{Event, VerifiedReceipt},
    record::Record,
    tick::{TickRef, VerifiedTick},
    timestamp::Timestamp,
};

/// One change of the store.
#[derive(Debug, Clone)]
pub enum Write {
    /// The immutable bytes of a new envelope.
    Envelope {
        /// Which.
        key: EnvelopeKey,
        /// Header, keys and body.
        bytes: EnvelopeBytes,
        /// The body's key under the storage key, where this room may read it.
        content_key: Option<Vec<u8>>,
        /// What lists show, under the storage key, at the origin.
        summary: Option<Vec<u8>>,
    },
    /// More wrapped keys for an envelope that is known.
    Keys {
        /// Which.
        key: EnvelopeKey,
        /// Header, all keys known, and the body again in case it was pruned.
        bytes: EnvelopeBytes,
    },
    /// The body's key for this room, learned after the envelope was stored.
    ContentKey {
        /// Which.
        key: EnvelopeKey,
        /// The body's key under the storage key.
        content_key: Vec<u8>,
    },
    /// What is remembered of an envelope, new or changed.
    Record(Record),
    /// A place in the queue.
    Enqueue(QueuePlace),
    /// A place in the queue is given up.
    Dequeue(QueuePlace),
    /// A receipt, own or foreign.
    Receipt(StoredReceipt),
    /// A neighbour has stored our receipts up to this number.
    OutboxStored {
        /// Who.
        neighbour: RoomId,
        /// The last number.
        upto: u64,
    },
    /// A new line of the inbox.
    Inbox {
        /// Which envelope.
        key: EnvelopeKey,
        /// Its number from this origin in this epoch.
        nr: u64,
        /// The origin's epoch.
        epoch: Epoch,
        /// 主送 or 抄送, precedence and status are in the record.
        entry: InboxEntry,
        /// When it was delivered.
        delivered_at: Timestamp,
    },
    /// A new note in the table of calls, written here or delivered here.
    Call {
        /// The envelope that carries it.
        key: EnvelopeKey,
        /// The note.
        entry: CallEntry,
    },
    /// An officer's deed on a line of the inbox.
    InboxDeed {
        /// Which envelope.
        key: EnvelopeKey,
        /// What was done.
        event: Event,
    },
    /// Other signed bytes under an id that is taken: kept as evidence.
    Collision {
        /// Which id.
        key: EnvelopeKey,
        /// Digest of the other bytes.
        digest: Digest,
        /// The other signed header.
        header: Arc<[u8]>,
    },
    /// Leaves were appended to the log.
    Log(Run),
    /// The bytes of a leaf that is neither a receipt nor the start of a run.
    Leaf {
        /// Its number.
        leaf: u64,
        /// What it is.
        kind: LeafKind,
        /// The bytes that its hash is over.
        bytes: Arc<[u8]>,
    },
    /// A step of an obligation's timer: it must be new.
    DutyStep {
        /// What is taken once.
        name: StepName,
        /// The message that it is shown with.
        subject: EnvelopeKey,
        /// Its leaf in the log.
        leaf: u64,
    },
    /// A tick, kept for some days, or for ever where something cites it.
    Tick {
        /// The tick.
        tick: VerifiedTick,
        /// Whether something cites it already.
        cited: bool,
    },
    /// Something that is kept cites this tick.
    TickCited(TickRef),
    /// A checkpoint that was signed here.
    Checkpoint {
        /// What it says.
        head: Head,
        /// The signed bytes.
        bytes: Arc<[u8]>,
    },
    /// A checkpoint that was signed here is dated.
    Dated(DatedCheckpoint),
    /// The head of a child's log.
    HeldHead {
        /// Whose.
        room: RoomId,
        /// The head.
        held: HeldHead,
    },
    /// A child's log does not continue the head that was held of it: both are kept as evidence.
    HistoryBreak {
        /// Whose.
        room: RoomId,
        /// Whether the child itself says that it lost what was before.
        is_declared: bool,
        /// The checkpoint that was held; empty when none was.
        held: Arc<[u8]>,
        /// The checkpoint that it shows.
        shown: Arc<[u8]>,
    },
    /// A link is up or down.
    LinkState {
        /// To whom.
        neighbour: RoomId,
        /// Which.
        state: LinkState,
    },
    /// A new run of this node begins.
    Epoch {
        /// Which.
        epoch: Epoch,
        /// Its leaf in the log.
        seq: u64,
        /// The signed leaf.
        bytes: Arc<[u8]>,
    },
    /// A request that was done, under a key of its caller's.
    SentOnce(SentOnce),
}

impl Write {
    /// Whether it may wait for the next commit, and be lost with the memory till then: nothing that was said stands on
    /// it. What a neighbour has stored it says again when the receipts are sent again.
    pub fn can_wait(&self) -> bool {
        matches!(self, Self::OutboxStored { .. })
    }
}

/// What a leaf of the log is, where its bytes do not stand in another table. New ones are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeafKind {
    /// A child's checkpoint.
    Head,
    /// A record of an outage.
    Line,
    /// A plan or a sheet that counts from here on.
    Document,
    /// A step of an obligation's timer.
    Duty,
    /// A tick: where nothing else happens, the log grows by it when a head of after that time is wanted.
    Tick,
}

impl LeafKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Head, Self::Line, Self::Document, Self::Duty, Self::Tick];

    /// Its number in rows.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The head of a child's log, as it stands in ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldHead {
    /// Its leaf in our log.
    pub leaf: u64,
    /// Leaves of the child's log.
    pub size: u64,
    /// The child's root.
    pub root: Digest,
    /// The child's signed checkpoint.
    pub bytes: Arc<[u8]>,
}

impl HeldHead {
    /// Size and root.
    pub fn head(&self) -> Head {
        Head { root: self.root, size: self.size }
    }
}

/// A checkpoint of ours that the root hub has dated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedCheckpoint {
    /// Leaves that it covers.
    pub size: u64,
    /// The root hub's time.
    pub at: Timestamp,
    /// Our signed checkpoint.
    pub bytes: Arc<[u8]>,
    /// The proof.
    pub anchor: Anchor,
}

impl DatedCheckpoint {
    /// The root hub's own checkpoints carry the network's time.
    pub fn of_root(signed: &VerifiedCheckpoint) -> Self {
        let checkpoint = signed.checkpoint();
        Self {
            size: checkpoint.size,
            at: checkpoint.at,
            bytes: signed.bytes().clone(),
            anchor: Anchor::default(),
        }
    }
}

/// Whether a link is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It is.
    Up,
    /// It is not.
    Down {
        /// Since when, by our clock.
        at: Timestamp,
        /// The newest tick then.
        tick: Option<TickRef>,
    },
}

/// One envelope in one neighbour's queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePlace {
    /// Whose queue.
    pub neighbour: RoomId,
    /// Its class.
    pub precedence: Precedence,
    /// Its age: when it came to this node.
    pub since: Timestamp,
    /// Which envelope.
    pub key: EnvelopeKey,
}

/// A receipt as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The receipt.
    pub receipt: VerifiedReceipt,
    /// Whether this node issued it: its `seq` is then its leaf.
    pub own: bool,
    /// Its leaf in our log.
    pub leaf: u64,
    /// Its place in the outbox towards the origin.
    pub outbox: Option<(RoomId, u64)>,
}
