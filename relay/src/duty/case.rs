//! What a case (事件) owes: from its messages, receipts, calls and outages to the facts that the judge needs.
//!
//! | duty | arises with | met by |
//! |---|---|---|
//! | first report | the first report of a case, towards every superior that it is addressed to and every ancestor whose rule pack is in force | the first report of the case that is delivered there; a call that both ends signed |
//! | verification | a verification request delivered to a room | its first reply delivered at the asking room; a call about the request |
//! | feedback | an instruction delivered to a room | the first feedback on it delivered at the instructing room |
//!
//! A pure function: the same in the node, in the console and from an evidence file. Whoever calls it has verified every
//! signature and says for every receipt between which times it was signed.

mod duties;

use topology::{Map, RoomId};

use super::{
    Calendars, Interval, RulePack, consider,
    event::RuleKind,
    facts::{Facts, Outage},
    finding::Judgement,
    pack::parts::PartKind,
};
use crate::{
    envelope::Role,
    envelope_id::EnvelopeKey,
    message::{Facts as MessageFacts, Kind, phone::pairing::Call},
    receipt::Event,
    timestamp::Timestamp,
};

/// One message of a case.
#[derive(Debug, Clone)]
pub struct CaseMessage {
    /// The envelope.
    pub key: EnvelopeKey,
    /// To whom.
    pub to: Vec<(RoomId, Role)>,
    /// What it says that a verdict needs.
    pub facts: MessageFacts,
    /// When its header was signed.
    pub signed: Interval,
    /// What happened to it.
    pub receipts: Vec<TimedReceipt>,
}

/// One receipt, and when it was signed as far as that is known.
#[derive(Debug, Clone)]
pub struct TimedReceipt {
    /// What happened.
    pub event: Event,
    /// For which recipient.
    pub recipient: RoomId,
    /// Who says so.
    pub issuer: RoomId,
    /// When.
    pub at: Interval,
    /// When by its issuer's own clock, which its line records go by as well.
    pub said_at: Timestamp,
}

/// One outage of a link between a room and its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseLine {
    /// Who says so.
    pub room: RoomId,
    /// The other end.
    pub peer: RoomId,
    /// Down at the latest since.
    pub from: Timestamp,
    /// Up at the earliest since; absent while it lasts.
    pub to: Option<Timestamp>,
}

/// Everything that is known of a case.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Its messages, in any order.
    pub messages: Vec<CaseMessage>,
    /// Its telephone calls.
    pub calls: Vec<Call>,
    /// Outages of the rooms concerned.
    pub lines: Vec<CaseLine>,
    /// When it is judged.
    pub now: Option<Timestamp>,
}

/// What one room owes another in a case.
#[derive(Debug, Clone)]
pub struct Duty {
    /// The first report, the request or the instruction.
    pub subject: EnvelopeKey,
    /// The message that met it or is under way to; none while nothing is written.
    pub answer: Option<EnvelopeKey>,
    /// Who owes.
    pub obliged: RoomId,
    /// Whom.
    pub towards: RoomId,
    /// What.
    pub kind: RuleKind,
    /// What happened.
    pub facts: Facts,
}

/// A duty and what the rules say of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The duty.
    pub duty: Duty,
    /// By the packs that bind towards this room.
    pub judgement: Judgement,
}

/// Whether a case with a message of this kind may be judged by this part of a rule pack: the rules of the duty that the message
/// founds, and for a call what packs say of telephones.
pub fn is_judged_by(kind: Kind, part: PartKind) -> bool {
    let is_of_call = kind == Kind::PhoneNote && part.is_none();
    is_of_call || duties::founded_by(kind).zip(part).is_some_and(|(duty, rules)| duty.falls_under(rules))
}

/// Judges every duty of a case. A pack binds towards the room of its issuer's division; one without a division, such as
/// national law, towards every room.
pub fn judge_case(case: &Case, map: &Map, packs: &[RulePack], calendars: &Calendars) -> Vec<Judged> {
    let targets: Vec<RoomId> = packs.iter().filter_map(|pack| issuer_of(pack, map)).collect();
    duties(case, map, &targets).into_iter().map(|duty| judge_duty(duty, map, packs, calendars)).collect()
}

/// The duties of a case; `targets` are rooms that are owed a report though none may be addressed to them.
pub fn duties(case: &Case, map: &Map, targets: &[RoomId]) -> Vec<Duty> {
    let mut duties = duties::reports(case, map, targets);
    duties.extend(duties::answers(case, map));
    duties
}

/// A limit may be inherited from another pack, so all of them are considered; only what binds towards the room is kept.
fn judge_duty(duty: Duty, map: &Map, packs: &[RulePack], calendars: &Calendars) -> Judged {
    let mut judgement = consider(packs, calendars, &duty.facts);
    let binds = |name: &str| {
        let pack = packs.iter().find(|pack| pack.name == name);
        pack.is_some_and(|pack| binds_everywhere(pack) || issuer_of(pack, map) == Some(duty.towards))
    };
    judgement.findings.retain(|finding| binds(&finding.pack));
    judgement.set_aside.retain(|rule| binds(&rule.pack));
    Judged { duty, judgement }
}

/// National law, and a document that names no division.
fn binds_everywhere(pack: &RulePack) -> bool {
    pack.issuer.as_deref().is_none_or(|division| division == NATION)
}

/// The division code of the whole country (GB/T 2260).
const NATION: &str = "000000";

/// The room of the division that issued a pack, if it is on this map.
pub fn issuer_of(pack: &RulePack, map: &Map) -> Option<RoomId> {
    let division = pack.issuer.as_deref()?;
    map.rooms().find(|room| room.code().to_string() == division).map(|room| room.id)
}

/// The outages that one end of the link between a room and its parent has recorded.
fn outages(case: &Case, map: &Map, room: RoomId) -> Vec<Outage> {
    use super::facts::RecordedBy;
    let parents = map.links(room);
    let recorded = case.lines.iter().filter_map(|line| {
        let recorded_by = if line.room == room && parents.contains(&line.peer) {
            RecordedBy::Itself
        } else if line.peer == room && parents.contains(&line.room) {
            RecordedBy::Parent
        } else {
            return None;
        };
        Some(Outage { from: line.from, to: line.to, recorded_by })
    });
    recorded.collect()
}

#[cfg(test)]
mod tests;
