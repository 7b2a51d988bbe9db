//! One batch into its tables.

use certs::signature::Digest;
use relay::{
    codec,
    duty::step::StepName,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    receipt::Event,
    record::{DeliveryState, Record},
    step::{CallEntry, QueuePlace, SentOnce, StoredReceipt},
};
use sqlx::Row;
use std::sync::Arc;
use topology::RoomId;

use super::{
    super::merge_keys,
    SqliteStore,
    batch::{Batch, NewEnvelope, NewLine},
    rows::{self, check_sum, int},
    statement::{Many, Values, chunk_len},
};

/// Batches of up to this many rows go as one text with their BEGIN and COMMIT: one way to SQLite's thread and back
/// instead of ten, which is most of a small commit's time.
const AT_ONCE_ROWS: usize = 32;

/// One statement of a batch; its values are made when it is its turn.
pub(super) struct Piece<'b> {
    many: &'static Many,
    rows: usize,
    bind: Box<dyn FnOnce(Values) -> Values + Send + 'b>,
}

/// The statements of a batch, but for wrapped keys that are added.
pub(super) fn pieces(batch: &Batch) -> Result<Vec<Piece<'_>>, sqlx::Error> {
    let places = |wanted| {
        let places = batch.places.iter().filter(move |(_, taken)| **taken == wanted);
        places.map(|(place, _)| place).collect()
    };
    let mut pieces = Vec::new();
    add(&mut pieces, &ENVELOPES, batch.envelopes.values().collect(), |row| row.size(), bind_envelope);
    add(&mut pieces, &RECORDS, batch.records.values().collect(), |_| 0, bind_record);
    add(&mut pieces, &DEQUEUE, places(false), |_| 0, bind_place);
    add(&mut pieces, &ENQUEUE, places(true), |_| 0, bind_place);
    add(&mut pieces, &RECEIPTS, batch.receipts.iter().collect(), |_| 0, bind_receipt);
    add(&mut pieces, &OUTBOXES, batch.outboxes.iter().collect(), |_| 0, bind_outbox);
    add(&mut pieces, &INBOX, batch.inbox.iter().collect(), |_| 0, bind_line);
    add(&mut pieces, &CALLS, batch.calls.iter().collect(), |_| 0, bind_call);
    add(&mut pieces, &SENT_ONCE, batch.sent_once.iter().collect(), |row| row.answer.len(), bind_once);
    add(&mut pieces, &COLLISIONS, batch.collisions.iter().collect(), |_| 0, bind_collision);
    add(&mut pieces, &EPOCHS, batch.epochs.iter().collect(), |_| 0, bind_epoch);
    add(&mut pieces, &STEPS, batch.steps.iter().collect(), |_| 0, bind_step);
    for row in &batch.content_keys {
        add(&mut pieces, &CONTENT_KEY, vec![row], |_| 0, bind_content_key);
    }
    for (key, event) in &batch.deeds {
        let bind = |values: Values, key: &EnvelopeKey| values.bind(&key.to_bytes()[..]);
        add(&mut pieces, deed(*event)?, vec![key], |_| 0, bind);
    }
    batch.log.add_to(&mut pieces);
    Ok(pieces)
}

/// Adds the statements for these rows.
pub(super) fn add<'b, R: Send + 'b>(
    pieces: &mut Vec<Piece<'b>>,
    many: &'static Many,
    mut rows: Vec<R>,
    bytes_of: fn(&R) -> usize,
    bind: impl Fn(Values, R) -> Values + Copy + Send + 'b,
) {
    while !rows.is_empty() {
        let later = rows.split_off(chunk_len(&rows, bytes_of));
        let chunk = std::mem::replace(&mut rows, later);
        let rows = chunk.len();
        pieces.push(Piece { many, rows, bind: Box::new(move |values| chunk.into_iter().fold(values, bind)) });
    }
}

/// Whether the batch may go as one text.
pub(super) fn is_small(batch: &Batch, pieces: &[Piece<'_>]) -> bool {
    batch.keys.is_empty() && pieces.iter().map(|piece| piece.rows).sum::<usize>() <= AT_ONCE_ROWS
}

impl SqliteStore {
    /// Begins, writes and commits.
    pub(super) async fn write_at_once(&mut self, pieces: Vec<Piece<'_>>) -> Result<(), sqlx::Error> {
        let (mut text, mut values) = ("BEGIN IMMEDIATE".to_owned(), Values::default());
        for piece in pieces {
            text.push_str("; ");
            text.push_str(&piece.many.text(piece.rows));
            values = (piece.bind)(values);
        }
        text.push_str("; COMMIT");
        values.of(text).execute(&mut self.connection).await.map(|_| ())
    }

    /// Writes everything inside the transaction that the caller opened; the first failure ends it.
    pub(super) async fn write(&mut self, batch: &Batch, pieces: Vec<Piece<'_>>) -> Result<(), sqlx::Error> {
        for piece in pieces {
            let values = (piece.bind)(Values::default());
            let statement = values.of(self.texts.find(piece.many, piece.rows));
            statement.execute(&mut self.connection).await?;
        }
        for (key, bytes) in &batch.keys {
            self.add_keys(key, bytes).await?;
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
        let statement = statement.bind(codec::encode(&keys)).bind(&bytes.body[..]);
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

fn bind_envelope(values: Values, envelope: &NewEnvelope) -> Values {
    values
        .bind(&envelope.key.to_bytes()[..])
        .bind(&envelope.bytes.header[..])
        .bind(codec::encode(&envelope.bytes.keys))
        .bind(envelope.content_key.as_deref())
        .bind(envelope.summary.as_deref())
        // A header that a neighbour told stands alone; no sealed body is empty.
        .bind(Some(&envelope.bytes.body[..]).filter(|body| !body.is_empty()))
}

const RECORDS: Many = Many {
    head: "INSERT INTO record (key, source, class, held, prunable, size_bytes, due_at_ms, received_at_ms, \
           check_sum, state) VALUES ",
    row: "(?,?,?,?,?,?,?,?,?,?)",
    tail: " ON CONFLICT (key) DO UPDATE SET held = excluded.held, prunable = excluded.prunable, \
           due_at_ms = excluded.due_at_ms, check_sum = excluded.check_sum, state = excluded.state",
};

fn bind_record(values: Values, record: &Record) -> Values {
    let state = codec::encode(record);
    values
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
    let passed = record.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Ended);
    record.source.is_some() && record.is_ended() && passed
}

const ENQUEUE: Many = Many { head: "INSERT OR IGNORE INTO queue (place) VALUES ", row: "(?)", tail: "" };
const DEQUEUE: Many = Many { head: "DELETE FROM queue WHERE place IN (", row: "?", tail: ")" };

fn bind_place(values: Values, place: &QueuePlace) -> Values {
    values.bind(rows::place_bytes(place))
}

const RECEIPTS: Many = Many {
    head: "INSERT INTO receipt (key, event, own, recipient, issuer, epoch, seq, at_ms, leaf, outbox_to, \
           outbox_nr, check_sum, bytes) VALUES ",
    row: "(?,?,?,?,?,?,?,?,?,?,?,?,?)",
    tail: "",
};

fn bind_receipt(values: Values, stored: &StoredReceipt) -> Values {
    let receipt = stored.receipt.receipt();
    let key = receipt.key();
    let bytes = stored.receipt.bytes();
    values
        .bind(&key.to_bytes()[..])
        .bind(i64::from(receipt.event.number()))
        .bind(stored.own)
        .bind(&receipt.recipient.as_bytes()[..])
        .bind(&receipt.issuer.as_bytes()[..])
        .bind(int(receipt.epoch.counter))
        .bind(int(receipt.seq))
        .bind(receipt.at.as_ms())
        .bind(int(stored.leaf))
        .bind(stored.outbox.as_ref().map(|(neighbour, _)| &neighbour.as_bytes()[..]))
        .bind(stored.outbox.map(|(_, number)| int(number)))
        .bind(check_sum(&key, bytes))
        .bind(&bytes[..])
}

const STEPS: Many = Many {
    head: "INSERT INTO duty_step (obligation, due_ms, stage, subject, leaf) VALUES ",
    row: "(?,?,?,?,?)",
    tail: "",
};

fn bind_step(values: Values, (name, subject, leaf): &(StepName, EnvelopeKey, u64)) -> Values {
    values
        .bind(&name.obligation.as_bytes()[..])
        .bind(name.due.as_ms())
        .bind(i64::from(name.stage.number()))
        .bind(&subject.to_bytes()[..])
        .bind(int(*leaf))
}

const OUTBOXES: Many = Many {
    head: "INSERT INTO outbox_cursor (neighbour, next_nr, stored_upto) VALUES ",
    row: "(?,?,?)",
    tail: " ON CONFLICT (neighbour) DO UPDATE SET next_nr = max(next_nr, excluded.next_nr), \
           stored_upto = max(stored_upto, excluded.stored_upto)",
};

fn bind_outbox(values: Values, (neighbour, (next, stored)): (&RoomId, &(u64, u64))) -> Values {
    values.bind(&neighbour.as_bytes()[..]).bind(int(*next)).bind(int(*stored))
}

const INBOX: Many = Many {
    head: "INSERT INTO inbox (key, origin, kind, nr, epoch_counter, epoch_nonce, delivered_at_ms, summary) VALUES ",
    row: "(?,?,?,?,?,?,?,?)",
    tail: "",
};

fn bind_line(values: Values, line: &NewLine) -> Values {
    values
        .bind(&line.key.to_bytes()[..])
        .bind(&line.key.origin.as_bytes()[..])
        .bind(i64::from(line.entry.kind))
        .bind(int(line.nr))
        .bind(int(line.epoch.counter))
        .bind(&line.epoch.nonce[..])
        .bind(line.delivered_at.as_ms())
        .bind(&line.entry.summary[..])
}

const CALLS: Many = Many {
    head: "INSERT INTO call (key, peer, code, started_at_ms, about, case_id, signed) VALUES ",
    row: "(?,?,?,?,?,?,?)",
    tail: "",
};

fn bind_call(values: Values, (key, entry): &(EnvelopeKey, CallEntry)) -> Values {
    values
        .bind(&key.to_bytes()[..])
        .bind(&entry.peer.as_bytes()[..])
        .bind(entry.code.as_str())
        .bind(entry.started_at.as_ms())
        .bind(entry.about.map(|about| about.to_bytes().to_vec()))
        .bind(entry.case.map(|case| case.as_bytes().to_vec()))
        .bind(&entry.signed[..])
}

/// A name that is taken lets the commit fail: nothing is done twice.
const SENT_ONCE: Many =
    Many { head: "INSERT INTO sent_once (name, request, at_ms, answer) VALUES ", row: "(?,?,?,?)", tail: "" };

fn bind_once(values: Values, once: &SentOnce) -> Values {
    let values = values.bind(&once.name.as_bytes()[..]).bind(&once.request.as_bytes()[..]);
    values.bind(once.at.as_ms()).bind(&once.answer[..])
}

const CONTENT_KEY: Many =
    Many { head: "UPDATE envelope SET content_key = ? WHERE key = ?", row: "", tail: "" };

fn bind_content_key(values: Values, (key, content_key): (&EnvelopeKey, &Vec<u8>)) -> Values {
    values.bind(&content_key[..]).bind(&key.to_bytes()[..])
}

const ACKNOWLEDGED: Many =
    Many { head: "UPDATE inbox SET acknowledged = 1 WHERE key = ?", row: "", tail: "" };
const OPENED: Many = Many { head: "UPDATE inbox SET opened = 1 WHERE key = ?", row: "", tail: "" };
const DISPOSED: Many = Many { head: "UPDATE inbox SET disposed = 1 WHERE key = ?", row: "", tail: "" };
const RETURNED: Many = Many { head: "UPDATE inbox SET returned = 1 WHERE key = ?", row: "", tail: "" };
const ALERTED: Many = Many { head: "UPDATE inbox SET alerted = 1 WHERE key = ?", row: "", tail: "" };

/// The statement for a deed.
fn deed(event: Event) -> Result<&'static Many, sqlx::Error> {
    match event {
        Event::Acknowledged => Ok(&ACKNOWLEDGED),
        Event::Opened => Ok(&OPENED),
        Event::Disposed => Ok(&DISPOSED),
        Event::Returned => Ok(&RETURNED),
        Event::Alerted => Ok(&ALERTED),
        Event::Accepted
        | Event::Custody
        | Event::Delivered
        | Event::Refused
        | Event::Failed
        | Event::Expired
        | Event::Collision
        | Event::Unconfirmed
        | Event::Lost
        | Event::Handed => Err(sqlx::Error::Protocol(format!("{event} is no deed of an officer"))),
    }
}

const COLLISIONS: Many =
    Many { head: "INSERT OR IGNORE INTO collision (key, digest, header) VALUES ", row: "(?,?,?)", tail: "" };

fn bind_collision(values: Values, (key, digest, header): &(EnvelopeKey, Digest, Arc<[u8]>)) -> Values {
    values.bind(&key.to_bytes()[..]).bind(&digest.as_bytes()[..]).bind(&header[..])
}

const EPOCHS: Many =
    Many { head: "INSERT INTO epoch (counter, nonce, seq, bytes) VALUES ", row: "(?,?,?,?)", tail: "" };

fn bind_epoch(values: Values, (epoch, seq, bytes): &(Epoch, u64, Arc<[u8]>)) -> Values {
    values.bind(int(epoch.counter)).bind(&epoch.nonce[..]).bind(int(*seq)).bind(&bytes[..])
}
