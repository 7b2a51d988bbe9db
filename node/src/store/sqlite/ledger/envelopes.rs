//! Envelopes and their records, one after the other: a body may be as large as everything else of a page.

use relay::{envelope_id::EnvelopeKey, record::Record};

use super::{Ledger, StoreError, rows};
use crate::store::sqlite::rows::RawEnvelope;

/// One envelope as it was found.
#[derive(Debug)]
pub struct EnvelopeRow {
    /// Which.
    pub key: EnvelopeKey,
    /// What is remembered of it; an error when the row is not what was stored.
    pub record: Result<Record, String>,
    /// Its signed header; none when the bytes are not there.
    pub header: Option<Vec<u8>>,
    /// Whether its body is there.
    pub has_body: bool,
    /// Whether it lies in quarantine.
    pub is_quarantined: bool,
    /// Why header, body and keys are not those of the record.
    pub damage: Option<&'static str>,
}

impl Ledger {
    /// The keys of records after this one, in order.
    pub async fn record_keys(&mut self, after: Option<EnvelopeKey>) -> Result<Vec<EnvelopeKey>, StoreError> {
        let after = after.map_or_else(Vec::new, |key| key.to_bytes().to_vec());
        let statement = sqlx::query("SELECT key FROM record WHERE key > ? ORDER BY key LIMIT 1000");
        let found = statement.bind(after).fetch_all(&mut self.connection).await;
        let found = self.read(|| found)?;
        self.read(|| found.iter().map(|row| rows::key(row, 0)).collect())
    }

    /// An envelope with its record, checked against each other as on every read.
    pub async fn envelope(&mut self, key: EnvelopeKey) -> Result<Option<EnvelopeRow>, StoreError> {
        let statement = sqlx::query(
            "SELECT r.key, r.check_sum, r.state, e.header, e.keys, e.content_key, e.summary, e.body, \
             e.key IS NOT NULL, EXISTS (SELECT 1 FROM quarantine q WHERE q.what = 'envelope' AND q.key = r.key) \
             FROM record r LEFT JOIN envelope e ON e.key = r.key WHERE r.key = ?",
        );
        let found = statement.bind(key.to_bytes().to_vec()).fetch_optional(&mut self.connection).await;
        let Some(row) = self.read(|| found)? else { return Ok(None) };
        let record = rows::record(&row, 0).map_err(|error| error.to_string());
        let is_there = self.read(|| sqlx::Row::try_get::<bool, _>(&row, 8))?;
        let is_quarantined = self.read(|| sqlx::Row::try_get::<bool, _>(&row, 9))?;
        let mut envelope =
            EnvelopeRow { key, record, header: None, has_body: false, is_quarantined, damage: None };
        if is_there {
            let raw = self.read(|| RawEnvelope::read(&row, 3))?;
            envelope.has_body = raw.body.is_some();
            envelope.damage = envelope.record.as_ref().ok().and_then(|record| raw.verify(record).err());
            envelope.header = Some(raw.header);
        }
        Ok(Some(envelope))
    }
}
