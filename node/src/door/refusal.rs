//! Why a room is not let in. What it is told is a code and a number; the hub's log has the rest.

use crate::{
    door::message::Reply,
    problem::{EXIT_FAILED, EXIT_POLICY, Problem},
};

/// Why a knock is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DoorRefusal {
    /// No invitation has this secret.
    #[error("no open invitation has this secret")]
    InviteUnknown,
    /// Too many wrong secrets for this room.
    #[error("the invitation is locked after too many wrong tries")]
    InviteLocked,
    /// Another set of keys has used it.
    #[error("the invitation was used already")]
    InviteUsed,
    /// Too late.
    #[error("the invitation expired {minutes} minutes ago")]
    InviteExpired {
        /// How long ago.
        minutes: i64,
    },
    /// Of another network or another parent.
    #[error("the invitation is for another network, or its room hangs under another hub")]
    InviteForeign,
    /// The request does not verify.
    #[error("the request to join is not good: {0}")]
    JoinMalformed(String),
    /// A key that is known already.
    #[error("a key of the request is known already: of another room, retired or revoked")]
    JoinKeyKnown,
    /// The renewal does not verify.
    #[error("the renewal is not good: {0}")]
    RenewalMalformed(String),
    /// Signed by a key that no sheet has.
    #[error("the renewal is signed by a key that no sheet has")]
    RenewalUnknown,
    /// Revoked, or replaced by an enrolment since.
    #[error("the renewal is signed by a key that was revoked or replaced")]
    RenewalRevoked,
    /// A room of another hub.
    #[error("the plan does not hang this room under this hub")]
    RenewalForeign,
    /// Sent before, or made under a clock that is far off: to be signed anew with a later time than this.
    #[error("the renewal is not later than the last one, or far ahead of time")]
    RenewalTime {
        /// The time to be later than.
        last_ms: i64,
    },
    /// Too many certificates of the room are still valid.
    #[error("the room has too many valid certificates")]
    RenewalTooOften,
    /// The fault is here.
    #[error("{0}")]
    Failed(#[from] Problem),
}

impl DoorRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::InviteUnknown => "invite_unknown",
            Self::InviteLocked => "invite_locked",
            Self::InviteUsed => "invite_used",
            Self::InviteExpired { .. } => "invite_expired",
            Self::InviteForeign => "invite_foreign",
            Self::JoinMalformed(_) => "join_malformed",
            Self::JoinKeyKnown => "join_key_known",
            Self::RenewalMalformed(_) => "renewal_malformed",
            Self::RenewalUnknown => "renewal_unknown",
            Self::RenewalRevoked => "renewal_revoked",
            Self::RenewalForeign => "renewal_foreign",
            Self::RenewalTime { .. } => "renewal_time",
            Self::RenewalTooOften => "renewal_too_often",
            Self::Failed(_) => "door_failed",
        }
    }

    /// What the room at the door is told.
    pub(crate) fn reply(&self) -> Reply {
        let details = match self {
            Self::InviteExpired { minutes } => vec![(MINUTES.to_owned(), *minutes)],
            Self::RenewalTime { last_ms } => vec![(LAST_MS.to_owned(), *last_ms)],
            Self::InviteUnknown
            | Self::InviteLocked
            | Self::InviteUsed
            | Self::InviteForeign
            | Self::JoinMalformed(_)
            | Self::JoinKeyKnown
            | Self::RenewalMalformed(_)
            | Self::RenewalUnknown
            | Self::RenewalRevoked
            | Self::RenewalForeign
            | Self::RenewalTooOften
            | Self::Failed(_) => Vec::new(),
        };
        Reply::Refused { code: self.code().to_owned(), details }
    }
}

/// What the room tells its own people about a refusal. A code that this version does not know is shown as it is,
/// short and harmless.
pub(crate) fn told(code: &str, details: &[(String, i64)]) -> Problem {
    let Some((code, exit)) = KNOWN.into_iter().find(|(known, _)| *known == code) else {
        let harmless: String = code.chars().filter(char::is_ascii_graphic).take(40).collect();
        return Problem::failed("door_refused").with("detail", harmless);
    };
    let mut problem = Problem::failed(code);
    problem.exit = exit;
    for (name, value) in details.iter().filter(|(name, _)| name == MINUTES || name == LAST_MS) {
        problem = problem.with(name, value);
    }
    problem
}

/// How many minutes ago.
pub(crate) const MINUTES: &str = "minutes";
/// The time that a renewal must be later than.
pub(crate) const LAST_MS: &str = "last_ms";

const KNOWN: [(&str, u8); 14] = [
    ("invite_unknown", EXIT_FAILED),
    ("invite_locked", EXIT_FAILED),
    ("invite_used", EXIT_FAILED),
    ("invite_expired", EXIT_FAILED),
    ("invite_foreign", EXIT_FAILED),
    ("join_malformed", EXIT_FAILED),
    ("join_key_known", EXIT_FAILED),
    ("renewal_malformed", EXIT_FAILED),
    ("renewal_unknown", EXIT_POLICY),
    ("renewal_revoked", EXIT_POLICY),
    ("renewal_foreign", EXIT_POLICY),
    ("renewal_time", EXIT_FAILED),
    ("renewal_too_often", EXIT_FAILED),
    ("door_failed", EXIT_FAILED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hub_refuses_the_room_understands() {
        let refused = DoorRefusal::InviteExpired { minutes: 7 }.reply();
        let Reply::Refused { code, details } = refused else { panic!("{refused:?}") };
        let problem = told(&code, &details);
        assert_eq!((problem.code.as_str(), problem.details["minutes"].as_str()), ("invite_expired", "7"));
        let inside = DoorRefusal::Failed(Problem::failed("write_failed").with("path", "/secret"));
        assert_eq!(inside.reply(), Reply::Refused { code: "door_failed".into(), details: vec![] });
    }

    #[test]
    fn a_code_from_a_later_version_is_shown_and_can_do_no_harm() {
        let problem = told("later\u{1b}[2J one", &[("path".into(), 1)]);
        assert_eq!(
            (problem.code.as_str(), problem.details["detail"].as_str()),
            ("door_refused", "later[2Jone")
        );
        assert!(!told("door_failed", &[("path".into(), 1)]).details.contains_key("path"));
    }
}
