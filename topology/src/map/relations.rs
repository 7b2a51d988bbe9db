//! Who answers to whom. The tree says who stands above; relations add the superior of the territory
//! (块) and of the line (条), the party committee of the same level, and peers.

use super::Map;
use crate::{Relation, RoomId};

impl Map {
    /// Whether `superior` may direct `subordinate`: as its ancestor in the tree, or as its territorial
    /// or line superior by a relation of its own. Relations do not pass from one room to the next.
    pub fn is_superior(&self, superior: RoomId, subordinate: RoomId) -> bool {
        let by_tree = superior != subordinate && self.contains(superior, subordinate);
        by_tree || self.relations_to(subordinate, superior).any(|relation| relation.kind.is_superior())
    }

    /// Whether the plan relates two rooms, in either direction and by whatever kind of relation.
    /// Standing beside each other in the tree is none.
    pub fn related(&self, a: RoomId, b: RoomId) -> bool {
        self.relations_to(a, b).chain(self.relations_to(b, a)).next().is_some()
    }

    fn relations_to(&self, from: RoomId, to: RoomId) -> impl Iterator<Item = &Relation> {
        let relations = self.room(from).map_or(&[][..], |room| &room.relations);
        relations.iter().filter(move |relation| relation.room == to)
    }
}

#[cfg(test)]
mod tests {
    use crate::map::fixture::{id, seven_plan, seven_rooms};
    use crate::{Map, Relation, RelationKind, RoomId};

    fn with_relation(kind: RelationKind) -> Map {
        let mut plan = seven_plan();
        plan.rooms[3].relations = vec![Relation { kind, room: department() }];
        Map::new(plan).unwrap()
    }

    fn department() -> RoomId {
        id(41000090100000)
    }

    #[test]
    fn every_ancestor_is_a_superior_and_nobody_is_his_own() {
        let map = seven_rooms();
        assert!(map.is_superior(id(410000), id(411322)) && map.is_superior(id(411300), id(411322)));
        assert!(!map.is_superior(id(411322), id(411300)) && !map.is_superior(id(411322), id(411322)));
        assert!(!map.is_superior(id(410100), id(411322)));
    }

    #[test]
    fn superiors_by_territory_and_line_direct_and_others_do_not() {
        for kind in RelationKind::ALL {
            let map = with_relation(kind);
            let directs = matches!(kind, RelationKind::TerritorialSuperior | RelationKind::LineSuperior);
            assert_eq!(map.is_superior(department(), id(410122)), directs, "{kind:?}");
            assert!(!map.is_superior(id(410122), department()), "{kind:?}");
        }
    }

    #[test]
    fn a_relation_of_any_kind_relates_both_ways_and_siblings_are_not_related() {
        for kind in RelationKind::ALL {
            let map = with_relation(kind);
            assert!(map.related(department(), id(410122)) && map.related(id(410122), department()));
        }
        let map = seven_rooms();
        assert!(!map.related(id(411322), id(411323)) && !map.related(id(411300), id(411322)));
    }
}
