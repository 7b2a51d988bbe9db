//! A simulated node's disk: the production twin of the store, shared so that it outlives its node, watched so that
//! every commit can be judged, and, when a test wants to see that somebody notices, dishonest in one named way.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard},
};

use certs::signature::Digest;
use node::store::{NumberedReceipt, ReceiptRow, Store, StoreError, memory::MemoryStore};
use relay::{
    duty::step::StepName,
    envelope_id::EnvelopeKey,
    log::Range,
    record::Record,
    step::{Loaded, QueuePlace, StoredEnvelope, Write},
    tick::TickRef,
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

/// In which way a disk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskFlaw {
    /// In none.
    #[default]
    None,
    /// Says that a commit is durable, and has lost the last one after a crash.
    LosesTheLastCommit,
    /// Does not write places in the queue.
    DropsPlaces,
    /// Knows after a crash nothing of what was delivered before: a table of duplicates that was only in memory.
    ForgetsTheDelivered,
    /// Does not write the outcome of an envelope.
    DropsReceipts,
}

/// A disk. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct Disk {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    store: MemoryStore,
    flaw: DiskFlaw,
    /// The power goes during the next commit, which will have reached the disk or not.
    torn: Option<bool>,
    before_the_last: Option<MemoryStore>,
    /// Committed and not yet looked at by [`Disk::take_committed`].
    committed: Vec<Write>,
    /// Everything ever committed, where the flaw needs it.
    whole: Vec<Write>,
}

impl Disk {
    pub(crate) fn new(flaw: DiskFlaw) -> Self {
        let shared = Shared {
            store: MemoryStore::new(),
            flaw,
            torn: None,
            before_the_last: None,
            committed: Vec::new(),
            whole: Vec::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Reads the store itself, for checks.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&MemoryStore) -> T) -> T {
        at(&self.lock().store)
    }

    pub(crate) fn fail_next_commit(&self) {
        self.lock().store.fail_next_commit();
    }

    /// The node will die in the middle of its next commit, and find it done or undone.
    pub(crate) fn tear_next_commit(&self, survives: bool) {
        self.lock().torn = Some(survives);
    }

    /// Nothing that was to go wrong does.
    pub(crate) fn heal(&self) {
        self.lock().torn = None;
    }

    /// The node has crashed: what a restart will find.
    pub(crate) fn crash(&self) {
        let mut shared = self.lock();
        let found = match shared.flaw {
            DiskFlaw::None | DiskFlaw::DropsPlaces | DiskFlaw::DropsReceipts => shared.store.crash(),
            DiskFlaw::LosesTheLastCommit => {
                shared.before_the_last.take().unwrap_or_else(|| shared.store.crash())
            }
            DiskFlaw::ForgetsTheDelivered => shared.without_the_delivered(),
        };
        shared.store = found;
    }

    /// What was committed since this was last asked.
    pub(crate) fn take_committed(&self) -> Vec<Write> {
        std::mem::take(&mut self.lock().committed)
    }

    /// Everything that waits.
    pub(crate) fn places(&self) -> BTreeSet<QueuePlace> {
        self.look(|store| store.all_places().clone())
    }

    /// The next time at which the engine wants to look at something.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let far = Timestamp::from_ms(i64::MAX);
        let page = now_or_never(self.lock().store.open_records(far, None, 1));
        page.ok()?.first().map(|(at, _)| *at)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no holder of the disk panics")
    }
}

impl Shared {
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        let torn = self.torn.take();
        if torn != Some(false) {
            self.apply(writes)?;
        }
        match torn {
            Some(_) => Err(StoreError::Database("the power went".to_owned())),
            None => Ok(()),
        }
    }

    fn apply(&mut self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        match self.flaw {
            DiskFlaw::None | DiskFlaw::ForgetsTheDelivered => {}
            DiskFlaw::LosesTheLastCommit => self.before_the_last = Some(self.store.crash()),
            DiskFlaw::DropsPlaces => writes.retain(|write| !matches!(write, Write::Enqueue(_))),
            DiskFlaw::DropsReceipts => {
                writes.retain(|write| !matches!(write, Write::Receipt(stored) if !stored.own));
            }
        }
        now_or_never(self.store.commit(writes.clone()))?;
        if self.flaw == DiskFlaw::ForgetsTheDelivered {
            self.whole.extend(writes.iter().cloned());
        }
        self.committed.extend(writes);
        Ok(())
    }

    fn without_the_delivered(&self) -> MemoryStore {
        let delivered: BTreeSet<EnvelopeKey> = self
            .whole
            .iter()
            .filter_map(|write| if let Write::Inbox { key, .. } = write { Some(*key) } else { None })
            .collect();
        let kept = self.whole.iter().filter(|write| match write {
            Write::Envelope { key, .. } | Write::Inbox { key, .. } | Write::Call { key, .. } => {
                !delivered.contains(key)
            }
            Write::Record(record) => !delivered.contains(&record.key),
            Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::Receipt(_)
            | Write::OutboxStored { .. }
            | Write::SentOnce(_)
            | Write::InboxDeed { .. }
            | Write::Collision { .. }
            | Write::Epoch { .. }
            | Write::DutyStep { .. }
            | Write::Log(_)
            | Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => true,
        });
        let mut store = MemoryStore::new();
        let again = now_or_never(store.commit(kept.cloned().collect()));
        again.expect("a part of what was committed once can be committed again");
        store
    }
}

/// The store in memory never waits, so one poll is all that its futures, and the driver's over it, need.
pub(crate) fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the store in memory made somebody wait"),
    }
}

impl Store for Disk {
    fn commit(&mut self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(self.lock().commit(writes))
    }

    fn records(
        &mut self,
        keys: &[EnvelopeKey],
    ) -> impl Future<Output = Result<BTreeMap<EnvelopeKey, Record>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.records(keys)))
    }

    fn next_waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> impl Future<Output = Result<Vec<StoredEnvelope>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.next_waiting(neighbour, precedence, messages, bytes)))
    }

    fn outbox(
        &mut self,
        neighbour: RoomId,
        from: u64,
        count: usize,
    ) -> impl Future<Output = Result<Vec<NumberedReceipt>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.outbox(neighbour, from, count)))
    }

    fn receipts(
        &mut self,
        key: EnvelopeKey,
    ) -> impl Future<Output = Result<Vec<ReceiptRow>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.receipts(key)))
    }

    fn due(
        &mut self,
        now: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<EnvelopeKey>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.due(now, count)))
    }

    fn open_records(
        &mut self,
        before: Timestamp,
        cursor: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<(Timestamp, EnvelopeKey)>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.open_records(before, cursor, count)))
    }

    fn log_roots(
        &mut self,
        ranges: Vec<Range>,
    ) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.log_roots(ranges)))
    }

    fn tick(&mut self, name: TickRef) -> impl Future<Output = Result<Option<Arc<[u8]>>, StoreError>> + Send {
        ready(now_or_never(self.lock().store.tick(name)))
    }

    fn has_step(&mut self, name: StepName) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(now_or_never(self.lock().store.has_step(name)))
    }

    fn load(&mut self) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        ready(now_or_never(self.lock().store.load()))
    }
}
