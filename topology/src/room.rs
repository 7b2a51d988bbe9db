//! One duty room (值班室) as the map describes it: who it is, what it was called and when, whom it
//! hangs under, where it is reached by link and by telephone, and whom it answers to.
//!
//! Plain data. Whether it makes sense among the others is judged by [`Map::new`](crate::Map::new).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Level, Relation, RoomCode, RoomId};

/// One duty room of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The permanent id.
    pub id: RoomId,
    /// The level of the body that keeps the room.
    pub level: Level,
    /// Every code that the room has had, each with its dates. Not empty in a valid map.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Dated<RoomCode>>,
    /// Every name that the room has had, each with its dates. Not empty in a valid map.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Dated<Name>>,
    /// The hub that it hangs under; absent for the root alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RoomId>,
    /// Hubs that it also dials, in order of preference, for when the parent is away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<RoomId>,
    /// `host:port` at which others dial it; required of every parent and alternate parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The duty telephone: what is left when the network is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    /// Who stands in which relation to this room, beside the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// The room exists from this instant on; milliseconds since 1970 UTC, absent: always did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from_ms: Option<i64>,
    /// The room exists until just before this instant; absent: no end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to_ms: Option<i64>,
}

impl Room {
    /// The newest code, also where it begins in the future: the one to print.
    /// [`RoomCode::NONE`] for a room without any, which no valid map contains.
    pub fn code(&self) -> RoomCode {
        newest(&self.codes).copied().unwrap_or(RoomCode::NONE)
    }

    /// The newest name: the one to print. Empty for a room without any, which no valid map contains.
    pub fn name(&self) -> &Name {
        newest(&self.names).unwrap_or(&NO_NAME)
    }

    /// The code that held at this time (milliseconds since 1970 UTC).
    pub fn code_at(&self, now_ms: i64) -> Option<RoomCode> {
        at(&self.codes, now_ms).copied()
    }

    /// The name that held at this time (milliseconds since 1970 UTC).
    pub fn name_at(&self, now_ms: i64) -> Option<&Name> {
        at(&self.names, now_ms)
    }

    /// Whether the room exists at this time (milliseconds since 1970 UTC).
    pub fn exists_at(&self, now_ms: i64) -> bool {
        self.valid_from_ms.is_none_or(|from| from <= now_ms) && self.valid_to_ms.is_none_or(|to| now_ms < to)
    }

    /// Code and Chinese name, as people and errors name the room.
    pub fn label(&self) -> RoomLabel {
        RoomLabel { id: self.id, code: self.code(), name: self.name().zh.clone() }
    }
}

/// A room as a person recognises it: `410122 中牟县政府值班室`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomLabel {
    /// The newest code.
    pub code: RoomCode,
    /// The newest Chinese name.
    pub name: String,
    /// The permanent id.
    pub id: RoomId,
}

impl fmt::Display for RoomLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code == RoomCode::NONE, self.name.is_empty()) {
            (false, false) => write!(f, "{} {}", self.code, self.name),
            (false, true) => write!(f, "{}", self.code),
            (true, false) => f.write_str(&self.name),
            (true, true) => write!(f, "room {}", self.id),
        }
    }
}

/// A value with the time in which it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// What holds.
    pub value: T,
    /// From this instant on; milliseconds since 1970 UTC, absent: always did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// Until just before this instant; absent: no end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
}

impl<T> Dated<T> {
    /// A value that always held and has no known end.
    pub const fn always(value: T) -> Self {
        Self { value, from_ms: None, to_ms: None }
    }

    /// Whether the value holds at this time (milliseconds since 1970 UTC).
    pub fn holds_at(&self, now_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| from <= now_ms) && self.to_ms.is_none_or(|to| now_ms < to)
    }
}

/// A room's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// In Chinese.
    pub zh: String,
    /// In English, where somebody gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Name {
    /// The English name, the Chinese one where there is none.
    pub fn english(&self) -> &str {
        self.en.as_deref().unwrap_or(&self.zh)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.zh)
    }
}

static NO_NAME: Name = Name { zh: String::new(), en: None };

/// The newest of several dated values: the one that began last.
fn newest<T>(values: &[Dated<T>]) -> Option<&T> {
    values.iter().max_by_key(|dated| dated.from_ms).map(|dated| &dated.value)
}

/// The value that holds at a time; of several the one that began last.
fn at<T>(values: &[Dated<T>], now_ms: i64) -> Option<&T> {
    values.iter().filter(|dated| dated.holds_at(now_ms)).max_by_key(|dated| dated.from_ms).map(|d| &d.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hengshan() -> Room {
        let code = |text: &str| text.parse().unwrap();
        let name = |zh: &str| Name { zh: zh.into(), en: None };
        Room {
            id: RoomId::from_bytes([1; 16]),
            level: Level::County,
            codes: vec![
                Dated { value: code("610803"), from_ms: Some(100), to_ms: None },
                Dated { value: code("610823"), from_ms: None, to_ms: Some(100) },
            ],
            names: vec![
                Dated { value: name("横山县值班室"), from_ms: None, to_ms: Some(100) },
                Dated { value: name("横山区值班室"), from_ms: Some(100), to_ms: Some(200) },
            ],
            parent: None,
            alternates: vec![],
            address: None,
            telephone: None,
            relations: vec![],
            valid_from_ms: Some(50),
            valid_to_ms: Some(200),
        }
    }

    #[test]
    fn a_code_is_the_one_of_its_time_and_the_change_falls_on_the_new_one() {
        let room = hengshan();
        assert_eq!(room.code_at(99).unwrap().to_string(), "610823");
        assert_eq!(room.code_at(100).unwrap().to_string(), "610803");
        assert_eq!(room.name_at(99).unwrap().zh, "横山县值班室");
        assert_eq!(room.name_at(200), None);
    }

    #[test]
    fn the_newest_code_and_name_are_shown() {
        assert_eq!(hengshan().code().to_string(), "610803");
        assert_eq!(hengshan().label().to_string(), "610803 横山区值班室");
    }

    #[test]
    fn a_room_exists_from_its_first_instant_until_before_its_last() {
        let room = hengshan();
        assert_eq!([49, 50, 199, 200].map(|ms| room.exists_at(ms)), [false, true, true, false]);
    }
}
