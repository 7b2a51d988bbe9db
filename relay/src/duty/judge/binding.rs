//! Two limits on one thing, such as 批示当天 and 12 小时: the earlier binds, and both say so.

use super::{Finding, Flag, FlagName};

pub(super) fn mark(findings: &mut [Finding]) {
    let seen: Vec<Finding> = findings.to_vec();
    for finding in findings.iter_mut() {
        let Some(due) = finding.due_at() else { continue };
        let others = seen.iter().filter(|other| is_twin(finding, other));
        let Some(earliest) = others.filter_map(|other| Some((other.due_at()?, &other.rule))).min() else {
            continue;
        };
        if earliest.0 < due {
            finding.flags.push(Flag::with(FlagName::EarlierBinds, earliest.1));
        } else {
            finding.flags.push(Flag::new(FlagName::Binds));
        }
    }
}

fn is_twin(one: &Finding, other: &Finding) -> bool {
    one.rule != other.rule
        && one.pack == other.pack
        && (one.kind, one.start_event, one.stop_event, one.channel)
            == (other.kind, other.start_event, other.stop_event, other.channel)
}
