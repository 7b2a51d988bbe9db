//! One simulated room: its disk, its clock, and, while it lives, its production driver.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use node::{
    clock::Clock,
    driver::{Driver, Job, Outbound, Outgoing},
};
use relay::{
    envelope_id::EnvelopeKey,
    step::{Reply, StorageLevel},
    timestamp::Timestamp,
};
use tokio::sync::oneshot;

use super::{
    crash::Crashes,
    disk::{Disk, DiskFlaw},
};

/// A room.
pub(crate) struct Station {
    pub(crate) disk: Disk,
    pub(crate) driver: Option<Driver<Disk, Tray, Crashes>>,
    pub(crate) tray: Tray,
    /// What the driver has not handled yet.
    pub(crate) inbox: VecDeque<Job>,
    /// Officers who wait to hear that their message is accepted.
    pub(crate) waiting: Vec<(EnvelopeKey, oneshot::Receiver<Reply>)>,
    /// Counts starts, so that what was meant for an earlier one is known.
    pub(crate) life: u64,
    pub(crate) is_turn_wanted: bool,
    /// The next turn that the driver has asked for.
    pub(crate) wake_ms: i64,
    /// Until then the process stands still.
    pub(crate) paused_until_ms: i64,
    /// By how much the clock is wrong.
    pub(crate) skew_ms: i64,
    pub(crate) first_skew_ms: i64,
    pub(crate) storage: StorageLevel,
    clock: Clock,
}

impl Station {
    pub(crate) fn new(flaw: DiskFlaw, now_ms: i64, skew_ms: i64) -> Self {
        Self {
            disk: Disk::new(flaw),
            driver: None,
            tray: Tray::default(),
            inbox: VecDeque::new(),
            waiting: Vec::new(),
            life: 0,
            is_turn_wanted: false,
            wake_ms: now_ms,
            paused_until_ms: now_ms,
            skew_ms,
            first_skew_ms: skew_ms,
            storage: StorageLevel::Normal,
            clock: Clock::standing_at(Timestamp::from_ms(now_ms)),
        }
    }

    /// Brings the room's clock to the true time and its error, and reads it.
    pub(crate) fn time(&self, true_ms: i64) -> Timestamp {
        self.clock.shift(true_ms + self.skew_ms - self.clock.now().as_ms());
        self.clock.now()
    }

    /// Whoever waited is told, or hears that the node has gone. Gives what was accepted.
    pub(crate) fn take_promises(&mut self) -> Vec<EnvelopeKey> {
        let mut accepted = Vec::new();
        self.waiting.retain_mut(|(key, receiver)| match receiver.try_recv() {
            Ok(Reply::Accepted { .. }) => {
                accepted.push(*key);
                false
            }
            Ok(_) | Err(oneshot::error::TryRecvError::Closed) => false,
            Err(oneshot::error::TryRecvError::Empty) => true,
        });
        accepted
    }
}

/// Where the driver puts what leaves the room.
#[derive(Clone, Default)]
pub(crate) struct Tray {
    items: Arc<Mutex<Vec<Outgoing>>>,
}

impl Tray {
    pub(crate) fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.items.lock().expect("no holder of the tray panics"))
    }
}

impl Outbound for Tray {
    fn deliver(&mut self, item: Outgoing) {
        self.items.lock().expect("no holder of the tray panics").push(item);
    }
}
