//! Two grades of one verdict, side by side.

use std::collections::BTreeMap;

use relay::{
    duty::{Finding, case::Judged},
    envelope_id::EnvelopeKey,
    message::{CaseId, field::Status},
    timestamp::Timestamp,
};
use topology::RoomId;

use super::member::Member;

/// A duty as it is judged by attested times, with the findings by proven ones.
#[derive(Debug, Clone)]
pub struct Graded {
    /// The duty and what works.
    pub working: Judged,
    /// Actual, exercise or test.
    pub status: Status,
    /// The case that it belongs to.
    pub case: Option<CaseId>,
    /// Since when the message that it is about is here.
    pub known_since: Timestamp,
    proven: BTreeMap<(String, u32, String), Finding>,
}

impl Graded {
    /// What the root hub's time alone says of a rule.
    pub fn proven(&self, finding: &Finding) -> Option<&Finding> {
        self.proven.get(&name(finding))
    }
}

/// Puts the two judgements of one case beside each other.
pub(super) fn beside(working: Vec<Judged>, proven: &[Judged], members: &[Member]) -> Vec<Graded> {
    let status = members.first().map(|member| member.facts.status).unwrap_or_default();
    let case = members.iter().find_map(|member| member.facts.case);
    let of = |judged: &Judged| -> (EnvelopeKey, RoomId, RoomId) {
        (judged.duty.subject, judged.duty.obliged, judged.duty.towards)
    };
    let graded = |working: Judged| {
        let same =
            proven.iter().find(|other| of(other) == of(&working) && other.duty.kind == working.duty.kind);
        let findings = same.into_iter().flat_map(|judged| judged.judgement.findings.iter());
        let proven = findings.map(|finding| (name(finding), finding.clone())).collect();
        let subject = members.iter().find(|member| member.key == working.duty.subject);
        let known_since = subject.or(members.first()).map(|member| member.received_at);
        let known_since = known_since.unwrap_or(Timestamp::from_ms(i64::MIN));
        Graded { working, status, case, known_since, proven }
    };
    working.into_iter().map(graded).collect()
}

fn name(finding: &Finding) -> (String, u32, String) {
    (finding.pack.clone(), finding.pack_version, finding.rule.clone())
}
