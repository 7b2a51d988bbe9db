//! Whether a simulated world has come to rest: nothing waits anywhere, and every log is dated.

use topology::RoomId;

use super::{WireFlaw, World};

impl World {
    /// Whether no queue and no outbox between rooms that have a link holds anything.
    pub(super) fn is_drained(&self) -> bool {
        (0..self.stations.len()).all(|node| {
            let (queued, receipts) = self.backlog(node);
            let drained =
                queued == 0 && (receipts == 0 || self.circumstances.wire == WireFlaw::LosesReceipts);
            drained && self.is_dated(node)
        })
    }

    /// Whether the root hub has dated the whole log of a room.
    fn is_dated(&self, node: usize) -> bool {
        self.stations[node].disk.look(|store| {
            let dated = store.dated().last_key_value().map_or(0, |(size, _)| *size);
            dated == store.leaves().len() as u64
        })
    }

    /// Places in queues, and receipts not confirmed by neighbours over the tree's own links.
    fn backlog(&self, node: usize) -> (usize, u64) {
        let me = self.cast.rooms[node];
        let by_tree = |room: &RoomId| {
            self.cast.map.parent(me) == Some(*room) || self.cast.map.parent(*room) == Some(me)
        };
        self.stations[node].disk.look(|store| {
            let outboxes = store.outboxes().iter().filter(|(room, _)| by_tree(room));
            let open = outboxes.map(|(_, (next, stored))| next.saturating_sub(stored + 1)).sum();
            (store.all_places().len(), open)
        })
    }

    pub(super) fn what_waits(&self) -> String {
        let waits = |node: usize| self.backlog(node) != (0, 0) || !self.is_dated(node);
        let rooms = self.cast.rooms.iter().enumerate().filter(|(node, _)| waits(*node));
        let lines = rooms.map(|(node, room)| {
            format!("{} {:?} dated {}", self.cast.name(*room), self.backlog(node), self.is_dated(node))
        });
        lines.collect::<Vec<_>>().join(", ")
    }
}
