//! What goes wrong in a simulated world, and how it is put right.

use relay::step::{Input, StorageLevel};

use super::{Event, World};

/// Something that has gone wrong and will be right again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A link is cut.
    Cut {
        /// Which.
        link: usize,
    },
    /// A node's disk is filling up.
    Disk {
        /// Whose.
        node: usize,
    },
}

impl World {
    /// Something goes wrong, and something will go wrong again.
    pub(super) fn fault(&mut self) {
        if !self.is_stormy() {
            return;
        }
        let node = self.chance.index(self.stations.len());
        let link = self.chance.index(self.links.len());
        match self.chance.below(14) {
            0..=3 => self.cut(link),
            4 | 5 => self.stall(link),
            6 | 7 => self.kill(node),
            8 => self.pause(node),
            9 => self.stations[node].disk.fail_next_commit(),
            10 => self.shift_clock(node),
            11 => self.fill_disk(node),
            12 => (0..self.links.len()).for_each(|link| self.cut(link)),
            _ => self.end_session(link),
        }
        let usual = self.circumstances.fault_every_ms;
        let after_ms = self.chance.ms(1, 2 * usual);
        self.at(after_ms, Event::Fault);
    }

    /// Puts right what went wrong.
    pub(super) fn mend(&mut self, fault: Fault) {
        match fault {
            Fault::Cut { link } => self.links[link].cut = false,
            Fault::Disk { node } => self.set_storage(node, StorageLevel::Normal),
        }
    }

    fn cut(&mut self, link: usize) {
        self.links[link].cut = true;
        self.end_session(link);
        let long = if self.chance.one_in(4) { 60_000 } else { 8_000 };
        let after_ms = self.chance.ms(100, long);
        self.at(after_ms, Event::Mend(Fault::Cut { link }));
    }

    /// Nothing passes for some seconds, in one direction, and then everything does.
    fn stall(&mut self, link: usize) {
        let until_ms = self.now_ms + self.chance.ms(200, 9_000);
        let side = self.chance.index(2);
        if let Some(session) = &mut self.links[link].session {
            session.lines[side].stalled_until_ms = until_ms;
        }
    }

    fn kill(&mut self, node: usize) {
        if self.stations[node].driver.is_some() {
            let down_ms = self.chance.ms(200, 30_000);
            self.crash(node, down_ms);
        }
    }

    /// The process stands still while the world goes on.
    fn pause(&mut self, node: usize) {
        self.stations[node].paused_until_ms = self.now_ms + self.chance.ms(1_000, 60_000);
    }

    fn shift_clock(&mut self, node: usize) {
        self.stations[node].skew_ms += self.chance.ms(0, 6_000) - 3_000;
    }

    fn fill_disk(&mut self, node: usize) {
        let level = self.chance.pick(&[StorageLevel::Low, StorageLevel::Critical]);
        self.set_storage(node, level);
        let after_ms = self.chance.ms(1_000, 40_000);
        self.at(after_ms, Event::Mend(Fault::Disk { node }));
    }

    fn set_storage(&mut self, node: usize, level: StorageLevel) {
        self.stations[node].storage = level;
        self.input(node, Input::Storage(level));
    }
}
