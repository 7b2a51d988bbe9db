//! A rule without a limit of its own takes the strictest one that any other given pack has for the same kind of paper
//! and this case, and whose force is not weaker: 力争 of one document is no 必须 of another. With no such pack there is no
//! limit, and none is invented.

use super::{Case, Due, Flag, FlagName, Interval, applies, due};

pub(super) fn due(case: &Case<'_>, start: &Interval) -> (Due, Vec<Flag>) {
    let mut best: Option<(Interval, Vec<Flag>)> = None;
    let mut unknown = None;
    for (pack, rule) in upper_rules(case) {
        let (found, mut flags) = due::due(&rule.limit, pack, start, case);
        flags.insert(0, Flag::with(FlagName::Inherited, &rule.id));
        match found {
            Due::At(due) if best.as_ref().is_none_or(|(best, _)| due.latest < best.latest) => {
                best = Some((due, flags));
            }
            Due::Unknown => unknown = Some(flags),
            Due::At(_) | Due::NoNumber => {}
        }
    }
    match (best, unknown) {
        (Some((due, flags)), None) => (Due::At(due), flags),
        // One of the limits is not known: it may be the strictest.
        (_, Some(flags)) => (Due::Unknown, flags),
        (None, None) => (Due::NoNumber, vec![Flag::new(FlagName::NoUpperPack)]),
    }
}

/// The rules with a number of all other packs in force that are about the same kind, the same start and this case.
fn upper_rules<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a super::RulePack, &'a super::Rule)> {
    let (kind, start, force, own) = (case.rule.kind, case.rule.start, case.rule.force, case.pack);
    let (packs, facts) = (case.packs, case.facts);
    let at = applies::decisive_instant(case);
    packs
        .iter()
        .filter(move |pack| pack.name != own.name && at.is_none_or(|at| pack.is_in_force(at)))
        .flat_map(|pack| pack.rules.iter().map(move |rule| (pack, rule)))
        .filter(move |(_, rule)| {
            rule.kind == kind && rule.start == start && rule.force <= force && rule.has_number()
        })
        .filter(move |(_, rule)| applies::check_conditions(rule, facts).is_ok())
}
