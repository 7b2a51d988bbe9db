//! The judge: one pure function over packs, calendars and facts. For each rule it asks in this order: is it in force and
//! about this case ([`applies`]); when did its clock start ([`start`]); when is it due ([`due`]); what stopped it
//! ([`stop`]); how do the two intervals lie ([`compare`]); and where a delay lies ([`cause`]).

mod applies;
mod binding;
mod cause;
mod compare;
mod due;
mod flags;
mod inherit;
mod start;
mod stop;
#[cfg(test)]
mod tests;

use super::{
    calendar::Calendars,
    condition::Trait,
    event::{Event, RuleKind},
    facts::Facts,
    finding::{Alternative, Finding, Flag, FlagName, Judgement, Reason, SetAside, Verdict},
    interval::Interval,
    mark::Mark,
    pack::RulePack,
    rule::{Basis, Channel, Rule},
};
use crate::timestamp::Timestamp;
use due::Due;

/// The moments at which a paper is on its way, though it may not have arrived.
const SENT: &[Mark] = &[Mark::SentAt, Mark::AcceptedAt];

/// Judges the facts by every rule that applies.
pub fn judge(packs: &[RulePack], calendars: &Calendars, facts: &Facts) -> Vec<Finding> {
    consider(packs, calendars, facts).findings
}

/// Judges the facts, and says of every rule that does not apply why not.
pub fn consider(packs: &[RulePack], calendars: &Calendars, facts: &Facts) -> Judgement {
    let mut judgement = Judgement::default();
    for pack in packs {
        for rule in &pack.rules {
            let case = Case { packs, pack, rule, calendars, facts, kind: facts.kind.unwrap_or(rule.kind) };
            match applies::check(&case) {
                Ok(started) => judgement.findings.push(case.finding(started)),
                Err(reason) => judgement.set_aside.push(SetAside {
                    rule: rule.id.clone(),
                    pack: pack.name.clone(),
                    clause: pack.cite(&rule.clause),
                    reason,
                }),
            }
        }
    }
    binding::mark(&mut judgement.findings);
    flags::warn_of_secrecy(packs, facts, &mut judgement.findings);
    judgement
}

/// One rule laid beside the facts.
struct Case<'a> {
    packs: &'a [RulePack],
    pack: &'a RulePack,
    rule: &'a Rule,
    calendars: &'a Calendars,
    facts: &'a Facts,
    kind: RuleKind,
}

/// When a clock started.
struct Started {
    event: Event,
    /// Absent when the facts do not tell.
    at: Option<Interval>,
    flags: Vec<Flag>,
}

impl Case<'_> {
    fn finding(&self, started: Started) -> Finding {
        let rule = self.rule;
        let mut finding = Finding {
            rule: rule.id.clone(),
            pack: self.pack.name.clone(),
            pack_version: self.pack.version,
            kind: rule.kind,
            force: rule.force,
            channel: rule.channel,
            clause: self.pack.cite(&rule.clause),
            start_event: started.event,
            start: started.at,
            stop_event: rule.stop,
            met: stop::stop(self, Mark::DeliveredAt),
            due: None,
            verdict: Verdict::Undecidable,
            late_by_ms: None,
            sent_verdict: None,
            cause: None,
            alternative: None,
            flags: started.flags,
        };
        self.decide(&mut finding);
        flags::tell(self, &mut finding);
        finding
    }

    /// Due, verdict, lateness and cause.
    fn decide(&self, finding: &mut Finding) {
        if let Some(step) = self.missing_step(finding) {
            finding.verdict = Verdict::Refused;
            finding.cause = Some(super::finding::Cause::Desk);
            finding.flags.push(Flag::with(FlagName::MissingStep, step));
        }
        let Some(start) = finding.start.clone() else {
            finding.flags.push(Flag::with(FlagName::MissingFact, finding.start_event.word()));
            return;
        };
        let (due, mut told) = self.due(&start);
        finding.flags.append(&mut told);
        match due {
            Due::At(due) => self.settle(finding, due),
            Due::NoNumber if finding.verdict != Verdict::Refused => {
                finding.verdict = Verdict::NoLimit;
                self.tell_elapsed(finding, &start);
            }
            Due::NoNumber | Due::Unknown => {}
        }
    }

    fn settle(&self, finding: &mut Finding, due: Interval) {
        finding.due = Some(due.clone());
        if finding.verdict == Verdict::Refused {
            return;
        }
        let now = self.facts.told_until();
        finding.verdict = compare::verdict(finding.met.as_ref(), &due, now);
        finding.sent_verdict = self.sent_verdict(&due, now);
        if finding.met.is_none() && self.facts.now.is_none() {
            finding.flags.push(Flag::new(FlagName::NowFromFacts));
        }
        if finding.verdict == Verdict::Late {
            let until = finding.met_at().or(now);
            finding.late_by_ms =
                until.zip(due.shown()).map(|(until, due)| until.as_ms().saturating_sub(due.as_ms()));
        }
        if matches!(finding.verdict, Verdict::Late | Verdict::Undecidable) {
            finding.cause = Some(cause::of(self, finding, &due));
        }
    }

    /// When the rule is due, by its own limit or by the one that it inherits, and what decided.
    fn due(&self, start: &Interval) -> (Due, Vec<Flag>) {
        if self.rule.limit == super::rule::Limit::Inherit {
            return inherit::due(self, start);
        }
        due::due(&self.rule.limit, self.pack, start, self)
    }

    /// The same rule judged by the first custody instead of the delivery.
    fn sent_verdict(&self, due: &Interval, now: Option<Timestamp>) -> Option<Verdict> {
        if !self.rule.stop.is_written_delivery() {
            return None;
        }
        let delivered = stop::written(self);
        if self.facts.moment(Mark::SentAt).is_none() && delivered.is_some() {
            return None;
        }
        Some(compare::verdict(stop::stop(self, Mark::SentAt).as_ref(), due, now))
    }

    /// The step that had to come before what was filed, if it did not.
    fn missing_step(&self, finding: &mut Finding) -> Option<String> {
        let requirement = self.rule.requires.as_ref()?;
        let is_asked = requirement.when.iter().all(|(name, wanted)| {
            self.facts.values(*name).is_some_and(|values| values.iter().any(|value| wanted.contains(value)))
        });
        if !is_asked {
            return None;
        }
        let step = format!("{} {}", requirement.step, requirement.step_en);
        let taken = self.moment_of(requirement.event);
        let filed = finding.met.as_ref().or_else(|| self.facts.first_known(SENT).map(|(_, at)| at));
        match (filed, taken) {
            (Some(_), None) => Some(step),
            (Some(filed), Some(taken)) => taken.is_after(filed.latest).then_some(step),
            (None, None) => {
                finding.flags.push(Flag::with(FlagName::NeedsStep, step));
                None
            }
            (None, Some(_)) => None,
        }
    }

    /// The moments that stand for an event. Facts without a kind tell of a whole case: there a reply has its own name, and
    /// what was merely delivered or telephoned is another paper's.
    fn marks(&self, event: Event) -> &'static [Mark] {
        match event.marks(self.kind) {
            [own, ..] if self.facts.kind.is_none() && *own != Mark::FiledAt => std::slice::from_ref(own),
            marks => marks,
        }
    }

    /// The first known of these moments.
    fn moment_of(&self, event: Event) -> Option<&Interval> {
        self.facts.first_known(self.marks(event)).map(|(_, at)| at)
    }

    /// Without a number: how long it took, or has taken.
    fn tell_elapsed(&self, finding: &mut Finding, start: &Interval) {
        if finding.met.is_none() {
            finding.flags.push(Flag::new(FlagName::Open));
        }
        let until = finding.met_at().or(self.facts.told_until());
        if let Some((until, start)) = until.zip(start.shown()).filter(|_| !self.rule.start.is_planned()) {
            let elapsed = until.as_ms().saturating_sub(start.as_ms());
            finding.flags.push(Flag::with(FlagName::Elapsed, elapsed));
        }
    }

    /// The verdict if the clock had started at another instant.
    fn verdict_from(&self, start: &Interval) -> (Option<Interval>, Verdict) {
        match self.due(start).0 {
            Due::At(due) => {
                let met = stop::stop(self, Mark::DeliveredAt);
                let verdict = compare::verdict(met.as_ref(), &due, self.facts.told_until());
                (Some(due), verdict)
            }
            Due::NoNumber => (None, Verdict::NoLimit),
            Due::Unknown => (None, Verdict::Undecidable),
        }
    }

    /// Whether the channel is satisfied by a call as well.
    const fn takes_calls(&self) -> bool {
        matches!(self.rule.channel, Channel::Any | Channel::Phone)
    }

    const fn is_implied(&self) -> bool {
        matches!(self.rule.basis, Basis::Implied)
    }
}
