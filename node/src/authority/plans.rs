//! Newer plans: what the authority signs must go forward, for the same network under the same root, and every room keeps its
//! id though the person who wrote the file did not repeat it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use aws_lc_rs::rand;
use certs::plan;
use relay::timestamp::Timestamp;
use topology::{Map, Plan, Room, RoomId, map_file};

use super::{MAP_FILE, PLAN_FILE, open_desk, read_authority};
use crate::{clock::Clock, directory::Directory, problem::Problem, rulebook::InForce};

/// Signs the plan of an edited map file with the rules that the root hub has signed for it. Rooms without an id keep the one that a room with the same code has
/// now; new rooms get fresh ones.
///
/// # Errors
/// `authority_missing`, `key_too_open`, `map_file_invalid`, `map_other_network`, `map_not_newer`, `map_demo_changed`,
/// `map_root_changed`, `read_failed`, `write_failed`; the last plan is then as it was.
pub fn sign_plan(authority_dir: &Path, map_file: &Path, rules: &InForce) -> Result<Vec<u8>, Problem> {
    let now = Clock::wall();
    let desk = open_desk(authority_dir)?;
    let authority = read_authority(&desk)?;
    let present = read_desk_map(&desk, now)?;
    let (written, drawn) = read_drawn(map_file, now)?;
    let next = with_present_ids(&written, &drawn, &present, map_file)?;
    check_forward(&present, &next)?;
    let next = with_rules(&next, rules, map_file)?;
    let bytes = plan::sign_plan(&authority, next.plan());
    desk.write(PLAN_FILE, &bytes)?;
    desk.write(MAP_FILE, map_file::write(&next).as_bytes())?;
    Ok(bytes)
}

fn check_forward(present: &Map, next: &Map) -> Result<(), Problem> {
    let refused = |code: &str, wanted: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        Err(Problem::failed(code).with("wanted", wanted).with("found", found))
    };
    if next.network() != present.network() {
        return refused("map_other_network", &present.network(), &next.network());
    }
    if next.version() <= present.version() {
        return refused("map_not_newer", &present.version().saturating_add(1), &next.version());
    }
    if next.is_demo() != present.is_demo() {
        return refused("map_demo_changed", &present.is_demo(), &next.is_demo());
    }
    if next.root() != present.root() {
        let label = |map: &Map| map.room(map.root()).map(|room| room.label().to_string()).unwrap_or_default();
        return refused("map_root_changed", &label(present), &label(next));
    }
    Ok(())
}

/// The map with these rules in force.
pub(super) fn with_rules(map: &Map, rules: &InForce, file: &Path) -> Result<Map, Problem> {
    Map::new(rules.in_plan(map.plan())).map_err(|errors| {
        Problem::failed("map_file_invalid").with("file", file.display()).with("detail", errors)
    })
}

/// Reads the map that the authority signed last.
pub(super) fn read_desk_map(desk: &Directory, now: Timestamp) -> Result<Map, Problem> {
    read_map(&desk.file(MAP_FILE), now)
}

/// Reads a map file; rooms without an id get one.
pub(super) fn read_map(path: &Path, now: Timestamp) -> Result<Map, Problem> {
    Ok(read_drawn(path, now)?.0)
}

/// The same, with the ids that were drawn.
fn read_drawn(path: &Path, now: Timestamp) -> Result<(Map, BTreeSet<RoomId>), Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::failed("read_failed").with("path", path.display()).with("detail", error))?;
    let mut pool = ids_for(&text)?.into_iter();
    let mut drawn = BTreeSet::new();
    let mut draw = || {
        let id = pool.next().expect("there is an id for every line of the file");
        drawn.insert(id);
        id
    };
    let map = map_file::parse(&path.display().to_string(), &text, &mut draw, now.as_ms())?;
    Ok((map, drawn))
}

/// Random ids, more than a file with so many `[` can have rooms.
fn ids_for(text: &str) -> Result<Vec<RoomId>, Problem> {
    let rooms = text.matches(['[', '{']).count() + 1;
    let mut bytes = vec![0; rooms * RoomId::LEN];
    rand::fill(&mut bytes).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(bytes.as_chunks().0.iter().map(|id| RoomId::from_bytes(*id)).collect())
}

/// Gives the rooms whose id was drawn the id that a room with one of their codes has now.
fn with_present_ids(
    written: &Map,
    drawn: &BTreeSet<RoomId>,
    present: &Map,
    file: &Path,
) -> Result<Map, Problem> {
    let known = |room: &Room| {
        let codes = room.codes.iter().map(|dated| dated.value.to_string());
        codes.filter_map(|code| present.resolve(&code).ok()).next()
    };
    let unnamed = written.rooms().filter(|room| drawn.contains(&room.id));
    let present_ids: BTreeMap<RoomId, RoomId> =
        unnamed.filter_map(|room| Some((room.id, known(room)?))).collect();
    let id = |id: RoomId| present_ids.get(&id).copied().unwrap_or(id);
    let rooms = written.rooms().cloned().map(|mut room| {
        room.id = id(room.id);
        room.parent = room.parent.map(id);
        room.alternates.iter_mut().for_each(|hub| *hub = id(*hub));
        room.relations.iter_mut().for_each(|relation| relation.room = id(relation.room));
        room
    });
    let plan = Plan { rooms: rooms.collect(), ..written.plan().clone() };
    Map::new(plan).map_err(|errors| {
        Problem::failed("map_file_invalid").with("file", file.display()).with("detail", errors)
    })
}
