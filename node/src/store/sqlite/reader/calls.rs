//! The table of calls: signed notes of telephone calls with this room, found by what they have in common.

use relay::{
    envelope_id::EnvelopeKey,
    message::{CaseId, DeclaredTime},
};
use sqlx::Row;
use topology::RoomId;

use super::{
    SqliteReader, StoreError,
    rows::{self, int},
};

/// Which notes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFilter {
    /// The newest, at most so many.
    Newest(usize),
    /// Of calls with this room that began within these times, both included.
    With {
        /// The room at the other end.
        peer: RoomId,
        /// The earliest start.
        from: DeclaredTime,
        /// The latest start.
        to: DeclaredTime,
    },
    /// Of calls about this message.
    About(EnvelopeKey),
    /// Of calls that belong to this case.
    Case(CaseId),
}

/// One end's note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLine {
    /// The envelope that carries it.
    pub key: EnvelopeKey,
    /// The officer's signed statement, under the storage key.
    pub signed: Vec<u8>,
}

/// Notes that are read at once; whoever asks for one message or one case gets no list without end.
const NOTES_MAX: usize = 10_000;

macro_rules! calls_text {
    ($condition:literal) => {
        concat!("SELECT key, signed FROM call ", $condition, " ORDER BY row DESC LIMIT ?")
    };
}

impl SqliteReader {
    /// Notes of calls, the newest first.
    pub async fn calls(&self, filter: CallFilter) -> Result<Vec<CallLine>, StoreError> {
        let (statement, count) = match filter {
            CallFilter::Newest(count) => (sqlx::query(calls_text!("")), count.min(NOTES_MAX)),
            CallFilter::With { peer, from, to } => {
                let text = calls_text!("WHERE peer = ? AND started_at_ms BETWEEN ? AND ?");
                let statement = sqlx::query(text).bind(peer.as_bytes().to_vec());
                (statement.bind(from.as_ms()).bind(to.as_ms()), NOTES_MAX)
            }
            CallFilter::About(key) => {
                (sqlx::query(calls_text!("WHERE about = ?")).bind(key.to_bytes().to_vec()), NOTES_MAX)
            }
            CallFilter::Case(case) => {
                (sqlx::query(calls_text!("WHERE case_id = ?")).bind(case.as_bytes().to_vec()), NOTES_MAX)
            }
        };
        let found = statement.bind(int(count as u64)).fetch_all(&self.pool).await;
        self.lines(found.map_err(|error| self.failure(error))?, |row| {
            Ok(CallLine { key: rows::key(row, 0)?, signed: row.try_get(1)? })
        })
    }
}
