//! The receipt (回执): signed evidence of one event in the life of one envelope for one recipient.
//!
//! A receipt that exists as [`VerifiedReceipt`] was signed by a key that the sheets give to its issuer, and an
//! officer's signature inside it is by an officer of that room. What an issuer may say of which envelope is
//! checked by the engine, which knows the way.
//! *Against:* a forged receipt, one for other bytes, one presented as another kind of object.

use std::{fmt, sync::Arc};

use certs::{
    cbor, officer,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

use crate::{
    envelope::ENVELOPE_VERSION,
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    limits::RECEIPT_BYTES_MAX,
    tick::TickRef,
    timestamp::Timestamp,
};

/// What happened. New events are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// 已入队: stored at the origin's own node.
    Accepted,
    /// 枢纽已接管: stored durably at a hop, which answers for it from now on.
    Custody,
    /// 已送达: stored, opened and verified at the target.
    Delivered,
    /// 已告警: the alarm rang at the target.
    Alerted,
    /// 已签收: a named officer has it.
    Acknowledged,
    /// 已阅
    Opened,
    /// 已办结
    Disposed,
    /// 退回
    Returned,
    /// 拒收: a hop or the target will not take it, and says why.
    Refused,
    /// 失败: there is no way to the recipient.
    Failed,
    /// 过期: its time ran out before it was ever handed on.
    Expired,
    /// 冲突: other signed bytes came under the same id.
    Collision,
    /// 未确认: its time ran out while it is not known whether the next hop has it.
    Unconfirmed,
    /// 遗失: delivered at the target, which has lost it since, was restored from an older backup, and asks for it again.
    Lost,
    /// 已交线路: it left on a live link to the recipient, which has signed nothing for a minute since. `at` and `tick` are of then.
    Handed,
}

impl Event {
    /// All events, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Accepted,
        Self::Custody,
        Self::Delivered,
        Self::Alerted,
        Self::Acknowledged,
        Self::Opened,
        Self::Disposed,
        Self::Returned,
        Self::Refused,
        Self::Failed,
        Self::Expired,
        Self::Collision,
        Self::Unconfirmed,
        Self::Lost,
        Self::Handed,
    ];

    /// Whether it ends the envelope's way to this recipient. Exactly one such event counts.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::Refused | Self::Failed | Self::Expired | Self::Collision)
    }

    /// Whether only the recipient itself may say so.
    pub const fn is_by_recipient(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::Alerted
                | Self::Acknowledged
                | Self::Opened
                | Self::Disposed
                | Self::Returned
                | Self::Lost
        )
    }

    /// Whether a named officer does it: there is no such receipt without the officer's signature, and no other with one.
    pub const fn is_by_officer(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Opened | Self::Disposed | Self::Returned)
    }

    /// The word of JSON and of rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Custody => "custody",
            Self::Delivered => "delivered",
            Self::Alerted => "alerted",
            Self::Acknowledged => "acknowledged",
            Self::Opened => "opened",
            Self::Disposed => "disposed",
            Self::Returned => "returned",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Collision => "collision",
            Self::Unconfirmed => "unconfirmed",
            Self::Lost => "lost",
            Self::Handed => "handed",
        }
    }

    /// The word that officers read.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Accepted => "已入队",
            Self::Custody => "枢纽已接管",
            Self::Delivered => "已送达",
            Self::Alerted => "已告警",
            Self::Acknowledged => "已签收",
            Self::Opened => "已阅",
            Self::Disposed => "已办结",
            Self::Returned => "退回",
            Self::Refused => "拒收",
            Self::Failed => "失败",
            Self::Expired => "过期",
            Self::Collision => "冲突",
            Self::Unconfirmed => "未确认",
            Self::Lost => "遗失",
            Self::Handed => "已交线路",
        }
    }

    /// The mark of the time model (DOMAIN A.28): t5 queued, t6/t7 custody, t8 delivered, t9 alerted, t10
    /// acknowledged, t11 opened, t12 disposed. Negative evidence has none.
    pub const fn mark(self, first_custody: bool) -> &'static str {
        match self {
            Self::Accepted => "t5",
            Self::Custody if first_custody => "t6",
            Self::Custody => "t7",
            Self::Delivered => "t8",
            Self::Alerted => "t9",
            Self::Acknowledged => "t10",
            Self::Opened => "t11",
            Self::Disposed | Self::Returned => "t12",
            Self::Refused
            | Self::Failed
            | Self::Expired
            | Self::Collision
            | Self::Unconfirmed
            | Self::Lost
            | Self::Handed => "-",
        }
    }

    /// Its number in rows.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The event with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// By how much the parent's clock is ahead of the issuer's, in milliseconds: the true offset lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// At least.
    pub offset_lo: i64,
    /// At most.
    pub offset_hi: i64,
}

/// Why something did not go the good way: a stable code, and words for the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A code of the catalogue, such as `policy.flow.down.not_superior`.
    pub code: String,
    /// What an officer or an operator added; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Reason {
    /// A code alone.
    pub fn code(code: impl Into<String>) -> Self {
        Self { code: code.into(), text: None }
    }
}

/// The signed statement. Absent values are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version, 1.
    pub v: u16,
    /// When, by the issuer's clock.
    pub at: Timestamp,
    /// Leaf number in the issuer's log: no gap, no second history.
    pub seq: u64,
    /// The neighbour that handed the envelope to the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<RoomId>,
    /// The newest tick that the issuer had seen: it happened after that. Null while none was seen.
    pub tick: Option<TickRef>,
    /// The issuer's clock against its parent's; absent at the root and while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockOffset>,
    /// The issuer's run.
    pub epoch: Epoch,
    /// What happened.
    pub event: Event,
    /// The suite of the signature.
    pub suite: u8,
    /// Who says so.
    pub issuer: RoomId,
    /// The origin of the envelope.
    pub origin: RoomId,
    /// Why, for negative evidence and returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The officer's own signature, a COSE_Sign1 with the officer's certificate attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<ByteBuf>,
    /// For which recipient.
    pub recipient: RoomId,
    /// Which envelope.
    pub envelope_id: EnvelopeId,
    /// Which bytes: SHA-256 of the signed header.
    pub envelope_digest: Digest,
}

impl Receipt {
    /// The envelope that it is about.
    pub fn key(&self) -> EnvelopeKey {
        EnvelopeKey { origin: self.origin, id: self.envelope_id }
    }

    /// Signs it.
    pub fn sign(self, signer: &dyn Signer) -> VerifiedReceipt {
        let bytes = signature::sign(signer, ContentType::Receipt, &cbor::encode(&self));
        VerifiedReceipt { bytes: bytes.into(), receipt: self }
    }
}

/// What the named officer signs when acknowledging, opening, disposing or returning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerDeed {
    /// The version, 1.
    pub v: u16,
    /// When, by the node's clock.
    pub at: Timestamp,
    /// What the officer did.
    pub event: Event,
    /// The officer's room.
    pub room: RoomId,
    /// The origin of the envelope.
    pub origin: RoomId,
    /// Which envelope.
    pub envelope_id: EnvelopeId,
    /// Which bytes.
    pub envelope_digest: Digest,
}

/// A receipt whose signatures hold, with the very bytes that were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    bytes: Arc<[u8]>,
    receipt: Receipt,
}

impl VerifiedReceipt {
    /// Verifies bytes that a neighbour or the store gave.
    ///
    /// # Errors
    /// [`ReceiptError`] when a signature does not hold, the issuer is another room than the signer, or the officer
    /// inside signed something else.
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::TooLarge);
        }
        let verified = signature::verify(bytes, ContentType::Receipt, keys)?;
        let receipt: Receipt =
            cbor::decode(&verified.payload, RECEIPT_BYTES_MAX).map_err(|_| ReceiptError::Malformed)?;
        if receipt.v != ENVELOPE_VERSION {
            return Err(ReceiptError::Version { v: receipt.v });
        }
        if receipt.issuer != verified.signer {
            return Err(ReceiptError::ForeignIssuer { claimed: receipt.issuer, signer: verified.signer });
        }
        if receipt.event.is_by_recipient() && receipt.issuer != receipt.recipient {
            return Err(ReceiptError::NotTheRecipient { event: receipt.event });
        }
        check_officer(&receipt, keys)?;
        Ok(Self { bytes: bytes.into(), receipt })
    }

    /// The statement.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The signed bytes, to be kept and forwarded as they are.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

fn check_officer(receipt: &Receipt, keys: &dyn Keyring) -> Result<(), ReceiptError> {
    let signed = match (&receipt.officer, receipt.event.is_by_officer()) {
        (Some(signed), true) => signed,
        (None, false) => return Ok(()),
        (None, true) => return Err(ReceiptError::NoOfficer { event: receipt.event }),
        (Some(_), false) => return Err(ReceiptError::OfficerSignature),
    };
    let act = officer::verify_act(signed, keys).map_err(|_| ReceiptError::OfficerSignature)?;
    let deed: OfficerDeed =
        cbor::decode(&act.payload, RECEIPT_BYTES_MAX).map_err(|_| ReceiptError::OfficerSignature)?;
    let same = deed.v == ENVELOPE_VERSION
        && act.room == receipt.issuer
        && deed.room == receipt.issuer
        && deed.event == receipt.event
        && deed.origin == receipt.origin
        && deed.envelope_id == receipt.envelope_id
        && deed.envelope_digest == receipt.envelope_digest;
    if same { Ok(()) } else { Err(ReceiptError::OfficerSignature) }
}

/// Why bytes are no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Over [`RECEIPT_BYTES_MAX`].
    #[error("the receipt is larger than a receipt may be")]
    TooLarge,
    /// The signature does not verify, or its key is not known (yet).
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not a receipt.
    #[error("the receipt does not decode")]
    Malformed,
    /// Signed by another room than its issuer.
    #[error("it claims to be issued by {claimed} but {signer} signed it")]
    ForeignIssuer {
        /// What the receipt says.
        claimed: RoomId,
        /// Whose key signed.
        signer: RoomId,
    },
    /// Only the recipient itself may say this.
    #[error("only the recipient itself can issue {event}")]
    NotTheRecipient {
        /// What it says.
        event: Event,
    },
    /// A version that this program does not speak.
    #[error("receipt version {v} is not known")]
    Version {
        /// The version.
        v: u16,
    },
    /// What an officer does is signed by a named officer or it was not done.
    #[error("{event} without an officer's signature is none")]
    NoOfficer {
        /// What it says.
        event: Event,
    },
    /// The officer's signature is not about this event of this envelope.
    #[error("the officer's signature does not belong to this receipt")]
    OfficerSignature,
}

#[cfg(test)]
mod tests;
