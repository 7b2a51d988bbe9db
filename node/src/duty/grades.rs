//! Two grades of one verdict, side by side.

use std::collections::BTreeMap;

use relay::{
    duty::{Finding, case::Judged},
    envelope_id::EnvelopeKey,
    message::field::Status,
};
use topology::RoomId;

/// A duty as it is judged by attested times, with the findings by proven ones.
#[derive(Debug, Clone)]
pub struct Graded {
    /// The duty and what works.
    pub working: Judged,
    /// Actual, exercise or test.
    pub status: Status,
    proven: BTreeMap<(String, u32, String), Finding>,
}

impl Graded {
    /// What the root hub's time alone says of a rule.
    pub fn proven(&self, finding: &Finding) -> Option<&Finding> {
        self.proven.get(&name(finding))
    }
}

/// Puts the two judgements of one case beside each other.
pub(super) fn beside(working: Vec<Judged>, proven: &[Judged], status: Status) -> Vec<Graded> {
    let of = |judged: &Judged| -> (EnvelopeKey, RoomId, RoomId) {
        (judged.duty.subject, judged.duty.obliged, judged.duty.towards)
    };
    let graded = |working: Judged| {
        let same =
            proven.iter().find(|other| of(other) == of(&working) && other.duty.kind == working.duty.kind);
        let findings = same.into_iter().flat_map(|judged| judged.judgement.findings.iter());
        let proven = findings.map(|finding| (name(finding), finding.clone())).collect();
        Graded { working, status, proven }
    };
    working.into_iter().map(graded).collect()
}

fn name(finding: &Finding) -> (String, u32, String) {
    (finding.pack.clone(), finding.pack_version, finding.rule.clone())
}
