//! Silencing the alarm (静音): an officer may silence what rings, for five minutes and by name. What comes after it rings
//! all the same. Who did so, when, and over what is written down before anything is silent (`silences.json`).
//!
//! *Against:* an alarm that was silent and nobody knows why.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relay::{envelope_id::EnvelopeKey, timestamp::Timestamp};

use crate::{control::view::Silence, directory::Directory, problem::Problem};

/// The file's name in the node's directory.
pub const FILE: &str = "silences.json";
/// So long an alarm stays silent at most.
const LASTS: Duration = Duration::from_secs(5 * 60);
/// Written down at most, the newest: years of a room in which it is seldom.
const KEPT_MAX: usize = 1_000;

/// What is silent, and the record of what was.
#[derive(Debug)]
pub struct SilenceBook {
    directory: Directory,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    by: String,
    until: Timestamp,
    messages: BTreeSet<EnvelopeKey>,
}

impl SilenceBook {
    /// The book of a node's directory. Nothing is silent after a start.
    pub fn new(directory: &Directory) -> Self {
        Self { directory: directory.clone(), current: Mutex::default() }
    }

    /// Silences these messages in the name of an officer, once that is written down. May block.
    ///
    /// # Errors
    /// `write_failed`, `read_failed`: nothing is silent then.
    pub fn begin(
        &self,
        officer: (&str, &str),
        messages: BTreeSet<EnvelopeKey>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let mut current = self.lock();
        let until = now.after(LASTS);
        let mut record = self.record()?;
        record.push(Silence {
            officer: officer.0.to_owned(),
            name: officer.1.to_owned(),
            at_ms: now.as_ms(),
            until_ms: until.as_ms(),
            messages: messages.iter().map(|key| key.id.to_string()).collect(),
        });
        let kept = record.len().saturating_sub(KEPT_MAX);
        let bytes = serde_json::to_vec_pretty(&record[kept..]).expect("plain data");
        self.directory.write(FILE, &bytes)?;
        *current = Some(Current { by: officer.1.to_owned(), until, messages });
        Ok(())
    }

    /// Who silenced the alarm, while it is silent.
    pub fn by(&self, now: Timestamp) -> Option<String> {
        self.lock().as_ref().filter(|current| now < current.until).map(|current| current.by.clone())
    }

    /// For how many milliseconds this message stays silent; none when it rings.
    pub fn left_ms(&self, message: EnvelopeKey, now: Timestamp) -> Option<i64> {
        let current = self.lock();
        let current = current.as_ref().filter(|one| one.messages.contains(&message) && now < one.until)?;
        Some(current.until.as_ms() - now.as_ms())
    }

    /// Every time that somebody did, the oldest first.
    ///
    /// # Errors
    /// `read_failed` when the file is there and does not read.
    pub fn record(&self) -> Result<Vec<Silence>, Problem> {
        let path = self.directory.file(FILE);
        if !path.exists() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&self.directory.read(FILE)?).map_err(|error| {
            Problem::failed("read_failed").with("path", path.display()).with("detail", error)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use relay::envelope_id::EnvelopeId;
    use topology::RoomId;

    use super::*;

    fn message(number: u8) -> EnvelopeKey {
        let origin = RoomId::from_bytes([1; 16]);
        EnvelopeKey { origin, id: EnvelopeId::new(Timestamp::from_ms(1_000), &[number; 10]) }
    }

    #[test]
    fn what_was_silenced_is_silent_for_five_minutes_is_written_down_and_what_comes_after_it_rings() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        let book = SilenceBook::new(&directory);
        let now = Timestamp::from_ms(10_000);
        book.begin(("id", "甲"), BTreeSet::from([message(1)]), now).unwrap();
        assert_eq!((book.left_ms(message(1), now), book.left_ms(message(2), now)), (Some(300_000), None));
        assert_eq!(book.by(now).as_deref(), Some("甲"));
        let over = now.after(LASTS);
        assert_eq!((book.left_ms(message(1), over), book.by(over)), (None, None));
        // A new start knows who did; nothing is silent then.
        let book = SilenceBook::new(&directory);
        assert_eq!(book.by(now), None);
        let record = book.record().unwrap();
        assert_eq!((record[0].name.as_str(), record[0].until_ms), ("甲", 310_000));
        assert_eq!(record[0].messages, [message(1).id.to_string()]);
    }

    #[test]
    fn what_cannot_be_written_down_is_not_silent() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        std::fs::write(directory.file(FILE), b"{").unwrap();
        let book = SilenceBook::new(&directory);
        let now = Timestamp::from_ms(10_000);
        assert!(book.begin(("id", "甲"), BTreeSet::from([message(1)]), now).is_err());
        assert_eq!(book.left_ms(message(1), now), None);
    }
}
