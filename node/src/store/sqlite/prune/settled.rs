//! What has had its time: ticks that nothing cites, checkpoints that a dated one supersedes, and envelopes of which
//! everything is settled. A sweep goes over the tables a little at a time; it begins anew after a start.
//!
//! It promises: what is open stays (undecided, unacknowledged, due, queued, not yet with the neighbour), however old it is;
//! hashes of leaves, cited ticks and dated checkpoints stay for ever; nothing goes that does not read as it was stored.
//! The time is the root hub's: a clock that is years ahead deletes nothing.
//! *Against:* evidence that is lost while somebody still waits for it.

use std::time::Duration;

use relay::{
    limits::DUPLICATES_KEPT,
    record::{DeliveryState, Record},
    timestamp::Timestamp,
};
use sqlx::Row;

use super::super::{
    SqliteStore, StoreError,
    rows::{self, int},
};

/// How long settled things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Bodies of what was written or delivered here.
    pub log_book: Duration,
    /// Receipts, headers and lists.
    pub evidence: Duration,
    /// Ticks that nothing cites.
    pub uncited_ticks: Duration,
}

/// What one round gave up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ticks that nothing cites.
    pub ticks: u64,
    /// Checkpoints that were never dated.
    pub checkpoints: u64,
    /// Answers to requests that may be repeated.
    pub answers: u64,
    /// Bodies.
    pub bodies: u64,
    /// Envelopes with all that is known of them.
    pub envelopes: u64,
}

/// Where the sweep stands.
#[derive(Debug, Default)]
pub(in super::super) struct Sweep {
    /// The record that was looked at last.
    key: Vec<u8>,
    /// Leaves of the dated checkpoint below which no undated one is left.
    checkpoint: i64,
}

/// Evidence is given up this long after its time, so that its leaves were surely dated before it: an audit tells them from
/// leaves that somebody took out.
const SLACK: Duration = Duration::from_secs(31 * 24 * 3600);
/// A superseded checkpoint is of no use to anybody after a day.
const SUPERSEDED_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Whoever repeats a request does so within days.
const ANSWERS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Dated checkpoints looked at in one round.
const DATED_MAX: usize = 64;

/// What is to become of an envelope.
enum Fate {
    Stays,
    LosesBody,
    Goes,
}

impl SqliteStore {
    /// One round of the sweep: gives up at most `count` rows of each kind. `now` counts no further than the newest tick.
    ///
    /// # Errors
    /// [`StoreError`]; the round has then changed nothing.
    pub async fn prune_settled(
        &mut self,
        keep: &Keep,
        now: Timestamp,
        count: usize,
    ) -> Result<Pruned, StoreError> {
        self.begin().await?;
        let outcome = self.sweep_once(keep, now, int(count as u64)).await;
        let outcome = outcome.map_err(|error| self.failure(error));
        self.end(outcome).await
    }

    async fn sweep_once(&mut self, keep: &Keep, now: Timestamp, count: i64) -> Result<Pruned, sqlx::Error> {
        let newest = "SELECT at_ms FROM tick ORDER BY at_ms DESC LIMIT 1";
        let newest = sqlx::query(newest).fetch_optional(&mut self.connection).await?;
        let Some(newest) = newest else { return Ok(Pruned::default()) };
        let now = now.min(rows::time(&newest, 0)?);
        let ticks = sqlx::query(
            "DELETE FROM tick WHERE (at_ms, digest) IN \
             (SELECT at_ms, digest FROM tick WHERE cited = 0 AND at_ms < ? ORDER BY at_ms LIMIT ?)",
        );
        let ticks = ticks.bind(before(now, keep.uncited_ticks).as_ms()).bind(count);
        let ticks = ticks.execute(&mut self.connection).await?.rows_affected();
        let checkpoints = self.prune_superseded(before(now, SUPERSEDED_KEPT), count).await?;
        let answers =
            "DELETE FROM sent_once WHERE name IN (SELECT name FROM sent_once WHERE at_ms < ? LIMIT ?)";
        let answers = sqlx::query(answers).bind(before(now, ANSWERS_KEPT).as_ms()).bind(count);
        let answers = answers.execute(&mut self.connection).await?.rows_affected();
        let mut pruned = Pruned { ticks, checkpoints, answers, ..Pruned::default() };
        self.sweep_envelopes(keep, now, count, &mut pruned).await?;
        Ok(pruned)
    }

    async fn prune_superseded(&mut self, dated_before: Timestamp, count: i64) -> Result<u64, sqlx::Error> {
        let mut gone = 0;
        for _ in 0..DATED_MAX {
            let dated = "SELECT size, dated_at_ms FROM checkpoint \
                         WHERE dated_at_ms IS NOT NULL AND size > ? ORDER BY size LIMIT 1";
            let dated = sqlx::query(dated).bind(self.sweep.checkpoint);
            let Some(dated) = dated.fetch_optional(&mut self.connection).await? else { break };
            let size: i64 = dated.try_get(0)?;
            if rows::time(&dated, 1)? >= dated_before {
                break;
            }
            let superseded = sqlx::query(
                "DELETE FROM checkpoint WHERE size IN (SELECT size FROM checkpoint \
                 WHERE size > ? AND size < ? AND dated_at_ms IS NULL ORDER BY size LIMIT ?)",
            );
            let superseded = superseded.bind(self.sweep.checkpoint).bind(size).bind(count);
            let here = superseded.execute(&mut self.connection).await?.rows_affected();
            gone += here;
            if here >= count.unsigned_abs() {
                break;
            }
            self.sweep.checkpoint = size;
        }
        Ok(gone)
    }

    async fn sweep_envelopes(
        &mut self,
        keep: &Keep,
        now: Timestamp,
        count: i64,
        pruned: &mut Pruned,
    ) -> Result<(), sqlx::Error> {
        let page = sqlx::query(
            "SELECT key, check_sum, state, received_at_ms FROM record WHERE key > ? ORDER BY key LIMIT ?",
        );
        let page = page.bind(self.sweep.key.clone()).bind(count);
        let page = page.fetch_all(&mut self.connection).await?;
        self.sweep.key = page.last().map_or(Ok(Vec::new()), |row| row.try_get(0))?;
        let shorter = before(now, keep.log_book.min(keep.evidence));
        for row in &page {
            if rows::time(row, 3)? >= shorter {
                continue;
            }
            // What does not read as it was stored is the audit's business.
            let Ok(record) = rows::record(row, 0) else { continue };
            match self.fate(&record, keep, now).await? {
                Fate::Stays => {}
                Fate::LosesBody => pruned.bodies += self.drop_body(&record).await?,
                Fate::Goes => {
                    self.drop_envelope(&record).await?;
                    pruned.envelopes += 1;
                }
            }
        }
        Ok(())
    }

    async fn fate(&mut self, record: &Record, keep: &Keep, now: Timestamp) -> Result<Fate, sqlx::Error> {
        if !is_settled(record, now) {
            return Ok(Fate::Stays);
        }
        let evidence_before = before(before(now, keep.evidence), SLACK);
        let open = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM inbox WHERE key = ?1 AND acknowledged = 0), \
             EXISTS (SELECT 1 FROM receipt r LEFT JOIN outbox_cursor o ON o.neighbour = r.outbox_to WHERE r.key = ?1 \
                AND (r.at_ms >= ?2 OR (r.outbox_to IS NOT NULL AND r.outbox_nr > coalesce(o.stored_upto, 0))))",
        );
        let open = open.bind(record.key.to_bytes().to_vec()).bind(evidence_before.as_ms());
        let open = open.fetch_one(&mut self.connection).await?;
        let (is_unacknowledged, has_live_receipts) =
            (open.try_get::<bool, _>(0)?, open.try_get::<bool, _>(1)?);
        Ok(if is_unacknowledged {
            Fate::Stays
        } else if record.received_at < evidence_before && !has_live_receipts {
            Fate::Goes
        } else if record.received_at < before(now, keep.log_book) {
            Fate::LosesBody
        } else {
            Fate::Stays
        })
    }

    async fn drop_body(&mut self, record: &Record) -> Result<u64, sqlx::Error> {
        let body = sqlx::query("UPDATE envelope SET body = NULL WHERE key = ? AND body IS NOT NULL");
        let body = body.bind(record.key.to_bytes().to_vec());
        Ok(body.execute(&mut self.connection).await?.rows_affected())
    }

    async fn drop_envelope(&mut self, record: &Record) -> Result<(), sqlx::Error> {
        for sql in DROPS {
            let drop = sqlx::query(sql).bind(record.key.to_bytes().to_vec());
            drop.execute(&mut self.connection).await?;
        }
        Ok(())
    }
}

/// Everything that is known of one envelope.
const DROPS: [&str; 6] = [
    "DELETE FROM receipt WHERE key = ?",
    "DELETE FROM inbox WHERE key = ?",
    "DELETE FROM call WHERE key = ?",
    "DELETE FROM collision WHERE key = ?",
    "DELETE FROM envelope WHERE key = ?",
    "DELETE FROM record WHERE key = ?",
];

/// Every outcome is known, nothing is due, nothing waits, and no duplicate can come any more.
fn is_settled(record: &Record, now: Timestamp) -> bool {
    let is_over = |state: &DeliveryState| matches!(state, DeliveryState::Here | DeliveryState::Ended);
    record.is_ended()
        && record.due_at().is_none()
        && record.deliveries.iter().all(|delivery| is_over(&delivery.state))
        && record.expires_at.after(DUPLICATES_KEPT) < now
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_ms(now.as_ms().saturating_sub(age_ms))
}
