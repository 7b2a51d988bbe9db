//! One batch into its tables, inside the transaction that the caller opened.

use certs::signature::Digest;
use relay::{
    codec,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    receipt::Event,
    record::{DeliveryState, Record},
    step::{QueuePlace, StoredReceipt},
};
use sqlx::Row;
use std::sync::Arc;
use topology::RoomId;

use super::{
    super::merge_keys,
    SqliteStore,
    batch::{Batch, NewEnvelope, NewLine},
    rows::{self, check_sum, int},
    statement::{BYTES_MAX, Many, Statement, chunk_len},
};

impl SqliteStore {
    /// Writes everything; the first failure ends it.
    pub(super) async fn write(&mut self, batch: &Batch) -> Result<(), sqlx::Error> {
        let Batch { envelopes, records, places, .. } = batch;
        let outboxes: Vec<_> = batch.outboxes.iter().map(|(to, cursor)| (*to, *cursor)).collect();
        self.insert(&ENVELOPES, envelopes.values().collect(), |envelope| envelope.size(), bind_envelope)
            .await?;
        self.insert(&RECORDS, records.values().collect(), |_| 0, bind_record).await?;
        let taken = places.iter().filter(|(_, taken)| **taken).map(|(place, _)| place).collect();
        let given_up = places.iter().filter(|(_, taken)| !**taken).map(|(place, _)| place).collect();
        self.insert(&DEQUEUE, given_up, |_| 0, bind_place).await?;
        self.insert(&ENQUEUE, taken, |_| 0, bind_place).await?;
        self.insert(&RECEIPTS, batch.receipts.iter().collect(), |_| 0, bind_receipt).await?;
        self.insert(&OUTBOXES, outboxes.iter().collect(), |_| 0, bind_outbox).await?;
        self.insert(&INBOX, batch.inbox.iter().collect(), |_| 0, bind_line).await?;
        self.insert(&COLLISIONS, batch.collisions.iter().collect(), |_| 0, bind_collision).await?;
        self.insert(&EPOCHS, batch.epochs.iter().collect(), |_| 0, bind_epoch).await?;
        self.write_rare(batch).await
    }

    /// What most batches do not have, row by row.
    async fn write_rare(&mut self, batch: &Batch) -> Result<(), sqlx::Error> {
        for (key, bytes) in &batch.keys {
            self.add_keys(key, bytes).await?;
        }
        for (key, content_key) in &batch.content_keys {
            let statement = sqlx::query("UPDATE envelope SET content_key = ? WHERE key = ?");
            let statement = statement.bind(&content_key[..]).bind(&key.to_bytes()[..]);
            statement.execute(&mut self.connection).await?;
        }
        for (key, event) in &batch.deeds {
            let statement = sqlx::query(deed_text(*event)?).bind(&key.to_bytes()[..]);
            statement.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    async fn insert<R: Sync>(
        &mut self,
        many: &'static Many,
        rows: Vec<&R>,
        bytes_of: fn(&&R) -> usize,
        bind: fn(Statement, &R) -> Statement,
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(chunk_len(rest, bytes_of));
            let large = chunk.iter().map(bytes_of).sum::<usize>() > BYTES_MAX;
            let mut statement = self.texts.statement(many, chunk.len());
            for row in chunk {
                statement = bind(statement, row);
            }
            statement.persistent(!large).execute(&mut self.connection).await?;
            if large {
                // A statement keeps its last values: the next one that is not kept lets them go.
                sqlx::query("SELECT 1").persistent(false).execute(&mut self.connection).await?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Adds wrapped keys to those that are known, and the body in case it was pruned.
    async fn add_keys(&mut self, key: &EnvelopeKey, bytes: &EnvelopeBytes) -> Result<(), sqlx::Error> {
        let key_bytes = key.to_bytes();
        let known = sqlx::query("SELECT keys FROM envelope WHERE key = ?").bind(&key_bytes[..]);
        let known = known.fetch_optional(&mut self.connection).await?;
        let known = match known {
            Some(row) => rows::decode_keys(row.try_get(0)?).unwrap_or_default(),
            None => Vec::new(),
        };
        let keys = merge_keys(&known, bytes.keys.clone());
        let statement = sqlx::query(
            "INSERT INTO envelope (key, header, keys, body) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE \
             SET header = excluded.header, keys = excluded.keys, body = excluded.body",
        );
        let statement = statement.bind(&key_bytes[..]).bind(&bytes.header[..]);
        let statement = statement.bind(codec::encode(&keys)).bind(&bytes.body[..]).persistent(false);
        statement.execute(&mut self.connection).await.map(|_| ())
    }
}

impl NewEnvelope {
    fn size(&self) -> usize {
        self.bytes.header.len() + self.bytes.body.len()
    }
}

const ENVELOPES: Many = Many {
    head: "INSERT INTO envelope (key, header, keys, content_key, summary, body) VALUES ",
    row: "(?,?,?,?,?,?)",
    tail: "",
};

fn bind_envelope(statement: Statement, envelope: &NewEnvelope) -> Statement {
    statement
        .bind(&envelope.key.to_bytes()[..])
        .bind(&envelope.bytes.header[..])
        .bind(codec::encode(&envelope.bytes.keys))
        .bind(envelope.content_key.as_deref())
        .bind(envelope.summary.as_deref())
        .bind(&envelope.bytes.body[..])
}

const RECORDS: Many = Many {
    head: "INSERT INTO record (key, source, class, held, prunable, size_bytes, due_at_ms, received_at_ms, \
           check_sum, state) VALUES ",
    row: "(?,?,?,?,?,?,?,?,?,?)",
    tail: " ON CONFLICT (key) DO UPDATE SET held = excluded.held, prunable = excluded.prunable, \
           due_at_ms = excluded.due_at_ms, check_sum = excluded.check_sum, state = excluded.state",
};

fn bind_record(statement: Statement, record: &Record) -> Statement {
    let state = codec::encode(record);
    statement
        .bind(&record.key.to_bytes()[..])
        .bind(record.source.as_ref().map(|room| &room.as_bytes()[..]))
        .bind(record.precedence.index() as i64)
        .bind(record.is_held_for_source())
        .bind(is_prunable(record))
        .bind(int(record.size_bytes))
        .bind(record.due_at().map(|at| at.as_ms()))
        .bind(record.received_at.as_ms())
        .bind(check_sum(&record.key, &state))
        .bind(state)
}

/// Whether its body is of no more use here: it only passed through, and every outcome is known.
fn is_prunable(record: &Record) -> bool {
    let here = record.deliveries.iter().any(|delivery| delivery.state == DeliveryState::Here);
    record.source.is_some() && record.is_ended() && !here
}

const ENQUEUE: Many = Many { head: "INSERT OR IGNORE INTO queue (place) VALUES ", row: "(?)", tail: "" };
const DEQUEUE: Many = Many { head: "DELETE FROM queue WHERE place IN (", row: "?", tail: ")" };

fn bind_place(statement: Statement, place: &QueuePlace) -> Statement {
    statement.bind(rows::place_bytes(place))
}

const RECEIPTS: Many = Many {
    head: "INSERT INTO receipt (key, event, own, recipient, issuer, epoch, seq, at_ms, outbox_to, outbox_nr, \
           check_sum, bytes) VALUES ",
    row: "(?,?,?,?,?,?,?,?,?,?,?,?)",
    tail: "",
};

fn bind_receipt(statement: Statement, stored: &StoredReceipt) -> Statement {
    let receipt = stored.receipt.receipt();
    let key = receipt.key();
    let bytes = stored.receipt.bytes();
    statement
        .bind(&key.to_bytes()[..])
        .bind(i64::from(receipt.event.number()))
        .bind(stored.own)
        .bind(&receipt.recipient.as_bytes()[..])
        .bind(&receipt.issuer.as_bytes()[..])
        .bind(int(receipt.epoch.counter))
        .bind(int(receipt.seq))
        .bind(receipt.at.as_ms())
        .bind(stored.outbox.as_ref().map(|(neighbour, _)| &neighbour.as_bytes()[..]))
        .bind(stored.outbox.map(|(_, number)| int(number)))
        .bind(check_sum(&key, bytes))
        .bind(&bytes[..])
}

const OUTBOXES: Many = Many {
    head: "INSERT INTO outbox_cursor (neighbour, next_nr, stored_upto) VALUES ",
    row: "(?,?,?)",
    tail: " ON CONFLICT (neighbour) DO UPDATE SET next_nr = max(next_nr, excluded.next_nr), \
           stored_upto = max(stored_upto, excluded.stored_upto)",
};

fn bind_outbox(statement: Statement, (neighbour, (next, stored)): &(RoomId, (u64, u64))) -> Statement {
    statement.bind(&neighbour.as_bytes()[..]).bind(int(*next)).bind(int(*stored))
}

const INBOX: Many = Many {
    head: "INSERT INTO inbox (key, origin, kind, nr, epoch_counter, epoch_nonce, delivered_at_ms, summary) VALUES ",
    row: "(?,?,?,?,?,?,?,?)",
    tail: "",
};

fn bind_line(statement: Statement, line: &NewLine) -> Statement {
    statement
        .bind(&line.key.to_bytes()[..])
        .bind(&line.key.origin.as_bytes()[..])
        .bind(i64::from(line.entry.kind))
        .bind(int(line.nr))
        .bind(int(line.epoch.counter))
        .bind(&line.epoch.nonce[..])
        .bind(line.delivered_at.as_ms())
        .bind(&line.entry.summary[..])
}

/// The column that a deed sets.
fn deed_text(event: Event) -> Result<&'static str, sqlx::Error> {
    match event {
        Event::Acknowledged => Ok("UPDATE inbox SET acknowledged = 1 WHERE key = ?"),
        Event::Opened => Ok("UPDATE inbox SET opened = 1 WHERE key = ?"),
        Event::Disposed => Ok("UPDATE inbox SET disposed = 1 WHERE key = ?"),
        Event::Returned => Ok("UPDATE inbox SET returned = 1 WHERE key = ?"),
        Event::Alerted => Ok("UPDATE inbox SET alerted = 1 WHERE key = ?"),
        Event::Accepted
        | Event::Custody
        | Event::Delivered
        | Event::Refused
        | Event::Failed
        | Event::Expired
        | Event::Collision
        | Event::Unconfirmed => Err(sqlx::Error::Protocol(format!("{event} is no deed of an officer"))),
    }
}

const COLLISIONS: Many =
    Many { head: "INSERT OR IGNORE INTO collision (key, digest, header) VALUES ", row: "(?,?,?)", tail: "" };

fn bind_collision(
    statement: Statement,
    (key, digest, header): &(EnvelopeKey, Digest, Arc<[u8]>),
) -> Statement {
    statement.bind(&key.to_bytes()[..]).bind(&digest.as_bytes()[..]).bind(&header[..])
}

const EPOCHS: Many =
    Many { head: "INSERT INTO epoch (counter, nonce, seq, bytes) VALUES ", row: "(?,?,?,?)", tail: "" };

fn bind_epoch(statement: Statement, (epoch, seq, bytes): &(Epoch, u64, Arc<[u8]>)) -> Statement {
    statement.bind(int(epoch.counter)).bind(&epoch.nonce[..]).bind(int(*seq)).bind(&bytes[..])
}
