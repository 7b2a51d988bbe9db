//! What goes wrong in a simulated world, and how it is put right.

use relay::step::{Input, StorageLevel};

use super::{Event, World, wire::Quality};

/// Something that has gone wrong and will be right again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A link is cut.
    Cut {
        /// Which.
        link: usize,
    },
    /// A line is not as good as usual.
    Line {
        /// Which.
        link: usize,
    },
    /// A node's disk is filling up.
    Disk {
        /// Whose.
        node: usize,
    },
}

/// After so long a silence a session ends.
const IDLE_MS: i64 = 15_000;

impl World {
    /// Something goes wrong. Gives its name, and with whom.
    pub(super) fn fault(&mut self) -> (&'static str, String) {
        let node = self.chance.index(self.stations.len());
        let link = self.chance.index(self.links.len());
        let at_node = self.cast.name(self.cast.rooms[node]).to_owned();
        let at_link = self.name_link(link);
        match self.chance.below(20) {
            0..=2 => (self.cut(link), at_link),
            3 => (self.flap(link, 6), at_link),
            4 => (self.deafen(link), at_link),
            5 | 6 => (self.stall(link), at_link),
            7 => (self.worsen(link), at_link),
            8 | 9 => (self.kill(node), at_node),
            10 => (self.pause(node), at_node),
            11 => (self.fail_commit(node), at_node),
            12 | 13 => (self.tear_commit(node), at_node),
            14 => (self.shift_clock(node), at_node),
            15 | 16 => (self.fill_disk(node), at_node),
            17 => (self.cut_all(), String::new()),
            _ => (self.lose_session(link), at_link),
        }
    }

    /// Puts right what went wrong.
    pub(super) fn mend(&mut self, fault: Fault) {
        match fault {
            Fault::Cut { link } => self.links[link].cut = false,
            Fault::Line { link } => self.links[link].quality = self.links[link].usual,
            Fault::Disk { node } => self.set_storage(node, StorageLevel::Normal),
        }
    }

    fn name_link(&self, link: usize) -> String {
        let link = &self.links[link];
        let name = |node: usize| self.cast.name(self.cast.rooms[node]);
        format!("{} - {}", name(link.child), name(link.hub))
    }

    fn cut(&mut self, link: usize) -> &'static str {
        let long = if self.chance.one_in(4) { 60_000 } else { 8_000 };
        let for_ms = self.chance.ms(100, long);
        self.cut_for(link, for_ms);
        "a link is cut"
    }

    fn cut_for(&mut self, link: usize, for_ms: i64) {
        self.links[link].cut = true;
        self.end_session(link);
        self.at(for_ms, Event::Mend(Fault::Cut { link }));
    }

    /// One after the other, to be healed in any order.
    fn cut_all(&mut self) -> &'static str {
        for link in 0..self.links.len() {
            self.cut(link);
        }
        "all links are cut"
    }

    /// Cut, healed, cut again.
    pub(super) fn flap(&mut self, link: usize, left: u32) -> &'static str {
        let for_ms = self.chance.ms(20, 800);
        self.cut_for(link, for_ms);
        if left > 0 && self.is_stormy() {
            let after_ms = for_ms + self.chance.ms(200, 3_000);
            self.at(after_ms, Event::Flap { link, left: left - 1 });
        }
        "a link flaps"
    }

    /// One direction is dead, and after a while both sides notice.
    fn deafen(&mut self, link: usize) -> &'static str {
        let side = self.chance.index(2);
        if let Some(session) = &mut self.links[link].session {
            session.lines[side].stalled_until_ms = self.now_ms + 2 * IDLE_MS;
            let session = session.number;
            self.at(IDLE_MS, Event::Silence { link, session });
        }
        "a link is deaf on one side"
    }

    /// Nothing passes for some seconds, in one direction, and then everything does.
    fn stall(&mut self, link: usize) -> &'static str {
        let until_ms = self.now_ms + self.chance.ms(200, 9_000);
        let side = self.chance.index(2);
        if let Some(session) = &mut self.links[link].session {
            session.lines[side].stalled_until_ms = until_ms;
        }
        "a link stands still"
    }

    /// Thinner, slower, or with more loss than usual, for some time.
    fn worsen(&mut self, link: usize) -> &'static str {
        let usual = self.links[link].usual;
        self.links[link].quality = match self.chance.below(3) {
            0 => Quality { bytes_per_ms: 2, ..usual },
            1 => Quality { latency_ms: 600, jitter_ms: 400, ..usual },
            _ => Quality { loss_percent: 50, ..usual },
        };
        let after_ms = self.chance.ms(2_000, 40_000);
        self.at(after_ms, Event::Mend(Fault::Line { link }));
        "a line gets bad"
    }

    fn lose_session(&mut self, link: usize) -> &'static str {
        self.end_session(link);
        "a session is lost"
    }

    fn kill(&mut self, node: usize) -> &'static str {
        if self.stations[node].driver.is_some() {
            let down_ms = self.chance.ms(200, 30_000);
            self.crash(node, down_ms);
        }
        "a node is killed"
    }

    /// The process stands still while the world goes on.
    fn pause(&mut self, node: usize) -> &'static str {
        self.stations[node].paused_until_ms = self.now_ms + self.chance.ms(1_000, 60_000);
        "a node is paused"
    }

    fn fail_commit(&mut self, node: usize) -> &'static str {
        self.stations[node].disk.fail_next_commit();
        "a commit fails"
    }

    fn tear_commit(&mut self, node: usize) -> &'static str {
        let survives = self.chance.one_in(2);
        self.stations[node].disk.tear_next_commit(survives);
        if survives { "a torn commit survives" } else { "a torn commit is lost" }
    }

    fn shift_clock(&mut self, node: usize) -> &'static str {
        self.stations[node].skew_ms += self.chance.ms(0, 6_000) - 3_000;
        "a clock jumps"
    }

    fn fill_disk(&mut self, node: usize) -> &'static str {
        let level = self.chance.pick(&[StorageLevel::Low, StorageLevel::Critical]);
        self.set_storage(node, level);
        let after_ms = self.chance.ms(1_000, 40_000);
        self.at(after_ms, Event::Mend(Fault::Disk { node }));
        "a disk fills up"
    }

    fn set_storage(&mut self, node: usize, level: StorageLevel) {
        self.stations[node].storage = level;
        self.input(node, Input::Storage(level));
    }
}
