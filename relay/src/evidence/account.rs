//! What a verified file tells, message by message: every event with its interval and grade.

use certs::{officer::OfficerRole, signature::Digest};
use topology::{Map, RoomId};

use super::timed::Timed;
use crate::{
    duty::{Calendars, Interval, RulePack},
    envelope::{Header, Route},
    envelope_id::EnvelopeKey,
    log::Line,
    message::{Facts, phone::call::VerifiedCall},
    receipt::{Reason, Receipt},
    timestamp::Timestamp,
};

/// One receipt that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventAccount {
    /// What it says.
    pub receipt: Receipt,
    /// When it happened.
    pub timed: Timed,
    /// The officer's name and role, where one signed.
    pub officer: Option<(String, OfficerRole)>,
    /// The number of its leaf in the exporter's log.
    pub leaf: u64,
}

/// One message that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAccount {
    /// SHA-256 of its signed header.
    pub digest: Digest,
    /// Its route.
    pub route: Route,
    /// Its header.
    pub header: Header,
    /// Its facts.
    pub facts: Facts,
    /// Its receipts, by leaf.
    pub events: Vec<EventAccount>,
    /// What an officer signed about a telephone call, for a note of one.
    pub call: Option<VerifiedCall>,
    /// When its header was signed: after the tick that it cites, before any receipt about it was seen.
    pub signed: Interval,
    /// The title, if the text is there.
    pub title: Option<String>,
}

impl MessageAccount {
    /// Which envelope it is.
    pub fn key(&self) -> EnvelopeKey {
        EnvelopeKey { origin: self.route.origin, id: self.route.id }
    }
}

/// One outage that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAccount {
    /// What its room says.
    pub line: Line,
    /// The time of the tick that was the newest when the link was noticed to be down: not before it.
    pub down_after: Option<Timestamp>,
    /// The same for when it was up again.
    pub up_after: Option<Timestamp>,
    /// By when the root hub had it.
    pub dated: Option<Timestamp>,
}

impl LineAccount {
    /// Whether the upper end of the link says so, which gains nothing by it: then it excuses.
    pub fn is_of_parent(&self, map: &Map) -> bool {
        map.links(self.line.peer).contains(&self.line.room)
    }
}

impl EventAccount {
    /// Why, where a reason is given.
    pub fn reason(&self) -> Option<&Reason> {
        self.receipt.reason.as_ref()
    }

    /// Who says so.
    pub fn issuer(&self) -> RoomId {
        self.receipt.issuer
    }
}

/// What a case is judged by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The map of the file.
    pub map: Map,
    /// The rule packs of the file.
    pub packs: Vec<RulePack>,
    /// The calendars of the file.
    pub calendars: Calendars,
    /// When it is judged: the date of the newest head of the exporter's log.
    pub now: Option<Timestamp>,
}

/// Is told what verified, as it comes: nothing of a large file needs to be held.
pub trait Listener {
    /// What to judge by; comes first, once.
    fn rules(&mut self, rules: Rules);
    /// A line record; all of them come before the messages of their group.
    fn line(&mut self, line: LineAccount);
    /// A message; those that are judged together follow each other, and the first of them `begins`.
    fn message(&mut self, message: MessageAccount, begins: bool);
}
