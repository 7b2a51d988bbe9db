//! Which neighbour is next, given which links are up.

use topology::{RoomId, route::next_hops};

use super::Engine;

/// Where what waits for a neighbour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Onward {
    /// To that neighbour, now or when it comes back.
    Here,
    /// By another one.
    By(RoomId),
    /// Nowhere.
    NoWay,
}

impl Engine {
    /// The next hop towards `to`. The tree's way is taken while it is up. A child dials an alternate parent only while
    /// its own is away, so an alternate link to it that is up is taken first. What came by one neighbour for one
    /// recipient may come by another for the next, so where it first came from is no ground to avoid a neighbour:
    /// the ways of the map make no circle.
    pub(super) fn choose_hop(&self, to: RoomId) -> Option<RoomId> {
        self.best_of(&next_hops(&self.map, self.me, to))
    }

    /// Whether a way leads to `to` that is not back to who has just handed it over.
    pub(super) fn leads_on(&self, to: RoomId, from: RoomId) -> bool {
        next_hops(&self.map, self.me, to).into_iter().any(|hop| hop != from)
    }

    /// Whether one way alone leads from the origin to the recipient. Where there are two, a copy may be on the other one:
    /// then no hop says that it has expired or failed, only the recipient does.
    pub(super) fn is_only_way(&self, origin: RoomId, recipient: RoomId) -> bool {
        let mut at = origin;
        while at != recipient {
            match next_hops(&self.map, at, recipient).as_slice() {
                [only] => at = *only,
                _ => return false,
            }
        }
        true
    }

    /// Where a recipient goes that waits for `neighbour`. It changes from one queue to another only for a link that is up,
    /// or when `neighbour` is no way any more: it does not wander between queues.
    pub(super) fn onward(&self, neighbour: RoomId, to: RoomId) -> Onward {
        let ways = next_hops(&self.map, self.me, to);
        match self.best_of(&ways) {
            None => Onward::NoWay,
            Some(best) if best == neighbour => Onward::Here,
            Some(best) if self.is_up(best) || !ways.contains(&neighbour) => Onward::By(best),
            Some(_) => Onward::Here,
        }
    }

    fn best_of(&self, ways: &[RoomId]) -> Option<RoomId> {
        let downward = |hop: &&RoomId| self.map.may_dial(self.me, **hop);
        let by_alternate_link = ways.iter().skip(1).filter(downward).find(|hop| self.is_up(**hop));
        let open = by_alternate_link.or_else(|| ways.iter().find(|hop| self.is_up(**hop)));
        open.or_else(|| ways.first()).copied()
    }

    /// Whether anything that waits for `neighbour`, which is away, could go another way now: it is no neighbour any more,
    /// another parent is there, a hub above it, or a room that dials this one as its alternate parent.
    pub(super) fn may_detour(&self, neighbour: RoomId) -> bool {
        let parents = self.map.links(self.me);
        let is_parent = parents.contains(&neighbour);
        let is_neighbour = is_parent || self.map.may_dial(self.me, neighbour);
        !is_neighbour
            || self.links.iter().any(|(other, link)| {
                let other_way = (is_parent && parents.contains(other))
                    || self.map.contains(*other, neighbour)
                    || self.map.alternates(*other).contains(&self.me);
                link.up && *other != neighbour && other_way
            })
    }
}
