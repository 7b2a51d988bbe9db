//! Named places where a crash must do no harm. The engine names those that it passed in its step, the driver its
//! own; a test that listens can end the process, or the simulated node, at any of them.

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum CrashPoint {
    EpochOpened,
    SubmitAccepted,
    CustodySigned,
    DeliveredSigned,
    DuplicateRecognised,
    CollisionSigned,
    RefusalSigned,
    CustodyLearned,
    OutcomeLearned,
    ReceiptForwarded,
    EnvelopeRequeued,
    ExpirySigned,
    UnconfirmedSigned,
    DeedSigned,
    TickTaken,
    HeadSigned,
    HeadHeld,
    HeadDated,
    BeforeCommit,
    AfterCommit,
    BetweenSends,
    AfterSends,
}

impl CrashPoint {
    /// All places, so that a test can show that each was hit.
    pub const ALL: [Self; 22] = [
        Self::EpochOpened,
        Self::SubmitAccepted,
        Self::CustodySigned,
        Self::DeliveredSigned,
        Self::DuplicateRecognised,
        Self::CollisionSigned,
        Self::RefusalSigned,
        Self::CustodyLearned,
        Self::OutcomeLearned,
        Self::ReceiptForwarded,
        Self::EnvelopeRequeued,
        Self::ExpirySigned,
        Self::UnconfirmedSigned,
        Self::DeedSigned,
        Self::TickTaken,
        Self::HeadSigned,
        Self::HeadHeld,
        Self::HeadDated,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BetweenSends,
        Self::AfterSends,
    ];

    /// Its name on a command line.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}
