//! What neighbours say to each other. Each frame travels as a four-byte big-endian length and that many
//! bytes of [`crate::codec`].
//!
//! On the control stream: hello, clock, credits, receipts, refusals, documents, probes, ticks, heads. On each of the four
//! precedence streams: envelopes, whose body follows in parts when it does not fit in beside them.
//! Variants are only ever appended; byte snapshots below hold that.
//! *Against:* endless lengths, left-over bytes, parts beyond the promised length.

use certs::{peer::Publisher, signature::Digest};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use topology::{Map, RoomId};

use crate::{
    checkpoint::ANCHOR_BYTES_MAX,
    codec::{self, CodecError},
    envelope::RecipientKey,
    envelope_id::EnvelopeId,
    limits::{FRAME_BYTES_MAX, PART_BYTES_MAX, RECEIPTS_PER_FRAME, RECIPIENTS_MAX},
    log::PATH_MAX,
    tick::TickRef,
    timestamp::Timestamp,
};

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first frame of each side on the control stream. The link is up when it was answered.
    Hello(Hello),
    /// Asks for the neighbour's time.
    Clock {
        /// When it was asked, by the asker's clock.
        asked: Timestamp,
    },
    /// Four timestamps make an offset (RFC 5905 section 8, without its filter).
    ClockAnswer {
        /// Repeated from the question.
        asked: Timestamp,
        /// When the question came, by the answerer's clock.
        received: Timestamp,
        /// When the answer left, by the answerer's clock.
        answered: Timestamp,
    },
    /// What the sender of this frame will take of one precedence, counted from the link's beginning.
    Credit(Credit),
    /// An envelope; its body here, or in [`Frame::Part`]s that follow on the same stream.
    Envelope(EnvelopeFrame),
    /// The next part of the body.
    Part {
        /// At most [`PART_BYTES_MAX`].
        bytes: ByteBuf,
    },
    /// Receipts on their durable way to the origin, numbered by the sender's outbox for this neighbour.
    Receipts(ReceiptsFrame),
    /// Everything in your outbox up to this number is stored here.
    ReceiptsStored {
        /// The last number.
        upto: u64,
    },
    /// Stored receipts, in answer to an envelope that was known already.
    Answers {
        /// Signed receipts, byte for byte.
        receipts: Vec<ByteBuf>,
    },
    /// The envelope was not taken and nothing was stored; no terminal outcome follows from this.
    NotTaken(NotTaken),
    /// A part of a plan, a sheet, a rule pack or a calendar.
    Document(DocumentFrame),
    /// `ping` and `trace`: travels to a room, gathering hops.
    Probe(Probe),
    /// The probe on its way back.
    ProbeAnswer(Probe),
    /// The sender is closing the link in good order.
    Goodbye {
        /// Why, for the log.
        reason: String,
    },
    /// A tick, on its way down; or the one that was wanted.
    Tick {
        /// The signed tick.
        bytes: ByteBuf,
    },
    /// Something that was just received cites this tick, which never came here.
    TickWanted {
        /// Which.
        name: TickRef,
    },
    /// What the parent holds of the child's log. The child believes its own signature alone: else a parent could make it say
    /// that it has lost what never was.
    HeadHeld {
        /// The child's signed checkpoint; none when the parent holds none.
        checkpoint: Option<ByteBuf>,
    },
    /// The head of the child's log, and the proof that it continues the one that the parent holds.
    Head {
        /// The signed checkpoint.
        checkpoint: ByteBuf,
        /// Leaves of the head that the proof begins at.
        from: u64,
        /// The consistency proof (RFC 6962 section 2.1.2), at most [`PATH_MAX`] hashes.
        path: Vec<Digest>,
    },
    /// The proof that the root hub has dated the child's checkpoint.
    Anchor {
        /// The child's signed checkpoint.
        checkpoint: ByteBuf,
        /// A [`crate::checkpoint::Anchor`], at most [`ANCHOR_BYTES_MAX`].
        anchor: ByteBuf,
    },
    /// The parent's signed record of an outage of this link.
    Line {
        /// The record.
        bytes: ByteBuf,
    },
    /// The sender was restored from a backup and asks what went between the two since.
    LossAsked(LossAsked),
    /// The answer; what others have said of these envelopes follows in [`Frame::Answers`].
    LossTold(LossTold),
}

/// Who is calling, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest protocol version spoken.
    pub version_min: u16,
    /// Newest protocol version spoken.
    pub version_max: u16,
    /// The network's label.
    pub network: String,
    /// The room, which must be the one in the certificate.
    pub room: RoomId,
    /// The program's version, for `status`.
    pub software: String,
    /// Version of the plan held.
    pub plan_version: u64,
    /// Versions of the sheets held.
    pub sheets: Vec<(Publisher, u64)>,
    /// What will be taken at first, for each precedence.
    pub credits: Vec<Credit>,
    /// Digests of the rule packs and calendars held.
    pub rules: Vec<Digest>,
}

/// What may be sent on one precedence stream: totals since the link's beginning, so that a repeated frame does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Index of the precedence.
    pub class: u8,
    /// Envelopes in all.
    pub messages: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// An envelope with the keys for the recipients that the neighbour is asked to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeFrame {
    /// The signed header.
    pub header: ByteBuf,
    /// Wrapped keys of this branch.
    pub keys: Vec<RecipientKey>,
    /// Bytes of the whole body.
    pub body_len: u64,
    /// The body, or nothing when it follows in parts.
    pub body: ByteBuf,
}

/// Numbered receipts: `receipts[i]` has the number `first + i`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsFrame {
    /// Number of the first.
    pub first: u64,
    /// Signed receipts, byte for byte.
    pub receipts: Vec<ByteBuf>,
}

/// Why an envelope was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTaken {
    /// Its origin as claimed.
    pub origin: RoomId,
    /// Its id as claimed.
    pub id: EnvelopeId,
    /// A code of the catalogue.
    pub code: String,
    /// When to try again, in milliseconds.
    pub retry_after_ms: u64,
}

/// Which signed document a [`DocumentFrame`] is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    /// The plan.
    Plan,
    /// A sheet.
    Sheet,
    /// A rule pack.
    Pack,
    /// A year of the working-day calendar.
    Calendar,
}

/// What a restored room asks its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossAsked {
    /// When the backup was made, by the asker's clock.
    pub since: Timestamp,
    /// Where the last answer ended; 0 at first.
    pub after: u64,
}

/// Envelopes that the asker handed to the sender of this frame, or signed to have got from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossTold {
    /// Their signed headers, in all at most [`LOSS_BYTES_MAX`] and one more.
    pub headers: Vec<ByteBuf>,
    /// Where to go on.
    pub after: u64,
    /// Whether there is no more.
    pub is_all: bool,
}

/// A part of a signed document. Parts of one document follow each other without others between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFrame {
    /// Of which kind.
    pub kind: DocumentKind,
    /// Bytes of the whole document, at most [`crate::limits::DOCUMENT_BYTES_MAX`].
    pub len: u64,
    /// Where this part begins.
    pub offset: u64,
    /// The part.
    pub bytes: ByteBuf,
}

/// `ping` and `trace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Drawn by the asker.
    pub nonce: ByteArray<8>,
    /// Who asks.
    pub from: RoomId,
    /// Whom it is for.
    pub to: RoomId,
    /// The rooms passed, with their time; at most 32.
    pub hops: Vec<(RoomId, Timestamp)>,
}

impl Frame {
    /// The frame with its length before it.
    pub fn encode(&self) -> Vec<u8> {
        let body = codec::encode(self);
        let mut bytes = Vec::with_capacity(4 + body.len());
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// The frame that `bytes`, without their length, are.
    ///
    /// # Errors
    /// [`FrameError`] for anything but exactly one frame within its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let frame: Self = codec::decode(bytes, FRAME_BYTES_MAX)?;
        frame.check()?;
        Ok(frame)
    }

    /// The length that stands before a frame, if it is allowed.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`], before anything is allocated.
    pub fn length(prefix: [u8; 4]) -> Result<usize, FrameError> {
        let length = u32::from_be_bytes(prefix) as usize;
        if length > FRAME_BYTES_MAX { Err(FrameError::TooLarge { bytes: length }) } else { Ok(length) }
    }

    fn check(&self) -> Result<(), FrameError> {
        let (what, count, most) = match self {
            Self::Hello(hello) if hello.sheets.len() > SHEETS_MAX => {
                ("sheets", hello.sheets.len(), SHEETS_MAX)
            }
            Self::Hello(hello) if hello.rules.len() > RULES_MAX => ("rules", hello.rules.len(), RULES_MAX),
            Self::Hello(hello) => ("credits", hello.credits.len(), 4),
            Self::Envelope(envelope) => ("keys", envelope.keys.len(), RECIPIENTS_MAX),
            Self::Part { bytes } => ("bytes", bytes.len(), PART_BYTES_MAX),
            Self::Receipts(frame) => ("receipts", frame.receipts.len(), RECEIPTS_PER_FRAME),
            Self::Answers { receipts } => ("receipts", receipts.len(), RECEIPTS_PER_FRAME),
            Self::Document(document) => ("bytes", document.bytes.len(), PART_BYTES_MAX),
            Self::Probe(probe) | Self::ProbeAnswer(probe) => ("hops", probe.hops.len(), PROBE_HOPS_MAX),
            Self::Head { path, .. } => ("hashes", path.len(), PATH_MAX),
            Self::LossTold(told) => ("headers", told.headers.len(), LOSS_HEADERS_MAX),
            Self::Anchor { anchor, .. } => ("bytes", anchor.len(), ANCHOR_BYTES_MAX),
            Self::Tick { .. }
            | Self::TickWanted { .. }
            | Self::HeadHeld { .. }
            | Self::Line { .. }
            | Self::LossAsked(_)
            | Self::Clock { .. }
            | Self::ClockAnswer { .. }
            | Self::Credit(_)
            | Self::ReceiptsStored { .. }
            | Self::NotTaken(_)
            | Self::Goodbye { .. } => return Ok(()),
        };
        if count > most { Err(FrameError::TooMany { what, count, most }) } else { Ok(()) }
    }
}

/// Sheets named in one hello: 2,000 of 18 bytes fit a frame.
pub const SHEETS_MAX: usize = 2_000;
/// Rule packs and calendars named in one hello: as many as a plan names.
pub const RULES_MAX: usize = Map::PACKS_MAX + Map::CALENDARS_MAX;
/// Headers in one answer about what was lost.
pub const LOSS_HEADERS_MAX: usize = 64;
/// Bytes of such headers, beside the last of them: a frame holds both.
pub const LOSS_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;
/// Rooms that a probe may pass: twice the deepest tree.
pub const PROBE_HOPS_MAX: usize = 32;

/// Bytes that are no frame. The link is closed; nothing else follows from them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`FRAME_BYTES_MAX`].
    #[error("a frame of {bytes} bytes is announced, {FRAME_BYTES_MAX} are allowed")]
    TooLarge {
        /// Announced.
        bytes: usize,
    },
    /// Not the canonical encoding of a frame.
    #[error("not a frame: {0}")]
    Codec(#[from] CodecError),
    /// A list longer than its limit.
    #[error("{count} {what} in one frame, {most} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        most: usize,
    },
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
