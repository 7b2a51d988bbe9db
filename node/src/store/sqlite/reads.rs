//! What the driver reads: records by key, the head of a queue, outboxes, what is due, and the engine's own state.

use std::{collections::BTreeMap, sync::Arc};

use relay::{
    envelope_id::EnvelopeKey,
    receipt::Event,
    record::Record,
    step::{Loaded, StoredEnvelope},
    timestamp::Timestamp,
};
use sqlx::{Row, sqlite::SqliteRow};
use topology::{Precedence, RoomId};

use super::{
    super::{NumberedReceipt, ReceiptRow, SIGNED_AT_AMONG},
    SqliteStore,
    rows::{self, RawEnvelope, check_sum, int, lane_bytes},
    statement::{Many, ROWS_MAX, Values},
};

/// Rows with this number of the outbox, or this row of the table, whose bytes were changed.
pub(super) type Damaged = Vec<(i64, Vec<u8>)>;

/// An envelope that must not be sent.
#[derive(Debug)]
pub(super) struct DamagedEnvelope {
    pub(super) record: Record,
    pub(super) raw: RawEnvelope,
    pub(super) reason: &'static str,
}

const RECORDS: Many =
    Many { head: "SELECT key, check_sum, state FROM record WHERE key IN (", row: "?", tail: ")" };
const BODIES: Many = Many {
    head: "SELECT key, header, keys, content_key, summary, body FROM envelope WHERE key IN (",
    row: "?",
    tail: ")",
};

impl SqliteStore {
    pub(super) async fn read_records(
        &mut self,
        keys: &[EnvelopeKey],
    ) -> Result<BTreeMap<EnvelopeKey, Record>, sqlx::Error> {
        let rows = self.by_keys(&RECORDS, keys).await?;
        rows.iter().map(|row| rows::record(row, 0).map(|record| (record.key, record))).collect()
    }

    /// The rows with these keys. The last key stands in for those that fill the statement up.
    async fn by_keys(
        &mut self,
        many: &'static Many,
        keys: &[EnvelopeKey],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(ROWS_MAX) {
            let places = chunk.len().next_power_of_two();
            let filled = chunk.iter().chain(chunk.last().into_iter().cycle()).take(places);
            let values = filled.fold(Values::default(), |values, key| values.bind(&key.to_bytes()[..]));
            let statement = values.of(self.texts.find(many, places));
            found.append(&mut statement.fetch_all(&mut self.connection).await?);
        }
        Ok(found)
    }

    /// The records at the head of a queue, as many as the budget allows but at least one.
    pub(super) async fn read_waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> Result<Vec<Record>, sqlx::Error> {
        let lane = lane_bytes(neighbour, precedence);
        let after_lane = [&lane[..], &[0xff; 41]].concat();
        let statement = sqlx::query(
            "SELECT r.key, r.check_sum, r.state FROM queue q JOIN record r ON r.key = substr(q.place, 26) \
             WHERE q.place >= ? AND q.place <= ? ORDER BY q.place LIMIT ?",
        );
        let statement = statement.bind(lane).bind(after_lane).bind(int(messages.max(1) as u64));
        let rows = statement.fetch_all(&mut self.connection).await?;
        let (mut records, mut total) = (Vec::with_capacity(rows.len()), 0_u64);
        for row in &rows {
            let record = rows::record(row, 0)?;
            total = total.saturating_add(record.size_bytes);
            if total > bytes && !records.is_empty() {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }

    /// The envelopes of these records, in the same order, and those of them that are not what they were.
    pub(super) async fn read_envelopes(
        &mut self,
        records: Vec<Record>,
    ) -> Result<(Vec<StoredEnvelope>, Vec<DamagedEnvelope>), sqlx::Error> {
        let keys: Vec<EnvelopeKey> = records.iter().map(|record| record.key).collect();
        let rows = self.by_keys(&BODIES, &keys).await?;
        let mut raw_by_key = BTreeMap::new();
        for row in &rows {
            raw_by_key.insert(rows::key(row, 0)?, RawEnvelope::read(row, 1)?);
        }
        drop(rows);
        let (mut sound, mut damaged) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            let found = raw_by_key.remove(&record.key);
            let checked = match &found {
                None => Err("its bytes are not there"),
                Some(raw) if raw.body.is_none() => Err("its body was pruned while it waited"),
                Some(raw) => raw.verify(&record),
            };
            match checked {
                Ok(bytes) => sound.push(StoredEnvelope { record, bytes }),
                Err(reason) => {
                    damaged.push(DamagedEnvelope { record, raw: found.unwrap_or_default(), reason });
                }
            }
        }
        Ok((sound, damaged))
    }

    /// Receipts in an outbox, and the numbers whose bytes were changed.
    pub(super) async fn read_outbox(
        &mut self,
        neighbour: RoomId,
        from: u64,
        count: usize,
    ) -> Result<(Vec<NumberedReceipt>, Damaged), sqlx::Error> {
        let statement = sqlx::query(
            "SELECT outbox_nr, key, check_sum, bytes FROM receipt WHERE outbox_to = ? AND outbox_nr >= ? \
             ORDER BY outbox_nr LIMIT ?",
        );
        let statement = statement.bind(&neighbour.as_bytes()[..]).bind(int(from)).bind(int(count as u64));
        let found = statement.fetch_all(&mut self.connection).await?;
        let (mut sound, mut damaged) = (Vec::with_capacity(found.len()), Vec::new());
        for row in &found {
            match sound_receipt(row, 1)? {
                Ok(bytes) => sound.push((rows::count(row, 0)?, bytes)),
                Err(bytes) => damaged.push((row.try_get(0)?, bytes)),
            }
        }
        Ok((sound, damaged))
    }

    /// All receipts about an envelope, and the rows whose bytes were changed.
    pub(super) async fn read_receipts(
        &mut self,
        key: EnvelopeKey,
    ) -> Result<(Vec<ReceiptRow>, Damaged), sqlx::Error> {
        let statement = sqlx::query(
            "SELECT row, event, recipient, issuer, own, key, check_sum, bytes FROM receipt WHERE key = ? ORDER BY row",
        );
        let found = statement.bind(&key.to_bytes()[..]).fetch_all(&mut self.connection).await?;
        let (mut sound, mut damaged) = (Vec::with_capacity(found.len()), Vec::new());
        for row in &found {
            match sound_receipt(row, 5)? {
                Ok(bytes) => sound.push(receipt_row(row, 1, bytes)?),
                Err(bytes) => damaged.push((row.try_get(0)?, bytes)),
            }
        }
        Ok((sound, damaged))
    }

    /// What is due by `before`, after `cursor`.
    pub(super) async fn read_due(
        &mut self,
        before: Timestamp,
        cursor: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> Result<Vec<(Timestamp, EnvelopeKey)>, sqlx::Error> {
        let (after, after_key) = match cursor {
            Some((at, key)) => (at.as_ms(), key.to_bytes().to_vec()),
            None => (i64::MIN, Vec::new()),
        };
        let statement = sqlx::query(
            "SELECT due_at_ms, key FROM record WHERE due_at_ms <= ? AND (due_at_ms, key) > (?, ?) \
             ORDER BY due_at_ms, key LIMIT ?",
        );
        let statement = statement.bind(before.as_ms()).bind(after).bind(after_key).bind(int(count as u64));
        let found = statement.fetch_all(&mut self.connection).await?;
        found.iter().map(|row| Ok((rows::time(row, 0)?, rows::key(row, 1)?))).collect()
    }

    pub(super) async fn read_loaded(&mut self) -> Result<Loaded, sqlx::Error> {
        let mut loaded = Loaded::default();
        self.load_log(&mut loaded).await?;
        for row in rows::lanes().fetch_all(&mut self.connection).await? {
            loaded.queued.insert(rows::lane_of(row.try_get(0)?)?, rows::count(&row, 1)?);
        }
        for row in self.all("SELECT neighbour, next_nr, stored_upto FROM outbox_cursor").await? {
            let cursor = (rows::count(&row, 1)?, rows::count(&row, 2)?);
            loaded.outboxes.insert(rows::room(&row, 0)?, cursor);
        }
        let held = "SELECT source, class, count(*), sum(size_bytes) FROM record WHERE held = 1 \
                    GROUP BY source, class";
        for row in self.all(held).await? {
            let lane = (rows::room(&row, 0)?, rows::precedence_of(row.try_get::<i64, _>(1)?)?);
            loaded.held.insert(lane, (rows::count(&row, 2)?, rows::count(&row, 3)?));
        }
        let signed =
            "SELECT max(at_ms) FROM (SELECT at_ms, own FROM receipt ORDER BY row DESC LIMIT ?) WHERE own = 1";
        let row = sqlx::query(signed).bind(SIGNED_AT_AMONG).fetch_one(&mut self.connection).await?;
        loaded.signed_at = row.try_get::<Option<i64>, _>(0)?.map(Timestamp::from_ms);
        Ok(loaded)
    }

    async fn all(&mut self, sql: &'static str) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::query(sql).fetch_all(&mut self.connection).await
    }
}

/// Reads columns `key, check_sum, bytes`; the bytes of a damaged row are the error.
pub(super) fn sound_receipt(
    row: &SqliteRow,
    first: usize,
) -> Result<Result<Arc<[u8]>, Vec<u8>>, sqlx::Error> {
    let key = rows::key(row, first)?;
    let bytes: &[u8] = row.try_get(first + 2)?;
    let sound = row.try_get::<i64, _>(first + 1)? == check_sum(&key, bytes);
    Ok(if sound { Ok(bytes.into()) } else { Err(bytes.to_vec()) })
}

/// Reads columns `event, recipient, issuer, own`.
pub(super) fn receipt_row(
    row: &SqliteRow,
    first: usize,
    bytes: Arc<[u8]>,
) -> Result<ReceiptRow, sqlx::Error> {
    let event = u8::try_from(row.try_get::<i64, _>(first)?).ok().and_then(Event::from_number);
    Ok(ReceiptRow {
        event: event.ok_or_else(|| rows::damage("a receipt's event is not known"))?,
        recipient: rows::room(row, first + 1)?,
        issuer: rows::room(row, first + 2)?,
        own: row.try_get(first + 3)?,
        bytes,
    })
}
