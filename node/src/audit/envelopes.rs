//! Envelopes: the record is the one that was stored, header, keys and body are those that its digest stands for, and the
//! origin signed them.

use certs::signature::{self, ContentType};

use super::{Auditor, Finding};
use crate::{problem::Problem, store::sqlite::EnvelopeRow};

impl Auditor {
    pub(super) async fn check_envelopes(&mut self) -> Result<(), Problem> {
        let mut last = None;
        loop {
            let keys = self.ledger.record_keys(last).await?;
            let Some(end) = keys.last() else { return Ok(()) };
            last = Some(*end);
            for key in keys {
                if let Some(envelope) = self.ledger.envelope(key).await? {
                    self.check_envelope(&envelope);
                }
            }
        }
    }

    fn check_envelope(&mut self, row: &EnvelopeRow) {
        self.report.envelopes += 1;
        self.report.bodies += u64::from(row.has_body);
        let id = row.key.id;
        if let Err(why) = &row.record {
            self.report.fail(Finding::new("record_damaged", why).about(id));
            return;
        }
        match (&row.header, row.damage) {
            (None, _) if row.is_quarantined => {}
            (None, _) => self.report.fail(Finding::new("envelope_missing", id).about(id)),
            (Some(_), Some(why)) => self.report.fail(Finding::new("envelope_damaged", why).about(id)),
            (Some(header), None) => {
                let keys = self.trust.keys.archive();
                let verified = signature::verify(header, ContentType::EnvelopeHeader, &keys);
                let why = match verified {
                    Ok(verified) if verified.signer == row.key.origin => return,
                    Ok(verified) => format!("signed by {}", verified.signer),
                    Err(error) => error.to_string(),
                };
                self.report.fail(Finding::new("envelope_damaged", why).about(id));
            }
        }
    }
}
