//! Small plans for tests: rooms whose id, code and names come from one number.

use super::Map;
use crate::{Dated, Level, Name, Plan, Room, RoomId};

/// The id of the room with this code.
pub(crate) fn id(code: u64) -> RoomId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&code.to_be_bytes());
    RoomId::from_bytes(bytes)
}

/// A room with an address, called 值班室 and `Room`, then its code.
pub(crate) fn room(code: u64, level: &str, parent: Option<u64>) -> Room {
    Room {
        id: id(code),
        level: level.parse::<Level>().unwrap(),
        codes: vec![Dated::always(code.to_string().parse().unwrap())],
        names: vec![Dated::always(Name { zh: format!("值班室{code}"), en: Some(format!("Room {code}")) })],
        parent: parent.map(id),
        alternates: vec![],
        address: Some(format!("127.0.0.1:{}", 1 + code % 60_000)),
        telephone: None,
        relations: vec![],
        valid_from_ms: None,
        valid_to_ms: None,
    }
}

/// A plan of such rooms.
pub(crate) fn plan_of(rooms: &[(u64, &str, Option<u64>)]) -> Plan {
    let rooms = rooms.iter().map(|(code, level, parent)| room(*code, level, *parent)).collect();
    Plan {
        v: Plan::FORMAT,
        network: "henan".into(),
        version: 1,
        issued_at_ms: 0,
        demo: false,
        rooms,
        packs: vec![],
        calendars: vec![],
    }
}

/// Province, two cities, three counties and a department; 411322 has the province as alternate parent.
pub(crate) fn seven_plan() -> Plan {
    let mut plan = plan_of(&[
        (410000, "province", None),
        (410100, "city", Some(410000)),
        (411300, "city", Some(410000)),
        (410122, "county", Some(410100)),
        (411322, "county", Some(411300)),
        (411323, "county", Some(411300)),
        (41000090100000, "department", Some(410000)),
    ]);
    plan.rooms[4].alternates = vec![id(410000)];
    plan
}

/// The map of [`seven_plan`].
pub(crate) fn seven_rooms() -> Map {
    Map::new(seven_plan()).unwrap()
}
