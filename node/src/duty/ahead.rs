//! Which limits apply to a message before it leaves (这份报告适用): for a first report those whose clocks run already, with
//! the level that is stated or, while it is 待定, the strictest; for a request or an instruction those that it will set.

use relay::{
    duty::{
        RulePack,
        event::RuleKind,
        finding::Finding,
        judge,
        rule::{Channel, Rule},
    },
    message::{Content, Message, report::Stage},
    timestamp::Timestamp,
};
use topology::RoomId;

use super::late::{binds, facts};
use crate::{control::view, daemon::Node};

/// The limits that apply to a message, the nearest first. A report is owed to whoever it is addressed to and to every
/// room above.
pub fn limits_ahead(node: &Node, message: &Message, to: &[RoomId]) -> Vec<view::Limit> {
    let trust = node.trust.current();
    let (me, now) = (node.config.room, node.clock.now());
    let owed: Vec<RoomId> = to.iter().copied().chain(trust.map.ancestors(me)).collect();
    let packs = trust.rules.packs();
    let binding = |rooms: &[RoomId]| -> Vec<RulePack> {
        packs.iter().filter(|pack| binds(pack, &trust.map, rooms)).cloned().collect()
    };
    let mut limits = match &message.content {
        Content::Report(report) if report.stage == Stage::First => {
            let packs = binding(&owed);
            let facts = facts(report, now);
            let findings = facts.map(|facts| judge(&packs, trust.rules.calendars(), &facts));
            findings.into_iter().flatten().map(|finding| found(&finding, &packs, now)).collect()
        }
        Content::VerifyRequest(body) => {
            let mut limits = to_be_set(&binding(&[me]), RuleKind::VerifyReply);
            // A written answer is owed only where one was asked for.
            limits.retain(|limit| body.written_required || limit.channel != Channel::Written.word());
            limits
        }
        Content::Instruction(_) => to_be_set(&binding(&[me]), RuleKind::InstructionFeedback),
        Content::Report(_)
        | Content::PhoneNote(_)
        | Content::VerifyReply(_)
        | Content::Feedback(_)
        | Content::Assignment(_)
        | Content::Urge(_)
        | Content::Notify(_)
        | Content::Consult(_)
        | Content::Transfer(_)
        | Content::Recall(_) => Vec::new(),
    };
    limits.sort_by_key(|limit: &view::Limit| (limit.remaining_ms.is_none(), limit.remaining_ms));
    limits
}

/// Limits whose clock starts when the message is delivered.
fn to_be_set(packs: &[RulePack], kind: RuleKind) -> Vec<view::Limit> {
    let of_pack = |pack: &RulePack| -> Vec<view::Limit> {
        pack.rules.iter().filter(|rule| rule.kind == kind).map(|rule| limit(pack, rule)).collect()
    };
    packs.iter().flat_map(of_pack).collect()
}

fn limit(pack: &RulePack, rule: &Rule) -> view::Limit {
    view::Limit {
        rule: rule.id.clone(),
        pack: pack.name.clone(),
        kind: rule.kind.word().to_owned(),
        force: rule.force.word().to_owned(),
        channel: rule.channel.word().to_owned(),
        clause: pack.cite(&rule.clause),
        says: rule.clause.says.clone(),
        says_en: rule.clause.says_en.clone(),
        limit: rule.limit.to_string(),
        due_at_ms: None,
        remaining_ms: None,
    }
}

fn found(finding: &Finding, packs: &[RulePack], now: Timestamp) -> view::Limit {
    let pack = packs.iter().find(|pack| pack.name == finding.pack && pack.version == finding.pack_version);
    let rule = pack.and_then(|pack| pack.rule(&finding.rule));
    let due = finding.due_at().map(Timestamp::as_ms);
    view::Limit {
        rule: finding.rule.clone(),
        pack: finding.pack.clone(),
        kind: finding.kind.word().to_owned(),
        force: finding.force.word().to_owned(),
        channel: finding.channel.word().to_owned(),
        clause: finding.clause.clone(),
        says: rule.map(|rule| rule.clause.says.clone()).unwrap_or_default(),
        says_en: rule.map(|rule| rule.clause.says_en.clone()).unwrap_or_default(),
        limit: rule.map(|rule| rule.limit.to_string()).unwrap_or_default(),
        due_at_ms: due,
        remaining_ms: due.map(|due| due.saturating_sub(now.as_ms())),
    }
}
