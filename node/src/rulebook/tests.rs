//! From the words of a map file to what is signed, and what is refused on the way.

use std::path::PathBuf;

use certs::signature::SimulationSigner;
use relay::timestamp::Timestamp;
use topology::{Map, map_file};

use super::*;

const ROOT: RoomId = RoomId::from_bytes([1; 16]);
const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000); // September 2026

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What a map file with these lines puts in force after `before`.
    fn make(&self, lines: &str, before: &SignedRules) -> Result<SignedRules, Problem> {
        let text = format!(
            "network = \"henan\"\nversion = 1\n{lines}\n[[room]]\ncode = \"410000\"\nname = \"省\"\nlevel = \"province\"\n"
        );
        let path = self.write("map.toml", &text);
        let map: Map = map_file::parse("map.toml", &text, &mut || ROOT, 0).unwrap();
        let wish = Wish::read(&path, &map, NOW)?;
        SignedRules::make(&wish, before, ROOT, &SimulationSigner::new(ROOT))
    }
}

fn names(rules: &SignedRules) -> Vec<String> {
    rules.contents().iter().map(|pack| format!("{}@{}", pack.name, pack.version)).collect()
}

fn years(rules: &SignedRules) -> Vec<i16> {
    rules.years().iter().map(|year| year.year).collect()
}

fn local(version: u32, limit: &str) -> String {
    format!(
        "name = \"local\"\nversion = {version}\ntitle = \"本地\"\ndocument = \"本〔2026〕1号\"\ntarget = \"省\"\n\
         base = \"henan-2021\"\nissued = \"2026-01-01\"\n\
         [[rule]]\nid = \"hn.report.l3\"\nkind = \"report.first\"\nforce = \"must\"\nchannel = \"any\"\n\
         start = \"occurrence\"\nbasis = \"stated\"\nstop = \"delivered\"\nlimit = \"{limit}\"\n\
         applies = {{ severity = [\"较大\"] }}\nplace = \"一\"\nsays = \"较大\"\nquote = \"较大\"\n"
    )
}

const BOTH: &str = "rule_packs = [\"henan-2021\", \"./local.toml\"]";

#[test]
fn a_file_that_says_nothing_gets_its_divisions_packs_and_the_years_around() {
    let made = Place::new().make("", &SignedRules::default()).unwrap();
    assert_eq!(names(&made), ["cn-baseline-2024@1", "henan-2021@1"]);
    assert_eq!(years(&made), [2025, 2026]);
}

#[test]
fn what_has_not_changed_keeps_its_signature_and_a_newer_version_stands_beside_the_former() {
    let place = Place::new();
    place.write("local.toml", &local(1, "PT45M"));
    let first = place.make(BOTH, &SignedRules::default()).unwrap();
    place.write("local.toml", &local(2, "PT30M"));
    let second = place.make(BOTH, &first).unwrap();
    assert_eq!(names(&second), ["henan-2021@1", "local@1", "local@2"]);
    assert_eq!(second.packs[..2], first.packs[..2]);
    // By name, as `map show` writes it, it is the newest in force.
    let third = place.make("rule_packs = [\"henan-2021\", \"local\"]", &second).unwrap();
    assert_eq!(third.packs, second.packs);
}

#[test]
fn a_pack_that_loosens_its_base_is_refused_with_its_line() {
    let place = Place::new();
    place.write("local.toml", &local(1, "PT2H"));
    let problem = place.make(BOTH, &SignedRules::default()).unwrap_err();
    assert_eq!(problem.code, "rules_pack_invalid");
    assert!(problem.details["detail"].contains("local.toml:9: "), "{problem}");
}

#[test]
fn another_text_under_a_version_in_force_is_refused_with_the_maps_line() {
    let place = Place::new();
    place.write("local.toml", &local(1, "PT45M"));
    let first = place.make(BOTH, &SignedRules::default()).unwrap();
    place.write("local.toml", &local(1, "PT30M"));
    let problem = place.make(BOTH, &first).unwrap_err();
    assert!(problem.details["detail"].contains("map.toml:3: local is in force as version 1"), "{problem}");
}

#[test]
fn unknown_names_years_without_data_and_a_base_that_is_not_chosen_are_refused() {
    let place = Place::new();
    place.write("local.toml", &local(1, "PT45M"));
    for (lines, said) in [
        ("rule_packs = [\"atlantis\"]", ":3: no rule pack \"atlantis\""),
        ("rule_packs = [\"henan-2021\", \"henan-2021\"]", ":3: the pack henan-2021 is chosen twice"),
        ("rule_packs = [\"./local.toml\"]", ":3: local stands on henan-2021"),
        ("rule_packs = []\ncalendars = [2099]", ":4: there is no calendar of \"2099\""),
    ] {
        let problem = place.make(lines, &SignedRules::default()).unwrap_err();
        assert!(problem.details["detail"].contains(said), "{problem}");
    }
}

#[test]
fn a_year_from_a_file_is_signed_and_stays_where_the_file_says_nothing_later() {
    let place = Place::new();
    place.write("2027.toml", "year = 2027\nsource = \"国办\"\noff = [\"2027-01-01\"]\nwork = []\n");
    let first = place.make("calendars = [2026, \"./2027.toml\"]", &SignedRules::default()).unwrap();
    assert_eq!(years(&first), [2026, 2027]);
    assert_eq!(years(&place.make("", &first).unwrap()), [2025, 2026, 2027]);
}
