//! Why a limit applied or did not (为什么): every rule with its clause, its clock and both grades, as people are shown it.

use relay::{
    duty::{
        Finding, Interval, RulePack, Verdict,
        beijing::rfc3339,
        finding::{Alternative, Flag, SetAside},
    },
    envelope_id::EnvelopeKey,
    timestamp::Timestamp,
};
use topology::Map;

use super::{Graded, timers};
use crate::{
    control::{named_room, view},
    daemon::Node,
    problem::Problem,
};

/// Every duty that a message is about; all of its case where it is neither the cause nor the answer of one.
///
/// # Errors
/// `rules_no_case` when no rule is about such a message, or it is not readable here.
pub async fn explain(node: &Node, key: EnvelopeKey) -> Result<Vec<view::ExplainedDuty>, Problem> {
    let case = node.cases.case_of(node, key).await?;
    let case = case.ok_or_else(|| Problem::failed("rules_no_case").with("id", key.id))?;
    let graded = super::judge(node, &case.members, &case.lines).await?;
    let is_about = |one: &&Graded| one.working.duty.subject == key || one.working.duty.answer == Some(key);
    let own: Vec<&Graded> = graded.iter().filter(is_about).collect();
    let shown = if own.is_empty() { graded.iter().collect() } else { own };
    let trust = node.trust.current();
    let packs = trust.rules.packs();
    let now = node.clock.now();
    Ok(shown.into_iter().map(|one| duty(one, &trust.map, packs, now)).collect())
}

/// What this room owes and is owed and nobody has met or taken notice of, over all cases; with `all`, everything that is
/// owed or was, in the newest cases and the open ones; with `about`, only in the case of that message.
///
/// # Errors
/// [`Problem`] when the store cannot be read.
pub async fn due(node: &Node, all: bool, about: Option<EnvelopeKey>) -> Result<Vec<view::DueLine>, Problem> {
    let trust = node.trust.current();
    let now = node.clock.now();
    let cases = match about {
        Some(key) => node.cases.case_of(node, key).await?.into_iter().collect(),
        None if all => node.cases.shown_cases(node).await?,
        None => node.cases.open_cases(node).await?,
    };
    let mut lines = Vec::new();
    for (graded, timed) in cases.iter().flat_map(|case| &case.duties) {
        let duty = &graded.working.duty;
        let is_ours = timers::concerns(graded, node.config.room);
        for timed in timed {
            let reached = timed.watched().reached().filter(|_| timed.is_open());
            let acknowledged = reached.is_some_and(|(_, acknowledged)| acknowledged);
            let role = timed.alarm().map(|stage| stage.role().word().to_owned());
            let is_wanted = is_ours && timed.is_open() && !acknowledged;
            let one = &timed.obligation;
            if all || is_wanted {
                lines.push(view::DueLine {
                    rule: one.rule.clone(),
                    pack: one.pack.clone(),
                    kind: duty.kind.word().to_owned(),
                    status: graded.status.word().to_owned(),
                    force: one.force.word().to_owned(),
                    channel: one.channel.word().to_owned(),
                    subject: duty.subject.id.to_string(),
                    obliged: named_room(&trust.map, duty.obliged),
                    towards: named_room(&trust.map, duty.towards),
                    start_event: one.start_event.word().to_owned(),
                    // As the due time is the earliest that it may be, so is the start: the limit lies between them.
                    start: one.start.as_ref().and_then(|start| start.earliest.or(start.latest)).map(rfc3339),
                    due: one.due.map(rfc3339),
                    met_at: one.met.as_ref().and_then(Interval::shown).map(rfc3339),
                    state: one.state.word().to_owned(),
                    cause: one.cause.map(|cause| cause.word().to_owned()),
                    remaining_ms: one
                        .due
                        .filter(|_| one.met.is_none())
                        .map(|due| due.as_ms().saturating_sub(now.as_ms())),
                    stage: reached.map(|(stage, _)| stage.word().to_owned()),
                    role,
                    acknowledged,
                });
            }
        }
    }
    // Those that run out first; those without a number last.
    lines.sort_by_key(|line| (line.remaining_ms.is_none(), line.remaining_ms));
    Ok(lines)
}

fn duty(graded: &Graded, map: &Map, packs: &[RulePack], now: Timestamp) -> view::ExplainedDuty {
    let duty = &graded.working.duty;
    let judgement = &graded.working.judgement;
    view::ExplainedDuty {
        kind: duty.kind.word().to_owned(),
        status: graded.status.word().to_owned(),
        subject: duty.subject.id.to_string(),
        answer: duty.answer.map(|key| key.id.to_string()),
        obliged: named_room(map, duty.obliged),
        towards: named_room(map, duty.towards),
        rules: judgement.findings.iter().map(|finding| rule(graded, finding, packs, now)).collect(),
        set_aside: judgement.set_aside.iter().map(set_aside).collect(),
    }
}

fn rule(graded: &Graded, finding: &Finding, packs: &[RulePack], now: Timestamp) -> view::ExplainedRule {
    let pack = packs.iter().find(|pack| pack.name == finding.pack && pack.version == finding.pack_version);
    let rule = pack.and_then(|pack| pack.rule(&finding.rule));
    let proven = graded.proven(finding);
    let until = finding.met.as_ref().map_or(Some(now), |met| met.latest.or(met.earliest));
    let due = finding.due.as_ref().and_then(|due| due.earliest.or(due.latest));
    view::ExplainedRule {
        rule: finding.rule.clone(),
        pack: finding.pack.clone(),
        pack_version: finding.pack_version,
        force: finding.force.word().to_owned(),
        channel: finding.channel.word().to_owned(),
        clause: finding.clause.clone(),
        says: rule.map(|rule| rule.clause.says.clone()).unwrap_or_default(),
        says_en: rule.map(|rule| rule.clause.says_en.clone()).unwrap_or_default(),
        limit: rule.map(|rule| rule.limit.to_string()).unwrap_or_default(),
        start_event: finding.start_event.word().to_owned(),
        basis: rule.map(|rule| rule.basis.word().to_owned()).unwrap_or_default(),
        start: finding.start.as_ref().map(moment),
        due: finding.due_at().map(rfc3339),
        stop_event: finding.stop_event.word().to_owned(),
        met: finding.met.as_ref().map(moment),
        margin_ms: due.zip(until).map(|(due, until)| due.as_ms().saturating_sub(until.as_ms())),
        verdict: finding.verdict.word().to_owned(),
        late_by_ms: finding.late_by_ms,
        sent_verdict: finding.sent_verdict.map(|verdict| verdict.word().to_owned()),
        cause: finding.cause.map(|cause| cause.word().to_owned()),
        proven_verdict: proven.map_or(Verdict::Undecidable, |one| one.verdict).word().to_owned(),
        proven_start: proven.and_then(|one| one.start.as_ref()).map(moment),
        proven_met: proven.and_then(|one| one.met.as_ref()).map(moment),
        alternative: finding.alternative.as_ref().map(alternative),
        flags: finding.flags.iter().map(Flag::to_string).collect(),
    }
}

fn alternative(other: &Alternative) -> view::OtherClock {
    view::OtherClock {
        start_event: other.event.word().to_owned(),
        start: moment(&other.start),
        due: other.due.map(rfc3339),
        verdict: other.verdict.word().to_owned(),
    }
}

fn moment(interval: &Interval) -> view::Moment {
    view::Moment {
        earliest: interval.earliest.map(rfc3339),
        latest: interval.latest.map(rfc3339),
        missing: interval.missing.clone(),
    }
}

fn set_aside(one: &SetAside) -> view::SetAsideRule {
    let reason = serde_json::to_value(&one.reason).unwrap_or_default();
    let detail: Vec<String> = reason
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "reason")
        .map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    view::SetAsideRule {
        rule: one.rule.clone(),
        pack: one.pack.clone(),
        clause: one.clause.clone(),
        reason: reason.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        detail: detail.join(" "),
    }
}
