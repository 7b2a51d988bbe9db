//! Drives the driver: joins what waits into batches, wakes it when something is due, and after a failure of the
//! store begins anew from what is on the disk.

use std::time::Duration;

use aws_lc_rs::rand;
use relay::{
    engine::Seat,
    envelope_id::Epoch,
    step::{Input, StorageLevel},
    timestamp::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::MissedTickBehavior,
};

use super::Problem;
use crate::{
    directory::Directory,
    driver::{BATCH_MAX, Driver, DriverError, Job},
    link::{
        registry::{Registry, close},
        session::Context,
    },
    store::{
        StoreError,
        reserve::Reserve,
        sqlite::{Keep, SqliteStore},
    },
};

use super::crash::CrashAt;

type NodeDriver = Driver<SqliteStore, Registry, CrashAt>;

/// The driver's surroundings.
pub(super) struct Drive {
    seat: Seat,
    store: Option<SqliteStore>,
    reserve: Reserve,
    keep: Keep,
    context: Context,
    storage: watch::Receiver<StorageLevel>,
    stop: watch::Receiver<bool>,
}

const TICK_EVERY: Duration = Duration::from_secs(1);
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Bodies given up in one tick: ten milliseconds of the driver's time.
const PRUNE_MAX: usize = 200;
/// Rows looked at in one round of the sweep: a million records are seen in half a day.
const SWEEP_MAX: usize = 200;
const RESTORE_EVERY_TICKS: u32 = 10;

impl Drive {
    pub(super) fn new(
        directory: Directory,
        seat: Seat,
        store: SqliteStore,
        keep: Keep,
        context: Context,
        storage: watch::Receiver<StorageLevel>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let reserve = Reserve::new(directory.root());
        Self { seat, store: Some(store), reserve, keep, context, storage, stop }
    }

    /// Starts the driver and gives its task and the run that it is.
    ///
    /// # Errors
    /// [`Problem`] when the store fails at the very start.
    pub(super) async fn start(
        mut self,
        jobs: mpsc::Receiver<Job>,
    ) -> Result<(JoinHandle<()>, watch::Receiver<Epoch>), Problem> {
        let driver = self.begin().await?;
        let (epoch, epochs) = watch::channel(driver.engine().epoch());
        Ok((tokio::spawn(self.run(driver, jobs, epoch)), epochs))
    }

    async fn begin(&mut self) -> Result<NodeDriver, DriverError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => return Err(StoreError::Database("the store was not given back".to_owned()).into()),
        };
        let mut nonce = [0; 8];
        rand::fill(&mut nonce).map_err(|_| StoreError::Database("no random bytes".to_owned()))?;
        let seat = Seat {
            me: self.seat.me,
            map: self.context.intake.trust.current().map.clone(),
            signer: self.seat.signer.clone(),
            quota: self.seat.quota,
        };
        let registry = self.context.intake.registry.clone();
        let crash = CrashAt::from_environment(self.context.intake.trust.current().map.is_demo());
        let level = *self.storage.borrow_and_update();
        let now = self.context.clock.now();
        let mut driver = Driver::start(seat, store, registry, crash, nonce, now).await?;
        driver.turn(vec![Input::Storage(level).into()], now).await?;
        Ok(driver)
    }

    async fn run(
        mut self,
        mut driver: NodeDriver,
        mut jobs: mpsc::Receiver<Job>,
        epoch: watch::Sender<Epoch>,
    ) {
        loop {
            let failed = self.drive(&mut driver, &mut jobs).await;
            let Err(error) = failed else { return put_away(driver).await };
            tracing::error!(%error, "the store failed: nothing more is acknowledged until it works again");
            self.context.intake.registry.close_all(close::BUSY, "the store failed");
            if matches!(error, DriverError::Store(StoreError::Full)) {
                self.reserve.release();
            }
            driver = match self.begin_again(driver, &mut jobs).await {
                Some(driver) => driver,
                None => return,
            };
            // Links that came up meanwhile were not heard of: they begin anew.
            self.context.intake.registry.close_all(close::BUSY, "the store works again");
            epoch.send_replace(driver.engine().epoch());
        }
    }

    /// Tries until the store works. What comes meanwhile is dropped unanswered: it was not acknowledged.
    async fn begin_again(
        &mut self,
        driver: NodeDriver,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> Option<NodeDriver> {
        let (store, _, _) = driver.into_parts();
        let path = store.path().to_owned();
        if let Err(error) = store.close().await {
            tracing::error!(%error, "the store does not close");
        }
        loop {
            while jobs.try_recv().is_ok() {}
            if jobs.is_closed() || *self.stop.borrow() {
                return None;
            }
            match SqliteStore::open(&path, crate::store::sqlite::OpenOptions::default()).await {
                Ok(store) => self.store = Some(store),
                Err(error) => tracing::error!(%error, "the store does not open"),
            }
            if self.store.is_some() {
                match self.begin().await {
                    Ok(driver) => return Some(driver),
                    Err(error) => {
                        tracing::error!(%error, "the store does not work yet");
                        if matches!(error, DriverError::Store(StoreError::Full)) {
                            self.reserve.release();
                        }
                    }
                }
            }
            tokio::time::sleep(RESTART_AFTER).await;
        }
    }

    async fn drive(
        &mut self,
        driver: &mut NodeDriver,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> Result<(), DriverError> {
        let mut ticks = tokio::time::interval(TICK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count: u32 = 0;
        loop {
            let mut batch = Vec::new();
            let wake = self.until(driver.wake_at());
            // In this order: what is rare and must not wait behind a queue that drains for minutes comes first.
            tokio::select! {
                biased;
                _ = self.stop.changed() => {
                    while let Ok(job) = jobs.try_recv() {
                        batch.push(job);
                    }
                    return driver.turn(batch, self.now()).await;
                }
                Ok(()) = self.storage.changed() => {
                    let level = *self.storage.borrow_and_update();
                    driver.turn(vec![Input::Storage(level).into()], self.now()).await?;
                }
                _ = ticks.tick() => {
                    driver.tick(self.now()).await?;
                    count += 1;
                    driver.store().prune(PRUNE_MAX).await?;
                    if count.is_multiple_of(RESTORE_EVERY_TICKS) {
                        driver.store().prune_settled(&self.keep, self.now(), SWEEP_MAX).await?;
                        self.reserve.restore();
                    }
                }
                received = jobs.recv_many(&mut batch, BATCH_MAX) => {
                    if received == 0 {
                        return Ok(());
                    }
                    driver.turn(batch, self.now()).await?;
                }
                () = std::future::ready(()), if driver.has_followups() => {
                    driver.turn(batch, self.now()).await?;
                }
                () = tokio::time::sleep(wake) => driver.turn(Vec::new(), self.now()).await?,
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    fn until(&self, wake_at: Option<Timestamp>) -> Duration {
        wake_at.map_or(TICK_EVERY, |at| at.since(self.now()).max(Duration::from_millis(1)))
    }
}

/// Closes the store in good order; nothing is lost without it either.
async fn put_away(driver: NodeDriver) {
    let (store, _, _) = driver.into_parts();
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the store was not closed in good order");
    }
}
