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
    is_on: bool,
    crashed: BTreeMap<CrashPoint, u64>,
}

impl Crashes {
    /// Worlds whose seeds follow each other like different places.
    pub(crate) fn new(seed: u64, chance: Chance, other_one_in: u64) -> Self {
        let places = CrashPoint::ALL.len() as u64;
        let place = usize::try_from(seed % places).expect("there are few places");
        let favourite = CrashPoint::ALL[place];
        let shared = Shared { chance, favourite, other_one_in, is_on: true, crashed: BTreeMap::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// From now on nothing crashes.
    pub(crate) fn stop(&self) {
        self.lock().is_on = false;
    }

    /// How often each place was the last.
    pub(crate) fn crashed(&self) -> BTreeMap<CrashPoint, u64> {
        self.lock().crashed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no holder of the crash points panics")
    }
}

impl CrashPoints for Crashes {
    fn reach(&mut self, point: CrashPoint) -> bool {
        let mut shared = self.lock();
        let one_in = if point == shared.favourite { often(point) } else { shared.other_one_in };
        let crash = shared.is_on && shared.chance.one_in(one_in);
        if crash {
            *shared.crashed.entry(point).or_default() += 1;
        }
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
