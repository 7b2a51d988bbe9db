//! What people get to see of the database, line by line.

use std::sync::Arc;

use certs::signature::Digest;
use relay::{
    envelope::EnvelopeBytes, envelope_id::EnvelopeKey, envelope_id::Epoch, record::Record, step::QueuePlace,
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

use crate::store::ReceiptRow;

/// An envelope as it is kept.
#[derive(Debug, Clone)]
pub struct KeptEnvelope {
    /// What is remembered of it.
    pub record: Record,
    /// Header, wrapped keys and sealed body; the body is empty when it was pruned.
    pub bytes: EnvelopeBytes,
    /// The body only passed through here and was given up.
    pub is_pruned: bool,
    /// The body's key under the storage key, where this room may read it.
    pub content_key: Option<Vec<u8>>,
    /// What lists show, under the storage key, at the origin.
    pub summary: Option<Vec<u8>>,
}

/// A receipt with what orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// The receipt.
    pub receipt: ReceiptRow,
    /// Counter of the issuer's epoch.
    pub epoch: u64,
    /// Leaf number in the issuer's log.
    pub seq: u64,
    /// When, by the issuer's clock.
    pub at: Timestamp,
}

/// Which lines of the inbox are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxFilter {
    /// Only what nobody has acknowledged.
    pub unacknowledged: bool,
    /// Only what no alarm has rung for.
    pub unalerted: bool,
    /// Only what came before this line: the next page. None begins with the newest.
    pub before: Option<i64>,
    /// At most this many.
    pub count: usize,
}

impl Default for InboxFilter {
    fn default() -> Self {
        Self { unacknowledged: true, unalerted: false, before: None, count: 100 }
    }
}

/// A line of the inbox.
#[derive(Debug, Clone)]
pub struct InboxLine {
    /// Its place in the inbox, for [`InboxFilter::before`].
    pub line: i64,
    /// What is remembered of the envelope: key, precedence, status, times, role.
    pub record: Record,
    /// Number of the message kind.
    pub kind: u16,
    /// Its number from this origin in this epoch.
    pub nr: u64,
    /// The highest lower number from this origin in this epoch that is in the inbox; 0 when there is none. Those between are
    /// missing.
    pub nr_before: u64,
    /// The origin's epoch.
    pub epoch: Epoch,
    /// What lists show of it, under the storage key.
    pub summary: Vec<u8>,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// 已签收
    pub acknowledged: bool,
    /// 已阅
    pub opened: bool,
    /// 已办结
    pub disposed: bool,
    /// 退回
    pub returned: bool,
    /// 已告警
    pub alerted: bool,
}

/// Something that was written in this room.
#[derive(Debug, Clone)]
pub struct SentLine {
    /// What is remembered of it.
    pub record: Record,
    /// What lists show, under the storage key.
    pub summary: Option<Vec<u8>>,
}

/// Something that waits.
#[derive(Debug, Clone)]
pub struct QueueLine {
    /// Where.
    pub place: QueuePlace,
    /// What.
    pub record: Record,
}

/// What waits for one neighbour in one precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueTotal {
    /// For whom.
    pub neighbour: RoomId,
    /// How urgent.
    pub precedence: Precedence,
    /// How many.
    pub envelopes: u64,
    /// Since when the oldest waits.
    pub oldest: Timestamp,
}

/// Another envelope that came under an id that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollisionLine {
    /// Its digest.
    pub digest: Digest,
    /// Its signed header.
    pub header: Arc<[u8]>,
}

/// Something that was found damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineLine {
    /// Envelope or receipt.
    pub what: String,
    /// Of which envelope; none for a receipt that was met in an outbox.
    pub key: Option<EnvelopeKey>,
    /// What is wrong.
    pub reason: String,
    /// When it was found, by the machine's clock.
    pub at: Timestamp,
}

/// How much there is of what wants attention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines of the inbox that nobody has acknowledged.
    pub unacknowledged: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
}

/// What the database takes on the disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// The file.
    pub database_bytes: u64,
    /// Free pages inside the file, used again before it grows.
    pub reusable_bytes: u64,
    /// The write-ahead log.
    pub log_bytes: u64,
}
