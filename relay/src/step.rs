//! What goes into the engine and what comes out: in, decided, stored, said.
//!
//! The driver commits all `writes` of a batch in one transaction and only then performs its `sends`.

use std::{collections::BTreeMap, sync::Arc};

use certs::signature::Digest;
use topology::{Map, Precedence, RoomId};

use crate::{
    crash_point::CrashPoint,
    envelope::{EnvelopeBytes, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    frame::Credit,
    message::{CaseId, DeclaredTime, phone::code::CallCode},
    receipt::{ClockOffset, Event, Reason, VerifiedReceipt},
    record::Record,
    refusal::Refusal,
    timestamp::Timestamp,
};

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// An officer of this room sends a message.
    Submit(Box<Submission>),
    /// A neighbour handed over an envelope that verifies.
    Arrived(Box<Arrival>),
    /// A neighbour handed over an envelope that does not verify. It counts against the neighbour's window like any
    /// other, or the window would close for ever, and decides nothing.
    Unverified {
        /// Who.
        from: RoomId,
        /// On which stream it came.
        precedence: Precedence,
        /// [`EnvelopeBytes::size_bytes`] of it.
        size_bytes: u64,
    },
    /// A neighbour handed over receipts that verify.
    Receipts {
        /// Who.
        from: RoomId,
        /// Number of the last one in the neighbour's outbox, to be confirmed once stored; none for answers.
        upto: Option<u64>,
        /// The receipts.
        receipts: Vec<VerifiedReceipt>,
    },
    /// A neighbour has stored our receipts up to this number.
    ReceiptsStored {
        /// Who.
        from: RoomId,
        /// The last number.
        upto: u64,
    },
    /// A neighbour did not take an envelope.
    NotTaken {
        /// Who.
        from: RoomId,
        /// Which.
        key: EnvelopeKey,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The hello was answered.
    LinkUp {
        /// Who.
        neighbour: RoomId,
        /// What the neighbour takes at first.
        credits: Vec<Credit>,
    },
    /// The link is gone.
    LinkDown {
        /// Who.
        neighbour: RoomId,
    },
    /// A neighbour takes more.
    Credit {
        /// Who.
        from: RoomId,
        /// Totals since the link's beginning.
        credit: Credit,
    },
    /// What the queue for a neighbour holds, most urgent first: the answer to [`Fetch::Waiting`].
    Waiting {
        /// Whose queue.
        neighbour: RoomId,
        /// Of this precedence.
        precedence: Precedence,
        /// The oldest of it.
        envelopes: Vec<StoredEnvelope>,
    },
    /// Receipts that wait for a neighbour: the answer to [`Fetch::Outbox`].
    Outbox {
        /// Whose.
        neighbour: RoomId,
        /// Number and signed bytes.
        receipts: Vec<(u64, Arc<[u8]>)>,
    },
    /// Something about these envelopes is due.
    Due(Vec<EnvelopeKey>),
    /// An officer acknowledged, opened, disposed or returned.
    Deed(Box<Deed>),
    /// The alarm for an envelope rang.
    Alerted(EnvelopeKey),
    /// The clock was compared with the parent's.
    Clock(Option<ClockOffset>),
    /// A newer plan is in force.
    MapChanged(Arc<Map>),
    /// How full the disk is.
    Storage(StorageLevel),
    /// An operator wants an envelope sent now.
    Retry(EnvelopeKey),
    /// After a start: envelopes that were open when the node stopped. What was under way goes out again.
    Recovered(Vec<EnvelopeKey>),
}

/// A sealed message and what its own room keeps of it.
#[derive(Debug)]
pub struct Submission {
    /// Sealed by the caller, not yet numbered and signed.
    pub sealed: SealedMessage,
    /// The body's key under the storage key, so that the room can read what it sent.
    pub content_key: Vec<u8>,
    /// What lists show of it.
    pub summary: Vec<u8>,
    /// For a telephone note that its officer signed: what the table of calls keeps.
    pub call: Option<CallEntry>,
}

/// An envelope from a neighbour.
#[derive(Debug)]
pub struct Arrival {
    /// Who handed it over.
    pub from: RoomId,
    /// The envelope.
    pub envelope: VerifiedEnvelope,
    /// What became of it here, if this room is a recipient.
    pub opened: Opened,
}

/// What the link's task found inside.
#[derive(Debug)]
pub enum Opened {
    /// This room is no recipient on this branch: nothing here can open it.
    NotForUs,
    /// Opened, checked, and its key protected again under the storage key.
    Entry(InboxEntry),
    /// For this room, but it must refuse.
    Refused(Refusal),
}

/// A line of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Number of the message kind.
    pub kind: u16,
    /// The body's key under the storage key.
    pub content_key: Vec<u8>,
    /// What lists show of it, under the storage key.
    pub summary: Vec<u8>,
    /// For a telephone note of a call with this room: what the table of calls keeps.
    pub call: Option<CallEntry>,
}

/// One end's signed note of a call of this room, as the table of calls keeps it: enough to find the other end's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEntry {
    /// The room at the other end, seen from here.
    pub peer: RoomId,
    /// 对口令
    pub code: CallCode,
    /// The declared start.
    pub started_at: DeclaredTime,
    /// The message that it was about.
    pub about: Option<EnvelopeKey>,
    /// The case that it belongs to.
    pub case: Option<CaseId>,
    /// The signed statement, under the storage key.
    pub signed: Vec<u8>,
}

/// An officer's deed, signed.
#[derive(Debug)]
pub struct Deed {
    /// Which envelope.
    pub key: EnvelopeKey,
    /// Acknowledged, opened, disposed or returned.
    pub event: Event,
    /// The officer's COSE_Sign1.
    pub officer: Vec<u8>,
    /// Why, for a return.
    pub reason: Option<Reason>,
}

/// How full the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorageLevel {
    /// Everything is taken.
    Normal,
    /// Below the low-water mark: routine is not taken.
    Low,
    /// The last space is for flash.
    Critical,
}

/// An envelope as the store gives it.
#[derive(Debug, Clone)]
pub struct StoredEnvelope {
    /// What is remembered of it.
    pub record: Record,
    /// What travels.
    pub bytes: EnvelopeBytes,
}

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
    /// A new run of this node begins.
    Epoch {
        /// Which.
        epoch: Epoch,
        /// Its leaf in the log.
        seq: u64,
        /// The signed leaf.
        bytes: Arc<[u8]>,
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
    /// Whether this node issued it: its `seq` is then a leaf of our log.
    pub own: bool,
    /// Its place in the outbox towards the origin.
    pub outbox: Option<(RoomId, u64)>,
}

/// One thing to say, after the commit.
#[derive(Debug, Clone)]
pub enum Send {
    /// An envelope, with the keys of one branch.
    Envelope {
        /// To whom.
        to: RoomId,
        /// On which stream.
        precedence: Precedence,
        /// What.
        bytes: EnvelopeBytes,
    },
    /// Numbered receipts.
    Receipts {
        /// To whom.
        to: RoomId,
        /// Number of the first.
        first: u64,
        /// Signed bytes.
        receipts: Vec<Arc<[u8]>>,
    },
    /// A neighbour's receipts are stored.
    ReceiptsStored {
        /// To whom.
        to: RoomId,
        /// The last number.
        upto: u64,
    },
    /// The stored receipts of a known envelope, byte for byte, for these recipients.
    Answers {
        /// To whom.
        to: RoomId,
        /// Which envelope.
        key: EnvelopeKey,
        /// For which recipients.
        recipients: Vec<RoomId>,
    },
    /// An envelope is not taken.
    NotTaken {
        /// To whom.
        to: RoomId,
        /// Which.
        key: EnvelopeKey,
        /// Why.
        refusal: Refusal,
    },
    /// More may be sent to us.
    Credit {
        /// To whom.
        to: RoomId,
        /// Totals since the link's beginning.
        credit: Credit,
    },
    /// A neighbour broke the rules of the link.
    Close {
        /// Who.
        neighbour: RoomId,
        /// Which rule.
        reason: &'static str,
    },
    /// Something for the people or programs at this node.
    Notice(Notice),
}

/// What happened at this node that someone may want to see at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message entered the inbox.
    Delivered {
        /// Which.
        key: EnvelopeKey,
        /// How urgent.
        precedence: Precedence,
    },
    /// A message sent here got a receipt.
    Receipt {
        /// Which.
        key: EnvelopeKey,
        /// What.
        event: Event,
        /// For whom.
        recipient: RoomId,
    },
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
    /// The next free leaf number.
    pub next_seq: u64,
    /// SHA-256 of the last own leaf.
    pub last_leaf: Option<Digest>,
    /// Places in each queue.
    pub queued: BTreeMap<(RoomId, Precedence), u64>,
    /// Next number and last confirmed number of each outbox.
    pub outboxes: BTreeMap<RoomId, (u64, u64)>,
    /// Envelopes and bytes that fill each neighbour's quota.
    pub held: BTreeMap<(RoomId, Precedence), (u64, u64)>,
}
