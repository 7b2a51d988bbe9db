//! Which neighbour is next, given which links are up.

use topology::{RoomId, route::next_hops};

use super::Engine;

impl Engine {
    /// The next hop towards `to`, never back to where it came from. The tree's way is taken while it is up. A child
    /// dials an alternate parent only while its own is away, so an alternate link to it that is up is taken first.
    pub(super) fn choose_hop(&self, to: RoomId, source: Option<RoomId>) -> Option<RoomId> {
        let ways: Vec<RoomId> =
            next_hops(&self.map, self.me, to).into_iter().filter(|hop| Some(*hop) != source).collect();
        let downward = |hop: &&RoomId| self.map.may_dial(self.me, **hop);
        let by_alternate_link = ways.iter().skip(1).filter(downward).find(|hop| self.is_up(**hop));
        let open = by_alternate_link.or_else(|| ways.iter().find(|hop| self.is_up(**hop)));
        open.or_else(|| ways.first()).copied()
    }

    /// Another open way for what waits for `neighbour`, while that is away.
    pub(super) fn detour(
        &self,
        recipients: &[RoomId],
        neighbour: RoomId,
        source: Option<RoomId>,
    ) -> Option<RoomId> {
        if self.is_up(neighbour) {
            return None;
        }
        let mut ways = recipients.iter().map(|to| self.choose_hop(*to, source));
        let first = ways.next()??;
        (first != neighbour && self.is_up(first) && ways.all(|way| way == Some(first))).then_some(first)
    }

    /// Whether anything that waits for `neighbour` could go another way now.
    pub(super) fn has_detour(&self, neighbour: RoomId) -> bool {
        self.map.links(self.me).iter().any(|other| *other != neighbour && self.is_up(*other))
            && self.map.links(self.me).contains(&neighbour)
    }
}
