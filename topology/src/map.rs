//! The map (网络图): a plan in which everything fits. One root, no circle, every hub with an address,
//! no two rooms under one code at one time. Whoever holds a `Map` need not ask again.
//!
//! It answers who exists, by id, code or name. Where rooms stand in the tree is in `map/tree.rs`, who
//! answers to whom in `map/relations.rs`. Where the plan comes from, and that it is signed, is left to others.

use std::collections::BTreeMap;

use crate::{Plan, Room, RoomId};

mod check;
mod directory;
mod error;
mod relations;
mod tree;

pub use directory::ResolveError;
pub use error::{Entry, MapError, MapErrors, Place};

pub(crate) use {
    check::check,
    directory::{Directory, edit_distance},
};

/// A valid plan.
#[derive(Debug, Clone)]
pub struct Map {
    plan: Plan,
    directory: Directory,
    children_by_hub: BTreeMap<RoomId, Vec<RoomId>>,
    root: RoomId,
}

impl Map {
    /// Levels of the tree, the root's included: path validation (rustls-webpki) follows six issuing certificates.
    /// Seven ids, the network and `.internal` make a DNS name of 218 characters; 253 are allowed.
    pub const LEVELS_MAX: usize = 7;
    /// Rooms of one network.
    pub const ROOMS_MAX: usize = 20_000;
    /// Alternate parents of one room: each is a link that it keeps open.
    pub const ALTERNATES_MAX: usize = 8;
    /// Relations of one room.
    pub const RELATIONS_MAX: usize = 1_024;
    /// Rule packs in force, versions of former times included.
    pub const PACKS_MAX: usize = 128;
    /// Years of the calendar in force.
    pub const CALENDARS_MAX: usize = 64;
    /// Codes, and likewise names, that one room has had.
    pub const DATED_MAX: usize = 64;

    /// Accepts a plan in which everything fits; otherwise names all that does not.
    pub fn new(plan: Plan) -> Result<Self, MapErrors> {
        let errors = check(&plan);
        let Some(root) = plan.rooms.iter().find(|room| room.parent.is_none()).map(|room| room.id) else {
            return Err(MapErrors::new(errors));
        };
        if !errors.is_empty() {
            return Err(MapErrors::new(errors));
        }
        let directory = Directory::new(&plan.rooms);
        let children_by_hub = children_by_hub(&plan.rooms);
        Ok(Self { plan, directory, children_by_hub, root })
    }

    /// The plan that it was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Name of the network.
    pub fn network(&self) -> &str {
        &self.plan.network
    }

    /// Version of the plan; a newer one counts higher.
    pub fn version(&self) -> u64 {
        self.plan.version
    }

    /// Whether this is a throw-away network.
    pub fn is_demo(&self) -> bool {
        self.plan.demo
    }

    /// The room at the top.
    pub fn root(&self) -> RoomId {
        self.root
    }

    /// The room with this id.
    pub fn room(&self, id: RoomId) -> Option<&Room> {
        self.plan.rooms.get(self.directory.by_id(id)?)
    }

    /// Every room, in the order of the plan.
    pub fn rooms(&self) -> impl ExactSizeIterator<Item = &Room> {
        self.plan.rooms.iter()
    }

    /// The room that a person means by this text.
    ///
    /// Understood are, in this order: the full id; a code of 6 or 14 digits (of the room that has it
    /// now, else of one that had it); a full name, Chinese or English; the beginning of a present name.
    pub fn resolve(&self, text: &str) -> Result<RoomId, ResolveError> {
        let index = self.directory.resolve(&self.plan.rooms, text)?;
        Ok(self.plan.rooms[index].id)
    }
}

/// Two maps are equal when their plans are.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan
    }
}

impl Eq for Map {}

/// The children of every hub, by code.
fn children_by_hub(rooms: &[Room]) -> BTreeMap<RoomId, Vec<RoomId>> {
    let mut labelled: BTreeMap<RoomId, Vec<_>> = BTreeMap::new();
    for room in rooms {
        if let Some(parent) = room.parent {
            labelled.entry(parent).or_default().push((room.code(), room.id));
        }
    }
    let sorted = |mut children: Vec<_>| {
        children.sort_unstable();
        children.into_iter().map(|(_, id)| id).collect()
    };
    labelled.into_iter().map(|(hub, children)| (hub, sorted(children))).collect()
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests {
    use super::{
        fixture::{id, plan_of, seven_rooms},
        *,
    };

    #[test]
    fn a_sound_plan_becomes_a_map_that_knows_its_root_and_rooms() {
        let map = seven_rooms();
        assert_eq!(map.root(), id(410000));
        assert_eq!(map.rooms().len(), 7);
        assert_eq!(map.room(id(410122)).unwrap().code().to_string(), "410122");
        assert_eq!(map.room(id(999999)), None);
        assert_eq!((map.network(), map.version(), map.is_demo()), ("henan", 1, false));
    }

    #[test]
    fn an_empty_plan_is_no_map_and_says_so() {
        let errors = Map::new(plan_of(&[])).unwrap_err();
        assert_eq!(errors.errors(), [MapError::NoRoot]);
    }

    #[test]
    fn a_plan_passes_through_a_serialiser_unchanged_and_leaves_out_what_is_absent() {
        let plan = seven_rooms().plan().clone();
        let text = toml::to_string(&plan).unwrap();
        assert!(!text.contains("valid_from_ms"), "{text}");
        assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
        let later = text.replacen("network = ", "a_later_field = 1\nnetwork = ", 1);
        assert_eq!(toml::from_str::<Plan>(&later).unwrap(), plan);
    }
}
