//! A province in unrest: links come and go, rooms crash, time passes, all drawn from a number that is printed. When it
//! is quiet again every envelope has exactly one outcome for each recipient, and its origin knows it.

use topology::{Flow, Precedence, RoomId};

use super::{
    net::Net,
    rooms::{A, ALL, B, C, D, Draft, E, F, P},
};
use crate::{engine::tests::rooms::name, receipt::Event};

const LINKS: [(RoomId, RoomId); 8] = [(A, P), (B, P), (C, A), (D, A), (F, A), (E, B), (E, P), (F, B)];

/// Numbers that look drawn and are the same on every run (Knuth's constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

struct Unrest {
    net: Net,
    dice: Dice,
    drafts: Vec<Draft>,
}

impl Unrest {
    fn new(seed: u64) -> Self {
        Self { net: Net::new(&ALL), dice: Dice(seed), drafts: Vec::new() }
    }

    fn move_once(&mut self) {
        match self.dice.below(10) {
            0..=2 => self.toggle_a_link(),
            3..=5 => self.send(),
            6 => self.crash_a_room(),
            7 => {
                let ms = [500, 20_000, 400_000][self.dice.below(3)];
                self.net.wait(ms);
            }
            _ => {
                for _ in 0..self.dice.below(20) {
                    self.net.step();
                }
            }
        }
    }

    fn toggle_a_link(&mut self) {
        let (child, hub) = LINKS[self.dice.below(LINKS.len())];
        if self.net.is_up(child, hub) { self.net.down(child, hub) } else { self.net.up(child, hub) }
    }

    fn send(&mut self) {
        let ways: [(RoomId, &[RoomId], Flow); 8] = [
            (C, &[A, P], Flow::Up),
            (F, &[P], Flow::Up),
            (E, &[B, P], Flow::Up),
            (P, &[A, C, D, E, F], Flow::Down),
            (P, &[E], Flow::Down),
            (A, &[C, F], Flow::Down),
            (C, &[D], Flow::Lateral),
            (B, &[E], Flow::Down),
        ];
        let (from, to, flow) = ways[self.dice.below(ways.len())];
        let number = u8::try_from(self.drafts.len()).unwrap();
        let draft = Draft {
            precedence: Precedence::ALL[self.dice.below(4)],
            lives_ms: [1_000, 600_000, 30_000_000][self.dice.below(3)],
            created_at: self.net.now,
            epoch: self.net.offices[&from].engine.epoch(),
            ..Draft::new(from, to, number).flowing(flow)
        };
        self.net.submit(&draft);
        self.drafts.push(draft);
    }

    fn crash_a_room(&mut self) {
        let room = ALL[self.dice.below(ALL.len())];
        self.net.crash(room);
    }

    fn calm_down(&mut self) {
        for (child, hub) in LINKS {
            let by_tree = ![(E, P), (F, B)].contains(&(child, hub));
            match (self.net.is_up(child, hub), by_tree) {
                (true, false) => self.net.down(child, hub),
                (false, true) => self.net.up(child, hub),
                (true, true) | (false, false) => {}
            }
        }
        self.net.run();
        for _ in 0..30 {
            self.net.wait(3_600_000);
        }
    }

    fn check(&self, seed: u64) {
        for office in self.net.offices.values() {
            office.check_books();
            let room = name(office.room);
            assert!(office.shelves.queue.is_empty(), "seed {seed}: {room} has {:?}", office.shelves.queue);
        }
        for draft in &self.drafts {
            self.check_one(draft, seed);
        }
    }

    fn check_one(&self, draft: &Draft, seed: u64) {
        let key = draft.envelope().key();
        let record = &self.net.offices[&draft.from].shelves.records[&key];
        for delivery in &record.deliveries {
            let to = delivery.recipient;
            let what = format!("seed {seed}: {} from {} to {}", key.id, name(draft.from), name(to));
            let outcome = delivery.outcome.unwrap_or_else(|| panic!("{what} has no outcome"));
            let in_inbox = self.net.offices[&to].shelves.inbox.contains(&key);
            if outcome == Event::Delivered {
                assert!(in_inbox, "{what} is not in the inbox");
            }
            let signed = self.net.offices[&to].shelves.receipts.iter().filter(|stored| {
                let statement = stored.receipt.receipt();
                stored.own
                    && statement.key() == key
                    && statement.recipient == to
                    && statement.event.is_terminal()
            });
            assert!(signed.count() <= 1, "{what} ended twice at its target");
        }
    }
}

#[test]
fn when_it_is_quiet_again_every_envelope_has_one_outcome_that_its_origin_knows() {
    for seed in 0..150 {
        let mut unrest = Unrest::new(seed);
        for _ in 0..60 {
            unrest.move_once();
        }
        unrest.calm_down();
        unrest.check(seed);
    }
}
