//! The store: what a node has promised to remember.
//!
//! A commit is one transaction and is on the disk when it returns; a commit that fails changes nothing. The
//! store is the queue: what waits is read here, most urgent first. Every implementation passes the same
//! conformance suite.

pub mod conformance;
pub mod memory;
pub mod reserve;
pub mod sqlite;

use std::{collections::BTreeMap, future::Future, sync::Arc};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope::RecipientKey,
    envelope_id::EnvelopeKey,
    log::Range,
    receipt::Event,
    record::Record,
    step::{Loaded, StoredEnvelope, Write},
    tick::TickRef,
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

/// Newest receipts among which [`Loaded::signed_at`] is looked for: a hub's own stand between those it passes on.
const SIGNED_AT_AMONG: u16 = 1_000;

/// What the driver needs. One writer at a time.
pub trait Store: Send + 'static {
    /// Applies all of `writes` in order, in one durable transaction.
    fn commit(&mut self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The records of these envelopes; one that is not known is absent from the answer.
    fn records(
        &mut self,
        keys: &[EnvelopeKey],
    ) -> impl Future<Output = Result<BTreeMap<EnvelopeKey, Record>, StoreError>> + Send;

    /// The oldest of a neighbour's queue in one precedence: at most `messages` envelopes and `bytes` bytes, but at least one
    /// if any waits. What does not verify against its digest is put into quarantine and left out.
    fn next_waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> impl Future<Output = Result<Vec<StoredEnvelope>, StoreError>> + Send;

    /// Receipts in a neighbour's outbox, from a number on, in order.
    fn outbox(
        &mut self,
        neighbour: RoomId,
        from: u64,
        count: usize,
    ) -> impl Future<Output = Result<Vec<NumberedReceipt>, StoreError>> + Send;

    /// The signed bytes of all receipts about an envelope, own and foreign, oldest first.
    fn receipts(
        &mut self,
        key: EnvelopeKey,
    ) -> impl Future<Output = Result<Vec<ReceiptRow>, StoreError>> + Send;

    /// Envelopes that are due by `now`, the longest due first.
    fn due(
        &mut self,
        now: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<EnvelopeKey>, StoreError>> + Send;

    /// Envelopes due by `before` and after `cursor` (by due time, then key): pages of what was open when the node stopped.
    fn open_records(
        &mut self,
        before: Timestamp,
        cursor: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<(Timestamp, EnvelopeKey)>, StoreError>> + Send;

    /// The Merkle roots over these ranges of our log.
    fn log_roots(
        &mut self,
        ranges: Vec<Range>,
    ) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;

    /// The signed bytes of a tick.
    fn tick(&mut self, name: TickRef) -> impl Future<Output = Result<Option<Arc<[u8]>>, StoreError>> + Send;

    /// Whether a step of an obligation's timer was taken.
    fn has_step(&mut self, name: StepName) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The engine's own state.
    fn load(&mut self) -> impl Future<Output = Result<Loaded, StoreError>> + Send;
}

/// Signed bytes of a receipt, with their number in an outbox.
pub type NumberedReceipt = (u64, Arc<[u8]>);

/// A receipt as the store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// What it says.
    pub event: Event,
    /// For whom.
    pub recipient: RoomId,
    /// Who says it.
    pub issuer: RoomId,
    /// Whether this node issued it.
    pub own: bool,
    /// The signed bytes.
    pub bytes: Arc<[u8]>,
}

/// The wrapped keys that are known and those that came later, each recipient once.
fn merge_keys(known: &[RecipientKey], new: Vec<RecipientKey>) -> Vec<RecipientKey> {
    let mut keys: Vec<RecipientKey> =
        known.iter().filter(|old| new.iter().all(|key| key.room != old.room)).cloned().collect();
    keys.extend(new);
    keys
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space. Nothing was changed.
    #[error(
        "the disk is full: free space on the volume of the node's directory; nothing acknowledged is lost"
    )]
    Full,
    /// There is no database where there must be one.
    #[error("{path} is not there or empty, but this node has run before: put the last backup in its place")]
    Missing {
        /// The file.
        path: String,
    },
    /// Not a database of this program.
    #[error("{path} is not a yichuan database: name another directory with --dir, or move the file away")]
    Foreign {
        /// The file.
        path: String,
    },
    /// Written by a newer program.
    #[error(
        "{path} has schema {found}, this program knows {known}: install the newer program again; it was not changed"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Damaged.
    #[error("{path} is damaged ({detail}): keep a copy of the file, then restore the last backup")]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        detail: String,
    },
    /// SQLite is not the one, or not set as, this program relies on.
    #[error("SQLite is not as it must be: {detail}")]
    Unsafe {
        /// What is wrong.
        detail: String,
    },
    /// Anything else that the database says.
    #[error("the database failed: {0}")]
    Database(String),
}
