//! Finds everything that keeps a plan from being a map, not only the first thing.
//!
//! *Against:* circles, which would keep a message travelling for ever; two rooms under one code, of
//! which one would get the other's messages; and plans so large that checking them is an attack.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Entry, Map, MapError, error::entry};
use crate::{Dated, Plan, Room, RoomCode, RoomId};

mod circles;
mod rules;

/// Every problem of the plan; none: it is a map.
pub(crate) fn check(plan: &Plan) -> Vec<MapError> {
    let mut errors = Vec::new();
    check_head(plan, &mut errors);
    if plan.rooms.len() > Map::ROOMS_MAX {
        errors.push(MapError::TooManyRooms { found: plan.rooms.len() });
        return errors;
    }
    let checker = Checker::new(plan, &mut errors);
    for (index, room) in plan.rooms.iter().enumerate() {
        checker.check_words(index, room, &mut errors);
        checker.check_dates(index, room, &mut errors);
        checker.check_references(index, room, &mut errors);
    }
    checker.check_codes(&mut errors);
    checker.check_roots(&mut errors);
    checker.check_addresses(&mut errors);
    circles::check(&checker, &mut errors);
    errors.sort_by_key(MapError::place);
    errors
}

fn check_head(plan: &Plan, errors: &mut Vec<MapError>) {
    if plan.v != Plan::FORMAT {
        errors.push(MapError::Format { found: plan.v });
    }
    if !is_label(&plan.network) {
        errors.push(MapError::Network { found: plan.network.clone() });
    }
    if plan.version == 0 {
        errors.push(MapError::Version);
    }
    rules::check(plan, errors);
}

/// A plan under examination, with the first room of each id.
struct Checker<'p> {
    plan: &'p Plan,
    index_by_id: BTreeMap<RoomId, usize>,
}

impl<'p> Checker<'p> {
    fn new(plan: &'p Plan, errors: &mut Vec<MapError>) -> Self {
        let mut index_by_id = BTreeMap::new();
        for (index, room) in plan.rooms.iter().enumerate() {
            let first = *index_by_id.entry(room.id).or_insert(index);
            if first != index {
                let (first, second) = (entry(plan, first), entry(plan, index));
                errors.push(MapError::DuplicateId { first, second });
            }
        }
        Self { plan, index_by_id }
    }

    fn entry(&self, index: usize) -> Entry {
        entry(self.plan, index)
    }

    fn parent(&self, index: usize) -> Option<usize> {
        self.index_by_id.get(&self.plan.rooms[index].parent?).copied()
    }

    fn alternates(&self, index: usize) -> impl Iterator<Item = (usize, usize)> {
        let alternates = self.plan.rooms[index].alternates.iter().take(Map::ALTERNATES_MAX).enumerate();
        alternates.filter_map(|(nth, id)| Some((nth, *self.index_by_id.get(id)?)))
    }

    fn check_words(&self, index: usize, room: &Room, errors: &mut Vec<MapError>) {
        if room.codes.is_empty() {
            errors.push(MapError::NoCode { room: self.entry(index) });
        }
        if room.names.is_empty() {
            errors.push(MapError::NoName { room: self.entry(index) });
        }
        for (nth, name) in room.names.iter().enumerate() {
            let english_ok = name.value.en.as_deref().is_none_or(is_showable);
            if !is_showable(&name.value.zh) || !english_ok {
                errors.push(MapError::BadName { room: self.entry(index), nth });
            }
        }
        if let Some(address) = room.address.as_ref().filter(|address| !is_address(address)) {
            errors.push(MapError::BadAddress { room: self.entry(index), address: address.clone() });
        }
        let lists = [
            ("codes", room.codes.len(), Map::DATED_MAX),
            ("names", room.names.len(), Map::DATED_MAX),
            ("alternates", room.alternates.len(), Map::ALTERNATES_MAX),
            ("relations", room.relations.len(), Map::RELATIONS_MAX),
        ];
        for (field, _, max) in lists.into_iter().filter(|(_, found, max)| found > max) {
            errors.push(MapError::TooMany { room: self.entry(index), field, max });
        }
    }

    fn check_dates(&self, index: usize, room: &Room, errors: &mut Vec<MapError>) {
        let mut found = |field, nth| {
            errors.push(MapError::DatesReversed { room: self.entry(index), field, nth });
        };
        for (nth, _) in room.codes.iter().enumerate().filter(|(_, code)| is_reversed(code)) {
            found("codes", nth);
        }
        for (nth, _) in room.names.iter().enumerate().filter(|(_, name)| is_reversed(name)) {
            found("names", nth);
        }
        if is_reversed(&Dated { value: (), from_ms: room.valid_from_ms, to_ms: room.valid_to_ms }) {
            found("valid_to", 0);
        }
    }

    fn check_references(&self, index: usize, room: &Room, errors: &mut Vec<MapError>) {
        let here = || self.entry(index);
        if room.parent.is_some() && self.parent(index).is_none() {
            errors.push(MapError::Orphan { room: here() });
        }
        for (nth, id) in room.alternates.iter().enumerate().take(Map::ALTERNATES_MAX) {
            let repeated = room.parent == Some(*id) || room.alternates[..nth].contains(id);
            match self.index_by_id.get(id) {
                None => errors.push(MapError::UnknownAlternate { room: here(), nth }),
                Some(_) if *id == room.id => errors.push(MapError::SelfAlternate { room: here(), nth }),
                Some(other) if repeated => {
                    let alternate = self.entry(*other);
                    errors.push(MapError::RepeatedAlternate { room: here(), alternate, nth });
                }
                Some(_) => {}
            }
        }
        for (nth, relation) in room.relations.iter().enumerate().take(Map::RELATIONS_MAX) {
            if !self.index_by_id.contains_key(&relation.room) {
                errors.push(MapError::UnknownRelation { room: here(), nth });
            } else if relation.room == room.id {
                errors.push(MapError::SelfRelation { room: here(), nth });
            }
        }
    }

    /// Sorts every code's spans of time by their beginning; an overlap is then one of neighbours.
    fn check_codes(&self, errors: &mut Vec<MapError>) {
        let mut spans_by_code: BTreeMap<RoomCode, Vec<(i64, i64, usize, usize)>> = BTreeMap::new();
        for (index, room) in self.plan.rooms.iter().enumerate() {
            for (nth, code) in room.codes.iter().enumerate() {
                let from = code.from_ms.max(room.valid_from_ms).unwrap_or(i64::MIN);
                let to = [code.to_ms, room.valid_to_ms].into_iter().flatten().min().unwrap_or(i64::MAX);
                spans_by_code.entry(code.value).or_default().push((from, to, index, nth));
            }
        }
        for (code, mut spans) in spans_by_code {
            spans.retain(|(from, to, ..)| from < to);
            spans.sort_by_key(|&(from, _, index, nth)| (from, index, nth));
            let mut longest: Option<(i64, usize)> = None;
            for (from, to, index, nth) in spans {
                if let Some((_, other)) = longest.filter(|&(end, _)| from < end) {
                    // The later entry of the plan is the one to correct.
                    let (first, second) = (self.entry(other.min(index)), self.entry(other.max(index)));
                    let nth = if index >= other { nth } else { 0 };
                    errors.push(MapError::DuplicateCode { code, first, second, nth });
                }
                longest = longest.max(Some((to, index)));
            }
        }
    }

    fn check_roots(&self, errors: &mut Vec<MapError>) {
        let mut roots = (0..self.plan.rooms.len()).filter(|index| self.plan.rooms[*index].parent.is_none());
        let Some(first) = roots.next() else {
            errors.push(MapError::NoRoot);
            return;
        };
        for second in roots {
            let (first, second) = (self.entry(first), self.entry(second));
            errors.push(MapError::TwoRoots { first, second });
        }
    }

    fn check_addresses(&self, errors: &mut Vec<MapError>) {
        let mut dialled_by: BTreeMap<usize, usize> = BTreeMap::new();
        for child in (0..self.plan.rooms.len()).map(Reverse) {
            let alternates = self.alternates(child.0).map(|(_, hub)| hub);
            for hub in self.parent(child.0).into_iter().chain(alternates).filter(|hub| *hub != child.0) {
                dialled_by.insert(hub, child.0);
            }
        }
        for (hub, child) in dialled_by {
            if self.plan.rooms[hub].address.is_none() {
                errors.push(MapError::NoAddress { room: self.entry(hub), child: self.entry(child) });
            }
        }
    }
}

fn is_reversed<T>(dated: &Dated<T>) -> bool {
    matches!((dated.from_ms, dated.to_ms), (Some(from), Some(to)) if from >= to)
}

fn is_label(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    letters && (1..=20).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_showable(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(crate::is_unseen)
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_ok = bracketed || !host.contains([':', '[', ']']);
    let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic());
    host_ok
        && plain
        && port.bytes().all(|b| b.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::fixture::{id, plan_of, room, seven_plan};
    use crate::{Name, Relation, RelationKind};

    /// The messages about a plan of seven rooms after this change.
    fn messages(change: impl FnOnce(&mut Plan)) -> Vec<String> {
        let mut plan = seven_plan();
        change(&mut plan);
        check(&plan).iter().map(MapError::to_string).collect()
    }

    /// The only message about it.
    fn message(change: impl FnOnce(&mut Plan)) -> String {
        let mut messages = messages(change);
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }

    #[test]
    fn a_sound_plan_has_no_problem() {
        assert_eq!(messages(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn the_head_of_the_plan_is_checked() {
        assert!(message(|plan| plan.v = 2).contains("format 2"));
        assert!(message(|plan| plan.version = 0).contains("begin with 1"));
        for network in ["", "He", "a.b", "-a", "a-", "河南", "abcdefghijklmnopqrstu"] {
            assert!(message(|plan| plan.network = network.into()).contains("1 to 20 of a-z"), "{network}");
        }
    }

    #[test]
    fn two_roots_are_named() {
        let found = message(|plan| plan.rooms[2].parent = None);
        assert_eq!(
            found,
            "two roots, 410000 值班室410000 and 411300 值班室411300: give one of them a parent"
        );
    }

    #[test]
    fn an_orphan_is_named() {
        let found = message(|plan| plan.rooms[3].parent = Some(id(410199)));
        assert!(found.starts_with("410122 值班室410122 is an orphan"), "{found}");
    }

    #[test]
    fn a_circle_is_shown_from_room_to_room() {
        let found = messages(|plan| plan.rooms[2].parent = Some(id(411322)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("parents lead in a circle, 411300 → 411322 → 411300:"), "{found:?}");
        let found = messages(|plan| plan.rooms[0].parent = Some(id(410000)));
        assert!(found[0].contains("there is no root") && found[1].contains("410000 → 410000"), "{found:?}");
    }

    #[test]
    fn two_circles_are_both_found() {
        let found = messages(|plan| {
            plan.rooms[1].parent = Some(id(410122));
            plan.rooms[2].parent = Some(id(411323));
        });
        assert_eq!(found.iter().filter(|message| message.contains("circle")).count(), 2, "{found:?}");
    }

    #[test]
    fn the_tree_has_at_most_seven_levels() {
        let chain = |levels: u64| {
            let rooms: Vec<_> =
                (0..levels).map(|n| (410000 + n, "city", n.checked_sub(1).map(|up| 410000 + up))).collect();
            check(&plan_of(&rooms))
        };
        assert_eq!(chain(7), []);
        let found = chain(8);
        assert!(matches!(&found[..], [MapError::TooDeep { level: 8, room }] if room.index == 7), "{found:?}");
        assert_eq!(chain(20_000).len(), 20_000 - 7, "a chain of the largest size ends, too");
    }

    #[test]
    fn more_rooms_than_a_network_holds_are_refused_at_once() {
        let mut plan = seven_plan();
        let last = plan.rooms[3].clone();
        plan.rooms.resize(Map::ROOMS_MAX + 1, last);
        assert_eq!(check(&plan), [MapError::TooManyRooms { found: 20_001 }]);
    }

    #[test]
    fn an_id_belongs_to_one_room() {
        let found = message(|plan| plan.rooms[3].id = id(411322));
        assert!(found.starts_with("411322 值班室411322 has the id of 410122 值班室410122"), "{found}");
    }

    fn give_code(room: &mut Room, code: &str, from_ms: Option<i64>, to_ms: Option<i64>) {
        room.codes = vec![Dated { value: code.parse().unwrap(), from_ms, to_ms }];
    }

    #[test]
    fn a_code_belongs_to_one_room_at_a_time() {
        let found = message(|plan| give_code(&mut plan.rooms[5], "410122", None, None));
        assert!(
            found.contains("code 410122 belongs to 410122 值班室410122 and at the same time to"),
            "{found}"
        );
        let one_after_the_other = messages(|plan| {
            give_code(&mut plan.rooms[3], "410122", None, Some(100));
            give_code(&mut plan.rooms[5], "410122", Some(100), None);
        });
        assert_eq!(one_after_the_other, Vec::<String>::new());
        let overlap = messages(|plan| {
            give_code(&mut plan.rooms[3], "410122", None, Some(101));
            give_code(&mut plan.rooms[5], "410122", Some(100), None);
        });
        assert_eq!(overlap.len(), 1);
    }

    #[test]
    fn a_code_ends_with_its_room() {
        let found = messages(|plan| {
            plan.rooms[3].valid_to_ms = Some(100);
            plan.rooms[5].valid_from_ms = Some(100);
            give_code(&mut plan.rooms[5], "410122", None, None);
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_room_has_a_code_and_a_name_that_can_be_shown() {
        assert!(message(|plan| plan.rooms[3].codes.clear()).contains("值班室410122 has no code"));
        assert!(message(|plan| plan.rooms[3].names.clear()).contains("410122 has no name"));
        for bad in [" ", "a\u{1b}[2J", &"河".repeat(101)] {
            let name = Dated::always(Name { zh: bad.into(), en: None });
            assert!(message(|plan| plan.rooms[3].names[0] = name).contains("write it plainly"));
        }
    }

    #[test]
    fn dates_that_are_turned_round_are_found_in_codes_names_and_rooms() {
        let found = messages(|plan| {
            give_code(&mut plan.rooms[3], "410122", Some(2), Some(2));
            (plan.rooms[4].names[0].from_ms, plan.rooms[4].names[0].to_ms) = (Some(2), Some(1));
            (plan.rooms[5].valid_from_ms, plan.rooms[5].valid_to_ms) = (Some(2), Some(1));
        });
        let expected = [
            "410122 值班室410122: codes ends before it begins: turn the two dates round",
            "411322 值班室411322: names ends before it begins: turn the two dates round",
            "411323 值班室411323: valid_to ends before it begins: turn the two dates round",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_alternate_parent_is_another_known_room_outside_the_subtree() {
        let of_city = |code| message(move |plan| plan.rooms[2].alternates = vec![id(code)]);
        assert!(of_city(999).contains("alternate parent that is not in the plan"));
        assert!(of_city(411300).contains("is its own alternate parent"));
        assert!(of_city(410000).contains("has 410000 值班室410000 as a parent twice"));
        assert!(of_city(411323).contains("411323 值班室411323 is in the subtree of 411300"));
        let twice = message(|plan| plan.rooms[4].alternates = vec![id(410100), id(410100)]);
        assert!(twice.contains("has 410100 值班室410100 as a parent twice"), "{twice}");
    }

    #[test]
    fn alternate_parents_do_not_lead_round_in_a_circle() {
        let found = message(|plan| {
            plan.rooms[1].alternates = vec![id(411300)];
            plan.rooms[2].alternates = vec![id(410122)];
        });
        assert!(found.contains("circle, 410100 → 411300 → 410122 → 410100: take out one"), "{found}");
        let one_way = messages(|plan| plan.rooms[1].alternates = vec![id(411300)]);
        assert_eq!(one_way, Vec::<String>::new());
    }

    #[test]
    fn a_relation_names_another_known_room() {
        let to = |code| {
            let relation = Relation { kind: RelationKind::Peer, room: id(code) };
            message(move |plan| plan.rooms[3].relations = vec![relation])
        };
        assert!(to(999).contains("relation to a room that is not in the plan"));
        assert!(to(410122).contains("has a relation to itself"));
    }

    #[test]
    fn a_hub_has_an_address_and_a_leaf_may_do_without() {
        let found = message(|plan| plan.rooms[1].address = None);
        assert!(found.contains("410100 值班室410100 is a hub (410122 值班室410122 dials it)"), "{found}");
        assert_eq!(messages(|plan| plan.rooms[3].address = None), Vec::<String>::new());
        let found = message(|plan| {
            plan.rooms[5].alternates = vec![id(410122)];
            plan.rooms[3].address = None;
        });
        assert!(found.contains("410122 值班室410122 is a hub (411323"), "{found}");
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:1", "[::1]:65535", "duty.henan.internal:7100"] {
            assert_eq!(messages(|plan| plan.rooms[3].address = Some(good.into())), Vec::<String>::new());
        }
        for bad in ["", "host", "host:0", "host:65536", ":7100", "a b:1", "::1:7100", "host:+1", "host:"] {
            let found = message(|plan| plan.rooms[3].address = Some(bad.into()));
            assert!(found.contains("write \"host:port\""), "{found}");
        }
    }

    #[test]
    fn lists_longer_than_anybody_needs_are_refused() {
        let found = messages(|plan| plan.rooms[4].alternates = (0..9).map(|n| id(n + 1)).collect());
        assert!(found.iter().any(|message| message.contains("more than 8 alternates")), "{found:?}");
    }

    #[test]
    fn every_problem_is_reported_and_they_stand_in_the_order_of_the_plan() {
        let found = messages(|plan| {
            plan.rooms[6].parent = Some(id(999));
            plan.rooms[1].address = Some("nowhere".into());
            plan.version = 0;
            plan.rooms.push(room(411322, "county", None));
        });
        let starts = ["version 0", "410100 ", "41000090100000 ", "code 411322 ", "411322 ", "two roots"];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (message, start) in found.iter().zip(starts) {
            assert!(message.starts_with(start), "{message} / {start}");
        }
    }
}
