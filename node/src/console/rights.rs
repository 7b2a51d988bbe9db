//! Who may ask what: one table of roles and capabilities, and which capability each request wants. Pages and the API
//! both come through here. No administrator reads a report by being one.

use certs::officer::OfficerRole;

use crate::{control::request::Request, problem::Problem};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// State of node, links, queues, certificates, map, rules; no message.
    SeeState,
    /// Receipts, limits and verdicts; no text.
    SeeReceipts,
    /// Lists of messages and what they say.
    ReadMessages,
    /// Send, answer, acknowledge, note calls.
    HandleMessages,
    /// Evidence files.
    ExportEvidence,
    /// Retry, renew, stop; links and clock of a demo.
    Operate,
    /// Invite rooms, revoke certificates, apply maps and rules.
    ManageRooms,
    /// Enter and disable officers.
    ManageOfficers,
    /// Accept what was lost.
    Audit,
}

/// Which roles have which capabilities.
const TABLE: [(OfficerRole, &[Capability]); 7] = {
    use Capability::{
        Audit, ExportEvidence, HandleMessages, ManageOfficers, ManageRooms, Operate, ReadMessages,
        SeeReceipts, SeeState,
    };
    [
        (OfficerRole::DutyOfficer, &[SeeState, SeeReceipts, ReadMessages, HandleMessages, ExportEvidence]),
        (
            OfficerRole::HeadOfWatch,
            &[SeeState, SeeReceipts, ReadMessages, HandleMessages, ExportEvidence, Operate],
        ),
        (OfficerRole::Leader, &[SeeState, SeeReceipts, ReadMessages, HandleMessages]),
        (OfficerRole::Inspector, &[SeeState, SeeReceipts, ExportEvidence]),
        (OfficerRole::SystemAdmin, &[SeeState, Operate, ManageRooms]),
        (OfficerRole::SecurityAdmin, &[SeeState, ManageOfficers]),
        (OfficerRole::AuditAdmin, &[SeeState, SeeReceipts, Audit]),
    ]
};

/// Whether a role has a capability.
pub fn may(role: OfficerRole, capability: Capability) -> bool {
    TABLE.iter().any(|(other, capabilities)| *other == role && capabilities.contains(&capability))
}

/// Refuses what a role may not ask.
///
/// # Errors
/// `role_forbids`.
pub fn check(role: OfficerRole, request: &Request) -> Result<(), Problem> {
    if wanted(request).iter().all(|capability| may(role, *capability)) {
        Ok(())
    } else {
        Err(Problem::policy("role_forbids").with("role", role))
    }
}

/// What a request wants.
fn wanted(request: &Request) -> &'static [Capability] {
    match request {
        Request::Status
        | Request::Ping { .. }
        | Request::Doctor { .. }
        | Request::Progress
        | Request::LinkDays
        | Request::QueueList
        | Request::QueueShow { .. }
        | Request::InvitePending
        | Request::OfficerList
        | Request::CertificateList
        | Request::MapShow
        | Request::Rooms
        | Request::RulesPreview(_)
        | Request::RulesList => &[Capability::SeeState],
        Request::Receipts { .. }
        | Request::RulesExplain { .. }
        | Request::Due { .. }
        | Request::Cases
        | Request::Await { .. } => &[Capability::SeeReceipts],
        Request::Inbox { .. }
        | Request::Outbox { .. }
        | Request::Outages
        | Request::Show { .. }
        | Request::Attachment { .. }
        | Request::Calls => &[Capability::ReadMessages],
        Request::Send(_)
        | Request::Preview(_)
        | Request::DraftKeep(_)
        | Request::DraftList
        | Request::DraftShow { .. }
        | Request::DraftReturn { .. }
        | Request::DraftDrop { .. }
        | Request::Deed { .. }
        | Request::Rang { .. }
        | Request::PhoneNote(_) => &[Capability::HandleMessages],
        Request::EvidenceExport { text: false, personal: false, .. } | Request::EvidenceSilence { .. } => {
            &[Capability::ExportEvidence]
        }
        Request::EvidenceExport { .. } => &[Capability::ExportEvidence, Capability::ReadMessages],
        Request::QueueRetry { .. }
        | Request::CertificateRenew
        | Request::Link { .. }
        | Request::Clock { .. }
        | Request::Stop => &[Capability::Operate],
        Request::Invite { .. }
        | Request::InviteConfirm { .. }
        | Request::CertificateRevoke { .. }
        | Request::RulesSign(_)
        | Request::MapApply { .. } => &[Capability::ManageRooms],
        Request::OfficerAdd { .. } | Request::OfficerDisable { .. } => &[Capability::ManageOfficers],
        Request::LossAccept => &[Capability::Audit],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_row_and_sees_the_state() {
        for role in OfficerRole::ALL {
            assert!(may(role, Capability::SeeState), "{role}");
        }
    }

    #[test]
    fn no_administrator_reads_or_writes_a_message_by_being_one() {
        for role in [OfficerRole::SystemAdmin, OfficerRole::SecurityAdmin, OfficerRole::AuditAdmin] {
            assert!(!may(role, Capability::ReadMessages) && !may(role, Capability::HandleMessages), "{role}");
        }
        let export = |text| Request::EvidenceExport { id: String::new(), case: false, text, personal: false };
        assert!(check(OfficerRole::Inspector, &export(false)).is_ok());
        assert_eq!(check(OfficerRole::Inspector, &export(true)).unwrap_err().code, "role_forbids");
    }
}
