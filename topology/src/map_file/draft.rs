//! The rooms of a map file while they are read. A room may name another that comes later, so all are
//! read first and the names of others are looked up then.

use std::str::FromStr;

use toml::de::DeTable;

use super::{
    choice,
    fault::MapFileProblem,
    reader::{End, Found, Key, Reader, Table},
};
use crate::{
    Dated, Level, Name, Place, Plan, Relation, RelationKind, Room, RoomCode, RoomId, map::Directory,
};

const PLAN_KEYS: &[Key] = &[
    ("network", "network = \"henan\""),
    ("version", "version = 1"),
    ("demo", "demo = false"),
    ("rule_packs", "rule_packs = [\"henan-2021\", \"./local.toml\"]"),
    ("calendars", "calendars = [2026, \"./2027.toml\"]"),
    ("room", "[[room]], then its code, name and level on lines of their own"),
];

const ROOM_KEYS: &[Key] = &[
    ("code", "code = \"410122\""),
    (
        "codes",
        "codes = [{ code = \"410322\", to = \"2021-03-17\" }, { code = \"410308\", from = \"2021-03-18\" }]",
    ),
    ("name", "name = \"中牟县政府值班室\""),
    ("name_en", "name_en = \"Zhongmu county duty room\""),
    ("names", "names = [{ name = \"孟津县政府值班室\", to = \"2021-03-17\" }]"),
    ("level", "level = \"county\""),
    ("id", "id = \"ge3dcmzqgaydamjrgezdgmbqga\""),
    ("parent", "parent = \"410100\""),
    ("alternates", "alternates = [\"410000\"]"),
    ("address", "address = \"10.41.1.22:7100\""),
    ("telephone", "telephone = \"0371-62180000\""),
    ("relations", "relations = [{ kind = \"peer\", room = \"410100\" }]"),
    ("valid_from", "valid_from = \"2021-03-18\""),
    ("valid_to", "valid_to = \"2021-03-17\""),
];

const CODE_KEYS: &[Key] =
    &[("code", "code = \"410308\""), ("from", "from = \"2021-03-18\""), ("to", "to = \"2021-03-17\"")];

const NAME_KEYS: &[Key] = &[
    ("name", "name = \"孟津区政府值班室\""),
    ("name_en", "name_en = \"Mengjin district duty room\""),
    ("from", "from = \"2021-03-18\""),
    ("to", "to = \"2021-03-17\""),
];

const RELATION_KEYS: &[Key] = &[("kind", "kind = \"peer\""), ("room", "room = \"410100\"")];

/// A plan in which rooms do not know each other yet.
pub(super) struct Draft<'d> {
    plan: Plan,
    mentions: Vec<Mention<'d>>,
}

/// One room mentioned by another.
struct Mention<'d> {
    text: Found<&'d str>,
    key: &'static str,
    by: usize,
    kind: MentionKind,
}

enum MentionKind {
    Parent,
    Alternate,
    Relation(RelationKind),
}

impl<'d> Draft<'d> {
    /// Reads everything that stands in the file.
    pub(super) fn read(
        reader: &mut Reader,
        document: &'d DeTable<'d>,
        fresh_id: &mut dyn FnMut() -> RoomId,
        issued_at_ms: i64,
    ) -> Self {
        let head = head(document);
        reader.check_keys(&head);
        let network =
            reader.required_text(&head, "network").map_or_else(String::new, |found| found.value.into());
        let version = reader.required_number(&head, "version").unwrap_or_default();
        let demo = reader.flag(&head, "demo");
        // What it says is asked for apart; here its mistakes count.
        choice::read(reader, &head, &|_| 0);
        reader.require(&head, "room");
        let plan = Plan {
            v: Plan::FORMAT,
            network,
            version,
            issued_at_ms,
            demo,
            rooms: Vec::new(),
            packs: Vec::new(),
            calendars: Vec::new(),
        };
        let mut draft = Self { plan, mentions: Vec::new() };
        let tables = reader.tables(&head, "room", ROOM_KEYS);
        for (index, table) in tables.into_iter().enumerate() {
            let table = Table { place: None, room: Some(index), ..table };
            reader.note(Place { room: Some(index), field: "", nth: 0 }, &table.span);
            draft.read_room(reader, &table, index, fresh_id);
        }
        draft
    }

    fn read_room(
        &mut self,
        reader: &mut Reader,
        table: &Table<'d>,
        index: usize,
        fresh_id: &mut dyn FnMut() -> RoomId,
    ) {
        reader.require(table, "level");
        let codes = read_codes(reader, table);
        let names = read_names(reader, table);
        let room = Room {
            id: parsed(reader, table, "id").unwrap_or_else(fresh_id),
            level: parsed(reader, table, "level").unwrap_or(Level::External),
            codes,
            names,
            parent: None,
            alternates: Vec::new(),
            address: reader.text(table, "address").map(|found| found.value.into()),
            telephone: reader.text(table, "telephone").map(|found| found.value.into()),
            relations: Vec::new(),
            valid_from_ms: reader.date_ms(table, "valid_from", End::First),
            valid_to_ms: reader.date_ms(table, "valid_to", End::Last),
        };
        self.plan.rooms.push(room);
        self.read_mentions(reader, table, index);
    }

    fn read_mentions(&mut self, reader: &mut Reader, table: &Table<'d>, by: usize) {
        let mut mention = |text, key, kind| self.mentions.push(Mention { text, key, by, kind });
        if let Some(text) = reader.text(table, "parent") {
            mention(text, "parent", MentionKind::Parent);
        }
        for text in reader.texts(table, "alternates") {
            mention(text, "alternates", MentionKind::Alternate);
        }
        for relation in reader.tables(table, "relations", RELATION_KEYS) {
            reader.require(&relation, "kind");
            let kind = parsed(reader, &relation, "kind").unwrap_or(RelationKind::Peer);
            if let Some(text) = reader.required_text(&relation, "room") {
                mention(text, "relations", MentionKind::Relation(kind));
            }
        }
    }

    /// Looks up every mention. One that means nobody is reported, and stays as a room that does not exist.
    pub(super) fn into_plan(self, reader: &mut Reader) -> Plan {
        let Self { mut plan, mentions } = self;
        let directory = Directory::new(&plan.rooms);
        for Mention { text, key, by, kind } in mentions {
            let id = match directory.resolve(&plan.rooms, text.value) {
                Ok(index) => plan.rooms[index].id,
                Err(why) => {
                    reader.report(text.place, &text.span, MapFileProblem::UnknownRoom { key, why });
                    NOBODY
                }
            };
            let room = &mut plan.rooms[by];
            match kind {
                MentionKind::Parent => room.parent = Some(id),
                MentionKind::Alternate => room.alternates.push(id),
                MentionKind::Relation(kind) => room.relations.push(Relation { kind, room: id }),
            }
        }
        plan
    }
}

/// The keys of the network itself.
pub(super) fn head<'d>(document: &'d DeTable<'d>) -> Table<'d> {
    Table { entries: document, span: 0..0, keys: PLAN_KEYS, place: None, room: None }
}

/// Stands where a mention means nobody.
const NOBODY: RoomId = RoomId::from_bytes([0xff; RoomId::LEN]);

fn read_codes(reader: &mut Reader, table: &Table<'_>) -> Vec<Dated<RoomCode>> {
    if !one_form(reader, table, "code", "codes") {
        return parsed(reader, table, "code").map(Dated::always).into_iter().collect();
    }
    let mut codes = Vec::new();
    for entry in reader.tables(table, "codes", CODE_KEYS) {
        reader.require(&entry, "code");
        let value = parsed(reader, &entry, "code");
        codes.extend(value.map(|value| dated(reader, &entry, value)));
    }
    codes
}

fn read_names(reader: &mut Reader, table: &Table<'_>) -> Vec<Dated<Name>> {
    if !one_form(reader, table, "name", "names") {
        return name(reader, table).map(Dated::always).into_iter().collect();
    }
    one_form(reader, table, "name_en", "names");
    let mut names = Vec::new();
    for entry in reader.tables(table, "names", NAME_KEYS) {
        let value = name(reader, &entry);
        names.extend(value.map(|value| dated(reader, &entry, value)));
    }
    names
}

fn name(reader: &mut Reader, table: &Table<'_>) -> Option<Name> {
    let en = reader.text(table, "name_en").map(|found| found.value.to_owned());
    let zh = reader.required_text(table, "name")?.value.to_owned();
    Some(Name { zh, en })
}

fn dated<T>(reader: &mut Reader, table: &Table<'_>, value: T) -> Dated<T> {
    let from_ms = reader.date_ms(table, "from", End::First);
    Dated { value, from_ms, to_ms: reader.date_ms(table, "to", End::Last) }
}

/// Whether the long form stands there. Reports both and neither.
fn one_form(reader: &mut Reader, table: &Table<'_>, short: &'static str, long: &'static str) -> bool {
    let has_long = table.entries.contains_key(long);
    if let (true, Some(value)) = (has_long, table.entries.get(short)) {
        let place = Place { room: table.room, field: long, nth: 0 };
        reader.report(place, &value.span(), MapFileProblem::Both { short, long });
    }
    if !has_long && short == "code" {
        reader.require(table, short);
    }
    has_long
}

/// The value that the text under a key stands for, if it is there.
fn parsed<T>(reader: &mut Reader, table: &Table<'_>, key: &'static str) -> Option<T>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let Found { value, span, place } = reader.text(table, key)?;
    match value.parse() {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let (found, remedy) = (value.into(), error.to_string());
            reader.report(place, &span, MapFileProblem::BadValue { key, found, remedy });
            None
        }
    }
}
