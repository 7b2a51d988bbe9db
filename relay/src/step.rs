//! What goes into the engine and what comes out: in, decided, stored, said.
//!
//! The driver commits all `writes` of a batch in one transaction and only then performs its `sends`.

use std::{collections::BTreeMap, sync::Arc};

use certs::signature::Digest;
use topology::{Map, Precedence, RoomId};

use crate::{
    checkpoint::{Anchor, Head, VerifiedCheckpoint},
    crash_point::CrashPoint,
    envelope::{EnvelopeBytes, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    frame::Credit,
    log::{Edge, Run, VerifiedLine},
    message::{CaseId, DeclaredTime, phone::code::CallCode},
    receipt::{ClockOffset, Event, Reason, VerifiedReceipt},
    record::Record,
    refusal::Refusal,
    tick::{TickRef, VerifiedTick},
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
    /// A tick that verifies.
    Tick(VerifiedTick),
    /// A neighbour lacks a tick that something cites.
    TickWanted {
        /// Who.
        from: RoomId,
        /// Which.
        name: TickRef,
    },
    /// Whether a tick is in the store: the answer to [`Fetch::Tick`].
    TickLookedUp {
        /// Who may have it.
        neighbour: RoomId,
        /// Which.
        name: TickRef,
        /// Whether it is.
        is_here: bool,
    },
    /// A parent says which head of our log it holds; none when it holds none.
    HeadHeld {
        /// Who.
        from: RoomId,
        /// Which.
        head: Option<Head>,
    },
    /// Our own root at the size that a parent holds, none beyond our end: the answer to [`Fetch::LogRoot`].
    LogRoot {
        /// Who holds it.
        neighbour: RoomId,
        /// What it holds.
        head: Head,
        /// Ours.
        own: Option<Digest>,
    },
    /// A child shows the head of its log.
    Head {
        /// Who.
        from: RoomId,
        /// The head, verified.
        checkpoint: Box<VerifiedCheckpoint>,
        /// Leaves of the head that the proof begins at.
        old: u64,
        /// The consistency proof.
        path: Vec<Digest>,
    },
    /// The root hub has dated one of our checkpoints; the proof was checked.
    Anchored {
        /// Ours.
        checkpoint: Box<VerifiedCheckpoint>,
        /// The date.
        at: Timestamp,
        /// The proof.
        anchor: Anchor,
    },
    /// A parent's record of an outage of the link between us.
    Line {
        /// Who.
        from: RoomId,
        /// The record, verified.
        line: Box<VerifiedLine>,
    },
    /// A plan or a sheet counts from now on: its statement, a leaf of the log.
    Document(Arc<[u8]>),
    /// Somebody needs the log dated now and not with the next tick: a limit is near, or evidence is wanted.
    DateNow,
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
}

impl LeafKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Head, Self::Line, Self::Document];

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
    /// A tick.
    Tick {
        /// To whom.
        to: RoomId,
        /// Signed bytes.
        bytes: Arc<[u8]>,
    },
    /// A tick that something cites is not here.
    TickWanted {
        /// To whom.
        to: RoomId,
        /// Which.
        name: TickRef,
    },
    /// The tick that a neighbour wants, if it is in the store.
    TickAnswer {
        /// To whom.
        to: RoomId,
        /// Which.
        name: TickRef,
    },
    /// Which head of its log is held here.
    HeadHeld {
        /// To whom.
        to: RoomId,
        /// Which; none when none is.
        head: Option<Head>,
    },
    /// The head of our log, with the proof that it continues the first `from` leaves.
    Head {
        /// To whom.
        to: RoomId,
        /// Signed bytes.
        checkpoint: Arc<[u8]>,
        /// Leaves that the parent holds a head of.
        from: u64,
        /// Leaves of the head.
        size: u64,
    },
    /// A child's checkpoint stands under a head that the root hub dated.
    Anchor {
        /// To whom.
        to: RoomId,
        /// The child's checkpoint in our log.
        held: HeldHead,
        /// Ours, which covers it.
        dated: DatedCheckpoint,
    },
    /// An outage of the link to a child, as seen from here.
    Line {
        /// To whom.
        to: RoomId,
        /// Signed bytes.
        bytes: Arc<[u8]>,
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
    /// A newer tick.
    Tick(TickRef),
    /// A parent holds a head that our log does not continue: it was restored from a backup, or rewritten.
    HistoryLost {
        /// Who holds it.
        held_by: RoomId,
        /// What it holds.
        head: Head,
        /// Leaves of our log.
        own_size: u64,
    },
    /// A child's log does not continue the head that was held of it.
    HistoryBroken {
        /// Whose.
        room: RoomId,
        /// Whether the child itself says that it lost what was before.
        is_declared: bool,
        /// What was held.
        before: Head,
        /// What it shows.
        after: Head,
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
}
