//! What can be wrong with a plan. Each problem names the rooms, and the place in the plan, so that
//! whoever read the plan from a file can point at the line.

use std::fmt;

use super::Map;
use crate::{Plan, RoomCode, RoomId, RoomLabel};

/// One entry of the plan's list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in [`Plan::rooms`], from 0.
    pub index: usize,
    /// The room as a person recognises it.
    pub label: RoomLabel,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.label.fmt(f)
    }
}

/// Where in the plan a problem lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The room's place in [`Plan::rooms`]; absent: the plan itself.
    pub room: Option<usize>,
    /// The field of the plan or of the room.
    pub field: &'static str,
    /// Which of several values of that field, from 0.
    pub nth: usize,
}

/// One problem of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Written in a format of the future.
    #[error("the plan has format {found}, this program reads {}: install the newer yichuan", Plan::FORMAT)]
    Format {
        /// The format of the plan.
        found: u16,
    },
    /// The network's name cannot stand in a DNS name.
    #[error("network {found:?} is no DNS label: write 1 to 20 of a-z, 0-9 and -, with no - at either end")]
    Network {
        /// The name of the plan.
        found: String,
    },
    /// Versions count from 1.
    #[error("version 0 does not count: begin with 1 and add 1 with every change")]
    Version,
    /// More rooms than a network holds.
    #[error("{found} rooms are more than the {} of one network: split it", Map::ROOMS_MAX)]
    TooManyRooms {
        /// How many rooms the plan has.
        found: usize,
    },
    /// More rule packs or calendars than a plan names.
    #[error(
        "{found} {field} are in force, a plan names at most {max}: leave out what no case needs any more"
    )]
    TooManyRules {
        /// The list.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A rule pack or a year that stands there twice.
    #[error("{what} is in force twice: keep one of them")]
    RepeatedRules {
        /// The list.
        field: &'static str,
        /// Name and version, or the year.
        what: String,
    },
    /// A rule pack without a name that can be typed.
    #[error("a rule pack is named {found:?}: write 1 to 64 of a-z, 0-9, - and .")]
    PackName {
        /// The name.
        found: String,
    },
    /// Nobody is at the top.
    #[error("there is no root: exactly one room must have no parent, and none is like that")]
    NoRoot,
    /// More than one room is at the top.
    #[error("two roots, {first} and {second}: give one of them a parent")]
    TwoRoots {
        /// The first room without a parent.
        first: Entry,
        /// Another one.
        second: Entry,
    },
    /// The parent does not exist.
    #[error("{room} is an orphan, its parent is not in the plan: add that room or choose another parent")]
    Orphan {
        /// The room without its parent.
        room: Entry,
    },
    /// Rooms hang under each other in a circle.
    #[error("parents lead in a circle, {}: give one of these rooms a parent outside it", circle(.rooms))]
    Cycle {
        /// The rooms of the circle, each followed by its parent.
        rooms: Vec<Entry>,
    },
    /// Too many levels.
    #[error(
        "{room} is on level {level}, the tree has at most {}: hang it under a higher hub",
        Map::LEVELS_MAX
    )]
    TooDeep {
        /// The room that is too far down.
        room: Entry,
        /// Its level, the root being on level 1.
        level: usize,
    },
    /// Two rooms under one id.
    #[error("{second} has the id of {first}: an id belongs to one room for ever, draw another one")]
    DuplicateId {
        /// The room that had it first.
        first: Entry,
        /// The room that has it too.
        second: Entry,
    },
    /// Two rooms under one code at the same time.
    #[error(
        "code {code} belongs to {first} and at the same time to {second}: correct one, or date them apart"
    )]
    DuplicateCode {
        /// The code.
        code: RoomCode,
        /// The room that has it first.
        first: Entry,
        /// The room that has it too.
        second: Entry,
        /// Which code of the second room it is, from 0.
        nth: usize,
    },
    /// A room without a code.
    #[error("{room} has no code: give it its division code or its 14 digits")]
    NoCode {
        /// The room.
        room: Entry,
    },
    /// A room without a name.
    #[error("{room} has no name: give it one")]
    NoName {
        /// The room.
        room: Entry,
    },
    /// A name that cannot be shown.
    #[error(
        "{room} has a name that is empty, over 100 characters or with characters that are not shown: write it plainly"
    )]
    BadName {
        /// The room.
        room: Entry,
        /// Which of its names, from 0.
        nth: usize,
    },
    /// A list longer than anybody needs.
    #[error("{room} has more than {max} {field}: leave some out")]
    TooMany {
        /// The room.
        room: Entry,
        /// The list.
        field: &'static str,
        /// How long it may be.
        max: usize,
    },
    /// An end before its beginning.
    #[error("{room}: {field} ends before it begins: turn the two dates round")]
    DatesReversed {
        /// The room.
        room: Entry,
        /// The field with the dates.
        field: &'static str,
        /// Which of its values, from 0.
        nth: usize,
    },
    /// The alternate parent does not exist.
    #[error("{room} has an alternate parent that is not in the plan: add that room or take it out")]
    UnknownAlternate {
        /// The room.
        room: Entry,
        /// Which of its alternates, from 0.
        nth: usize,
    },
    /// A room is its own alternate parent.
    #[error("{room} is its own alternate parent: take it out")]
    SelfAlternate {
        /// The room.
        room: Entry,
        /// Which of its alternates, from 0.
        nth: usize,
    },
    /// An alternate parent that helps nothing.
    #[error("{room} has {alternate} as a parent twice: keep it once, as parent or as alternate")]
    RepeatedAlternate {
        /// The room.
        room: Entry,
        /// The room named twice.
        alternate: Entry,
        /// Which of its alternates, from 0.
        nth: usize,
    },
    /// An alternate parent that hangs under the room itself.
    #[error(
        "{alternate} is in the subtree of {room} and cannot be its alternate parent: choose one outside it"
    )]
    AlternateBelow {
        /// The room.
        room: Entry,
        /// The alternate parent.
        alternate: Entry,
        /// Which of its alternates, from 0.
        nth: usize,
    },
    /// Alternate parents of each other: a message could travel round for ever.
    #[error("alternate parents lead in a circle, {}: take out one alternate of these", circle(.rooms))]
    AlternateCycle {
        /// The rooms of the circle, each followed by a parent or alternate parent.
        rooms: Vec<Entry>,
        /// Which alternate of the first one leads to the second, from 0.
        nth: usize,
    },
    /// The related room does not exist.
    #[error("{room} has a relation to a room that is not in the plan: add that room or take it out")]
    UnknownRelation {
        /// The room.
        room: Entry,
        /// Which of its relations, from 0.
        nth: usize,
    },
    /// A room is related to itself.
    #[error("{room} has a relation to itself: take it out")]
    SelfRelation {
        /// The room.
        room: Entry,
        /// Which of its relations, from 0.
        nth: usize,
    },
    /// A hub that nobody can dial.
    #[error("{room} is a hub ({child} dials it) and has no address: give it one, \"host:port\"")]
    NoAddress {
        /// The hub.
        room: Entry,
        /// One of those who dial it.
        child: Entry,
    },
    /// An address that cannot be dialled.
    #[error("{room} has the address {address:?}: write \"host:port\", the port from 1 to 65535")]
    BadAddress {
        /// The room.
        room: Entry,
        /// What stands there.
        address: String,
    },
}

impl MapError {
    /// Where in the plan the problem lies; of several places, the one to correct.
    pub fn place(&self) -> Place {
        let plan = |field| Place { room: None, field, nth: 0 };
        let at = |room: &Entry, field, nth| Place { room: Some(room.index), field, nth };
        match self {
            Self::Format { .. } => plan("v"),
            Self::Network { .. } => plan("network"),
            Self::Version => plan("version"),
            Self::TooManyRules { field, .. } | Self::RepeatedRules { field, .. } => plan(field),
            Self::PackName { .. } => plan("rule_packs"),
            Self::TooManyRooms { .. } | Self::NoRoot => plan("rooms"),
            Self::TwoRoots { second, .. } => at(second, "parent", 0),
            Self::Orphan { room } | Self::TooDeep { room, .. } => at(room, "parent", 0),
            Self::Cycle { rooms } => rooms.first().map_or(plan("rooms"), |room| at(room, "parent", 0)),
            Self::AlternateCycle { rooms, nth } => {
                rooms.first().map_or(plan("rooms"), |room| at(room, "alternates", *nth))
            }
            Self::DuplicateId { second, .. } => at(second, "id", 0),
            Self::DuplicateCode { second, nth, .. } => at(second, "codes", *nth),
            Self::NoCode { room } => at(room, "codes", 0),
            Self::NoName { room } => at(room, "names", 0),
            Self::BadName { room, nth } => at(room, "names", *nth),
            Self::TooMany { room, field, max } => at(room, field, *max),
            Self::DatesReversed { room, field, nth } => at(room, field, *nth),
            Self::UnknownAlternate { room, nth }
            | Self::SelfAlternate { room, nth }
            | Self::RepeatedAlternate { room, nth, .. }
            | Self::AlternateBelow { room, nth, .. } => at(room, "alternates", *nth),
            Self::UnknownRelation { room, nth } | Self::SelfRelation { room, nth } => {
                at(room, "relations", *nth)
            }
            Self::NoAddress { room, .. } | Self::BadAddress { room, .. } => at(room, "address", 0),
        }
    }
}

/// Everything that is wrong with a plan, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan does not fit together:{}", list(.0))]
pub struct MapErrors(Vec<MapError>);

impl MapErrors {
    pub(super) fn new(errors: Vec<MapError>) -> Self {
        debug_assert!(!errors.is_empty(), "a plan without errors has a root and is a map");
        Self(errors)
    }

    /// Each problem.
    pub fn errors(&self) -> &[MapError] {
        &self.0
    }
}

/// The entry of a room in the plan.
pub(super) fn entry(plan: &Plan, index: usize) -> Entry {
    let label = plan.rooms.get(index).map(crate::Room::label);
    let nobody =
        || RoomLabel { code: RoomCode::NONE, name: String::new(), id: RoomId::from_bytes([0; RoomId::LEN]) };
    Entry { index, label: label.unwrap_or_else(nobody) }
}

fn list(errors: &[MapError]) -> String {
    const SHOWN_MAX: usize = 20;
    let mut text: String = errors.iter().take(SHOWN_MAX).map(|error| format!("\n  {error}")).collect();
    if errors.len() > SHOWN_MAX {
        text.push_str(&format!("\n  and {} more", errors.len() - SHOWN_MAX));
    }
    text
}

fn circle(rooms: &[Entry]) -> String {
    let around = rooms.iter().chain(rooms.first());
    around.map(|room| room.label.code.to_string()).collect::<Vec<_>>().join(" → ")
}
