//! The leaf that says that a step of an obligation's timer was taken: a warning, a breach, where it went, who took
//! notice. Each is taken once for an obligation and a due time, whatever happens in between.
//!
//! *Against:* a warning that nobody can show was given, a breach that is told twice or not at all after a restart.

use certs::{
    cbor::{self, CborError},
    signature::{Digest, digest},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

use super::{event::RuleKind, timer::Stage};
use crate::{
    envelope_id::{EnvelopeId, EnvelopeKey},
    limits::RECEIPT_BYTES_MAX,
    message::CaseId,
    tick::WITNESS_VERSION,
    timestamp::Timestamp,
};

/// Which obligation a step is about. A report is owed by the case: which message meets it may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationName {
    /// The case of a report; absent where one message is what is owed an answer.
    pub case: Option<CaseId>,
    /// What is owed.
    pub kind: RuleKind,
    /// The pack of the rule.
    pub pack: String,
    /// The rule.
    pub rule: String,
    /// Who owes.
    pub obliged: RoomId,
    /// The request or the instruction; absent where the case stands for it.
    pub subject: Option<EnvelopeKey>,
    /// Whom.
    pub towards: RoomId,
}

impl ObligationName {
    /// SHA-256 of its deterministic CBOR: its name in rows.
    pub fn digest(&self) -> Digest {
        digest(&cbor::encode(self))
    }
}

/// A step, as it stands in the log. Not signed by itself: the head over it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyStep {
    /// The version, 1.
    pub v: u16,
    /// When it was taken, by this room's clock.
    pub at: Timestamp,
    /// The due time that it is about.
    pub due: Timestamp,
    /// Which step.
    pub stage: Stage,
    /// How much of the time had passed, in percent.
    pub share: u8,
    /// The message to the room above, where it is that.
    pub message: Option<EnvelopeId>,
    /// What the officer who took notice has signed.
    pub officer: Option<ByteBuf>,
    /// The message that it is shown with: the report, the request or the instruction.
    pub subject: EnvelopeKey,
    /// When it fell due: before `at` where the node was down.
    pub passed_at: Timestamp,
    /// Which obligation.
    pub obligation: ObligationName,
}

impl DutyStep {
    /// A step that is about to be taken; `at` is the engine's to say.
    pub fn new(obligation: ObligationName, subject: EnvelopeKey, stage: Stage, due: Timestamp) -> Self {
        Self {
            v: WITNESS_VERSION,
            at: due,
            due,
            stage,
            share: stage.share(),
            message: None,
            officer: None,
            subject,
            passed_at: due,
            obligation,
        }
    }

    /// What is taken once.
    pub fn name(&self) -> StepName {
        StepName { obligation: self.obligation.digest(), due: self.due, stage: self.stage }
    }

    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`CborError`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode(bytes, RECEIPT_BYTES_MAX)
    }
}

/// What is taken once: a stage for an obligation and a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepName {
    /// [`ObligationName::digest`].
    pub obligation: Digest,
    /// The due time.
    pub due: Timestamp,
    /// The stage.
    pub stage: Stage,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: Stage) -> DutyStep {
        let room = |number| RoomId::from_bytes([number; 16]);
        let subject = EnvelopeKey { origin: room(2), id: EnvelopeId::from_bytes([3; 16]) };
        let obligation = ObligationName {
            case: None,
            kind: RuleKind::VerifyReply,
            pack: "henan-2021".into(),
            rule: "hn.verify.phone".into(),
            obliged: room(1),
            subject: Some(subject),
            towards: room(2),
        };
        DutyStep::new(obligation, subject, stage, Timestamp::from_ms(1_000))
    }

    #[test]
    fn a_leaf_reads_back_and_a_longer_one_is_none() {
        let taken = DutyStep { at: Timestamp::from_ms(1_500), ..step(Stage::Breach) };
        assert_eq!(DutyStep::decode(&taken.encode()), Ok(taken.clone()));
        assert!(DutyStep::decode(&[taken.encode(), vec![0]].concat()).is_err());
    }

    #[test]
    fn the_same_step_has_one_name_whenever_it_is_taken_and_another_due_time_has_another() {
        let taken = step(Stage::Half);
        let later = DutyStep { at: Timestamp::from_ms(9_000), ..taken.clone() };
        assert_eq!(taken.name(), later.name());
        let moved = DutyStep { due: Timestamp::from_ms(2_000), ..taken.clone() };
        assert_ne!(taken.name(), moved.name());
        assert_ne!(taken.name(), step(Stage::Most).name());
    }
}
