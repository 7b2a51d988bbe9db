//! Drafts that wait for a head of watch (送审, 先报后审): forms that somebody has filled in and another is to sign off,
//! before they leave or after. They are no messages: nothing is proven of them, and no backup holds them.
//!
//! Each waits for [`KEPT_FOR`] at most. The file is encrypted under the node's storage key, as the texts in its store are.
//! *Against:* texts that lie about readable; a book that grows without end.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use certs::seal::StorageKey;
use relay::timestamp::Timestamp;

use crate::{
    control::{
        request::DraftRequest,
        view::{Draft, DraftLine},
    },
    directory::Directory,
    problem::Problem,
};

/// The drafts of one room.
#[derive(Debug)]
pub struct DraftBook {
    directory: Directory,
    storage: Arc<StorageKey>,
    book: Mutex<Vec<Draft>>,
}

impl DraftBook {
    /// Opens the file of a node's directory. One that cannot be read is as good as none: the node runs without it.
    pub fn open(directory: Directory, storage: Arc<StorageKey>) -> Self {
        let book = match read(&directory, &storage) {
            Ok(book) => book,
            Err(problem) => {
                tracing::warn!(%problem, "the drafts are not readable");
                Vec::new()
            }
        };
        Self { directory, storage, book: Mutex::new(book) }
    }

    /// What waits, the oldest first.
    pub fn list(&self, now: Timestamp) -> Vec<DraftLine> {
        self.lock().iter().filter(|draft| is_kept(draft, now)).map(|draft| draft.line.clone()).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// `draft_unknown`.
    pub fn show(&self, id: &str, now: Timestamp) -> Result<Draft, Problem> {
        let book = self.lock();
        let found = book.iter().find(|draft| draft.line.id == id && is_kept(draft, now));
        found.cloned().ok_or_else(|| unknown(id))
    }

    /// Keeps a draft of `by`, in place of the one that it names.
    ///
    /// # Errors
    /// `draft_too_large`, `drafts_full`, `no_randomness`, `write_failed`; nothing is changed then.
    pub fn keep(&self, wish: DraftRequest, by: &str, now: Timestamp) -> Result<DraftLine, Problem> {
        let size: usize = wish.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > DRAFT_BYTES_MAX {
            return Err(Problem::usage("draft_too_large").with("bytes", size).with("limit", DRAFT_BYTES_MAX));
        }
        let state = if wish.message.is_some() { "sent" } else { "review" };
        let line = DraftLine {
            id: new_id()?,
            kind: wish.kind,
            title: wish.title,
            state: state.to_owned(),
            by: by.to_owned(),
            at_ms: now.as_ms(),
            note: None,
            message: wish.message,
        };
        self.change(|book| {
            book.retain(|draft| is_kept(draft, now) && Some(&draft.line.id) != wish.id.as_ref());
            if book.len() >= DRAFTS_MAX {
                return Err(Problem::failed("drafts_full").with("limit", DRAFTS_MAX));
            }
            book.push(Draft { line: line.clone(), fields: wish.fields });
            Ok(())
        })?;
        Ok(line)
    }

    /// Gives a draft back to whoever wrote it, with what is to be changed.
    ///
    /// # Errors
    /// `draft_unknown`, `write_failed`.
    pub fn give_back(&self, id: &str, note: &str) -> Result<(), Problem> {
        self.change(|book| {
            let draft = book.iter_mut().find(|draft| draft.line.id == id).ok_or_else(|| unknown(id))?;
            draft.line.state = "returned".to_owned();
            draft.line.note = Some(note.chars().take(NOTE_CHARACTERS_MAX).collect());
            Ok(())
        })
    }

    /// A draft that was sent, or that nobody wants.
    ///
    /// # Errors
    /// `draft_unknown`, `write_failed`.
    pub fn drop(&self, id: &str) -> Result<(), Problem> {
        self.change(|book| {
            let place = book.iter().position(|draft| draft.line.id == id).ok_or_else(|| unknown(id))?;
            book.remove(place);
            Ok(())
        })
    }

    /// Changes the book on the disk first.
    fn change(&self, change: impl FnOnce(&mut Vec<Draft>) -> Result<(), Problem>) -> Result<(), Problem> {
        let mut book = self.lock();
        let mut changed = book.clone();
        change(&mut changed)?;
        let bytes = serde_json::to_vec(&changed)
            .map_err(|error| Problem::failed("write_failed").with("path", FILE).with("detail", error))?;
        self.directory.write(FILE, &self.storage.protect(CONTEXT, &bytes))?;
        *book = changed;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Draft>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(directory: &Directory, storage: &StorageKey) -> Result<Vec<Draft>, Problem> {
    if !directory.file(FILE).exists() {
        return Ok(Vec::new());
    }
    let damaged = |detail: &dyn std::fmt::Display| {
        Problem::failed("read_failed").with("path", directory.file(FILE).display()).with("detail", detail)
    };
    let bytes = storage.reveal(CONTEXT, &directory.read(FILE)?).map_err(|error| damaged(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(&error))
}

fn is_kept(draft: &Draft, now: Timestamp) -> bool {
    now.since(Timestamp::from_ms(draft.line.at_ms)) < KEPT_FOR
}

fn unknown(id: &str) -> Problem {
    Problem::failed("draft_unknown").with("id", id)
}

fn new_id() -> Result<String, Problem> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

/// A form that nobody has signed off by then is older than what it reports.
pub const KEPT_FOR: Duration = Duration::from_secs(3 * 24 * 3600);
const FILE: &str = "drafts.sealed";
const CONTEXT: &[u8] = b"drafts";
/// What one watch writes in a bad night, and more.
const DRAFTS_MAX: usize = 50;
/// A form with every field at its limit is smaller.
const DRAFT_BYTES_MAX: usize = 256 << 10;
const NOTE_CHARACTERS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(title: &str) -> DraftRequest {
        DraftRequest {
            kind: "report".to_owned(),
            title: title.to_owned(),
            fields: vec![("what".to_owned(), "水库险情".to_owned())],
            ..DraftRequest::default()
        }
    }

    #[test]
    fn drafts_outlive_a_restart_and_lie_about_in_no_readable_form() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        let storage = Arc::new(StorageKey::generate());
        let now = Timestamp::from_ms(1_000);
        let kept = DraftBook::open(directory.clone(), storage.clone()).keep(wish("水库"), "甲", now).unwrap();
        let raw = directory.read(FILE).unwrap();
        assert!(!raw.windows("水库".len()).any(|window| window == "水库".as_bytes()));
        let book = DraftBook::open(directory.clone(), storage);
        assert_eq!(book.list(now), vec![kept.clone()]);
        assert_eq!(book.show(&kept.id, now).unwrap().fields, wish("").fields);
        let other = DraftBook::open(directory, Arc::new(StorageKey::generate()));
        assert_eq!(other.list(now), vec![]);
    }

    #[test]
    fn a_draft_takes_the_place_of_the_one_that_came_back_and_none_waits_for_ever_or_without_number() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(&place.path().join("node")).unwrap();
        let book = DraftBook::open(directory, Arc::new(StorageKey::generate()));
        let now = Timestamp::from_ms(1_000);
        let first = book.keep(wish("一"), "甲", now).unwrap();
        book.give_back(&first.id, "写明地点").unwrap();
        let line = &book.list(now)[0];
        assert_eq!((line.state.as_str(), line.note.as_deref()), ("returned", Some("写明地点")));
        let second = book.keep(DraftRequest { id: Some(first.id.clone()), ..wish("二") }, "甲", now).unwrap();
        assert_eq!(book.list(now), vec![second]);
        assert_eq!(book.drop(&first.id).unwrap_err().code, "draft_unknown");
        (1..DRAFTS_MAX).for_each(|_| drop(book.keep(wish("满"), "甲", now).unwrap()));
        assert_eq!(book.keep(wish("多"), "甲", now).unwrap_err().code, "drafts_full");
        let later = now.after(KEPT_FOR);
        assert_eq!(book.list(later), vec![]);
        assert!(book.keep(wish("后"), "甲", later).is_ok());
        let large = DraftRequest { fields: vec![(String::new(), "长".repeat(DRAFT_BYTES_MAX))], ..wish("") };
        assert_eq!(book.keep(large, "甲", later).unwrap_err().code, "draft_too_large");
    }
}
