//! What a seed expands to: how large, how thin, how unlucky and how dishonest a world is.

use std::fmt;

use relay::limits::Quota;

use super::{chance::Chance, disk::DiskFlaw, wire::Quality};

/// What is broken on purpose, to see who notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flaws {
    /// How every disk lies.
    pub disk: DiskFlaw,
    /// How every link lies.
    pub wire: WireFlaw,
}

/// How large a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// Three rooms or four.
    #[default]
    Small,
    /// A province with its cities, counties and departments: 180 rooms.
    Province,
}

/// In which way a link lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireFlaw {
    /// In none.
    #[default]
    None,
    /// Hands over every envelope twice. One seed in eight has such links.
    DeliversTwice,
    /// Loses half of the frames with receipts, silently: so does a hub that withholds them. One seed in eight.
    LosesReceipts,
}

/// The settings of one world.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    pub(crate) with_second: bool,
    pub(crate) real_keys: bool,
    pub(crate) quota: Quota,
    /// How long things go wrong.
    pub(crate) stormy_ms: i64,
    /// The usual pause between two faults, between two things that people do, and between two misdeeds.
    pub(crate) fault_every_ms: u64,
    pub(crate) work_every_ms: u64,
    pub(crate) mischief_every_ms: u64,
    /// Once in so many passages of any place but the favourite one; never when 0.
    pub(crate) crash_one_in: u64,
    pub(crate) commit_ms: u64,
    pub(crate) disk: DiskFlaw,
    pub(crate) wire: WireFlaw,
    /// What every line is like, unless it is one of its own kind.
    line: Quality,
    /// Whether clocks may be far wrong.
    wrong_clocks: bool,
}

impl Circumstances {
    pub(crate) fn draw(seed: u64, size: Size, chance: &mut Chance, flaws: Flaws) -> Self {
        let small = Quota { messages: 3, bytes: 64 * 1024, flash_messages: 2 };
        let drawn = Self {
            with_second: chance.one_in(2),
            real_keys: seed.is_multiple_of(10),
            quota: if chance.one_in(6) { small } else { Quota::default() },
            stormy_ms: chance.ms(60_000, 240_000),
            fault_every_ms: chance.pick(&[1_500, 4_000, 10_000, 40_000]),
            work_every_ms: chance.pick(&[1_500, 3_000, 6_000]),
            mischief_every_ms: chance.pick(&[5_000, 20_000, 60_000]),
            crash_one_in: chance.pick(&[0, 0, 1_000, 250]),
            commit_ms: chance.pick(&[1, 8, 60]),
            disk: flaws.disk,
            wire: match (flaws.wire, chance.below(8)) {
                (WireFlaw::None, 0) => WireFlaw::DeliversTwice,
                (WireFlaw::None, 1) => WireFlaw::LosesReceipts,
                (wire, _) => wire,
            },
            line: Quality::draw(chance),
            wrong_clocks: chance.one_in(3),
        };
        match size {
            Size::Small => drawn,
            Size::Province => drawn.of_a_province(),
        }
    }

    /// Two hundred rooms are as busy and as unlucky as many small worlds together, for a shorter time.
    fn of_a_province(self) -> Self {
        Self {
            stormy_ms: self.stormy_ms / 4,
            fault_every_ms: self.fault_every_ms / 15,
            work_every_ms: self.work_every_ms / 30,
            mischief_every_ms: self.mischief_every_ms / 15,
            crash_one_in: self.crash_one_in * 10,
            ..self
        }
    }

    /// Three rooms on good lines with good clocks.
    pub(crate) fn calm(chance: &mut Chance) -> Self {
        Self {
            with_second: false,
            quota: Quota::default(),
            stormy_ms: 60_000,
            crash_one_in: 0,
            commit_ms: 8,
            wire: WireFlaw::None,
            line: Quality::GOOD,
            wrong_clocks: false,
            ..Self::draw(1, Size::Small, chance, Flaws::default())
        }
    }

    /// What one line is like: mostly as all are, sometimes worse or better.
    pub(crate) fn line(&self, chance: &mut Chance) -> Quality {
        if self.line != Quality::GOOD && chance.one_in(3) { Quality::draw(chance) } else { self.line }
    }

    /// By how much each clock is wrong: mostly within two seconds; in a third of the worlds one is seconds, minutes
    /// or days wrong.
    pub(crate) fn skews_ms(&self, rooms: usize, chance: &mut Chance) -> Vec<i64> {
        let mut skews: Vec<i64> = (0..rooms).map(|_| chance.ms(0, 4_000) - 2_000).collect();
        if self.wrong_clocks {
            skews[chance.index(rooms.min(3))] =
                chance.pick(&[-600_000, -20_000, 8_000, 30_000, 400_000, 180_000_000]);
        }
        skews
    }
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
