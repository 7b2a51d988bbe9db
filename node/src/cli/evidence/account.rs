//! The account of a verified file as JSON prints it and the page shows it.

use std::collections::BTreeMap;

use relay::{
    duty::{Finding, Interval, beijing::rfc3339, finding::Cause},
    envelope::{Address, Role},
    evidence::{
        Account, Conclusion, EventAccount, MessageAccount, RuleVerdict, Subject, Timed, account::LineAccount,
        span::Foreign,
    },
    timestamp::Timestamp,
};
use serde::Serialize;
use topology::{Map, RoomId};

/// What was told while the file was read.
#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: Vec<Message>,
    lines: Vec<Outage>,
    verdicts: Vec<Verdict>,
}

/// Everything that a valid file tells.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) valid: bool,
    pub(super) network: String,
    pub(super) exporter: Room,
    pub(super) exported_at: String,
    pub(super) subject: BTreeMap<&'static str, String>,
    /// The date of the newest head of the exporter's log; nothing later is proven.
    pub(super) as_of: Option<String>,
    pub(super) text: bool,
    pub(super) personal: bool,
    pub(super) packs: Vec<String>,
    /// Where the file proves that nothing came from a room.
    pub(super) silence: Option<Silent>,
    /// Outages of links between the rooms of the file.
    pub(super) lines: Vec<Outage>,
    pub(super) messages: Vec<Message>,
    pub(super) verdicts: Vec<Verdict>,
}

/// A time in which nothing came, and what proves it: all leaves between two heads.
#[derive(Debug, Serialize)]
pub(super) struct Silent {
    pub(super) room: Room,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) first_leaf: u64,
    pub(super) last_leaf: u64,
    /// When the root hub had the head before the first leaf.
    pub(super) head_dated: String,
    /// After which signed time the head behind the last leaf was signed.
    pub(super) next_head_after: String,
    pub(super) next_head_dated: String,
    /// The exporter's own receipts, and those among them for messages to that room.
    pub(super) own_receipts: u64,
    pub(super) taken_for_room: u64,
    /// Receipts and heads that that room signed: the link worked when they came.
    pub(super) receipts_of_room: u64,
    pub(super) heads_of_room: u64,
    /// Starts of the exporter's node.
    pub(super) starts: u64,
}

/// An outage of a link, as one end noted it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outage {
    pub(super) by: Room,
    pub(super) other_end: Room,
    /// By the clock of the room that says so.
    pub(super) down_at: String,
    pub(super) up_at: String,
    /// By the root hub's time: noticed not before, up again not before, on record by.
    pub(super) down_after: Option<String>,
    pub(super) up_after: Option<String>,
    pub(super) dated: Option<String>,
    /// `line` where the upper end says so, else `line_claimed`.
    pub(super) grade: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Room {
    pub(super) id: String,
    pub(super) code: String,
    pub(super) name: String,
    #[serde(skip)]
    pub(super) name_en: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) kind: String,
    pub(super) precedence: String,
    pub(super) status: String,
    /// By the clock of the origin.
    pub(super) created_at: String,
    pub(super) to: Vec<Addressee>,
    pub(super) case: Option<String>,
    pub(super) case_seq: Option<u32>,
    pub(super) origin: Room,
    pub(super) title: Option<String>,
    pub(super) signed: Span,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Addressee {
    pub(super) room: Room,
    pub(super) role: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Event {
    pub(super) event: String,
    pub(super) recipient: Room,
    pub(super) issuer: Room,
    pub(super) officer: Option<String>,
    pub(super) officer_role: Option<&'static str>,
    /// What the issuer's own clock said.
    pub(super) said_at: String,
    pub(super) proven: Span,
    pub(super) attested: Option<Span>,
    pub(super) attested_by: Option<Room>,
    /// The issuer's clock contradicts what is proven.
    pub(super) contradicted: bool,
    pub(super) reason: Option<String>,
    pub(super) leaf: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Span {
    pub(super) earliest: Option<String>,
    pub(super) latest: Option<String>,
    pub(super) missing: Option<String>,
    #[serde(skip)]
    pub(super) ms: [Option<i64>; 2],
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Verdict {
    pub(super) subject: String,
    pub(super) answer: Option<String>,
    pub(super) obliged: Room,
    pub(super) towards: Room,
    pub(super) kind: String,
    pub(super) pack: String,
    pub(super) pack_version: u32,
    #[serde(flatten)]
    pub(super) finding: Finding,
    /// The verdict by the root hub's time alone, and the times that it rests on.
    pub(super) proven_verdict: String,
    #[serde(skip)]
    pub(super) start: Option<Span>,
    #[serde(skip)]
    pub(super) met: Option<Span>,
    pub(super) proven_start: Option<Span>,
    pub(super) proven_met: Option<Span>,
    #[serde(skip)]
    pub(super) is_bad: bool,
}

impl Account for Kept {
    fn message(&mut self, map: &Map, message: &MessageAccount) {
        self.messages.push(Message {
            id: message.route.id.to_string(),
            digest: message.digest.to_string(),
            kind: message.facts.kind.word().to_owned(),
            precedence: message.route.precedence.word().to_owned(),
            status: message.route.status.word().to_owned(),
            created_at: rfc3339(message.route.created_at),
            to: message.header.to.iter().map(|to| addressee(map, to)).collect(),
            case: message.facts.case.map(|case| case.to_string()),
            case_seq: message.facts.case_seq,
            origin: room(map, message.route.origin),
            title: message.title.clone(),
            signed: span(&message.signed),
            events: message.events.iter().map(|kept| event(map, kept)).collect(),
        });
    }

    fn line(&mut self, map: &Map, line: &LineAccount) {
        let cause = if line.is_of_parent(map) { Cause::Line } else { Cause::LineClaimed };
        self.lines.push(Outage {
            by: room(map, line.line.room),
            other_end: room(map, line.line.peer),
            down_at: rfc3339(line.line.down_at),
            up_at: rfc3339(line.line.up_at),
            down_after: line.down_after.map(rfc3339),
            up_after: line.up_after.map(rfc3339),
            dated: line.dated.map(rfc3339),
            grade: cause.word(),
        });
    }

    fn verdict(&mut self, map: &Map, verdict: RuleVerdict) {
        self.verdicts.push(Verdict {
            subject: verdict.subject.id.to_string(),
            answer: verdict.answer.map(|key| key.id.to_string()),
            obliged: room(map, verdict.obliged),
            towards: room(map, verdict.towards),
            kind: verdict.kind.word().to_owned(),
            pack: verdict.working.pack.clone(),
            pack_version: verdict.working.pack_version,
            proven_verdict: verdict.proven.word().to_owned(),
            start: verdict.working.start.as_ref().map(span),
            met: verdict.working.met.as_ref().map(span),
            proven_start: verdict.proven_times[0].as_ref().map(span),
            proven_met: verdict.proven_times[1].as_ref().map(span),
            is_bad: verdict.working.is_bad(),
            finding: verdict.working,
        });
    }
}

impl Kept {
    pub(super) fn account(&self, conclusion: &Conclusion) -> Told {
        let manifest = &conclusion.manifest;
        // The verifier has seen all that the plan names.
        let packs = &conclusion.map.plan().packs;
        let subject = match &manifest.subject {
            Subject::Message(key) => BTreeMap::from([("message", key.id.to_string())]),
            Subject::Case(case) => BTreeMap::from([("case", case.to_string())]),
            Subject::Silence(silence) => BTreeMap::from([("silence", silence.peer.to_string())]),
            Subject::All => BTreeMap::new(),
        };
        Told {
            valid: true,
            network: manifest.network.clone(),
            exporter: room(&conclusion.map, manifest.exporter),
            exported_at: rfc3339(manifest.at),
            subject,
            as_of: conclusion.as_of.map(rfc3339),
            text: manifest.text,
            personal: manifest.personal,
            packs: packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect(),
            silence: silent(conclusion),
            lines: self.lines.clone(),
            messages: self.messages.clone(),
            verdicts: self.verdicts.clone(),
        }
    }
}

fn silent(conclusion: &Conclusion) -> Option<Silent> {
    let Subject::Silence(silence) = conclusion.manifest.subject else { return None };
    let span = conclusion.span.as_ref()?;
    Some(Silent {
        room: room(&conclusion.map, silence.peer),
        from: rfc3339(silence.from),
        to: rfc3339(silence.to),
        first_leaf: span.first_leaf,
        last_leaf: span.end.saturating_sub(1),
        head_dated: rfc3339(span.from),
        next_head_after: span.to.map(rfc3339).unwrap_or_default(),
        next_head_dated: rfc3339(span.dated),
        own_receipts: span.own.len() as u64,
        taken_for_room: span.taken_for(silence.peer),
        receipts_of_room: span.signed_by(silence.peer, Foreign::Receipt),
        heads_of_room: span.signed_by(silence.peer, Foreign::Head),
        starts: span.starts,
    })
}

fn addressee(map: &Map, address: &Address) -> Addressee {
    Addressee {
        room: room(map, address.room),
        role: if address.role == Role::Action { "action" } else { "info" },
    }
}

fn event(map: &Map, event: &EventAccount) -> Event {
    let EventAccount { receipt, timed, officer, leaf } = event;
    let Timed { proven, attested, is_contradicted } = timed;
    let reason = receipt.reason.as_ref().map(|reason| match &reason.text {
        Some(text) => format!("{}: {text}", reason.code),
        None => reason.code.clone(),
    });
    Event {
        event: receipt.event.word().to_owned(),
        recipient: room(map, receipt.recipient),
        issuer: room(map, receipt.issuer),
        officer: officer.as_ref().map(|(name, _)| name.clone()),
        officer_role: officer.as_ref().map(|(_, role)| role.word()),
        said_at: rfc3339(receipt.at),
        proven: span(proven),
        attested: attested.as_ref().map(|(_, interval)| span(interval)),
        attested_by: attested.as_ref().map(|(by, _)| room(map, *by)),
        contradicted: *is_contradicted,
        reason,
        leaf: *leaf,
    }
}

fn span(interval: &Interval) -> Span {
    Span {
        earliest: interval.earliest.map(rfc3339),
        latest: interval.latest.map(rfc3339),
        missing: interval.missing.clone(),
        ms: [interval.earliest, interval.latest].map(|end| end.map(Timestamp::as_ms)),
    }
}

/// A room that left the map keeps its id.
fn room(map: &Map, id: RoomId) -> Room {
    let (code, name, name_en) = map.room(id).map_or_else(
        || (id.to_string(), id.to_string(), id.to_string()),
        |room| (room.code().to_string(), room.name().zh.clone(), room.name().english().to_owned()),
    );
    Room { id: id.to_string(), code, name, name_en }
}
