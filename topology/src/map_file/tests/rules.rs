//! Which rule packs and calendars a map file names.

use super::*;

#[test]
fn the_choice_of_rules_is_read_with_its_lines_and_is_open_where_the_file_says_nothing() {
    assert_eq!(rule_choice("map.toml", SOUND).unwrap(), RuleChoice::default());
    let rules = "version = 1\nrule_packs = [\n\"henan-2021\",\n\"./x.toml\"]\ncalendars = [2026]";
    let text = SOUND.replace("version = 1", rules);
    let choice = rule_choice("map.toml", &text).unwrap();
    let packs: Vec<_> = choice.packs.unwrap().into_iter().map(|one| (one.value, one.line)).collect();
    assert_eq!(packs, [("henan-2021".to_owned(), 4), ("./x.toml".to_owned(), 5)]);
    assert_eq!(choice.calendars.unwrap()[0].value, "2026");
    assert!(read(&text).unwrap().plan().packs.is_empty());
}

#[test]
fn a_choice_of_another_type_is_said_with_its_line() {
    assert_said("version = 1", "version = 1\nrule_packs = [3]", 3, &["rule_packs", "integer"]);
    assert_said("version = 1", "version = 1\ncalendars = [true]", 3, &["calendars", "boolean"]);
}

#[test]
fn the_rules_in_force_are_written_by_name_and_year() {
    let mut plan = read(SOUND).unwrap().plan().clone();
    let digest = crate::RuleDigest::from_bytes([1; 32]);
    let pack = |version| crate::PackInForce { name: "henan-2021".into(), version, digest };
    plan.packs = vec![pack(1), pack(2)];
    plan.calendars = vec![crate::CalendarInForce { year: 2026, digest }];
    let text = write(&Map::new(plan).unwrap());
    assert!(text.contains("rule_packs = [\"henan-2021\"]\ncalendars = [2026]\n"), "{text}");
}
