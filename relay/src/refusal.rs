//! Why something is not taken, sorted by whose fault it is and whether time heals it.
//!
//! A temporary refusal is said on the link and nothing is stored: the sender keeps the envelope and tries again.
//! A permanent one is signed evidence. What a peer is told is the code; the words are in the node's catalogue.

use std::time::Duration;

use topology::PolicyRefusal;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    // Theirs, for ever.
    /// The plan does not allow it.
    #[error("{0}")]
    Policy(PolicyRefusal),
    /// A recipient is not on the map.
    #[error("a recipient is not on the map")]
    UnknownRecipient,
    /// The kind inside is not one this program knows.
    #[error("message kind {number} is not known here: this room needs a newer version of the program")]
    UnknownKind {
        /// Its number.
        number: u16,
    },
    /// The kind inside may not ride this flow, or not between these rooms.
    #[error("a message of this kind may not go this way")]
    KindNotAllowed,
    /// The sealed body does not open with this room's key.
    #[error("the sealed body does not open with this room's key")]
    CannotOpen,
    /// The opened body is not what the origin committed to.
    #[error("the body is not what the origin committed to")]
    BodyMismatch,
    /// A state secret: this network may not carry it.
    #[error("the message is marked as a state secret, which this network may not carry")]
    StateSecret,
    /// A telephone note whose officer's signature does not hold.
    #[error("the officer's signature on the telephone note does not hold")]
    CallSignature,
    /// A telephone note that says something else than its officer signed.
    #[error("the telephone note is not what its officer signed")]
    CallMismatch,
    /// Its time ran out before it came.
    #[error("it came after its expiry")]
    Expired,
    /// No way leads to the recipient.
    #[error("no way leads to the recipient")]
    NoRoute,
    /// It would make no valid envelope or receipt.
    #[error("it cannot be sent as it is: {why}")]
    Unfit {
        /// What is wrong with it.
        why: String,
    },
    /// More different envelopes under one id than are kept as evidence.
    #[error("too many different envelopes came under this id")]
    TooManyCollisions,
    // Theirs, for the time being.
    /// Made in the future by our clock.
    #[error("its creation time lies more than five minutes ahead of our clock")]
    ClockAhead,
    // Ours, for the time being.
    /// It has expired by our clock, which nobody has confirmed: neither delivered nor expired on that.
    #[error("it seems to have expired, but this room's clock has not been compared with its parent's")]
    ClockUntrusted,
    /// The key of its signer is not known here yet.
    #[error("the key of its signer is not known here yet")]
    UnknownKey,
    /// The origin has a newer plan.
    #[error("it was written under a newer plan than the one known here")]
    NewerMap,
    /// The disk is nearly full.
    #[error("the disk is nearly full; only more urgent traffic is taken")]
    StorageLow,
    /// The neighbour has too much waiting here.
    #[error("the neighbour's quota is used up")]
    QuotaFull,
}

impl Refusal {
    /// The stable code: on the wire, in receipts, in the catalogue.
    pub fn code(&self) -> String {
        match self {
            Self::Policy(refusal) => return format!("policy.{}", refusal.rule()),
            Self::UnknownRecipient => "unknown_recipient",
            Self::UnknownKind { .. } => "unknown_kind",
            Self::KindNotAllowed => "kind_not_allowed",
            Self::CannotOpen => "cannot_open",
            Self::BodyMismatch => "body_mismatch",
            Self::StateSecret => "state_secret",
            Self::CallSignature => "call_signature",
            Self::CallMismatch => "call_mismatch",
            Self::Expired => "expired",
            Self::NoRoute => "no_route",
            Self::Unfit { .. } => "unfit",
            Self::TooManyCollisions => "too_many_collisions",
            Self::ClockAhead => "clock_ahead",
            Self::ClockUntrusted => "clock_untrusted",
            Self::UnknownKey => "unknown_key",
            Self::NewerMap => "newer_map",
            Self::StorageLow => "storage_low",
            Self::QuotaFull => "quota_full",
        }
        .to_owned()
    }

    /// How long to wait before trying again; none when trying again is useless.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ClockAhead | Self::ClockUntrusted | Self::StorageLow | Self::QuotaFull => {
                Some(Duration::from_secs(30))
            }
            Self::UnknownKey | Self::NewerMap => Some(Duration::from_secs(2)),
            Self::Policy(_)
            | Self::UnknownRecipient
            | Self::UnknownKind { .. }
            | Self::KindNotAllowed
            | Self::CannotOpen
            | Self::BodyMismatch
            | Self::StateSecret
            | Self::CallSignature
            | Self::CallMismatch
            | Self::Expired
            | Self::NoRoute
            | Self::Unfit { .. }
            | Self::TooManyCollisions => None,
        }
    }
}
