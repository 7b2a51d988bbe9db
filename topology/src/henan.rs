//! Henan 河南: the real divisions of one province, a network of its real size, and the seven rooms of the
//! demonstration. Where the data comes from stands at the head of `data/henan.csv`.

use std::collections::BTreeMap;

use crate::{
    Dated, Level, Name, Plan, Room, RoomCode, RoomId,
    map_file::{DAY_MS, midnight_ms},
};

/// The map file of the demonstration network: the province, two cities, three counties and a department.
pub const DEMO_MAP: &str = include_str!("../data/henan-demo.toml");

/// One administrative division (行政区划).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// Its code (GB/T 2260).
    pub code: RoomCode,
    /// Its name.
    pub name: &'static str,
    /// The division that it belongs to; absent for the province.
    pub parent: Option<RoomCode>,
    /// It exists from this instant on; milliseconds since 1970 UTC, absent: before the list, or not known.
    pub from_ms: Option<i64>,
    /// It exists until just before this instant; absent: it still does.
    pub to_ms: Option<i64>,
    /// The division that took its place.
    pub successor: Option<RoomCode>,
}

/// The province, its cities, and its counties, districts and county-level cities, by code. Those that
/// ended are among them.
pub fn divisions() -> Vec<Division> {
    let rows = DIVISIONS.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| division(row).expect("a test reads every row of the embedded file")).collect()
}

/// A plan of real size: the province, all its cities, counties, districts and county-level cities of
/// today with the codes and names that they had before, and five departments. For measuring and trying
/// out: a demonstration network with addresses on the loop-back and no telephones.
pub fn plan(fresh_id: &mut dyn FnMut() -> RoomId, issued_at_ms: i64) -> Plan {
    let divisions = divisions();
    let present = divisions.iter().filter(|division| division.to_ms.is_none());
    let ids: BTreeMap<_, _> = present.map(|division| (division.code, fresh_id())).collect();
    let mut rooms: Vec<Room> = Vec::new();
    for division in divisions.iter().filter(|division| division.to_ms.is_none()) {
        let mut room = room_of(division, ids[&division.code]);
        room.parent = division.parent.map(|parent| ids[&parent]);
        for past in divisions.iter().filter(|past| past.successor == Some(division.code)) {
            room.codes.push(Dated { value: past.code, from_ms: past.from_ms, to_ms: past.to_ms });
            room.names.push(Dated { value: name_of(past), from_ms: past.from_ms, to_ms: past.to_ms });
        }
        rooms.push(room);
    }
    let root = rooms.iter().find(|room| room.parent.is_none()).map(|room| room.id);
    rooms.extend(DEPARTMENTS.iter().map(|(code, name)| Room {
        level: Level::Department,
        codes: vec![Dated::always(code.parse().expect("a test makes the plan"))],
        names: vec![Dated::always(Name { zh: format!("{name}值班室"), en: None })],
        parent: root,
        ..blank(fresh_id())
    }));
    for (room, port) in rooms.iter_mut().zip(FIRST_PORT..) {
        room.address = Some(format!("127.0.0.1:{port}"));
    }
    Plan {
        v: Plan::FORMAT,
        network: "henan".into(),
        version: 1,
        issued_at_ms,
        demo: true,
        rooms,
        packs: vec![],
        calendars: vec![],
    }
}

/// Departments of the province. Their body code in the middle is made up.
const DEPARTMENTS: [(&str, &str); 5] = [
    ("41000090100000", "河南省应急管理厅"),
    ("41000090200000", "河南省水利厅"),
    ("41000090300000", "河南省交通运输厅"),
    ("41000090400000", "河南省公安厅"),
    ("41000090500000", "河南省卫生健康委员会"),
];

const DIVISIONS: &str = include_str!("../data/henan.csv");

const FIRST_PORT: u16 = 7_100;

/// Reads `code,name,parent,from,to,successor`; the last four may be empty.
fn division(row: &'static str) -> Option<Division> {
    let mut columns = row.split(',');
    let (code, name, parent) = (columns.next()?, columns.next()?, columns.next()?);
    let (from, to, successor) = (columns.next()?, columns.next()?, columns.next()?);
    let code_or_none = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    let day_or_none = |text: &str| if text.is_empty() { Some(None) } else { midnight_ms(text).map(Some) };
    Some(Division {
        code: code.parse().ok()?,
        name,
        parent: code_or_none(parent)?,
        from_ms: day_or_none(from)?,
        to_ms: day_or_none(to)?.map(|last_day| last_day + DAY_MS),
        successor: code_or_none(successor)?,
    })
}

fn room_of(division: &Division, id: RoomId) -> Room {
    Room {
        level: level_of(division),
        codes: vec![Dated { value: division.code, from_ms: division.from_ms, to_ms: None }],
        names: vec![Dated { value: name_of(division), from_ms: division.from_ms, to_ms: None }],
        ..blank(id)
    }
}

fn level_of(division: &Division) -> Level {
    let code = division.code.to_string();
    match (division.parent, code.ends_with("00")) {
        (None, _) => Level::Province,
        (Some(_), true) => Level::City,
        (Some(_), false) => Level::County,
    }
}

fn name_of(division: &Division) -> Name {
    let room = match level_of(division) {
        Level::Province | Level::City => "总值班室",
        Level::County | Level::Township | Level::Department | Level::Enterprise | Level::External => "值班室",
    };
    Name { zh: format!("{}政府{room}", division.name), en: None }
}

fn blank(id: RoomId) -> Room {
    Room {
        id,
        level: Level::External,
        codes: Vec::new(),
        names: Vec::new(),
        parent: None,
        alternates: Vec::new(),
        address: None,
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flow, Map, map_file, policy, route};

    fn counter() -> impl FnMut() -> RoomId {
        let mut next: u64 = 0;
        move || {
            next += 1;
            crate::map::fixture::id(next)
        }
    }

    fn demo() -> Map {
        map_file::parse("henan-demo.toml", DEMO_MAP, &mut counter(), 0).unwrap()
    }

    #[test]
    fn henan_has_seventeen_cities_and_157_counties_districts_and_county_level_cities() {
        let divisions = divisions();
        let now: Vec<_> = divisions.iter().filter(|division| division.to_ms.is_none()).collect();
        let count = |level| now.iter().filter(|division| level_of(division) == level).count();
        assert_eq!([Level::Province, Level::City, Level::County].map(count), [1, 17, 157]);
        assert_eq!(divisions.len(), 178);
        assert!(divisions.is_sorted_by_key(|division| division.code));
    }

    #[test]
    fn jiyuan_hangs_directly_under_the_province_and_every_parent_exists() {
        let divisions = divisions();
        let jiyuan = divisions.iter().find(|division| division.code.to_string() == "419001").unwrap();
        assert_eq!((jiyuan.name, jiyuan.parent), ("济源市", "410000".parse().ok()));
        for division in &divisions {
            for other in division.parent.iter().chain(&division.successor) {
                assert!(divisions.iter().any(|known| known.code == *other && known.to_ms.is_none()));
            }
        }
    }

    #[test]
    fn a_district_that_was_merged_is_followed_by_its_successor_on_the_same_instant() {
        let divisions = divisions();
        let of = |code: &str| divisions.iter().find(|division| division.code.to_string() == code).unwrap();
        assert_eq!(of("410322").to_ms, of("410308").from_ms);
        assert_eq!(of("410322").to_ms, midnight_ms("2021-03-18"));
    }

    #[test]
    fn a_network_of_real_size_validates_with_its_past_codes() {
        let plan = plan(&mut counter(), 0);
        assert_eq!(plan.rooms.len(), 180);
        let map = Map::new(plan).unwrap();
        let mengjin = map.resolve("410308").unwrap();
        assert_eq!(map.resolve("孟津区"), Ok(mengjin));
        assert_eq!([map.resolve("410322"), map.resolve("410306")], [Ok(mengjin), Ok(mengjin)]);
        assert_eq!(map.children(map.root()).len(), 17 + 1 + 5);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "measures the checking of a map, which itself has no clock"
    )]
    fn a_network_of_real_size_is_read_from_its_file_and_checked_well_under_a_second() {
        let text = map_file::write(&Map::new(plan(&mut counter(), 0)).unwrap());
        let started = std::time::Instant::now();
        let map = map_file::parse("henan.toml", &text, &mut counter(), 0).unwrap();
        let elapsed = started.elapsed();
        assert_eq!(map.rooms().len(), 180);
        // A few milliseconds are usual; the limit leaves room for a busy machine.
        assert!(elapsed.as_millis() < 1_000, "{elapsed:?}");
    }

    #[test]
    fn the_demonstration_has_seven_rooms_that_dial_on_the_loop_back() {
        let map = demo();
        assert!(map.is_demo());
        assert_eq!(map.rooms().len(), 7);
        for (room, port) in map.rooms().zip(7100..) {
            assert_eq!(room.address, Some(format!("127.0.0.1:{port}")));
            assert!(room.telephone.is_some() && room.name().en.is_some());
        }
    }

    #[test]
    fn the_demonstration_shows_skipping_a_level_an_alternate_parent_and_lateral_flow() {
        let map = demo();
        let [province, city, county, department] =
            ["410000", "411300", "411322", "河南省应急管理厅"].map(|text| map.resolve(text).unwrap());
        assert_eq!(map.bypassed(county, province), [city]);
        assert_eq!(route::next_hops(&map, county, province), [city, province]);
        assert_eq!(policy::check(&map, Flow::Up, county, province), Ok(()));
        assert_eq!(policy::check(&map, Flow::Lateral, department, city), Ok(()));
        assert!(policy::check(&map, Flow::Lateral, department, county).is_err());
    }
}
