//! Giving space back: bodies that only passed through here, at once; other things when their time is over. Nothing that
//! is open is ever touched.

mod settled;

use sqlx::Row;

use super::{
    SqliteStore,
    rows::int,
    statement::{Many, ROWS_MAX, Values},
};

pub(super) use self::settled::Sweep;
pub use self::settled::{Keep, Pruned};

const BODIES: Many =
    Many { head: "UPDATE envelope SET body = NULL WHERE body IS NOT NULL AND key IN (", row: "?", tail: ")" };
const DONE: Many = Many { head: "UPDATE record SET prunable = 0 WHERE key IN (", row: "?", tail: ")" };

impl SqliteStore {
    /// Drops at most `envelopes` bodies, inside the transaction that the caller opened.
    pub(super) async fn prune_bodies(&mut self, envelopes: usize) -> Result<usize, sqlx::Error> {
        let candidates = sqlx::query("SELECT key FROM record WHERE prunable = 1 LIMIT ?");
        let candidates = candidates.bind(int(envelopes as u64)).fetch_all(&mut self.connection).await?;
        let keys: Vec<Vec<u8>> = candidates.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        for chunk in keys.chunks(ROWS_MAX) {
            for many in [&BODIES, &DONE] {
                let places = chunk.len().next_power_of_two();
                let filled = chunk.iter().chain(chunk.last().into_iter().cycle()).take(places);
                let values = filled.fold(Values::default(), |values, key| values.bind(&key[..]));
                values.of(self.texts.find(many, places)).execute(&mut self.connection).await?;
            }
        }
        Ok(keys.len())
    }
}
