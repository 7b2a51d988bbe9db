//! Whether the messages of a case are all there, by their own numbers.
//! *Against:* an inconvenient message left out: the numbers that the origins signed have a gap.

use std::collections::BTreeSet;

use super::{
    super::{Manifest, Subject, VerifyError, invalid::Fault, names},
    group::Groups,
    invalid,
};

impl Groups<'_, '_> {
    /// Every number from 1 to the highest is there; several messages may bear one number, as two rooms may answer the same
    /// message. Messages without a number are notes about the case.
    pub(super) fn check_case(&self, manifest: &Manifest) -> Result<(), VerifyError> {
        let Subject::Case(case) = manifest.subject else { return Ok(()) };
        let fault = |fault| Err(invalid(names::MANIFEST, "", fault).into());
        if self.case_seqs.iter().any(|(of, _)| of.is_some_and(|of| of != case)) {
            return fault(Fault::Manifest("the case: a message of another one is in the file"));
        }
        // A note without a case counts in none, whatever number it claims.
        let of_case = self.case_seqs.iter().filter(|(of, _)| *of == Some(case));
        let seqs: BTreeSet<u32> = of_case.filter_map(|(_, seq)| *seq).collect();
        let last = seqs.last().copied().unwrap_or(1);
        match (1..=last).zip(seqs.iter().copied().chain(std::iter::once(0))).find(|(want, have)| want != have)
        {
            Some((seq, _)) => fault(Fault::CaseGap { seq }),
            None => Ok(()),
        }
    }
}
