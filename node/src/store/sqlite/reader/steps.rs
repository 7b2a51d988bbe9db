//! The steps that were taken for an obligation, for those who look at it.

use certs::signature::Digest;
use relay::duty::step::DutyStep;
use sqlx::Row;

use super::{SqliteReader, StoreError};

/// Steps of one obligation that are read: five a due time, and a due time moves only when somebody says something new.
const STEPS_MAX: i64 = 1_000;

impl SqliteReader {
    /// The steps of an obligation's timer, the newest first.
    pub async fn duty_steps(&self, obligation: Digest) -> Result<Vec<DutyStep>, StoreError> {
        let statement = sqlx::query(
            "SELECT o.bytes FROM duty_step s JOIN log_object o ON o.leaf = s.leaf WHERE s.obligation = ? \
             ORDER BY s.leaf DESC LIMIT ?",
        );
        let statement = statement.bind(obligation.as_bytes().to_vec()).bind(STEPS_MAX);
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        let read = self.lines(found, |row| Ok(DutyStep::decode(row.try_get(0)?)))?;
        let sound = read.into_iter().filter_map(|step| {
            step.inspect_err(|error| tracing::error!(%error, "a step of a timer is damaged")).ok()
        });
        Ok(sound.collect())
    }
}
