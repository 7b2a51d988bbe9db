//! The map: `map show|diff|apply`. A difference is told room by room, by code and key, not line by line: order,
//! comments and short forms of the file do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use data_encoding::BASE64;
use serde::Serialize;
use topology::{Map, RoomId, map_file};

use super::{
    arguments::MapVerb,
    session::{Outcome, Session},
    start::sign_plan,
};
use crate::{
    catalogue::Catalogue,
    clock::Clock,
    control::{
        request::Request,
        view::{MapText, RulesPreview, SignedDocuments},
    },
    escape::one_line,
    problem::Problem,
    rulebook::Wish,
};

pub(crate) async fn map(session: &mut Session, verb: MapVerb) -> Outcome {
    match verb {
        MapVerb::Show => {
            let text: MapText = session.ask(&Request::MapShow).await?;
            session.screen.result(&text, |text, _| text.toml.clone());
        }
        MapVerb::Diff { file } => {
            let written = read_map(&file)?;
            let in_force: MapText = session.ask(&Request::MapShow).await?;
            let in_force = Sheet::read("map", &in_force.toml)?;
            let wish = Wish::read(&file, &written.map, Clock::wall())?;
            let rules: RulesPreview = session.ask(&Request::RulesPreview(Box::new(wish))).await?;
            let mut changes = in_force.changes(&written);
            changes.extend(rule_changes(&rules));
            session.screen.result(&changes, |changes, catalogue| render(changes, catalogue));
        }
        MapVerb::Apply { file, authority } => {
            let wish = Wish::read(&file, &read_map(&file)?.map, Clock::wall())?;
            let signed: SignedDocuments = session.ask(&Request::RulesSign(Box::new(wish))).await?;
            let plan = BASE64.encode(&sign_plan(&authority, &file, &signed.in_force)?);
            let documents = signed.documents;
            let text: MapText = session.ask(&Request::MapApply { plan, documents }).await?;
            session.screen.result(&text, |text, catalogue| {
                catalogue.text("map-applied", &[("version", &text.version.to_string())])
            });
        }
    }
    Ok(0)
}

fn read_map(path: &Path) -> Result<Sheet, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::failed("read_failed").with("path", path.display()).with("detail", error))?;
    Sheet::read(&path.display().to_string(), &text)
}

/// A map as keys and values: first those of the network, then those of each room by its code.
struct Sheet {
    sections: BTreeMap<String, BTreeMap<String, String>>,
    map: Map,
}

/// One difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    /// The room's code; empty for the network itself.
    room: String,
    /// The key; absent when the whole room is new or gone.
    key: Option<String>,
    /// What is in force.
    old: Option<String>,
    /// What the file says.
    new: Option<String>,
}

impl Sheet {
    fn read(name: &str, text: &str) -> Result<Self, Problem> {
        let mut drawn = BTreeSet::new();
        let mut draw = || {
            let mut bytes = [0xff; 16];
            bytes[8..].copy_from_slice(&(drawn.len() as u64).to_be_bytes());
            let id = RoomId::from_bytes(bytes);
            drawn.insert(id.to_string());
            id
        };
        let map = map_file::parse(name, text, &mut draw, 0)?;
        Ok(Self { sections: sections(&map, &drawn), map })
    }

    fn changes(&self, new: &Self) -> Vec<Change> {
        let (old, new) = (&self.sections, &new.sections);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        names.into_iter().flat_map(|name| section_changes(name, old.get(name), new.get(name))).collect()
    }
}

/// What would change in the rules, each pack with its version.
fn rule_changes(rules: &RulesPreview) -> Vec<Change> {
    let years = |years: &[i16]| years.iter().map(i16::to_string).collect::<Vec<_>>().join(", ");
    let change = |key: &str, old: String, new: String| Change {
        room: String::new(),
        key: Some(key.to_owned()),
        old: Some(old),
        new: Some(new),
    };
    let changes = [
        change("rule_packs", rules.packs_now.join(", "), rules.packs.join(", ")),
        change("calendars", years(&rules.calendars_now), years(&rules.calendars)),
    ];
    changes.into_iter().filter(|change| change.old != change.new).collect()
}

/// The map in its canonical form, taken apart. An id that the file left to be drawn says nothing.
fn sections(map: &Map, drawn: &BTreeSet<String>) -> BTreeMap<String, BTreeMap<String, String>> {
    let table: toml::Table = map_file::write(map).parse().expect("the writer writes TOML");
    let mut sections = BTreeMap::new();
    let mut network = BTreeMap::new();
    for (key, value) in table.into_iter().filter(|(key, _)| !is_told_apart(key)) {
        let toml::Value::Array(rooms) = value else {
            network.insert(key, plain(&value));
            continue;
        };
        for room in rooms.iter().filter_map(toml::Value::as_table) {
            let id = room.get("id").map(plain).unwrap_or_default();
            let code = map.rooms().find(|known| known.id.to_string() == id);
            let code = code.map_or_else(|| id.clone(), |known| known.code().to_string());
            let is_told = |key: &str| key != "id" || !drawn.contains(&id);
            let values =
                room.iter().filter(|(key, _)| is_told(key)).map(|(key, value)| (key.clone(), plain(value)));
            sections.insert(code, values.collect());
        }
    }
    sections.insert(String::new(), network);
    sections
}

/// The choice of rules is told apart, for a file names packs without their versions.
fn is_told_apart(key: &str) -> bool {
    matches!(key, "rule_packs" | "calendars")
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn section_changes(
    room: &str,
    old: Option<&BTreeMap<String, String>>,
    new: Option<&BTreeMap<String, String>>,
) -> Vec<Change> {
    let name = |values: &BTreeMap<String, String>| values.get("name").cloned().unwrap_or_default();
    let change = |key: Option<&String>, old: Option<String>, new: Option<String>| Change {
        room: room.to_owned(),
        key: key.cloned(),
        old,
        new,
    };
    let (Some(old), Some(new)) = (old, new) else {
        return vec![change(None, old.map(name), new.map(name))];
    };
    // An id that only one side names is an id that the file leaves alone.
    let counts = |key: &str| key != "id" || (old.contains_key(key) && new.contains_key(key));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|key| counts(key)).collect();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| change(Some(key), old.get(key).cloned(), new.get(key).cloned()))
        .collect()
}

fn render(changes: &[Change], catalogue: &Catalogue) -> String {
    if changes.is_empty() {
        return catalogue.text("map-same", &[]);
    }
    let line = |change: &Change| {
        let of = |value: &Option<String>| value.clone().unwrap_or_else(|| "—".to_owned());
        let (old, new) = (of(&change.old), of(&change.new));
        one_line(&match (&change.key, &change.old) {
            (None, None) => format!("+ {} {new}", change.room),
            (None, Some(_)) => format!("- {} {old}", change.room),
            (Some(key), _) if change.room.is_empty() => format!("~ {key}: {old} → {new}"),
            (Some(key), _) => format!("~ {} {key}: {old} → {new}", change.room),
        })
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    const BEFORE: &str = "\
        network = \"henan\"\nversion = 1\n\
        [[room]]\ncode = \"410000\"\nname = \"省\"\nlevel = \"province\"\naddress = \"127.0.0.1:7100\"\n\
        [[room]]\ncode = \"411300\"\nname = \"南阳\"\nlevel = \"city\"\nparent = \"410000\"\n";
    const AFTER: &str = "\
        # reordered\nversion = 2\nnetwork = \"henan\"\n\
        [[room]]\ncode = \"410100\"\nname = \"郑州\"\nlevel = \"city\"\nparent = \"410000\"\n\
        [[room]]\ncode = \"410000\"\nname = \"省\"\nlevel = \"province\"\naddress = \"127.0.0.1:7200\"\n";

    #[test]
    fn a_difference_names_room_key_and_both_values() {
        let (before, after) = (Sheet::read("a", BEFORE).unwrap(), Sheet::read("b", AFTER).unwrap());
        let text = render(&before.changes(&after), &Catalogue::new(Language::English));
        let expected = "~ version: 1 → 2\n\
                        ~ 410000 address: 127.0.0.1:7100 → 127.0.0.1:7200\n\
                        + 410100 郑州\n\
                        - 411300 南阳";
        assert_eq!(text, expected);
    }

    #[test]
    fn order_and_comments_of_the_file_are_no_difference() {
        let before = Sheet::read("a", BEFORE).unwrap();
        let mut next = 0;
        let mut draw = || {
            next += 1;
            RoomId::from_bytes([next; 16])
        };
        let canonical = map_file::write(&map_file::parse("a", BEFORE, &mut draw, 0).unwrap());
        assert_eq!(before.changes(&Sheet::read("b", &canonical).unwrap()), vec![]);
    }

    #[test]
    fn a_map_with_a_mistake_names_file_and_line() {
        let problem =
            Sheet::read("map.toml", "network = \"henan\"\nversion = 1\ncolour = 3\n").err().unwrap();
        assert_eq!(problem.code, "map_file_invalid");
        assert!(problem.details["detail"].contains("colour"), "{problem:?}");
    }
}
