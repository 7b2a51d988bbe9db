//! Writes a map as a person would, every id included. What is written reads back to an equal plan.

use std::fmt::Write as _;

use super::date::{DAY_MS, day_text};
use crate::{Dated, Map, Name, Plan, Room, RoomCode, RoomId};

/// The map file of a map, with the ids of all rooms.
pub fn write(map: &Map) -> String {
    let mut text = String::new();
    let plan = map.plan();
    line(&mut text, "network", &quoted(&plan.network));
    line(&mut text, "version", &plan.version.to_string());
    line(&mut text, "demo", &plan.demo.to_string());
    write_rules(&mut text, plan);
    for room in map.rooms() {
        text.push_str("\n[[room]]\n");
        write_room(&mut text, map, room);
    }
    text
}

/// Names once each: earlier versions follow by themselves.
fn write_rules(text: &mut String, plan: &Plan) {
    let mut names: Vec<&str> = Vec::new();
    for pack in &plan.packs {
        if !names.contains(&pack.name.as_str()) {
            names.push(&pack.name);
        }
    }
    if !names.is_empty() {
        let names: Vec<String> = names.into_iter().map(quoted).collect();
        line(text, "rule_packs", &format!("[{}]", names.join(", ")));
    }
    if !plan.calendars.is_empty() {
        let years: Vec<String> = plan.calendars.iter().map(|calendar| calendar.year.to_string()).collect();
        line(text, "calendars", &format!("[{}]", years.join(", ")));
    }
}

fn write_room(text: &mut String, map: &Map, room: &Room) {
    write_codes(text, &room.codes);
    write_names(text, &room.names);
    line(text, "level", &quoted(room.level.word()));
    line(text, "id", &quoted(&room.id.to_string()));
    if let Some(parent) = room.parent {
        line(text, "parent", &mention(map, parent));
    }
    if !room.alternates.is_empty() {
        let alternates: Vec<_> = room.alternates.iter().map(|id| mention(map, *id)).collect();
        line(text, "alternates", &format!("[{}]", alternates.join(", ")));
    }
    for (key, value) in [("address", &room.address), ("telephone", &room.telephone)] {
        if let Some(value) = value {
            line(text, key, &quoted(value));
        }
    }
    if !room.relations.is_empty() {
        let relations = room.relations.iter().map(|relation| {
            format!("{{ kind = {}, room = {} }}", quoted(relation.kind.word()), mention(map, relation.room))
        });
        line(text, "relations", &list(relations));
    }
    for (key, instant) in
        [("valid_from", first_day(room.valid_from_ms)), ("valid_to", last_day(room.valid_to_ms))]
    {
        if let Some(instant) = instant {
            line(text, key, &instant);
        }
    }
}

fn write_codes(text: &mut String, codes: &[Dated<RoomCode>]) {
    match codes {
        [Dated { value, from_ms: None, to_ms: None }] => line(text, "code", &quoted(&value.to_string())),
        _ => {
            let entries = codes
                .iter()
                .map(|code| format!("{{ code = {}{} }}", quoted(&code.value.to_string()), dates(code)));
            line(text, "codes", &list(entries));
        }
    }
}

fn write_names(text: &mut String, names: &[Dated<Name>]) {
    match names {
        [Dated { value, from_ms: None, to_ms: None }] => {
            line(text, "name", &quoted(&value.zh));
            if let Some(en) = &value.en {
                line(text, "name_en", &quoted(en));
            }
        }
        _ => {
            let entries = names.iter().map(|name| {
                let en = name.value.en.as_ref().map(|en| format!(", name_en = {}", quoted(en)));
                let en = en.unwrap_or_default();
                format!("{{ name = {}{en}{} }}", quoted(&name.value.zh), dates(name))
            });
            line(text, "names", &list(entries));
        }
    }
}

fn dates<T>(dated: &Dated<T>) -> String {
    let from = first_day(dated.from_ms).map(|day| format!(", from = {day}"));
    let to = last_day(dated.to_ms).map(|day| format!(", to = {day}"));
    [from, to].into_iter().flatten().collect()
}

/// The day that begins at an instant; the instant itself where none does.
fn first_day(instant_ms: Option<i64>) -> Option<String> {
    let instant_ms = instant_ms?;
    Some(day_text(instant_ms).map_or_else(|| instant_ms.to_string(), |day| quoted(&day)))
}

/// The last day before an instant; the instant itself where none ends there.
fn last_day(instant_ms: Option<i64>) -> Option<String> {
    let instant_ms = instant_ms?;
    let day = instant_ms.checked_sub(DAY_MS).and_then(day_text);
    Some(day.map_or_else(|| instant_ms.to_string(), |day| quoted(&day)))
}

/// The code of a room if it leads to the room, else its id.
fn mention(map: &Map, id: RoomId) -> String {
    let code = map.room(id).map(|room| room.code().to_string());
    quoted(&code.filter(|code| map.resolve(code) == Ok(id)).unwrap_or_else(|| id.to_string()))
}

fn list(entries: impl Iterator<Item = String>) -> String {
    format!("[\n    {},\n]", entries.collect::<Vec<_>>().join(",\n    "))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("a string takes all that is written to it");
}
