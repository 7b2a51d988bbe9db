//! What a seed expands to: how large, how thin, how unlucky and how dishonest a world is.

use std::fmt;

use relay::limits::Quota;

use super::{
    cast::{CITY, COUNTY, PROVINCE},
    chance::Chance,
    disk::DiskFlaw,
};

/// What is broken on purpose, to see who notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flaws {
    /// How every disk lies.
    pub disk: DiskFlaw,
    /// How every link lies.
    pub wire: WireFlaw,
}

/// In which way a link lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireFlaw {
    /// In none.
    #[default]
    None,
    /// Hands over every envelope twice.
    DeliversTwice,
    /// Loses half of the frames with receipts, silently.
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
    /// The usual pause between two faults, and between two things that people do.
    pub(crate) fault_every_ms: u64,
    pub(crate) work_every_ms: u64,
    /// Once in so many passages of any place but the favourite one; never when 0.
    pub(crate) crash_one_in: u64,
    pub(crate) bytes_per_ms: usize,
    pub(crate) latency_ms: i64,
    pub(crate) commit_ms: u64,
    pub(crate) flaws: Flaws,
    skews_ms: [i64; 4],
}

impl Circumstances {
    pub(crate) fn draw(seed: u64, chance: &mut Chance, flaws: Flaws) -> Self {
        let small = Quota { messages: 3, bytes: 64 * 1024, flash_messages: 2 };
        Self {
            with_second: chance.one_in(2),
            real_keys: seed.is_multiple_of(10),
            quota: if chance.one_in(6) { small } else { Quota::default() },
            stormy_ms: chance.ms(60_000, 240_000),
            fault_every_ms: chance.pick(&[1_500, 4_000, 10_000, 40_000]),
            work_every_ms: chance.pick(&[1_500, 3_000, 6_000]),
            crash_one_in: chance.pick(&[0, 0, 1_000, 250]),
            bytes_per_ms: chance.pick(&[6, 100, 1_000]),
            latency_ms: chance.pick(&[1, 20, 300]),
            commit_ms: chance.pick(&[1, 8, 60]),
            flaws,
            skews_ms: skews(chance),
        }
    }

    /// Three rooms on good lines with good clocks.
    pub(crate) fn calm(chance: &mut Chance) -> Self {
        Self {
            with_second: false,
            quota: Quota::default(),
            stormy_ms: 60_000,
            crash_one_in: 0,
            bytes_per_ms: 1_000,
            latency_ms: 20,
            commit_ms: 8,
            skews_ms: [0; 4],
            ..Self::draw(1, chance, Flaws::default())
        }
    }

    pub(crate) fn skew_ms(&self, node: usize) -> i64 {
        self.skews_ms[node]
    }

    /// In the end somebody has set the clocks, but not exactly.
    pub(crate) fn quiet_skew_ms(&self, node: usize) -> i64 {
        self.skews_ms[node].clamp(-1_000, 1_000)
    }
}

/// Mostly clocks are right within two seconds; sometimes one is seconds or minutes wrong.
fn skews(chance: &mut Chance) -> [i64; 4] {
    let mut skews = std::array::from_fn(|_| chance.ms(0, 4_000) - 2_000);
    if chance.one_in(3) {
        let wrong = chance.pick(&[-600_000, -20_000, 8_000, 30_000, 400_000]);
        skews[chance.pick(&[PROVINCE, CITY, COUNTY])] = wrong;
    }
    skews
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
