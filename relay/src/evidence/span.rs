//! A stretch of the exporter's log with every leaf of it, and what it proves: that nothing came from a room in a time.
//!
//! Whatever a room takes it signs for, and what it signs is a leaf. Between a head that was dated *before* the time and one
//! that was signed *after* it lies every leaf of that time; all of them are shown, and their hashes lead from the one root
//! to the other, so none can be left out. Whoever holds this room's receipt for a message of that time has convicted it.
//! *Against:* a message that is denied, a leaf that is held back, a time that the two heads do not span.

use certs::cbor::{self, CborError};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

use super::{DatedHead, EVIDENCE_VERSION, container::ENTRY_BYTES_MAX};
use crate::{
    receipt::{Event, Receipt},
    timestamp::Timestamp,
};

/// What is claimed: from `from` on and until before `to` nothing came from `peer`, neither over the link with it nor of what it
/// wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Until before this.
    pub to: Timestamp,
    /// From this on.
    pub from: Timestamp,
    /// The room that was silent.
    pub peer: RoomId,
}

/// The entry `log/span.cbor`: all leaves between two dated heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// [`EVIDENCE_VERSION`].
    pub v: u16,
    /// The complete subtrees of the log under the first head, largest first, 32 bytes a hash: one for each bit of its size.
    pub edge: ByteBuf,
    /// The head after the last leaf.
    pub last: DatedHead,
    /// The head before the first leaf.
    pub first: DatedHead,
    /// Every tick that is cited here and kept, signed, by time.
    pub ticks: Vec<ByteBuf>,
    /// The leaves, byte for byte, in the order of their numbers.
    pub leaves: Vec<ByteBuf>,
}

impl Default for Span {
    fn default() -> Self {
        let (edge, last, first) = Default::default();
        Self { v: EVIDENCE_VERSION, edge, last, first, ticks: vec![], leaves: vec![] }
    }
}

impl Span {
    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// What [`Self::encode`] gave; nothing in it is verified.
    ///
    /// # Errors
    /// [`CborError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let span: Self = cbor::decode(bytes, ENTRY_BYTES_MAX)?;
        if span.v != EVIDENCE_VERSION {
            return Err(CborError::Shape(format!("version {} of a span is not known", span.v)));
        }
        Ok(span)
    }
}

/// A span that verified, with what its leaves are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanAccount {
    /// Number of the first leaf.
    pub first_leaf: u64,
    /// Number of the leaf after the last.
    pub end: u64,
    /// When the root hub had the head before the first leaf: every leaf of later is in the span or after it.
    pub from: Timestamp,
    /// The tick that the head after the last leaf cites: no leaf of before is missing. Absent where it cites none.
    pub to: Option<Timestamp>,
    /// When the root hub had that head.
    pub dated: Timestamp,
    /// The exporter's own receipts.
    pub own: Vec<OwnReceipt>,
    /// Who signed the other receipts, and the checkpoints that children showed, each once.
    pub foreign: Vec<(Foreign, RoomId)>,
    /// Starts of runs of the exporter's node.
    pub starts: u64,
    /// All other leaves.
    pub others: u64,
}

/// A receipt of the exporter as far as it says whether something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnReceipt {
    /// Its leaf.
    pub leaf: u64,
    /// What it says.
    pub event: Event,
    /// Whose message it is about.
    pub origin: RoomId,
    /// For whom.
    pub recipient: RoomId,
    /// The neighbour that handed it over.
    pub peer: Option<RoomId>,
    /// The time of the tick that it cites: it happened after.
    pub after: Option<Timestamp>,
}

/// A leaf that another room signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// A receipt.
    Receipt,
    /// A checkpoint of a child.
    Head,
}

impl OwnReceipt {
    /// The leaf of this number, which happened after `after`.
    pub fn new(leaf: u64, receipt: &Receipt, after: Option<Timestamp>) -> Self {
        Self {
            leaf,
            event: receipt.event,
            origin: receipt.origin,
            recipient: receipt.recipient,
            peer: receipt.peer,
            after,
        }
    }

    /// Whether it may be the first sign of a message that came from that room in that time: all but what follows upon another
    /// receipt for the same message, and what provably came later.
    pub fn breaks(&self, silence: &Silence) -> bool {
        let is_first = match self.event {
            Event::Custody
            | Event::Delivered
            | Event::Refused
            | Event::Failed
            | Event::Expired
            | Event::Collision => true,
            Event::Accepted
            | Event::Alerted
            | Event::Acknowledged
            | Event::Opened
            | Event::Disposed
            | Event::Returned
            | Event::Unconfirmed
            | Event::Lost
            | Event::Handed => false,
        };
        let came_from_there =
            self.peer.is_some_and(|from| from == silence.peer || self.origin == silence.peer);
        let is_later = self.after.is_some_and(|after| after >= silence.to);
        is_first && came_from_there && !is_later
    }
}

impl SpanAccount {
    /// Whether every leaf of this time is in the span.
    pub fn covers(&self, silence: &Silence) -> bool {
        let until = self.to.is_some_and(|to| silence.to <= to);
        self.from <= silence.from && silence.from < silence.to && until
    }

    /// The first leaf that breaks the silence.
    pub fn broken_by(&self, silence: &Silence) -> Option<OwnReceipt> {
        self.own.iter().find(|receipt| receipt.breaks(silence)).copied()
    }

    /// How many messages for that room this one took in.
    pub fn taken_for(&self, peer: RoomId) -> u64 {
        let is_taken = |own: &&OwnReceipt| {
            matches!(own.event, Event::Accepted | Event::Custody) && own.recipient == peer
        };
        self.own.iter().filter(is_taken).count() as u64
    }

    /// How many receipts, or heads of its log, that room signed: its link worked when they came.
    pub fn signed_by(&self, peer: RoomId, what: Foreign) -> u64 {
        self.foreign.iter().filter(|other| **other == (what, peer)).count() as u64
    }
}
