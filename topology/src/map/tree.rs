//! Where rooms stand in the tree: above, below, between, and who may dial whom.

use std::{collections::BTreeSet, iter};

use super::Map;
use crate::{Room, RoomId};

impl Map {
    /// The hub that the room hangs under.
    pub fn parent(&self, id: RoomId) -> Option<RoomId> {
        self.room(id)?.parent
    }

    /// The rooms that hang under this one, by code.
    pub fn children(&self, id: RoomId) -> &[RoomId] {
        self.children_by_hub.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The room's alternate parents, the preferred one first.
    pub fn alternates(&self, id: RoomId) -> &[RoomId] {
        self.room(id).map_or(&[], |room| &room.alternates)
    }

    /// The hubs above the room, the nearest first, the root last.
    pub fn ancestors(&self, id: RoomId) -> impl Iterator<Item = RoomId> {
        iter::successors(self.parent(id), |above| self.parent(*above))
    }

    /// Whether `room` is `hub` or hangs, at any depth, under it.
    pub fn contains(&self, hub: RoomId, room: RoomId) -> bool {
        self.room(room).is_some() && iter::once(room).chain(self.ancestors(room)).any(|above| above == hub)
    }

    /// Whether what `room` signed may climb through `hub`: `hub` is reached from it by parents and
    /// alternate parents. True of `hub` itself.
    pub fn carries_for(&self, hub: RoomId, room: RoomId) -> bool {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&Room> = self.room(room).into_iter().collect();
        while let Some(below) = next.pop() {
            if below.id == hub {
                return true;
            }
            let ups = below.parent.iter().chain(&below.alternates);
            next.extend(ups.filter(|up| seen.insert(**up)).filter_map(|up| self.room(*up)));
        }
        false
    }

    /// The rooms that this one dials: its parent, then its alternate parents.
    pub fn links(&self, id: RoomId) -> Vec<RoomId> {
        self.parent(id).into_iter().chain(self.alternates(id).iter().copied()).collect()
    }

    /// Whether `child` has `hub` as its parent or alternate parent.
    pub fn may_dial(&self, hub: RoomId, child: RoomId) -> bool {
        self.parent(child) == Some(hub) || self.alternates(child).contains(&hub)
    }

    /// The DNS name in the room's certificate: the ids from the room up to the root, the network and
    /// `internal`, as `<room>.<parent>...<root>.<network>.internal`.
    pub fn dns_name(&self, id: RoomId) -> Option<String> {
        self.room(id)?;
        let ids = iter::once(id).chain(self.ancestors(id)).map(|above| format!("{above}."));
        Some(format!("{}{}.internal", ids.collect::<String>(), self.network()))
    }

    /// The DNS name under which all rooms of the hub's subtree have theirs: the name constraint
    /// (RFC 5280 section 4.2.1.10) of its issuing certificate. The same text as [`Self::dns_name`].
    pub fn subtree_dns(&self, id: RoomId) -> Option<String> {
        self.dns_name(id)
    }

    /// The levels that a message between a room and one of its ancestors skips: the rooms strictly
    /// between them, in the order of the way. Empty when neither is above the other.
    pub fn bypassed(&self, from: RoomId, to: RoomId) -> Vec<RoomId> {
        let between = |low, high| self.ancestors(low).take_while(|above| *above != high).collect::<Vec<_>>();
        if from != to && self.contains(to, from) {
            between(from, to)
        } else if from != to && self.contains(from, to) {
            between(to, from).into_iter().rev().collect()
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::map::fixture::{id, plan_of, room, seven_plan, seven_rooms};
    use crate::{Map, Room};

    #[test]
    fn the_tree_is_known_upwards_and_downwards() {
        let map = seven_rooms();
        assert_eq!(map.parent(id(410122)), Some(id(410100)));
        assert_eq!(map.parent(id(410000)), None);
        assert_eq!(map.children(id(410000)), [id(41000090100000), id(410100), id(411300)]);
        assert_eq!(map.children(id(410122)), []);
        assert_eq!(map.ancestors(id(411322)).collect::<Vec<_>>(), [id(411300), id(410000)]);
        assert_eq!(map.links(id(411322)), [id(411300), id(410000)]);
    }

    #[test]
    fn children_stand_in_the_order_of_their_codes_whatever_their_ids() {
        let mut plan = seven_plan();
        let swap = |room: &mut Room, code: u64| room.codes[0].value = code.to_string().parse().unwrap();
        swap(&mut plan.rooms[1], 419999);
        let map = Map::new(plan).unwrap();
        assert_eq!(map.children(id(410000)), [id(41000090100000), id(411300), id(410100)]);
    }

    #[test]
    fn a_hub_contains_itself_and_its_subtree_and_nothing_else() {
        let map = seven_rooms();
        assert!(map.contains(id(411300), id(411300)) && map.contains(id(410000), id(411322)));
        assert!(!map.contains(id(411322), id(411300)) && !map.contains(id(410100), id(411322)));
        assert!(!map.contains(id(999), id(999)));
    }

    #[test]
    fn a_hub_carries_for_its_subtree_and_for_those_that_have_it_as_alternate() {
        let mut plan = seven_plan();
        plan.rooms[2].alternates = vec![id(410100)];
        let map = Map::new(plan).unwrap();
        assert!(map.carries_for(id(410100), id(411300)) && map.carries_for(id(410100), id(411323)));
        assert!(map.carries_for(id(410100), id(410100)) && map.carries_for(id(410000), id(411323)));
        assert!(!map.carries_for(id(411300), id(410122)) && !map.carries_for(id(411300), id(999)));
    }

    #[test]
    fn only_parent_and_alternate_parents_are_dialled() {
        let map = seven_rooms();
        assert!(map.may_dial(id(411300), id(411322)) && map.may_dial(id(410000), id(411322)));
        assert!(!map.may_dial(id(410000), id(411323)) && !map.may_dial(id(411322), id(411300)));
    }

    #[test]
    fn the_dns_name_climbs_from_the_room_to_the_network() {
        let map = seven_rooms();
        let [room, city, province] = [411322, 411300, 410000].map(|code| id(code).to_string());
        let name = format!("{room}.{city}.{province}.henan.internal");
        assert_eq!(map.dns_name(id(411322)), Some(name));
        assert!(map.dns_name(id(411322)).unwrap().ends_with(&map.subtree_dns(id(411300)).unwrap()));
        assert_eq!(map.dns_name(id(999)), None);
    }

    #[test]
    fn the_longest_dns_name_is_allowed_by_rfc_1035() {
        let chain: Vec<_> = (0..7).map(|n| (410000 + n, "city", (n > 0).then(|| 410000 + n - 1))).collect();
        let mut plan = plan_of(&chain);
        plan.network = "n".repeat(20);
        assert_eq!(Map::new(plan).unwrap().dns_name(id(410006)).unwrap().len(), 218);
    }

    #[test]
    fn the_levels_between_are_named_in_the_order_of_the_way() {
        let mut plan = seven_plan();
        plan.rooms.push(room(41132200100000, "township", Some(411322)));
        let map = Map::new(plan).unwrap();
        let township = id(41132200100000);
        assert_eq!(map.bypassed(township, id(410000)), [id(411322), id(411300)]);
        assert_eq!(map.bypassed(id(410000), township), [id(411300), id(411322)]);
        assert_eq!(map.bypassed(id(411322), id(411300)), []);
        assert_eq!(map.bypassed(id(411322), id(410122)), []);
        assert_eq!(map.bypassed(id(410000), id(410000)), []);
    }
}
