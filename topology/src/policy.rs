//! What may go from whom to whom. Hubs police the clear [`Flow`] at every hop, by the plan alone; the
//! target asks the same question again with what it has opened.
//!
//! *Against:* a room that gives orders to its superior or to its neighbour's counties; a child that hands
//! up what others signed; a parent that unloads on a child what is not for it.

use crate::{Flow, Map, RoomId, RoomLabel};

/// Whether `from` may send to `to` in this flow, by this table:
///
/// | flow | allowed when | rule of the refusal |
/// |---|---|---|
/// | down | `from` is a superior of `to` | `flow.down.not_superior` |
/// | up | `to` is a superior of `from` | `flow.up.not_superior` |
/// | lateral | the plan relates the two | `flow.lateral.not_related` |
/// | control | one of these holds, either way round | `flow.control.no_flow` |
pub fn check(map: &Map, flow: Flow, from: RoomId, to: RoomId) -> Result<(), PolicyRefusal> {
    let (sender, recipient) = (known(map, from)?, known(map, to)?);
    if from == to {
        return Err(PolicyRefusal::Oneself { room: sender });
    }
    let down = || map.is_superior(from, to);
    let up = || map.is_superior(to, from);
    let lateral = || map.related(from, to);
    match flow {
        Flow::Down if !down() => Err(PolicyRefusal::DownNotSuperior { from: sender, to: recipient }),
        Flow::Up if !up() => Err(PolicyRefusal::UpNotSuperior { from: sender, to: recipient }),
        Flow::Lateral if !lateral() => Err(PolicyRefusal::NotRelated { from: sender, to: recipient }),
        Flow::Control if !(down() || up() || lateral()) => {
            Err(PolicyRefusal::NoFlow { from: sender, to: recipient })
        }
        Flow::Down | Flow::Up | Flow::Lateral | Flow::Control => Ok(()),
    }
}

/// Whether `neighbour` may hand `at` an envelope that `origin` signed, for these recipients.
///
/// From a child, or a room that has `at` as alternate parent, only what was signed by itself, by its
/// subtree, or by a room that has it (or one of its subtree) as alternate parent. From a parent or
/// alternate parent only what is for `at` or its subtree. From anybody else nothing.
pub fn check_hop(
    map: &Map,
    at: RoomId,
    neighbour: RoomId,
    origin: RoomId,
    recipients: &[RoomId],
) -> Result<(), PolicyRefusal> {
    let (here, giver) = (known(map, at)?, known(map, neighbour)?);
    let signer = known(map, origin)?;
    if map.may_dial(at, neighbour) {
        if !map.carries_for(neighbour, origin) {
            return Err(PolicyRefusal::ForeignOrigin { child: giver, origin: signer });
        }
    } else if map.may_dial(neighbour, at) {
        if recipients.is_empty() {
            return Err(PolicyRefusal::NoRecipient { parent: giver });
        }
        if let Some(stray) = recipients.iter().find(|recipient| !map.contains(at, **recipient)) {
            return Err(PolicyRefusal::ForeignRecipient { room: here, recipient: known(map, *stray)? });
        }
    } else {
        return Err(PolicyRefusal::NoNeighbour { room: here, other: giver });
    }
    Ok(())
}

fn known(map: &Map, id: RoomId) -> Result<RoomLabel, PolicyRefusal> {
    map.room(id).map(crate::Room::label).ok_or(PolicyRefusal::UnknownRoom { room: id })
}

/// Why the plan does not let something pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// A room that this map does not have.
    #[error("room {room} is not on this map: fetch the newest map, or take the room out")]
    UnknownRoom {
        /// The room.
        room: RoomId,
    },
    /// A message to its own sender.
    #[error("{room} sends to itself: name another recipient")]
    Oneself {
        /// The room.
        room: RoomLabel,
    },
    /// An order from somebody who is no superior.
    #[error(
        "{from} may not send down to {to}, whose superior it is neither by tree nor by relation: \
             go through a superior of both, or have the authority add the relation"
    )]
    DownNotSuperior {
        /// The sender.
        from: RoomLabel,
        /// The recipient.
        to: RoomLabel,
    },
    /// A report to somebody who is no superior.
    #[error(
        "{from} may not report up to {to}, which is its superior neither by tree nor by relation: \
             report to its own superior, or have the authority add the relation"
    )]
    UpNotSuperior {
        /// The sender.
        from: RoomLabel,
        /// The recipient.
        to: RoomLabel,
    },
    /// A lateral message between rooms that have nothing to do with each other.
    #[error(
        "{from} may not send sideways to {to}, because the plan relates them nowhere: \
             go through a superior of both, or have the authority add the relation"
    )]
    NotRelated {
        /// The sender.
        from: RoomLabel,
        /// The recipient.
        to: RoomLabel,
    },
    /// A control message between rooms that exchange nothing it could control.
    #[error("{from} has nothing to control at {to}: no flow is allowed between them in either direction")]
    NoFlow {
        /// The sender.
        from: RoomLabel,
        /// The recipient.
        to: RoomLabel,
    },
    /// A child handed up what neither it nor anybody behind it signed.
    #[error(
        "{child} handed up an envelope of {origin}, which is not behind it: \
             a child hands up only what it or its subtree signed; let the origin send it by its own parent"
    )]
    ForeignOrigin {
        /// The child, or alternate child.
        child: RoomLabel,
        /// Who signed the envelope.
        origin: RoomLabel,
    },
    /// A parent handed down what is for somebody else.
    #[error(
        "{room} was handed an envelope for {recipient}, which is not in its subtree: \
             a parent hands down only what is for this room or its subtree; route it through the tree"
    )]
    ForeignRecipient {
        /// The room that was handed the envelope.
        room: RoomLabel,
        /// The recipient that is elsewhere.
        recipient: RoomLabel,
    },
    /// A parent handed down what is for nobody.
    #[error("{parent} handed down an envelope without a recipient: name those of this branch")]
    NoRecipient {
        /// The parent, or alternate parent.
        parent: RoomLabel,
    },
    /// Two rooms without a link.
    #[error("{other} is neither parent nor child of {room}: connect along the plan, or have it changed")]
    NoNeighbour {
        /// The room that was handed something.
        room: RoomLabel,
        /// The room that handed it over.
        other: RoomLabel,
    },
}

impl PolicyRefusal {
    /// The stable short code of the rule: what receipts and programs rely on.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::UnknownRoom { .. } => "room.unknown",
            Self::Oneself { .. } => "flow.oneself",
            Self::DownNotSuperior { .. } => "flow.down.not_superior",
            Self::UpNotSuperior { .. } => "flow.up.not_superior",
            Self::NotRelated { .. } => "flow.lateral.not_related",
            Self::NoFlow { .. } => "flow.control.no_flow",
            Self::ForeignOrigin { .. } => "hop.child.foreign_origin",
            Self::ForeignRecipient { .. } => "hop.parent.foreign_recipient",
            Self::NoRecipient { .. } => "hop.parent.no_recipient",
            Self::NoNeighbour { .. } => "hop.no_neighbour",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::fixture::{id, seven_plan};
    use crate::{Relation, RelationKind};

    const DEPARTMENT: u64 = 41000090100000;

    /// The seven rooms; the department is line superior of 410100 and peer of 411300.
    fn map() -> Map {
        let mut plan = seven_plan();
        plan.rooms[1].relations = vec![Relation { kind: RelationKind::LineSuperior, room: id(DEPARTMENT) }];
        plan.rooms[6].relations = vec![Relation { kind: RelationKind::Peer, room: id(411300) }];
        Map::new(plan).unwrap()
    }

    fn rule(result: Result<(), PolicyRefusal>) -> &'static str {
        result.map_or_else(|refusal| refusal.rule(), |()| "passes")
    }

    #[test]
    fn every_flow_follows_its_row_of_the_table() {
        let [down, up, lateral, control] = [
            "flow.down.not_superior",
            "flow.up.not_superior",
            "flow.lateral.not_related",
            "flow.control.no_flow",
        ];
        let ok = "passes";
        // Of each pair: down, up, lateral, control.
        let table = [
            (410000, 411322, [ok, up, lateral, ok]),
            (411322, 410000, [down, ok, lateral, ok]),
            (411322, 411323, [down, up, lateral, control]),
            (410100, 411322, [down, up, lateral, control]),
            (DEPARTMENT, 410100, [ok, up, ok, ok]),
            (410100, DEPARTMENT, [down, ok, ok, ok]),
            (DEPARTMENT, 411300, [down, up, ok, ok]),
            (411300, DEPARTMENT, [down, up, ok, ok]),
            (DEPARTMENT, 410122, [down, up, lateral, control]),
        ];
        for (from, to, expected) in table {
            let flows = [Flow::Down, Flow::Up, Flow::Lateral, Flow::Control];
            let found = flows.map(|flow| rule(check(&map(), flow, id(from), id(to))));
            assert_eq!(found, expected, "{from} to {to}");
        }
    }

    #[test]
    fn nobody_sends_to_himself_or_to_a_room_that_is_not_on_the_map() {
        assert_eq!(rule(check(&map(), Flow::Up, id(410122), id(410122))), "flow.oneself");
        assert_eq!(rule(check(&map(), Flow::Up, id(410122), id(1))), "room.unknown");
        assert_eq!(rule(check(&map(), Flow::Up, id(1), id(410000))), "room.unknown");
    }

    #[test]
    fn a_child_hands_up_only_what_it_or_its_subtree_signed() {
        let hop = |neighbour, origin| rule(check_hop(&map(), id(410000), id(neighbour), id(origin), &[]));
        assert_eq!(hop(411300, 411300), "passes");
        assert_eq!(hop(411300, 411323), "passes");
        assert_eq!(hop(411300, 410122), "hop.child.foreign_origin");
        assert_eq!(hop(411300, 410000), "hop.child.foreign_origin");
        assert_eq!(hop(411322, 411322), "passes", "it has the province as alternate parent");
        assert_eq!(hop(411322, 411300), "hop.child.foreign_origin");
        assert_eq!(hop(411300, 1), "room.unknown");
    }

    #[test]
    fn a_hub_hands_up_what_a_room_with_it_as_alternate_parent_signed() {
        let mut plan = seven_plan();
        plan.rooms[4].alternates = vec![id(410100)];
        let map = Map::new(plan).unwrap();
        let hop = |origin| rule(check_hop(&map, id(410000), id(410100), id(origin), &[id(410000)]));
        assert_eq!([411322, 411323].map(hop), ["passes", "hop.child.foreign_origin"]);
    }

    #[test]
    fn a_parent_hands_down_only_what_is_for_this_room_or_its_subtree() {
        let hop = |recipients: &[u64]| {
            let recipients: Vec<_> = recipients.iter().map(|code| id(*code)).collect();
            rule(check_hop(&map(), id(411300), id(410000), id(410122), &recipients))
        };
        assert_eq!(hop(&[411300, 411322, 411323]), "passes");
        assert_eq!(hop(&[411322, 410122]), "hop.parent.foreign_recipient");
        assert_eq!(hop(&[410000]), "hop.parent.foreign_recipient");
        assert_eq!(hop(&[]), "hop.parent.no_recipient");
        assert_eq!(hop(&[1]), "room.unknown");
    }

    #[test]
    fn an_alternate_parent_hands_down_and_a_stranger_hands_nothing() {
        let hop = |at, neighbour| rule(check_hop(&map(), id(at), id(neighbour), id(neighbour), &[id(at)]));
        assert_eq!(hop(411322, 410000), "passes");
        assert_eq!(hop(411323, 410000), "hop.no_neighbour");
        assert_eq!(hop(411322, 411323), "hop.no_neighbour");
        assert_eq!(hop(411322, 411322), "hop.no_neighbour");
        assert_eq!(hop(411322, 1), "room.unknown");
    }

    #[test]
    fn every_way_that_routing_takes_is_allowed_at_every_hop() {
        let mut plan = seven_plan();
        plan.rooms[4].alternates = vec![id(410100), id(410000)];
        let map = Map::new(plan).unwrap();
        let ids: Vec<_> = map.rooms().map(|room| room.id).collect();
        for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))) {
            let mut open = vec![from];
            while let Some(at) = open.pop() {
                for hop in crate::route::next_hops(&map, at, to) {
                    assert_eq!(check_hop(&map, hop, at, from, &[to]), Ok(()), "{from} to {to} at {at}");
                    open.push(hop);
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_who_why_and_what_to_do() {
        let refusal = check(&map(), Flow::Down, id(411322), id(411323)).unwrap_err().to_string();
        for part in
            ["411322 值班室411322", "411323 值班室411323", "neither by tree nor by relation", "go through"]
        {
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
