//! Whether a pack contradicts itself, and whether it loosens the pack on which it is based.
//!
//! Two rules speak of the same thing when kind, start, stop and channel are the same and some case meets the conditions
//! of both. Two such rules of the same force must not name different limits, unless the narrower of the two is the
//! tighter one. A rule that speaks of the same thing as one of the base must not be slower, weaker or narrower.

use std::slice::from_ref;

use super::{fault::PackProblem, head::Places, reader::Reader};
use crate::duty::{
    condition::Conditions,
    event::Event,
    pack::{NaturalDays, RulePack, WorkingDays},
    rule::{Channel, DayUnit, Limit, Requirement, Rule},
};

/// Reports rules that contradict each other.
pub(super) fn check_itself(reader: &mut Reader, pack: &RulePack, places: &Places) {
    for (nth, rule) in pack.rules.iter().enumerate() {
        if !rule.applies.is_empty() && rule.applies.iter().all(|one| excludes(one, &rule.assumes)) {
            let (subject, other) = (rule.id.clone(), "assumes".to_owned());
            let why = "no case meets applies and assumes both: correct one of the two".to_owned();
            reader.report(place(places, &rule.id), PackProblem::Contradiction { subject, other, why });
        }
        for earlier in &pack.rules[..nth] {
            if let Some(why) = contradiction(earlier, rule) {
                let (subject, other) = (rule.id.clone(), earlier.id.clone());
                reader.report(place(places, &rule.id), PackProblem::Contradiction { subject, other, why });
            }
        }
    }
}

/// Reports what is looser than the base of this name.
pub(super) fn check_on(
    reader: &mut Reader,
    pack: &RulePack,
    places: &Places,
    bases: &[RulePack],
    name: &str,
) {
    if name == pack.name {
        let remedy =
            "a pack cannot be its own base: it would set its own rules aside; name the pack that it tightens"
                .to_owned();
        let problem = PackProblem::BadValue { key: "base".to_owned(), found: name.to_owned(), remedy };
        reader.report(place(places, "[base]"), problem);
        return;
    }
    let Some(base) = bases.iter().filter(|base| base.name == name).max_by_key(|base| base.version) else {
        let remedy = "no such pack is known here: give its file with --base, or correct the name".to_owned();
        let problem = PackProblem::BadValue { key: "base".to_owned(), found: name.to_owned(), remedy };
        reader.report(place(places, "[base]"), problem);
        return;
    };
    check_base(reader, pack, places, base);
}

fn place(places: &Places, key: &str) -> usize {
    places.get(key).copied().unwrap_or(0)
}

/// Why two rules of one pack cannot both be.
fn contradiction(one: &Rule, two: &Rule) -> Option<String> {
    let is_same = one.force == two.force && is_same_thing(one, two);
    if !is_same || one.limit == two.limit {
        return None;
    }
    let (one_in_two, two_in_one) =
        (is_within(&one.applies, &two.applies), is_within(&two.applies, &one.applies));
    let tighter = |narrow: &Rule, wide: &Rule| speed(&narrow.limit, &wide.limit) == Some(Speed::Tighter);
    let is_refined =
        (one_in_two && !two_in_one && tighter(one, two)) || (two_in_one && !one_in_two && tighter(two, one));
    let is_numbered = one.has_number() && two.has_number();
    (is_numbered && !is_refined).then(|| {
        format!(
            "both are {} for the same cases, with different limits: merge them, or separate their conditions",
            one.force.word()
        )
    })
}

fn is_same_thing(one: &Rule, two: &Rule) -> bool {
    one.kind == two.kind
        && one.start == two.start
        && one.stop == two.stop
        && one.channel == two.channel
        && overlaps(&one.applies, &two.applies)
        && !excludes(&one.assumes, &two.assumes)
}

/// Whether some case can meet both.
fn overlaps(one: &[Conditions], two: &[Conditions]) -> bool {
    let always = [Conditions::new()];
    let one = if one.is_empty() { &always } else { one };
    let two = if two.is_empty() { &always } else { two };
    one.iter().any(|one| two.iter().any(|two| !excludes(one, two)))
}

/// Whether one trait is wanted with values that have nothing in common.
fn excludes(one: &Conditions, two: &Conditions) -> bool {
    one.iter().any(|(name, values)| {
        two.get(name).is_some_and(|others| !values.iter().any(|value| others.contains(value)))
    })
}

/// Whether every case that meets the first meets the second.
fn is_within(narrow: &[Conditions], wide: &[Conditions]) -> bool {
    let is_covered = |one: &Conditions, other: &Conditions| {
        other.iter().all(|(name, wanted)| {
            one.get(name).is_some_and(|values| values.iter().all(|value| wanted.contains(value)))
        })
    };
    if wide.is_empty() {
        return true;
    }
    !narrow.is_empty() && narrow.iter().all(|one| wide.iter().any(|other| is_covered(one, other)))
}

#[derive(Debug, PartialEq, Eq)]
enum Speed {
    Tighter,
    Same,
    Slower,
    /// One of them is no number of this sort.
    Unlike,
}

/// How the first limit stands to the second; nothing when the second has no number, so that anything tightens it.
fn speed(one: &Limit, two: &Limit) -> Option<Speed> {
    let order = |smaller_is_tighter: bool, one: i64, two: i64| match one.cmp(&two) {
        std::cmp::Ordering::Equal => Speed::Same,
        std::cmp::Ordering::Less if smaller_is_tighter => Speed::Tighter,
        std::cmp::Ordering::Greater if !smaller_is_tighter => Speed::Tighter,
        std::cmp::Ordering::Less | std::cmp::Ordering::Greater => Speed::Slower,
    };
    Some(match (one, two) {
        (_, Limit::None | Limit::Inherit | Limit::Asap | Limit::CutoffTime { minute: None }) => return None,
        (Limit::Within { duration_ms: one }, Limit::Within { duration_ms: two }) => order(true, *one, *two),
        (Limit::Before { count: one, unit }, Limit::Before { count: two, unit: other }) => {
            // A working day is at least a natural one; as many of them may be a day less, where they are read loosely.
            let is_longer_unit = *unit == DayUnit::WorkingDay && *other == DayUnit::NaturalDay;
            match order(false, i64::from(*one), i64::from(*two)) {
                speed if unit == other => speed,
                Speed::Tighter if is_longer_unit => Speed::Tighter,
                Speed::Tighter | Speed::Same | Speed::Slower | Speed::Unlike => Speed::Unlike,
            }
        }
        (Limit::Before { .. }, Limit::BeforeStart | Limit::EndOfDay) => Speed::Tighter,
        (Limit::CutoffTime { minute: Some(one) }, Limit::CutoffTime { minute: Some(two) }) => {
            order(true, i64::from(*one), i64::from(*two))
        }
        (Limit::CutoffTime { minute: Some(_) }, Limit::EndOfDay) => Speed::Tighter,
        (Limit::CutoffDay { month, day }, Limit::CutoffDay { month: other, day: other_day }) => order(
            true,
            i64::from(*month) * 31 + i64::from(*day),
            i64::from(*other) * 31 + i64::from(*other_day),
        ),
        // Within half a day ends with the day only when it starts early enough: 12 h against 当天 is unlike.
        (one, two) if one == two => Speed::Same,
        _ => Speed::Unlike,
    })
}

fn check_base(reader: &mut Reader, pack: &RulePack, places: &Places, base: &RulePack) {
    let mut loosens = |at: &str, other: &str, why: String| {
        let (subject, other, base) =
            (at.trim_matches(['[', ']']).to_owned(), other.to_owned(), base.name.clone());
        reader.report(place(places, at), PackProblem::Loosens { subject, other, base, why });
    };
    for rule in &pack.rules {
        for upper in base.rules.iter().filter(|upper| upper.id == rule.id || speaks_of(rule, upper)) {
            if let Some(why) = loosening(rule, upper) {
                loosens(&rule.id, &upper.id, why);
            }
        }
    }
    for duty in &pack.duties {
        let Some(upper) = base.duty(&duty.id) else { continue };
        if upper.retention_days > duty.retention_days || upper.min_on_watch > duty.min_on_watch {
            loosens(&duty.id, &upper.id, "its number is lower".to_owned());
        }
        if upper.copy_to.iter().any(|room| !duty.copy_to.contains(room)) {
            loosens(&duty.id, &upper.id, "it sends fewer copies".to_owned());
        }
    }
    for (why, is_looser) in [
        ("working_days is read loosely", is_looser_working(pack, base)),
        ("natural_days are read inclusively", is_looser_natural(pack, base)),
        ("implied_start is later", is_later_start(pack, base)),
    ] {
        if is_looser {
            loosens("[switches]", "switches", why.to_owned());
        }
    }
}

fn is_looser_working(pack: &RulePack, base: &RulePack) -> bool {
    pack.switches.working_days == WorkingDays::Loose && base.switches.working_days == WorkingDays::Strict
}

fn is_looser_natural(pack: &RulePack, base: &RulePack) -> bool {
    pack.switches.natural_days == NaturalDays::Inclusive
        && base.switches.natural_days == NaturalDays::Exclusive
}

fn is_later_start(pack: &RulePack, base: &RulePack) -> bool {
    pack.switches.implied_start == Event::Learned && base.switches.implied_start == Event::Occurrence
}

/// Whether a local rule of another name speaks of what the upper one settles.
fn speaks_of(rule: &Rule, upper: &Rule) -> bool {
    let is_channel = rule.channel == upper.channel || upper.channel == Channel::Any;
    rule.kind == upper.kind
        && is_channel
        && overlaps(&rule.applies, &upper.applies)
        && !excludes(&rule.assumes, &upper.assumes)
        && rule.has_number()
        && upper.has_number()
        && rule.force <= upper.force
}

/// What the upper rule demands and this one does not.
fn loosening(rule: &Rule, upper: &Rule) -> Option<String> {
    let is_same_id = rule.id == upper.id;
    if rule.force > upper.force {
        return Some(format!("{} became {}", upper.force.word(), rule.force.word()));
    }
    match speed(&rule.limit, &upper.limit) {
        None if is_same_id && falls_silent(&rule.limit, &upper.limit) => {
            return Some(format!("{} became {}", upper.limit, rule.limit));
        }
        Some(Speed::Slower) => return Some("its limit is longer".to_owned()),
        Some(Speed::Unlike) if is_same_id => {
            return Some("its limit is of another sort, so that it can end later".to_owned());
        }
        Some(Speed::Tighter | Speed::Same | Speed::Unlike) | None => {}
    }
    if is_same_id {
        return narrowing(rule, upper);
    }
    let is_later = rule.start == Event::Learned && upper.start == Event::Occurrence;
    is_later.then(|| "its clock starts later".to_owned())
}

/// Whether what had no number of its own is asked for even less: 第一时间 that is no longer said, a limit of an upper pack
/// that no longer holds, whatever number stands in its place. A tighter number has a rule of its own.
fn falls_silent(limit: &Limit, upper: &Limit) -> bool {
    matches!((upper, limit), (Limit::Asap, Limit::Inherit | Limit::None))
        || (matches!(upper, Limit::Inherit) && !matches!(limit, Limit::Inherit))
}

/// How a rule that takes the place of an upper one catches less.
fn narrowing(rule: &Rule, upper: &Rule) -> Option<String> {
    let is_channel = rule.channel == upper.channel || upper.channel == Channel::Any;
    let is_stop = rule.stop == upper.stop
        || (upper.channel == Channel::Any && Event::phone_twin(rule.kind) == Some(rule.stop));
    if rule.kind != upper.kind || rule.start != upper.start || !is_stop {
        return Some("it starts or stops at another event".to_owned());
    }
    if !is_channel {
        return Some("it allows another channel".to_owned());
    }
    if !is_within(&upper.applies, &rule.applies) || !takes_as_much_for_granted(&rule.assumes, &upper.assumes)
    {
        return Some("it applies to fewer cases".to_owned());
    }
    let asks = |step: &Requirement| {
        upper.requires.as_ref().is_some_and(|upper| {
            step.event == upper.event && is_within(from_ref(&upper.when), from_ref(&step.when))
        })
    };
    if upper.requires.is_some() && !rule.requires.as_ref().is_some_and(asks) {
        return Some("the step that had to come first is not asked for".to_owned());
    }
    let lacks = upper.required_fields.iter().any(|field| !rule.required_fields.contains(field));
    lacks.then(|| "it asks for fewer elements".to_owned())
}

/// Whether no case is let go that the upper rule holds: what is taken for granted there may only be widened.
fn takes_as_much_for_granted(assumes: &Conditions, upper: &Conditions) -> bool {
    assumes.iter().all(|(name, values)| {
        upper.get(name).is_some_and(|wanted| wanted.iter().all(|value| values.contains(value)))
    })
}
