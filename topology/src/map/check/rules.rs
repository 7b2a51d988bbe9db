//! What a plan says about rule packs and calendars: not too many, none twice, names that can be files.
//!
//! *Against:* a pack whose name leads out of the directory where packs are kept, two packs under one name and version, of
//! which one room would judge by the one and its neighbour by the other.

use std::{collections::BTreeSet, fmt::Display};

use crate::{Map, MapError, Plan};

/// Finds what is wrong with the rules in force.
pub(super) fn check(plan: &Plan, errors: &mut Vec<MapError>) {
    check_count(PACKS, plan.packs.len(), Map::PACKS_MAX, errors);
    check_count(CALENDARS, plan.calendars.len(), Map::CALENDARS_MAX, errors);
    check_repeats(PACKS, plan.packs.iter().map(|pack| format!("{}@{}", pack.name, pack.version)), errors);
    check_repeats(CALENDARS, plan.calendars.iter().map(|calendar| calendar.year), errors);
    let bad = plan.packs.iter().filter(|pack| !is_name(&pack.name));
    errors.extend(bad.map(|pack| MapError::PackName { found: pack.name.clone() }));
}

fn check_count(field: &'static str, found: usize, max: usize, errors: &mut Vec<MapError>) {
    if found > max {
        errors.push(MapError::TooManyRules { field, found, max });
    }
}

fn check_repeats<T: Ord + Display + Clone>(
    field: &'static str,
    entries: impl Iterator<Item = T>,
    errors: &mut Vec<MapError>,
) {
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(entry.clone()) {
            errors.push(MapError::RepeatedRules { field, what: entry.to_string() });
        }
    }
}

fn is_name(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

const PACKS: &str = "rule_packs";
const CALENDARS: &str = "calendars";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CalendarInForce, PackInForce, RuleDigest, map::fixture::seven_plan};

    fn pack(name: &str, version: u32) -> PackInForce {
        PackInForce { name: name.into(), version, digest: RuleDigest::from_bytes([1; 32]) }
    }

    #[test]
    fn versions_of_one_pack_stand_side_by_side_and_the_same_one_only_once() {
        let mut plan = Plan { packs: vec![pack("henan-2021", 1), pack("henan-2021", 2)], ..seven_plan() };
        assert!(Map::new(plan.clone()).is_ok());
        plan.packs.push(pack("henan-2021", 2));
        let errors = Map::new(plan).unwrap_err();
        let twice = MapError::RepeatedRules { field: PACKS, what: "henan-2021@2".into() };
        assert_eq!(errors.errors(), [twice]);
    }

    #[test]
    fn a_year_twice_too_many_years_and_a_name_with_a_path_are_refused() {
        let year = |year| CalendarInForce { year, digest: RuleDigest::from_bytes([2; 32]) };
        let calendars = (2000..2070).map(year).chain([year(2000)]).collect();
        let plan = Plan { packs: vec![pack("../x", 1)], calendars, ..seven_plan() };
        let errors = Map::new(plan).unwrap_err();
        for wanted in [
            MapError::TooManyRules { field: CALENDARS, found: 71, max: 64 },
            MapError::RepeatedRules { field: CALENDARS, what: "2000".into() },
            MapError::PackName { found: "../x".into() },
        ] {
            assert!(errors.errors().contains(&wanted), "{errors}");
        }
    }
}
