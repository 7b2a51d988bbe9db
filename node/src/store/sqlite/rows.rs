//! Rows to and from what they stand for, with the checks that find what a disk has changed.
//! *Against:* flipped bits and exchanged rows, which SQLite itself mostly does not notice.

use certs::{
    cbor,
    signature::{self, ContentType, Digest, digest, digest_of_parts},
};
use relay::{
    codec,
    envelope::{EnvelopeBytes, Header, RecipientKey, key_digest},
    envelope_id::EnvelopeKey,
    limits::HEADER_BYTES_MAX,
    record::Record,
    step::QueuePlace,
    timestamp::Timestamp,
};
use sqlx::{Row, sqlite::SqliteRow};
use topology::{Precedence, RoomId};

use super::statement::{Statement, Values};

/// A record with 128 recipients and 64 noted receipts each.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// 128 wrapped keys of about 130 bytes, with room to spare.
const KEYS_BYTES_MAX: usize = 64 * 1024;

/// An integer column from a count.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from an integer column.
pub(super) fn count(row: &SqliteRow, column: usize) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| damage("a count is negative"))
}

/// The error for a row that is not what was written.
pub(super) fn damage(detail: impl Into<String>) -> sqlx::Error {
    sqlx::Error::Decode(detail.into().into())
}

pub(super) fn key(row: &SqliteRow, column: usize) -> Result<EnvelopeKey, sqlx::Error> {
    EnvelopeKey::from_bytes(row.try_get(column)?).ok_or_else(|| damage("a key is not 32 bytes"))
}

pub(super) fn room(row: &SqliteRow, column: usize) -> Result<RoomId, sqlx::Error> {
    room_of(row.try_get(column)?)
}

pub(super) fn room_of(bytes: &[u8]) -> Result<RoomId, sqlx::Error> {
    let bytes = bytes.try_into().map_err(|_| damage("a room id is not 16 bytes"))?;
    Ok(RoomId::from_bytes(bytes))
}

pub(super) fn time(row: &SqliteRow, column: usize) -> Result<Timestamp, sqlx::Error> {
    Ok(Timestamp::from_ms(row.try_get(column)?))
}

pub(super) fn precedence_of(class: impl TryInto<usize>) -> Result<Precedence, sqlx::Error> {
    let class = class.try_into().ok().and_then(Precedence::from_index);
    class.ok_or_else(|| damage("a precedence is not known"))
}

/// The first 8 bytes of SHA-256 over key and content.
pub(super) fn check_sum(key: &EnvelopeKey, content: &[u8]) -> i64 {
    let digest = digest_of_parts(&[&key.to_bytes(), content]);
    digest.as_bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
}

/// Reads columns `key, check_sum, state`.
pub(super) fn record(row: &SqliteRow, first: usize) -> Result<Record, sqlx::Error> {
    let key = key(row, first)?;
    let state: &[u8] = row.try_get(first + 2)?;
    let sound = row.try_get::<i64, _>(first + 1)? == check_sum(&key, state);
    let record = codec::decode::<Record>(state, RECORD_BYTES_MAX).ok().filter(|r| sound && r.key == key);
    record.ok_or_else(|| damage(format!("the record of envelope {} was changed on the disk", key.id)))
}

/// The queue's row: see the schema.
pub(super) fn place_bytes(place: &QueuePlace) -> Vec<u8> {
    let mut bytes = lane_bytes(place.neighbour, place.precedence);
    bytes.extend_from_slice(&(place.since.as_ms().cast_unsigned() ^ SIGN).to_be_bytes());
    bytes.extend_from_slice(&place.key.to_bytes());
    bytes
}

/// What all places of a neighbour's queue in one precedence begin with.
pub(super) fn lane_bytes(neighbour: RoomId, precedence: Precedence) -> Vec<u8> {
    let mut bytes = neighbour.as_bytes().to_vec();
    bytes.push(u8::try_from(precedence.index()).unwrap_or(u8::MAX));
    bytes
}

/// The place that [`place_bytes`] wrote.
pub(super) fn place_of(bytes: &[u8]) -> Result<QueuePlace, sqlx::Error> {
    let wrong = || damage("a place in the queue is not 57 bytes");
    let (lane, rest) = bytes.split_at_checked(LANE_LEN).ok_or_else(wrong)?;
    let (since, key) = rest.split_at_checked(8).ok_or_else(wrong)?;
    let (neighbour, precedence) = lane_of(lane)?;
    let key = EnvelopeKey::from_bytes(key).ok_or_else(wrong)?;
    Ok(QueuePlace { neighbour, precedence, since: since_of(since)?, key })
}

/// The neighbour and precedence that [`lane_bytes`] wrote.
pub(super) fn lane_of(lane: &[u8]) -> Result<(RoomId, Precedence), sqlx::Error> {
    let (class, neighbour) = lane.split_last().ok_or_else(|| damage("a place in the queue is empty"))?;
    Ok((room_of(neighbour)?, precedence_of(*class)?))
}

/// Every lane in which something waits: the lane, how many places, the time inside the oldest. It steps from the head of
/// one lane to the head of the next: a `GROUP BY` would sort the whole queue in memory.
pub(super) fn lanes() -> Statement {
    Values::default().bind(&[0xff_u8; PLACE_LEN - LANE_LEN][..]).of(LANES)
}

pub(super) const LANES: &str = "WITH RECURSIVE \
    head (place) AS (SELECT min(place) FROM queue UNION ALL SELECT (SELECT min(place) FROM queue \
        WHERE place > CAST(substr(head.place, 1, 17) || ?1 AS BLOB)) FROM head WHERE head.place IS NOT NULL) \
    SELECT substr(place, 1, 17), (SELECT count(*) FROM queue q WHERE q.place >= head.place \
        AND q.place <= CAST(substr(head.place, 1, 17) || ?1 AS BLOB)), substr(place, 18, 8) \
    FROM head WHERE place IS NOT NULL";

/// The time inside a place.
pub(super) fn since_of(bytes: &[u8]) -> Result<Timestamp, sqlx::Error> {
    let bytes = bytes.try_into().map_err(|_| damage("a time in the queue is not 8 bytes"))?;
    Ok(Timestamp::from_ms((u64::from_be_bytes(bytes) ^ SIGN).cast_signed()))
}

/// Makes times before 1970 sort before those after it.
const SIGN: u64 = 1 << 63;
/// Neighbour and class.
pub(super) const LANE_LEN: usize = RoomId::LEN + 1;
/// The lane, the time and the key.
const PLACE_LEN: usize = 57;

/// An envelope's columns as they came.
#[derive(Debug, Default)]
pub(super) struct RawEnvelope {
    pub(super) header: Vec<u8>,
    pub(super) keys: Vec<u8>,
    pub(super) content_key: Option<Vec<u8>>,
    pub(super) summary: Option<Vec<u8>>,
    pub(super) body: Option<Vec<u8>>,
}

impl RawEnvelope {
    /// Columns `header, keys, content_key, summary, body`.
    pub(super) fn read(row: &SqliteRow, first: usize) -> Result<Self, sqlx::Error> {
        Ok(Self {
            header: row.try_get(first)?,
            keys: row.try_get(first + 1)?,
            content_key: row.try_get(first + 2)?,
            summary: row.try_get(first + 3)?,
            body: row.try_get(first + 4)?,
        })
    }

    /// The envelope, if header, body and wrapped keys are those that the record's digest stands for. A body that was
    /// pruned is empty.
    pub(super) fn verify(&self, record: &Record) -> Result<EnvelopeBytes, &'static str> {
        let header = verified_header(&self.header, record.digest)?;
        if let Some(body) = &self.body
            && (body.len() as u64 != header.body_len || digest(body) != header.body_digest)
        {
            return Err("the body is not the one that the origin signed");
        }
        let keys = decode_keys(&self.keys).ok_or("the wrapped keys do not decode")?;
        let signed = |key: &RecipientKey| {
            header.to.iter().any(|to| to.room == key.room && to.key_digest == key_digest(&key.key))
        };
        if !keys.iter().all(signed) {
            return Err("a wrapped key is not the one that the origin signed");
        }
        Ok(EnvelopeBytes {
            header: self.header.as_slice().into(),
            keys,
            body: self.body.as_deref().unwrap_or_default().into(),
        })
    }

    /// All of it in one blob, for the quarantine.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&(&self.header, &self.keys, &self.content_key, &self.summary, &self.body))
    }
}

/// The header's contents, if it is the header with this digest.
fn verified_header(bytes: &[u8], wanted: Digest) -> Result<Header, &'static str> {
    if digest(bytes) != wanted {
        return Err("the header is not the one that was stored");
    }
    let payload = signature::peek_payload_unverified(bytes, ContentType::EnvelopeHeader);
    let payload = payload.map_err(|_| "the header is no signed object")?;
    cbor::decode(&payload, HEADER_BYTES_MAX).map_err(|_| "the header does not decode")
}

/// The wrapped keys of a row; `None` when they do not decode.
pub(super) fn decode_keys(bytes: &[u8]) -> Option<Vec<RecipientKey>> {
    codec::decode(bytes, KEYS_BYTES_MAX).ok()
}
