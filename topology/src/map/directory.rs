//! The directory (查号台): finds the room that a person means by an id, a code or a name, and says
//! who else may have been meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Dated, Room, RoomCode, RoomId, RoomLabel};

/// What leads to a room: ids, codes and names, past ones too.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    index_by_id: BTreeMap<RoomId, usize>,
    indexes_by_code: BTreeMap<RoomCode, Vec<(Claim, usize)>>,
    indexes_by_name: BTreeMap<String, Vec<(Claim, usize)>>,
}

/// How strong a room's claim to a code or name is. The strongest counts, if only one room has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// It is the newest of the room, with no end.
    Present,
    /// It is the newest of the room and has ended.
    Ended,
    /// The room has another one since.
    Past,
}

impl Directory {
    /// Enters every room. Of two under one id the first is entered.
    pub(crate) fn new(rooms: &[Room]) -> Self {
        let mut index_by_id = BTreeMap::new();
        let mut indexes_by_code: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut indexes_by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, room) in rooms.iter().enumerate() {
            index_by_id.entry(room.id).or_insert(index);
            for (code, claim) in with_claims(&room.codes, room) {
                indexes_by_code.entry(*code).or_default().push((claim, index));
            }
            for (name, claim) in with_claims(&room.names, room) {
                for word in [Some(&name.zh), name.en.as_ref()].into_iter().flatten() {
                    indexes_by_name.entry(word.to_lowercase()).or_default().push((claim, index));
                }
            }
        }
        Self { index_by_id, indexes_by_code, indexes_by_name }
    }

    /// The place of the room with this id.
    pub(crate) fn by_id(&self, id: RoomId) -> Option<usize> {
        self.index_by_id.get(&id).copied()
    }

    /// The place of the room that is meant. `rooms` is what the directory was made from.
    pub(crate) fn resolve(&self, rooms: &[Room], text: &str) -> Result<usize, ResolveError> {
        let text = text.trim();
        if let Ok(id) = text.parse::<RoomId>() {
            return self.by_id(id).ok_or_else(|| unknown(rooms, text));
        }
        let exact = match text.parse::<RoomCode>() {
            Ok(code) => self.indexes_by_code.get(&code),
            Err(_) => self.indexes_by_name.get(&text.to_lowercase()),
        };
        let found = exact.map_or_else(|| self.by_beginning(text), |claims| strongest(claims));
        match (found.len(), found.first()) {
            (1, Some(index)) => Ok(*index),
            (_, None) => Err(unknown(rooms, text)),
            (_, Some(_)) => Err(ambiguous(rooms, text, &found)),
        }
    }

    /// The rooms of which a present name begins like this.
    fn by_beginning(&self, text: &str) -> BTreeSet<usize> {
        let text = text.to_lowercase();
        if text.is_empty() {
            return BTreeSet::new();
        }
        let names =
            self.indexes_by_name.range(text.clone()..).take_while(|(name, _)| name.starts_with(&text));
        names
            .flat_map(|(_, claims)| claims)
            .filter(|(claim, _)| *claim == Claim::Present)
            .map(|c| c.1)
            .collect()
    }
}

fn with_claims<'r, T>(values: &'r [Dated<T>], room: &Room) -> impl Iterator<Item = (&'r T, Claim)> {
    let newest = values.iter().map(|dated| dated.from_ms).max();
    let abolished = room.valid_to_ms.is_some();
    values.iter().map(move |dated| {
        let claim = match (newest == Some(dated.from_ms), dated.to_ms.is_some() || abolished) {
            (true, false) => Claim::Present,
            (true, true) => Claim::Ended,
            (false, _) => Claim::Past,
        };
        (&dated.value, claim)
    })
}

fn strongest(claims: &[(Claim, usize)]) -> BTreeSet<usize> {
    let best = claims.iter().map(|(claim, _)| *claim).min();
    claims.iter().filter(|(claim, _)| Some(*claim) == best).map(|(_, index)| *index).collect()
}

/// No room, or more than one, is meant by a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nobody is called that.
    #[error("no room is {}: {}", quoted(.text), advice(.suggestions))]
    Unknown {
        /// What was asked for.
        text: String,
        /// The rooms that are called most like it, at most three.
        suggestions: Vec<RoomLabel>,
    },
    /// Several rooms are called that.
    #[error("{} rooms may be meant by {}: write the code of one, {}{}",
        .candidates.len() + .more, quoted(.text), listed(.candidates), if *.more > 0 { " ..." } else { "" })]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The rooms that it fits, at most eight.
        candidates: Vec<RoomLabel>,
        /// How many more it fits.
        more: usize,
    },
}

fn quoted(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let more = if text.chars().count() > SHOWN_MAX { "..." } else { "" };
    format!("{:?}{more}", text.chars().take(SHOWN_MAX).collect::<String>())
}

fn advice(suggestions: &[RoomLabel]) -> String {
    if suggestions.is_empty() {
        "write its code, its full name or its id as the map has them".into()
    } else {
        format!("did you mean {}?", listed(suggestions))
    }
}

fn listed(labels: &[RoomLabel]) -> String {
    labels.iter().map(RoomLabel::to_string).collect::<Vec<_>>().join(", ")
}

fn ambiguous(rooms: &[Room], text: &str, found: &BTreeSet<usize>) -> ResolveError {
    const LISTED_MAX: usize = 8;
    let mut labels: Vec<_> = found.iter().map(|index| rooms[*index].label()).collect();
    labels.sort();
    let shared_code = labels.windows(2).any(|pair| pair[0].code == pair[1].code);
    if shared_code {
        // A code would not tell these apart; their ids do.
        labels.iter_mut().for_each(|label| label.name.push_str(&format!(" ({})", label.id)));
    }
    let more = labels.len().saturating_sub(LISTED_MAX);
    labels.truncate(LISTED_MAX);
    ResolveError::Ambiguous { text: text.into(), candidates: labels, more }
}

fn unknown(rooms: &[Room], text: &str) -> ResolveError {
    const SUGGESTED_MAX: usize = 3;
    let wanted: Vec<char> = text.to_lowercase().chars().collect();
    let mut near: Vec<(usize, RoomLabel)> = Vec::new();
    if (1..=TEXT_COMPARED_MAX).contains(&wanted.len()) {
        let likeness = |room: &Room| Some((distance_to(room, &wanted)?, room.label()));
        near = rooms.iter().filter_map(likeness).collect();
    }
    near.sort();
    near.truncate(SUGGESTED_MAX);
    ResolveError::Unknown {
        text: text.into(),
        suggestions: near.into_iter().map(|(_, label)| label).collect(),
    }
}

/// How far the wanted text is from the nearest code or name of the room, if it is near at all.
fn distance_to(room: &Room, wanted: &[char]) -> Option<usize> {
    let codes = room.codes.iter().map(|code| (code.value.to_string(), 2));
    let names = room.names.iter().flat_map(|name| [Some(&name.value.zh), name.value.en.as_ref()]);
    let words = names.flatten().map(|name| (name.to_lowercase(), wanted.len() / 2));
    let near = |(word, limit): (String, usize)| {
        let word: Vec<char> = word.chars().take(TEXT_COMPARED_MAX).collect();
        let inside = wanted.len() >= 2 && word.windows(wanted.len()).any(|part| part == wanted);
        let distance = if inside { 1 } else { edit_distance(&word, wanted) };
        (distance <= limit.max(1)).then_some(distance)
    };
    codes.chain(words).filter_map(near).min()
}

/// The number of letters to add, drop or change (Levenshtein).
pub(crate) fn edit_distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in to.iter().enumerate() {
            let change = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// Longer texts are compared with nothing, longer names by their beginning.
const TEXT_COMPARED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{
        Map,
        fixture::{id, plan_of, room, seven_rooms},
    };

    fn dated_map() -> Map {
        let dated = |code: &str, from_ms, to_ms| Dated { value: code.parse().unwrap(), from_ms, to_ms };
        let mut plan = plan_of(&[(410000, "province", None), (410300, "city", Some(410000))]);
        let mut mengjin = room(410308, "county", Some(410300));
        mengjin.codes.insert(0, dated("410322", None, Some(100)));
        mengjin.codes[1].from_ms = Some(100);
        let mut jili = room(410306, "county", Some(410300));
        jili.codes = vec![dated("410306", None, Some(100))];
        plan.rooms.extend([mengjin, jili]);
        Map::new(plan).unwrap()
    }

    #[test]
    fn a_room_is_found_by_id_code_name_and_beginning_of_name() {
        let map = seven_rooms();
        let found = Ok(id(410122));
        let full_id = id(410122).to_string();
        for text in [&full_id, "410122", " 41012200000000 ", "值班室410122", "ROOM 410122", "room 41012"] {
            assert_eq!(map.resolve(text), found, "{text}");
        }
    }

    #[test]
    fn a_past_code_still_leads_to_its_room() {
        let map = dated_map();
        assert_eq!(map.resolve("410322"), Ok(id(410308)));
        assert_eq!(map.resolve("410306"), Ok(id(410306)));
    }

    #[test]
    fn a_past_code_yields_to_the_room_that_has_it_now() {
        let mut plan = dated_map().plan().clone();
        let mut heir = room(410322, "county", Some(410300));
        heir.codes[0].from_ms = Some(100);
        plan.rooms.push(heir);
        assert_eq!(Map::new(plan).unwrap().resolve("410322"), Ok(id(410322)));
    }

    #[test]
    fn an_unknown_room_is_answered_with_the_nearest_ones() {
        let map = seven_rooms();
        let error = map.resolve("410123").unwrap_err();
        let ResolveError::Unknown { suggestions, .. } = &error else { panic!("{error}") };
        assert_eq!(suggestions[0].code.to_string(), "410122");
        assert!(error.to_string().contains("did you mean"), "{error}");
        let error = map.resolve("nobody at all").unwrap_err().to_string();
        assert_eq!(
            error,
            "no room is \"nobody at all\": write its code, its full name or its id as the map has them"
        );
        assert!(map.resolve("").is_err());
        assert!(map.resolve(&"河".repeat(100_000)).unwrap_err().to_string().len() < 400);
        assert!(map.resolve(&id(999).to_string()).is_err());
    }

    #[test]
    fn an_ambiguous_name_lists_the_rooms_it_fits() {
        let error = seven_rooms().resolve("值班室4113").unwrap_err();
        let ResolveError::Ambiguous { candidates, more: 0, .. } = &error else { panic!("{error}") };
        let codes: Vec<_> = candidates.iter().map(|label| label.code.to_string()).collect();
        assert_eq!(codes, ["411300", "411322", "411323"]);
        assert!(error.to_string().contains("3 rooms") && error.to_string().contains("411322 "), "{error}");
    }

    #[test]
    fn two_rooms_of_one_name_are_allowed_and_told_apart_by_code() {
        let mut plan = seven_rooms().plan().clone();
        plan.rooms[3].names = plan.rooms[4].names.clone();
        let name = plan.rooms[3].name().zh.clone();
        let error = Map::new(plan).unwrap().resolve(&name).unwrap_err();
        assert!(
            matches!(error, ResolveError::Ambiguous { ref candidates, .. } if candidates.len() == 2),
            "{error}"
        );
    }

    #[test]
    fn distance_counts_letters_added_dropped_and_changed() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (from, to, distance) in
            [("", "abc", 3), ("abc", "abc", 0), ("abc", "axc", 1), ("郑州市", "郑市", 1)]
        {
            assert_eq!(edit_distance(&chars(from), &chars(to)), distance, "{from} {to}");
        }
    }
}
