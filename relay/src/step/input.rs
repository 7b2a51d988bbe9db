//! What goes into the engine: everything that can happen to a room.

use std::sync::Arc;

use certs::signature::Digest;
use topology::{Map, Precedence, RoomId};

use crate::{
    checkpoint::{Anchor, Head, VerifiedCheckpoint},
    duty::step::DutyStep,
    envelope::{EnvelopeBytes, SealedMessage, VerifiedEnvelope, VerifiedHeader},
    envelope_id::EnvelopeKey,
    frame::Credit,
    log::VerifiedLine,
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
    /// What the queue for a neighbour holds, most urgent first: the answer to [`Fetch::Waiting`](super::Fetch::Waiting).
    Waiting {
        /// Whose queue.
        neighbour: RoomId,
        /// Of this precedence.
        precedence: Precedence,
        /// The oldest of it.
        envelopes: Vec<StoredEnvelope>,
    },
    /// Receipts that wait for a neighbour: the answer to [`Fetch::Outbox`](super::Fetch::Outbox).
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
    /// Whether a tick is in the store: the answer to [`Fetch::Tick`](super::Fetch::Tick).
    TickLookedUp {
        /// Who may have it.
        neighbour: RoomId,
        /// Which.
        name: TickRef,
        /// Whether it is.
        is_here: bool,
    },
    /// A parent shows what it holds of our log.
    HeadHeld {
        /// Who.
        from: RoomId,
        /// A checkpoint that this room signed; none when the parent holds none.
        checkpoint: Option<Box<VerifiedCheckpoint>>,
    },
    /// Our own root at the size that a parent holds, none beyond our end: the answer to [`Fetch::LogRoot`](super::Fetch::LogRoot).
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
    /// A step of an obligation's timer is due.
    DutyStep(Box<DutyOrder>),
    /// Somebody needs the log dated now and not with the next tick: a limit is near, or evidence is wanted.
    DateNow,
    /// A dated head of after the newest tick is wanted, though nothing may have happened since the last one.
    DateTick,
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
    /// After a restore: a neighbour tells of an envelope that went between it and this room since the backup was made.
    Told(Box<Told>),
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
    /// For a request that may be repeated and is not to be done twice.
    pub once: Option<SentOnce>,
}

/// What is kept of a request, so that whoever repeats it is answered as the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentOnce {
    /// Digest of who asked and of the key that was given with the request.
    pub name: Digest,
    /// Digest of the request.
    pub request: Digest,
    /// When it was done.
    pub at: Timestamp,
    /// What was answered.
    pub answer: Vec<u8>,
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

/// An envelope that this room may have forgotten.
#[derive(Debug)]
pub struct Told {
    /// Who tells.
    pub from: RoomId,
    /// What its origin signed.
    pub header: VerifiedHeader,
    /// The signed header's bytes.
    pub bytes: Arc<[u8]>,
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

/// A step to be taken, once.
#[derive(Debug)]
pub struct DutyOrder {
    /// What its leaf will say; when it was taken is the engine's to say.
    pub step: DutyStep,
    /// The message to the room above that goes with it: accepted in the same commit, or neither.
    pub message: Option<Submission>,
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
