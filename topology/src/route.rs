//! Which way to go: the neighbours to whom a room may hand an envelope for another room, the best first.
//!
//! *Against:* circles. Call a hub *above* the recipient when the recipient is it or hangs under it. A
//! room above the recipient hands on only to rooms above the recipient that are nearer to it in the
//! tree, so the way down ends. Any other room hands on either to a room above the recipient or to its
//! own parent or alternate parents; in a map parents and alternate parents together make no circle, so
//! the way up ends too. Up, then down: no room is met twice, whichever candidates are taken.

use std::iter;

use crate::{Map, RoomId};

/// The neighbours of `at` that bring an envelope nearer to `to`: the tree's next hop, then rooms on the
/// recipient's own line that have `at` as alternate parent (the one nearest to the recipient first),
/// then, on the way up, the alternate parents of `at`. Empty when `at` is `to` or either is unknown.
pub fn next_hops(map: &Map, at: RoomId, to: RoomId) -> Vec<RoomId> {
    if at == to || map.room(at).is_none() || map.room(to).is_none() {
        return Vec::new();
    }
    let line: Vec<RoomId> = iter::once(to).chain(map.ancestors(to)).collect();
    let place = line.iter().position(|above| *above == at);
    let by_tree = match place {
        Some(place) => place.checked_sub(1).map(|below| line[below]),
        None => map.parent(at),
    };
    let below = &line[..place.unwrap_or(line.len())];
    let across = below.iter().copied().filter(|room| map.alternates(*room).contains(&at));
    let up = if place.is_none() { map.alternates(at) } else { &[] };
    let mut hops: Vec<RoomId> = Vec::new();
    for hop in by_tree.into_iter().chain(across).chain(up.iter().copied()) {
        if !hops.contains(&hop) {
            hops.push(hop);
        }
    }
    hops
}

/// The way through the tree, both ends included. Empty when either room is unknown.
pub fn path(map: &Map, from: RoomId, to: RoomId) -> Vec<RoomId> {
    if map.room(from).is_none() || map.room(to).is_none() {
        return Vec::new();
    }
    let mut up: Vec<RoomId> = Vec::new();
    for above in iter::once(from).chain(map.ancestors(from)) {
        up.push(above);
        if map.contains(above, to) {
            break;
        }
    }
    let meeting = up.last().copied();
    let down = iter::once(to).chain(map.ancestors(to)).take_while(|above| Some(*above) != meeting);
    let mut down: Vec<RoomId> = down.collect();
    down.reverse();
    up.extend(down);
    up
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::fixture::{id, plan_of, seven_plan, seven_rooms};

    #[test]
    fn the_tree_leads_up_to_the_common_hub_and_down() {
        let map = seven_rooms();
        let way = [410122, 410100, 410000, 411300, 411323].map(id);
        assert_eq!(path(&map, id(410122), id(411323)), way);
        for pair in way.windows(2) {
            assert_eq!(next_hops(&map, pair[0], id(411323)), [pair[1]]);
        }
        assert_eq!(next_hops(&map, id(411323), id(411323)), []);
    }

    #[test]
    fn a_path_to_oneself_is_oneself_and_to_nobody_is_none() {
        let map = seven_rooms();
        assert_eq!(path(&map, id(410122), id(410122)), [id(410122)]);
        assert_eq!(path(&map, id(410122), id(410000)), [410122, 410100, 410000].map(id));
        assert_eq!(path(&map, id(410000), id(410122)), [410000, 410100, 410122].map(id));
        assert_eq!(path(&map, id(410122), id(1)), []);
        assert_eq!(next_hops(&map, id(410122), id(1)), []);
        assert_eq!(next_hops(&map, id(1), id(410122)), []);
    }

    #[test]
    fn an_alternate_parent_comes_second_upwards() {
        assert_eq!(next_hops(&seven_rooms(), id(411322), id(410000)), [id(411300), id(410000)]);
        assert_eq!(next_hops(&seven_rooms(), id(411322), id(410122)), [id(411300), id(410000)]);
    }

    #[test]
    fn an_alternate_child_comes_second_downwards() {
        assert_eq!(next_hops(&seven_rooms(), id(410000), id(411322)), [id(411300), id(411322)]);
        assert_eq!(next_hops(&seven_rooms(), id(410000), id(411323)), [id(411300)]);
    }

    #[test]
    fn a_hub_of_another_branch_hands_straight_to_its_alternate_child() {
        let mut plan = seven_plan();
        plan.rooms[4].alternates = vec![id(410100)];
        let map = Map::new(plan).unwrap();
        assert_eq!(next_hops(&map, id(410100), id(411322)), [id(410000), id(411322)]);
    }

    #[test]
    fn a_hop_that_is_both_the_trees_and_an_alternate_is_named_once() {
        for (at, to) in [(411322, 410000), (410000, 411322)] {
            let hops = next_hops(&seven_rooms(), id(at), id(to));
            assert_eq!(hops.iter().filter(|hop| **hop == hops[0]).count(), 1);
        }
    }

    /// Every choice that the candidates allow is tried, to the end.
    fn assert_no_room_is_met_twice(map: &Map, way: &mut Vec<RoomId>, to: RoomId) {
        for hop in next_hops(map, *way.last().unwrap(), to) {
            assert!(!way.contains(&hop), "{way:?} then {hop}");
            assert!(map.may_dial(hop, *way.last().unwrap()) || map.may_dial(*way.last().unwrap(), hop));
            way.push(hop);
            assert_no_room_is_met_twice(map, way, to);
            way.pop();
        }
        let ends = next_hops(map, *way.last().unwrap(), to).is_empty();
        assert_eq!(ends, way.last() == Some(&to), "{way:?} is stuck");
    }

    #[test]
    fn no_choice_of_candidates_leads_round_in_a_circle_or_gets_stuck() {
        // A tree of three levels below the root; alternates drawn from a fixed sequence.
        let codes: Vec<u64> = (0..20).map(|n| 410000 + n).collect();
        let parents = |n: usize| (n > 0).then(|| codes[(n - 1) / 3]);
        let rooms: Vec<_> = (0..20).map(|n| (codes[n], "city", parents(n))).collect();
        let mut drawn: usize = 7;
        let mut maps = 0;
        for _ in 0..60 {
            let mut plan = plan_of(&rooms);
            for n in 4..20 {
                drawn = (drawn * 1_103_515_245 + 12_345) % 2_147_483_648;
                plan.rooms[n].alternates = vec![id(codes[(drawn >> 8) % 20])];
            }
            let Ok(map) = lenient(plan) else { continue };
            maps += 1;
            for (from, to) in codes.iter().flat_map(|from| codes.iter().map(move |to| (*from, *to))) {
                assert_no_room_is_met_twice(&map, &mut vec![id(from)], id(to));
            }
        }
        assert!(maps >= 20, "only {maps} maps were tried");
    }

    /// The map, after the alternates that it may not have were taken out.
    fn lenient(mut plan: crate::Plan) -> Result<Map, crate::MapErrors> {
        for _ in 0..20 {
            let Err(errors) = Map::new(plan.clone()) else { break };
            for error in errors.errors() {
                let place = error.place();
                plan.rooms[place.room.unwrap()].alternates.clear();
            }
        }
        Map::new(plan)
    }
}
