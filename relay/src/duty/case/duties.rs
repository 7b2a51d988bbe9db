//! From messages and receipts to the facts of each duty.

use std::collections::BTreeSet;

use topology::{Map, RoomId};

use super::{Case, CaseMessage, Duty, TimedReceipt, outages};
use crate::{
    duty::{
        Interval,
        condition::Trait,
        event::RuleKind,
        facts::{Facts, Stated},
        mark::Mark,
    },
    envelope::Role,
    envelope_id::EnvelopeKey,
    limits::RECEIPT_OVERDUE,
    message::{Kind, field::Severity, phone::pairing::Call},
    receipt::Event,
    timestamp::Timestamp,
};

/// The first report, towards everybody who is owed it.
pub(super) fn reports(case: &Case, map: &Map, targets: &[RoomId]) -> Vec<Duty> {
    let reports: Vec<&CaseMessage> =
        in_order(case).filter(|message| message.facts.kind == Kind::Report).collect();
    let Some(first) = reports.first() else { return Vec::new() };
    let origin = first.key.origin;
    let addressed = reports.iter().flat_map(|report| {
        report.to.iter().map(|(room, _)| *room).filter(|room| map.is_superior(*room, report.key.origin))
    });
    let owed = targets.iter().copied().filter(|room| map.contains(*room, origin) && *room != origin);
    let towards: BTreeSet<RoomId> = addressed.chain(owed).collect();
    towards.into_iter().map(|towards| report(case, map, &reports, towards)).collect()
}

fn report(case: &Case, map: &Map, reports: &[&CaseMessage], towards: RoomId) -> Duty {
    let addressed = || reports.iter().copied().filter(|report| report.is_for(towards));
    let delivered = addressed().filter(|report| report.delivered(towards).is_some());
    let answer =
        delivered.min_by_key(|report| report.delivered(towards).map(known_first)).or(addressed().next());
    let first = reports.first().map_or(towards, |report| report.key.origin);
    let obliged = answer.map_or(first, |report| report.key.origin);
    let mut facts = about(case, map, RuleKind::ReportFirst, obliged);
    let learned = in_order(case).filter(|message| message.key.origin == obliged);
    facts
        .set_declared(Mark::LearnedAt, learned.filter_map(|message| message.facts.learned_at).map(ms).next());
    if let Some(answer) = answer {
        facts.set_way(answer, towards, Mark::DeliveredAt);
        facts.set(Mark::AcknowledgedAt, answer.first(Event::Acknowledged, towards));
    }
    let rooms = [obliged, first];
    let calls = case.calls.iter().filter(|call| rooms.iter().any(|room| call.is_between(*room, towards)));
    facts.set_call(Mark::PhoneCompletedAt, calls);
    let subject = reports.first().map(|report| report.key);
    let subject =
        answer.map(|report| report.key).or(subject).unwrap_or(EnvelopeKey { origin: first, id: NO_ID });
    Duty {
        subject,
        answer: answer.map(|report| report.key),
        obliged,
        towards,
        kind: RuleKind::ReportFirst,
        facts,
    }
}

const NO_ID: crate::envelope_id::EnvelopeId = crate::envelope_id::EnvelopeId::from_bytes([0; 16]);

/// What a message of a kind calls for: the rules of this kind.
pub(super) fn founded_by(kind: Kind) -> Option<RuleKind> {
    match kind {
        Kind::Report => Some(RuleKind::ReportFirst),
        Kind::VerifyRequest => Some(RuleKind::VerifyReply),
        Kind::Instruction => Some(RuleKind::InstructionFeedback),
        Kind::PhoneNote
        | Kind::VerifyReply
        | Kind::Feedback
        | Kind::Assignment
        | Kind::Urge
        | Kind::Notify
        | Kind::Consult
        | Kind::Transfer
        | Kind::Recall => None,
    }
}

/// What requests and instructions call for.
pub(super) fn answers(case: &Case, map: &Map) -> Vec<Duty> {
    let mut duties = Vec::new();
    for asked in in_order(case) {
        let (kind, answer) = match founded_by(asked.facts.kind) {
            Some(kind @ RuleKind::VerifyReply) => (kind, Kind::VerifyReply),
            Some(kind @ RuleKind::InstructionFeedback) => (kind, Kind::Feedback),
            _ => continue,
        };
        for (room, role) in &asked.to {
            if *role == Role::Action {
                duties.push(answer_of(case, map, asked, *room, kind, answer));
            }
        }
    }
    duties
}

fn answer_of(
    case: &Case,
    map: &Map,
    asked: &CaseMessage,
    room: RoomId,
    kind: RuleKind,
    wanted: Kind,
) -> Duty {
    let towards = asked.key.origin;
    let mut facts = about(case, map, kind, room);
    let (received, met) = if kind == RuleKind::VerifyReply {
        (Mark::RequestDeliveredAt, Mark::ReplyDeliveredAt)
    } else {
        (Mark::InstructionReceivedAt, Mark::FeedbackDeliveredAt)
    };
    let (came, handed) = (asked.delivered(room), handed_over(case, map, asked, room));
    facts.set(received, came);
    facts.set(Mark::RequestHandedOverAt, handed);
    if kind == RuleKind::VerifyReply {
        facts.traits.insert(Trait::WrittenRequired, vec![asked.facts.written_required.to_string()]);
    }
    let is_answer = |message: &&CaseMessage| {
        message.facts.kind == wanted
            && message.key.origin == room
            && message.facts.relates_to.contains(&asked.key)
            && message.is_for(towards)
    };
    let answers = || in_order(case).filter(is_answer);
    let delivered = answers().filter(|answer| answer.delivered(towards).is_some());
    let answer =
        delivered.min_by_key(|answer| answer.delivered(towards).map(known_first)).or(answers().next());
    if let Some(answer) = answer {
        facts.set_way(answer, towards, met);
    }
    let begun = [came, handed].into_iter().flatten().map(|at| at.earliest).min().flatten();
    let calls =
        case.calls.iter().filter(|call| call.is_between(room, towards) && call.answers(asked.key, begun));
    facts.set_call(Mark::ReplyPhoneAt, calls);
    Duty { subject: asked.key, answer: answer.map(|answer| answer.key), obliged: room, towards, kind, facts }
}

/// When a parent of this room handed a request over to it, on a link that was up from then until it signed that: a minute later
/// at the earliest. A parent whose own record says that the line was down then is not believed. Both are of its own clock.
fn handed_over<'c>(case: &Case, map: &Map, asked: &'c CaseMessage, room: RoomId) -> Option<&'c Interval> {
    let parents = map.links(room);
    let was_down = |receipt: &TimedReceipt| {
        let (from, until) = (receipt.said_at, receipt.said_at.after(RECEIPT_OVERDUE));
        let mut of_link = case.lines.iter().filter(|line| line.room == receipt.issuer && line.peer == room);
        of_link.any(|line| line.from < until && line.to.is_none_or(|to| to > from))
    };
    let handed = asked
        .of(Event::Handed, room)
        .filter(|receipt| parents.contains(&receipt.issuer) && !was_down(receipt));
    handed.map(|receipt| &receipt.at).min_by_key(|at| known_first(at))
}

/// What every duty of a case has in common.
fn about(case: &Case, map: &Map, kind: RuleKind, obliged: RoomId) -> Facts {
    let mut facts = Facts { kind: Some(kind), now: case.now, ..Facts::default() };
    for message in in_order(case).filter(|message| message.facts.kind == Kind::Report) {
        let said = message.signed.shown();
        if let Some(value) = message.facts.severity {
            push(&mut facts.severity, said, value);
        }
        if let Some(value) = message.facts.occurred_at.and_then(crate::message::occurrence::Occurrence::at) {
            push(&mut facts.occurred_at, said, ms(value));
        }
    }
    let is_sensitive = case.messages.iter().any(|message| message.facts.sensitive);
    if facts.severity.is_empty() && kind == RuleKind::ReportFirst {
        push(&mut facts.severity, None, Severity::Undetermined);
    }
    facts.traits.insert(Trait::Sensitive, vec![is_sensitive.to_string()]);
    facts.link_down = outages(case, map, obliged);
    facts
}

/// A value that is said again is not said anew.
fn push<T: PartialEq>(stated: &mut Vec<Stated<T>>, at: Option<Timestamp>, value: T) {
    if stated.last().is_none_or(|last| last.value != value) {
        stated.push(Stated { at, value });
    }
}

/// Messages by their number in the case, then by their id, which sorts by the time of its making.
fn in_order(case: &Case) -> impl Iterator<Item = &CaseMessage> {
    let mut messages: Vec<&CaseMessage> = case.messages.iter().collect();
    messages.sort_by_key(|message| (message.facts.case_seq.unwrap_or(0), message.key.id, message.key.origin));
    messages.into_iter()
}

/// What is proven to have happened goes before what may have happened at any time; then the earlier.
fn known_first(at: &Interval) -> (bool, Option<Timestamp>) {
    (at.latest.is_none(), at.latest.or(at.earliest))
}

fn ms(declared: crate::message::DeclaredTime) -> Timestamp {
    Timestamp::from_ms(declared.as_ms())
}

impl CaseMessage {
    fn is_for(&self, room: RoomId) -> bool {
        self.to.iter().any(|(to, _)| *to == room)
    }

    fn delivered(&self, room: RoomId) -> Option<&Interval> {
        self.first(Event::Delivered, room)
    }

    fn first(&self, event: Event, recipient: RoomId) -> Option<&Interval> {
        self.of(event, recipient).map(|receipt| &receipt.at).min_by_key(|at| known_first(at))
    }

    fn of(&self, event: Event, recipient: RoomId) -> impl Iterator<Item = &TimedReceipt> {
        self.receipts.iter().filter(move |receipt| receipt.event == event && receipt.recipient == recipient)
    }

    /// Taken over by the first room outside the origin: a hub, or the recipient itself (电子签名法 art. 11).
    fn sent(&self, recipient: RoomId) -> Option<&Interval> {
        self.first(Event::Custody, recipient).or_else(|| self.delivered(recipient))
    }
}

impl Facts {
    fn set(&mut self, mark: Mark, at: Option<&Interval>) {
        if let Some(at) = at {
            self.moments.insert(mark, at.clone());
        }
    }

    fn set_declared(&mut self, mark: Mark, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.moments.insert(mark, Interval::point(at));
        }
    }

    /// Queued, sent and delivered.
    fn set_way(&mut self, message: &CaseMessage, recipient: RoomId, delivered: Mark) {
        // Its own room signs the header and `accepted` in one step; the second stays there, the first is with everybody.
        self.set(Mark::AcceptedAt, message.first(Event::Accepted, recipient).or(Some(&message.signed)));
        self.set(Mark::SentAt, message.sent(recipient));
        self.set(delivered, message.delivered(recipient));
    }

    /// The first call that both ends signed; where there is none, that somebody claims one.
    fn set_call<'c>(&mut self, mark: Mark, calls: impl Iterator<Item = &'c Call>) {
        let calls: Vec<&Call> = calls.collect();
        let paired = calls.iter().filter(|call| call.paired().is_some());
        let first = paired.min_by_key(|call| call.ended_at());
        if let Some(call) = first.or_else(|| calls.iter().min_by_key(|call| call.ended_at())) {
            self.set_declared(mark, Some(ms(call.ended_at())));
            self.phone_line = call.line();
            self.phone_both_signed = Some(call.paired().is_some());
        }
    }
}

impl Call {
    /// Whether these two rooms spoke.
    pub(super) fn is_between(&self, one: RoomId, other: RoomId) -> bool {
        [(one, other), (other, one)].contains(&(self.caller(), self.callee()))
    }

    /// Whether it was about this message; or does not say about which, and was not over before the message can have come.
    fn answers(&self, key: EnvelopeKey, begun: Option<Timestamp>) -> bool {
        self.about().map_or(Some(ms(self.ended_at())) >= begun, |about| about == key)
    }
}
