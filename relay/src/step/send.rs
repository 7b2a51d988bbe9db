//! What is said after the commit, to neighbours and to those at this node.

use std::sync::Arc;

use topology::{Precedence, RoomId};

use super::write::{DatedCheckpoint, HeldHead};
use crate::{
    checkpoint::Head, duty::timer::Stage, envelope::EnvelopeBytes, envelope_id::EnvelopeKey, frame::Credit,
    receipt::Event, refusal::Refusal, tick::TickRef,
};

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
    /// What is held here of a child's log.
    HeadHeld {
        /// To whom.
        to: RoomId,
        /// The child's signed checkpoint; none when none is held.
        checkpoint: Option<Arc<[u8]>>,
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
    /// A step of an obligation's timer was taken.
    Duty {
        /// The message that it is shown with.
        subject: EnvelopeKey,
        /// Which step.
        stage: Stage,
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
