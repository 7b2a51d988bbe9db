//! What this node has lost (`loss.json`): written by a restore, completed when a parent shows a head of our log that the
//! log here does not continue, and shown to people until one of them says that it is known.

use std::sync::{Arc, Mutex};

use relay::{checkpoint::Head, frame::LossAsked, timestamp::Timestamp};
use serde::{Deserialize, Serialize};
use topology::RoomId;

use crate::{directory::Directory, problem::Problem};

/// The file's name in the node's directory.
pub const FILE: &str = "loss.json";

/// What is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The backup that the node came from; none when its directory was put back by other means.
    pub source: Option<Source>,
    /// What a parent holds and this node does not; none while none has said so.
    pub lost: Option<Lost>,
    /// When a person said that it is known.
    pub accepted_at_ms: Option<i64>,
    /// Which neighbours have told what went between them and this room since.
    #[serde(default)]
    pub told: Vec<ToldBy>,
}

/// How far a neighbour has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldBy {
    /// Who.
    pub room: RoomId,
    /// Where it goes on.
    pub after: u64,
    /// Whether it has told all.
    pub is_all: bool,
}

/// A backup that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// When it was made.
    pub made_at_ms: i64,
    /// When it was restored.
    pub restored_at_ms: i64,
    /// Leaves of its log.
    pub leaves: u64,
}

/// The part of the log that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Who holds its head.
    pub held_by: RoomId,
    /// The first leaf that is lost.
    pub from: u64,
    /// That head.
    pub head: Head,
    /// When the parent said so.
    pub seen_at_ms: i64,
}

/// What a backup may lack of what its date says: the clocks of two neighbours are no further apart.
const CLOCKS_APART_MS: i64 = 10 * 60 * 1_000;

/// Keeps the file of one node.
#[derive(Debug, Clone)]
pub struct LossBook {
    directory: Directory,
    writing: Arc<Mutex<()>>,
}

impl LossBook {
    /// The book of this directory.
    pub fn new(directory: &Directory) -> Self {
        Self { directory: directory.clone(), writing: Arc::default() }
    }

    /// What is known; nothing when nothing was lost.
    ///
    /// # Errors
    /// `read_failed` when the file is there and does not read.
    pub fn read(&self) -> Result<Option<Loss>, Problem> {
        if !self.directory.file(FILE).exists() {
            return Ok(None);
        }
        let path = self.directory.file(FILE);
        let loss = serde_json::from_slice(&self.directory.read(FILE)?);
        loss.map(Some).map_err(|error| {
            Problem::failed("read_failed").with("path", path.display()).with("detail", error)
        })
    }

    /// A restore begins.
    ///
    /// # Errors
    /// `write_failed`.
    pub fn begin(&self, source: Source) -> Result<(), Problem> {
        self.write(&Loss { source: Some(source), ..Loss::default() })
    }

    /// A parent holds a head that our log does not continue. `run_from` is the first leaf of this run of the node.
    ///
    /// # Errors
    /// `read_failed`, `write_failed`.
    pub fn note(&self, held_by: RoomId, head: Head, run_from: u64, now: Timestamp) -> Result<(), Problem> {
        let _writing = self.writing.lock().expect("no holder of the book panics");
        let before = self.read()?.unwrap_or_default();
        if before.lost.is_some_and(|lost| lost.head == head) {
            return Ok(());
        }
        // A second loss has nothing to do with the backup that explained the first.
        let source = before.source.filter(|_| before.lost.is_none());
        let from = source.map_or(run_from, |source| source.leaves).min(head.size);
        let lost = Lost { held_by, from, head, seen_at_ms: now.as_ms() };
        let told = if source.is_some() { before.told } else { Vec::new() };
        self.write(&Loss { source, lost: Some(lost), accepted_at_ms: None, told })
    }

    /// What to ask a neighbour now; nothing when nothing was lost, or when it has told all.
    ///
    /// # Errors
    /// `read_failed`.
    pub fn question(&self, room: RoomId) -> Result<Option<LossAsked>, Problem> {
        let Some(loss) = self.read()? else { return Ok(None) };
        let told = loss.told.iter().find(|told| told.room == room);
        if told.is_some_and(|told| told.is_all) {
            return Ok(None);
        }
        // A neighbour's clock may be behind ours. A directory that was put back by other means has no date: then all is asked.
        let since = loss.source.map_or(0, |source| source.made_at_ms.saturating_sub(CLOCKS_APART_MS));
        let after = told.map_or(0, |told| told.after);
        Ok(Some(LossAsked { since: Timestamp::from_ms(since), after }))
    }

    /// A neighbour has told so far.
    ///
    /// # Errors
    /// `read_failed`, `write_failed`.
    pub fn told(&self, room: RoomId, after: u64, is_all: bool) -> Result<(), Problem> {
        let _writing = self.writing.lock().expect("no holder of the book panics");
        let Some(mut loss) = self.read()? else { return Ok(()) };
        loss.told.retain(|told| told.room != room);
        loss.told.push(ToldBy { room, after, is_all });
        self.write(&loss)
    }

    /// A person knows it.
    ///
    /// # Errors
    /// `loss_none` when nothing was lost, `read_failed`, `write_failed`.
    pub fn accept(&self, now: Timestamp) -> Result<(), Problem> {
        let _writing = self.writing.lock().expect("no holder of the book panics");
        let loss = self.read()?.ok_or_else(|| Problem::failed("loss_none"))?;
        self.write(&Loss { accepted_at_ms: Some(now.as_ms()), ..loss })
    }

    fn write(&self, loss: &Loss) -> Result<(), Problem> {
        let bytes = serde_json::to_vec_pretty(loss).expect("a loss is plain data");
        self.directory.write(FILE, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use certs::signature::digest;

    use super::*;

    fn book(place: &tempfile::TempDir) -> LossBook {
        LossBook::new(&Directory::open(place.path()).unwrap())
    }

    fn head(size: u64) -> Head {
        Head { root: digest(&size.to_be_bytes()), size }
    }

    const PARENT: RoomId = RoomId::from_bytes([2; 16]);

    #[test]
    fn what_was_lost_begins_where_the_backup_ends_and_is_shown_until_it_is_accepted() {
        let (place, now) = (tempfile::tempdir().unwrap(), Timestamp::from_ms(9));
        let book = book(&place);
        assert_eq!(book.read().unwrap(), None);
        assert_eq!(book.accept(now).unwrap_err().code, "loss_none");
        book.begin(Source { made_at_ms: 1, restored_at_ms: 2, leaves: 30 }).unwrap();
        book.note(PARENT, head(70), 31, now).unwrap();
        let lost = book.read().unwrap().unwrap().lost.unwrap();
        assert_eq!((lost.from, lost.head.size, lost.held_by), (30, 70, PARENT));
        book.accept(now).unwrap();
        book.note(PARENT, head(70), 31, now).unwrap();
        assert_eq!(book.read().unwrap().unwrap().accepted_at_ms, Some(9), "the same head says nothing new");
    }

    #[test]
    fn a_second_loss_is_shown_again_and_is_not_blamed_on_the_backup() {
        let (place, now) = (tempfile::tempdir().unwrap(), Timestamp::from_ms(9));
        let book = book(&place);
        book.begin(Source { made_at_ms: 1, restored_at_ms: 2, leaves: 30 }).unwrap();
        book.note(PARENT, head(70), 31, now).unwrap();
        book.accept(now).unwrap();
        book.note(PARENT, head(90), 80, now).unwrap();
        let loss = book.read().unwrap().unwrap();
        assert_eq!((loss.source, loss.accepted_at_ms, loss.lost.unwrap().from), (None, None, 80));
    }

    #[test]
    fn a_neighbour_is_asked_from_where_it_ended_until_it_has_told_all_and_anew_after_another_loss() {
        let (place, now) = (tempfile::tempdir().unwrap(), Timestamp::from_ms(9));
        let book = book(&place);
        assert_eq!(book.question(PARENT).unwrap(), None, "nothing was lost");
        book.begin(Source { made_at_ms: 3_600_000, restored_at_ms: 3_700_000, leaves: 30 }).unwrap();
        let asked = |after| Some(LossAsked { since: Timestamp::from_ms(3_000_000), after });
        assert_eq!(book.question(PARENT).unwrap(), asked(0), "ten minutes before the backup");
        book.told(PARENT, 64, false).unwrap();
        assert_eq!(book.question(PARENT).unwrap(), asked(64));
        book.note(PARENT, head(70), 31, now).unwrap();
        assert_eq!(book.question(PARENT).unwrap(), asked(64), "the same loss");
        book.told(PARENT, 80, true).unwrap();
        assert_eq!(book.question(PARENT).unwrap(), None);
        book.note(PARENT, head(90), 80, now).unwrap();
        let all = LossAsked { since: Timestamp::from_ms(0), after: 0 };
        assert_eq!(
            book.question(PARENT).unwrap(),
            Some(all),
            "another loss, of which no backup tells the date"
        );
    }
}
