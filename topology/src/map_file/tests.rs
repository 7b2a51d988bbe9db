//! Every mistake that a map file can hold, with its line and its remedy; and the way back.

mod rules;

use super::*;
use crate::{Dated, MapError, map::fixture};

/// Ids in the order in which they are drawn.
fn counter() -> impl FnMut() -> RoomId {
    let mut next = 0;
    move || {
        next += 1;
        fixture::id(next)
    }
}

fn read(text: &str) -> Result<Map, MapFileErrors> {
    parse("map.toml", text, &mut counter(), 7)
}

/// Province (line 4), city (10) and county (17).
const SOUND: &str = r#"network = "henan"
version = 1

[[room]]
code = "410000"
name = "省"
level = "province"
address = "127.0.0.1:7100"

[[room]]
code = "410100"
name = "市"
level = "city"
parent = "410000"
address = "127.0.0.1:7101"

[[room]]
code = "410122"
name = "县"
level = "county"
parent = "410100"
"#;

/// What is said about the sound file after `from`, which stands there once, was turned into `to`.
fn said(from: &str, to: &str) -> Vec<String> {
    assert_eq!(SOUND.matches(from).count(), 1, "{from}");
    said_of(&SOUND.replace(from, to))
}

fn said_of(text: &str) -> Vec<String> {
    let errors = read(text).expect_err("the file is spoilt").to_string();
    errors.lines().map(String::from).collect()
}

/// That one thing is said, on this line, with these parts.
#[track_caller]
fn assert_said(from: &str, to: &str, line: usize, parts: &[&str]) {
    let said = said(from, to);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with(&format!("map.toml:{line}: ")), "{}", said[0]);
    for part in parts {
        assert!(said[0].contains(part), "{part:?} is missing in {}", said[0]);
    }
}

#[test]
fn a_sound_file_becomes_a_map() {
    let map = read(SOUND).unwrap();
    let county = map.room(map.resolve("410122").unwrap()).unwrap();
    assert_eq!((county.name().zh.as_str(), county.id), ("县", fixture::id(3)));
    assert_eq!(map.parent(county.id), Some(fixture::id(2)));
    assert_eq!((map.plan().issued_at_ms, map.version(), map.is_demo()), (7, 1, false));
}

#[test]
fn the_example_of_the_documentation_is_sound() {
    let documentation = include_str!("../map_file.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let example = documentation.skip_while(|line| *line != " ```toml").skip(1);
    let example: Vec<_> = example.take_while(|line| *line != " ```").collect();
    let map = read(&example.join("\n")).unwrap();
    assert_eq!(map.rooms().len(), 3);
    assert_eq!(map.bypassed(map.resolve("410322").unwrap(), map.root()).len(), 1);
}

#[test]
fn what_is_not_toml_is_reported_with_every_line() {
    let said =
        said_of(&SOUND.replace("version = 1", "version = ").replace("level = \"city\"", "level = \"city"));
    assert!(
        said[0].starts_with("map.toml:2: this is not TOML (") && said[0].contains("[[room]]"),
        "{said:#?}"
    );
    assert!(said.iter().any(|line| line.starts_with("map.toml:13: this is not TOML")), "{said:#?}");
}

#[test]
fn a_key_written_twice_is_reported() {
    assert_said("name = \"县\"", "name = \"县\"\nname = \"乡\"", 20, &["duplicate key"]);
}

#[test]
fn an_unknown_key_is_reported_with_the_one_that_was_meant() {
    assert_said(
        "version = 1",
        "version = 1\nnetwrok = 2",
        3,
        &["unknown key \"netwrok\"", "did you mean network?"],
    );
    assert_said("name = \"县\"", "nam = \"县\"\nname = \"县\"", 19, &["did you mean name?"]);
    assert_said(
        "name = \"县\"",
        "colour = 1\nname = \"县\"",
        19,
        &["\"colour\": known here are code, codes, name,"],
    );
    assert_said(
        "code = \"410122\"",
        "codes = [{ code = \"410122\", til = 1 }]",
        18,
        &["known here are code, from, to"],
    );
}

#[test]
fn what_must_be_there_is_asked_for_with_an_example() {
    assert_said(
        "network = \"henan\"\n",
        "",
        1,
        &["network is missing: write for example network = \"henan\""],
    );
    assert_said("version = 1\n", "", 1, &["version is missing: write for example version = 1"]);
    assert_said("code = \"410122\"\n", "", 17, &["code is missing: write for example code = \"410122\""]);
    assert_said("name = \"县\"\n", "", 17, &["name is missing: write for example name ="]);
    assert_said("level = \"county\"\n", "", 17, &["level is missing: write for example level = \"county\""]);
    let empty = said_of("network = \"henan\"\nversion = 1\n");
    assert_eq!(empty.len(), 1);
    assert!(empty[0].starts_with("map.toml:1: room is missing: write for example [[room]]"), "{empty:?}");
}

#[test]
fn a_value_of_another_type_is_reported_with_an_example() {
    assert_said(
        "version = 1",
        "version = \"1\"",
        2,
        &["version is of type string here: write for example version = 1"],
    );
    assert_said("version = 1", "version = -1", 2, &["version is of type integer here"]);
    assert_said("version = 1", "version = 1\ndemo = \"no\"", 3, &["demo is of type string"]);
    assert_said("level = \"city\"", "level = 2", 13, &["level is of type integer here"]);
    assert_said(
        "parent = \"410100\"",
        "parent = 410100",
        21,
        &["parent is of type integer", "parent = \"410100\""],
    );
    let list = "parent = \"410100\"\nalternates = [\n\"410000\",\n5]";
    assert_said("parent = \"410100\"", list, 24, &["alternates is of type integer here"]);
    assert_said(
        "code = \"410122\"",
        "codes = [\"410122\"]",
        18,
        &["codes is of type string here", "codes = [{ code"],
    );
    let date = "parent = \"410100\"\nvalid_from = true";
    assert_said("parent = \"410100\"", date, 22, &["valid_from is of type boolean"]);
}

#[test]
fn a_value_that_means_nothing_is_reported_with_what_is_wanted() {
    assert_said(
        "level = \"city\"",
        "level = \"citty\"",
        13,
        &["level \"citty\": not a level: province, city, county"],
    );
    assert_said(
        "code = \"410122\"",
        "code = \"41012\"",
        18,
        &["code \"41012\": not a room code: the 6 digits"],
    );
    assert_said(
        "name = \"县\"",
        "name = \"县\"\nid = \"abc\"",
        20,
        &["id \"abc\": not a room id: 26 characters"],
    );
    let relation = "name = \"县\"\nrelations = [\n  { kind = \"friend\", room = \"410000\" },\n]";
    assert_said(
        "name = \"县\"",
        relation,
        21,
        &["kind \"friend\": not a relation: territorial_superior, line_superior"],
    );
    let date = "name = \"县\"\nvalid_to = \"2021-02-30\"";
    assert_said(
        "name = \"县\"",
        date,
        20,
        &["valid_to \"2021-02-30\": not a day of the calendar: write year-month-day"],
    );
    assert_said("network = \"henan\"", "network = \"He nan\"", 1, &["no DNS label: write 1 to 20 of a-z"]);
    assert_said("version = 1", "version = 0", 2, &["begin with 1"]);
    assert_said("name = \"县\"", "name = \"\"", 19, &["write it plainly"]);
    assert_said("\"127.0.0.1:7101\"", "\"127.0.0.1\"", 15, &["write \"host:port\""]);
}

#[test]
fn the_short_and_the_long_form_exclude_each_other() {
    let both = "code = \"410122\"\ncodes = [{ code = \"410122\" }]";
    assert_said("code = \"410122\"", both, 18, &["code and codes exclude each other: keep one of them"]);
    let both = "name = \"县\"\nnames = [{ name = \"县\" }]";
    assert_said("name = \"县\"", both, 19, &["name and names exclude each other"]);
    let both = "name_en = \"county\"\nnames = [{ name = \"县\" }]";
    assert_said("name = \"县\"", both, 19, &["name_en and names exclude each other"]);
}

#[test]
fn an_empty_list_of_codes_or_names_is_reported() {
    assert_said("code = \"410122\"", "codes = []", 18, &["has no code: give it its division code"]);
    assert_said("name = \"县\"", "names = []", 19, &["has no name: give it one"]);
}

#[test]
fn an_unknown_parent_is_reported_once_with_the_nearest_rooms() {
    let parts = ["parent: no room is \"410199\"", "did you mean 410100 市"];
    assert_said("parent = \"410100\"", "parent = \"410199\"", 21, &parts);
}

#[test]
fn an_ambiguous_parent_is_reported() {
    let said = said_of(&SOUND.replace("parent = \"410100\"", "parent = \"市\"").replace("\"县\"", "\"市\""));
    assert!(said[0].starts_with(
        "map.toml:21: parent: 2 rooms may be meant by \"市\": write the code of one, 410100 市"
    ));
}

#[test]
fn an_unknown_or_useless_alternate_is_reported_with_its_own_line() {
    let with = |alternates: &str| format!("parent = \"410100\"\nalternates = {alternates}");
    assert_said(
        "parent = \"410100\"",
        &with("[\n\"410000\",\n\"411300\"]"),
        24,
        &["alternates: no room is \"411300\""],
    );
    assert_said("parent = \"410100\"", &with("[\"410122\"]"), 22, &["410122 县 is its own alternate parent"]);
    assert_said(
        "parent = \"410100\"",
        &with("[\"410100\"]"),
        22,
        &["has 410100 市 as a parent twice: keep it once"],
    );
    let below = "parent = \"410000\"\nalternates = [\"410122\"]";
    let below = said("parent = \"410000\"", below);
    assert!(below[0].starts_with("map.toml:15: 410122 县 is in the subtree of 410100 市"), "{below:#?}");
    assert!(
        below[1].starts_with("map.toml:18: 410122 县 is a hub") && below[1].contains("give it one"),
        "{below:#?}"
    );
}

#[test]
fn a_bad_relation_is_reported_with_its_own_line() {
    let with = |relation: &str| format!("name = \"县\"\nrelations = [\n{relation}]");
    assert_said(
        "name = \"县\"",
        &with("{ kind = \"peer\", room = \"411300\" }"),
        21,
        &["relations: no room is \"411300\""],
    );
    assert_said(
        "name = \"县\"",
        &with("{ kind = \"peer\", room = \"410122\" }"),
        21,
        &["has a relation to itself"],
    );
    assert_said(
        "name = \"县\"",
        &with("{ room = \"410000\" }"),
        21,
        &["kind is missing: write for example kind = \"peer\""],
    );
    assert_said(
        "name = \"县\"",
        &with("{ kind = \"peer\" }"),
        21,
        &["room is missing: write for example room ="],
    );
    assert_said(
        "name = \"县\"",
        &with("{ kind = \"peer\", rom = \"410000\", room = \"410000\" }"),
        21,
        &["did you mean room?"],
    );
}

#[test]
fn two_roots_are_reported_at_the_second() {
    let said = said("parent = \"410000\"\n", "");
    assert_eq!(said, ["map.toml:10: two roots, 410000 省 and 410100 市: give one of them a parent"]);
}

#[test]
fn a_circle_is_reported_with_its_rooms_and_the_missing_root() {
    let said = said("level = \"province\"", "level = \"province\"\nparent = \"410122\"");
    assert!(said[0].contains("there is no root: exactly one room must have no parent"), "{said:#?}");
    let circle = "map.toml:8: parents lead in a circle, 410000 → 410122 → 410100 → 410000: give one of these";
    assert!(said[1].starts_with(circle), "{said:#?}");
}

#[test]
fn a_duplicate_code_is_reported_at_the_second_room() {
    let said = said_of(&format!(
        "{SOUND}[[room]]\ncode = \"410122\"\nname = \"乡\"\nlevel = \"township\"\nparent = \"410100\"\n"
    ));
    let expected = "map.toml:23: code 410122 belongs to 410122 县 and at the same time to 410122 乡: correct one, \
                    or date them apart";
    assert_eq!(said, [expected]);
}

#[test]
fn a_duplicate_id_is_reported_at_the_second_room() {
    let id = fixture::id(9);
    let text = SOUND.replace("name = \"市\"", &format!("name = \"市\"\nid = \"{id}\""));
    let said = said_of(&text.replace("name = \"县\"", &format!("name = \"县\"\nid = \"{id}\"")));
    assert!(said.contains(&"map.toml:21: 410122 县 has the id of 410100 市: an id belongs to one room for ever, draw another one".into()), "{said:#?}");
}

#[test]
fn a_hub_without_address_is_reported_at_its_beginning() {
    assert_said(
        "address = \"127.0.0.1:7101\"\n",
        "",
        10,
        &["410100 市 is a hub (410122 县 dials it)", "give it one"],
    );
}

#[test]
fn dates_that_are_turned_round_are_reported() {
    let codes = "codes = [\n{ code = \"410122\", from = \"2021-03-18\", to = \"2021-03-17\" }]";
    assert_said("code = \"410122\"", codes, 19, &["codes ends before it begins: turn the two dates round"]);
    let room = "name = \"县\"\nvalid_from = \"2021-03-19\"\nvalid_to = \"2021-03-17\"";
    assert_said("name = \"县\"", room, 20, &["valid_to ends before it begins"]);
}

#[test]
fn a_tree_that_is_too_deep_is_reported_at_the_parent() {
    let mut text = SOUND.to_string();
    for n in 0..5 {
        let parent = if n == 0 { 410122 } else { 420000 + n - 1 };
        let code = 420000 + n;
        text += &format!(
            "[[room]]\ncode = \"{code}\"\nname = \"r\"\nlevel = \"township\"\nparent = \"{parent}\"\naddress = \"h:1\"\n"
        );
    }
    text = text.replace("name = \"县\"", "name = \"县\"\naddress = \"h:1\"");
    let said = said_of(&text);
    assert_eq!(
        said,
        ["map.toml:51: 420004 r is on level 8, the tree has at most 7: hang it under a higher hub"]
    );
}

#[test]
fn everything_is_reported_at_once_in_the_order_of_the_lines() {
    let text = SOUND
        .replace("version = 1", "version = 0")
        .replace("level = \"province\"", "level = \"provinz\"")
        .replace("127.0.0.1:7101", "nowhere")
        .replace("parent = \"410100\"", "parent = \"419999\"");
    let lines: Vec<_> = read(&text).unwrap_err().errors().iter().map(|error| error.line).collect();
    assert_eq!(lines, [2, 7, 15, 21]);
}

#[test]
fn a_flood_of_mistakes_is_cut_where_nobody_reads_on() {
    let flood = format!("{SOUND}{}", "[[room]]\n".repeat(100));
    let errors = read(&flood).unwrap_err();
    assert!(errors.errors().len() > 300);
    let text = errors.to_string();
    assert_eq!(text.lines().count(), 51);
    assert!(text.ends_with("more; correct these first"), "{text}");
}

#[test]
fn programs_can_tell_the_problems_apart() {
    let errors = read(&SOUND.replace("parent = \"410000\"\n", "")).unwrap_err();
    assert_eq!(errors.file(), "map.toml");
    assert!(matches!(errors.errors()[0].problem, MapFileProblem::Map(MapError::TwoRoots { .. })));
    assert!(errors.errors()[0].to_string().starts_with("line 10: two roots"));
}

#[test]
fn any_text_is_answered_without_panic() {
    let chars: Vec<char> = SOUND.chars().collect();
    for cut in 0..chars.len() {
        let _ = read(&chars[..cut].iter().collect::<String>());
        let without: String = chars[..cut].iter().chain(&chars[cut + 1..]).collect();
        let _ = read(&without);
    }
    for odd in [
        "\u{0}",
        "[[room]]",
        "room = 5",
        "room = []",
        "room = [[]]",
        "[room]",
        "\u{feff}",
        "[[room]]\ncode.a = 1",
    ] {
        assert!(read(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn a_date_is_a_beijing_day_in_text_or_as_toml_or_an_instant() {
    let midnight = midnight_ms("2016-01-01").unwrap();
    for (to, from) in [("\"2015-12-31\"", "\"2016-01-01\""), ("2015-12-31", "2016-01-01")] {
        let codes =
            format!("codes = [{{ code = \"610823\", to = {to} }}, {{ code = \"610803\", from = {from} }}]");
        let map = read(&SOUND.replace("code = \"410122\"", &codes)).unwrap();
        let room = map.room(map.resolve("610823").unwrap()).unwrap();
        assert_eq!(room.code_at(midnight - 1).unwrap().to_string(), "610823");
        assert_eq!(room.code_at(midnight).unwrap().to_string(), "610803");
    }
    let map = read(&SOUND.replace("name = \"县\"", "name = \"县\"\nvalid_to = 1234")).unwrap();
    assert_eq!(map.room(fixture::id(3)).unwrap().valid_to_ms, Some(1234));
}

#[test]
fn a_room_may_be_mentioned_by_past_code_name_or_id() {
    let codes =
        "codes = [{ code = \"410199\", to = \"2015-12-31\" }, { code = \"410100\", from = \"2016-01-01\" }]";
    for mention in ["410199", "市", &fixture::id(2).to_string()] {
        let text = SOUND.replace("code = \"410100\"", codes);
        let text = text.replace("parent = \"410100\"", &format!("parent = \"{mention}\""));
        assert_eq!(read(&text).unwrap().parent(fixture::id(3)), Some(fixture::id(2)), "{mention}");
    }
}

#[test]
fn a_map_reads_back_equal_from_what_is_written() {
    let demo = parse("demo", crate::henan::DEMO_MAP, &mut counter(), 7).unwrap();
    let real_size = Map::new(crate::henan::plan(&mut counter(), 7)).unwrap();
    let mut no_id = || -> RoomId { panic!("every id is written") };
    for map in [demo, real_size, odd_map()] {
        let text = write(&map);
        let back = parse("written", &text, &mut no_id, 7).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert_eq!(back.plan(), map.plan(), "{text}");
    }
}

/// Everything that is not in the ordinary maps: instants inside a day, quotes, and two rooms of which
/// the codes do not tell which is meant.
fn odd_map() -> Map {
    let mut plan = fixture::seven_plan();
    plan.issued_at_ms = 7;
    let room = &mut plan.rooms[3];
    room.codes[0] = Dated { to_ms: Some(5), ..room.codes[0].clone() };
    (room.valid_from_ms, room.valid_to_ms) = (Some(i64::MIN), Some(5));
    room.names[0].value.zh = "a \"name\" \\ with '''quotes'''".into();
    room.telephone = Some("\u{7}\n".into());
    plan.rooms[4].codes[0] = Dated { value: "410122".parse().unwrap(), from_ms: Some(5), to_ms: Some(9) };
    let later = Dated { from_ms: Some(i64::MAX), ..plan.rooms[4].names[0].clone() };
    plan.rooms[4].names.push(later);
    let relation = |kind, code| crate::Relation { kind, room: fixture::id(code) };
    plan.rooms[6].relations = vec![
        relation(crate::RelationKind::Peer, 410122),
        relation(crate::RelationKind::LineSuperior, 411322),
        relation(crate::RelationKind::PartyCommittee, 411323),
    ];
    Map::new(plan).unwrap()
}
