//! Crashes at named places, as the seed wants them, and the count of what was passed and where it ended.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use node::driver::CrashPoints;
use relay::crash_point::CrashPoint;

use super::chance::Chance;

/// Ends a simulated node. Clones share their settings and counts.
#[derive(Clone)]
pub(crate) struct Crashes {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    chance: Chance,
    /// Where this world likes to crash.
    favourite: CrashPoint,
    /// Once in so many passages of any other place; never when 0.
    other_one_in: u64,
    /// How many crashes there may still be.
    left: u64,
    /// How often each place was passed, and was the last.
    counts: BTreeMap<CrashPoint, (u64, u64)>,
}

impl Crashes {
    /// Worlds whose seeds follow each other like different places.
    pub(crate) fn new(seed: u64, chance: Chance, other_one_in: u64, max: Option<u64>) -> Self {
        let places = CrashPoint::ALL.len() as u64;
        let place = usize::try_from(seed % places).expect("there are few places");
        let favourite = CrashPoint::ALL[place];
        let shared = Shared {
            chance,
            favourite,
            other_one_in,
            left: max.unwrap_or(u64::MAX),
            counts: BTreeMap::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// From now on nothing crashes.
    pub(crate) fn stop(&self) {
        self.lock().left = 0;
    }

    /// How often each place was passed, and was the last.
    pub(crate) fn counts(&self) -> BTreeMap<CrashPoint, (u64, u64)> {
        self.lock().counts.clone()
    }

    /// How many nodes have crashed.
    pub(crate) fn total(&self) -> u64 {
        self.lock().counts.values().map(|(_, crashed)| crashed).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no holder of the crash points panics")
    }
}

impl CrashPoints for Crashes {
    fn reach(&mut self, point: CrashPoint) -> bool {
        let mut shared = self.lock();
        let one_in = if point == shared.favourite { often(point) } else { shared.other_one_in };
        let crash = shared.chance.one_in(one_in) && shared.left > 0;
        if crash {
            shared.left -= 1;
        }
        let count = shared.counts.entry(point).or_default();
        *count = (count.0 + 1, count.1 + u64::from(crash));
        !crash
    }
}

/// Every batch passes the driver's places, few pass most of the engine's.
fn often(point: CrashPoint) -> u64 {
    match point {
        CrashPoint::BeforeCommit
        | CrashPoint::AfterCommit
        | CrashPoint::BetweenSends
        | CrashPoint::AfterSends => 40,
        CrashPoint::SubmitAccepted
        | CrashPoint::DeliveredSigned
        | CrashPoint::CustodyLearned
        | CrashPoint::OutcomeLearned
        | CrashPoint::TickTaken
        | CrashPoint::HeadSigned
        | CrashPoint::HeadHeld
        | CrashPoint::HeadDated => 12,
        CrashPoint::EpochOpened
        | CrashPoint::CustodySigned
        | CrashPoint::DuplicateRecognised
        | CrashPoint::CollisionSigned
        | CrashPoint::RefusalSigned
        | CrashPoint::ReceiptForwarded
        | CrashPoint::EnvelopeRequeued
        | CrashPoint::ExpirySigned
        | CrashPoint::UnconfirmedSigned
        | CrashPoint::DeedSigned => 4,
    }
}
