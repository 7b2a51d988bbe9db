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
    /// Once in so many passages of the favourite, and of any other place.
    one_in: (u64, u64),
    on: bool,
    crashed: BTreeMap<CrashPoint, u64>,
}

impl Crashes {
    pub(crate) fn new(mut chance: Chance, one_in: (u64, u64)) -> Self {
        let favourite = chance.pick(&CrashPoint::ALL);
        let shared = Shared { chance, favourite, one_in, on: true, crashed: BTreeMap::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// From now on nothing crashes.
    pub(crate) fn stop(&self) {
        self.lock().on = false;
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
        let (favourite, other) = shared.one_in;
        let one_in = if point == shared.favourite { favourite } else { other };
        let crash = shared.on && shared.chance.one_in(one_in);
        if crash {
            *shared.crashed.entry(point).or_default() += 1;
        }
        !crash
    }
}
