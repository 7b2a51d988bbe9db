//! Steps of obligations' timers: what the driver asks before it takes one.

use relay::duty::step::StepName;

use super::SqliteStore;

impl SqliteStore {
    pub(super) async fn read_step(&mut self, name: StepName) -> Result<bool, sqlx::Error> {
        let statement =
            sqlx::query("SELECT 1 FROM duty_step WHERE obligation = ? AND due_ms = ? AND stage = ?");
        let statement = statement.bind(name.obligation.as_bytes().to_vec()).bind(name.due.as_ms());
        let statement = statement.bind(i64::from(name.stage.number()));
        Ok(statement.fetch_optional(&mut self.connection).await?.is_some())
    }
}
