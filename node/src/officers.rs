//! The officers of this room (值班人员): who they are, in which capacity, and their keys, each locked under the
//! officer's own password (`officers.json`).
//!
//! An officer who leaves, or whose key is lost, is disabled and stays in the file: old acknowledgements are
//! verified with the certificate that they carry. A wrong password costs time, and after five in a row a pause.
//!
//! *Against:* guessing a password, acting in the name of somebody who has left, two officers under one name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::rand;
use certs::{
    cbor,
    officer::{
        LockError, LockedOfficerKey, OfficerCertificate, OfficerKey, OfficerRole, PASSWORD_CHARACTERS_MIN,
        PasswordCost, sign_as,
    },
    signature::{ContentType, digest},
};
use data_encoding::{BASE32_NOPAD, BASE64};
use relay::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{clock::Clock, control::view, directory::Directory, identity::Identity, problem::Problem};

/// The officers of one room. Clones share them.
#[derive(Clone)]
pub struct Officers {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    identity: Arc<Identity>,
    book: Mutex<Vec<Entry>>,
    tries_by_officer: Mutex<BTreeMap<String, Tries>>,
    /// One password at a time: each costs much memory.
    unlocking: Mutex<()>,
}

/// An officer as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    role: OfficerRole,
    since_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled_at_ms: Option<i64>,
    /// The room's certificate for the officer's key: COSE, in base64.
    certificate: String,
    /// The key under the password: CBOR, in base64.
    key: String,
}

/// Wrong passwords in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    wrong: u32,
    pause_until: Option<Instant>,
}

/// An officer whose key is open: what is signed with it is signed in that officer's name. It is wiped when dropped.
#[derive(Debug)]
pub struct UnlockedOfficer {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// In which capacity.
    pub role: OfficerRole,
    key: OfficerKey,
    certificate: Vec<u8>,
}

impl UnlockedOfficer {
    /// Signs an object that officers sign.
    pub fn sign_as(&self, content: ContentType, payload: &[u8]) -> Vec<u8> {
        sign_as(&self.key, &self.certificate, content, payload)
    }
}

impl Officers {
    /// Opens the file of a node's directory; without one there are no officers yet.
    ///
    /// # Errors
    /// `officers_damaged`.
    pub fn open(directory: &Directory, identity: Arc<Identity>) -> Result<Self, Problem> {
        let book = if directory.file(OFFICERS_FILE).exists() {
            serde_json::from_slice(&directory.read(OFFICERS_FILE)?)
                .map_err(|error| damaged(directory, &error))?
        } else {
            Vec::new()
        };
        let inner = Inner {
            directory: directory.clone(),
            identity,
            book: Mutex::new(book),
            tries_by_officer: Mutex::default(),
            unlocking: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Enters a new officer. It takes as long as one try at a password: call it where blocking is allowed.
    ///
    /// # Errors
    /// `officer_name_invalid`, `officer_taken`, `officer_role_unknown`, `officer_password_short`, `officers_too_many`,
    /// `write_failed`.
    pub fn add(
        &self,
        name: &str,
        role: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<view::Officer, Problem> {
        let name = valid_name(name)?;
        let role: OfficerRole = role.parse().map_err(|error| {
            Problem::usage("officer_role_unknown").with("role", role).with("detail", error)
        })?;
        self.check_free(&name)?;
        let key = OfficerKey::generate();
        let locked = self.lock(&key, password)?;
        let id = fresh_id()?;
        let room = &self.inner.identity;
        let certificate = OfficerCertificate::new(room.room, &id, &name, role, &key.public(), now.as_ms())
            .sign(&*room.signing);
        let entry = Entry {
            id,
            name,
            role,
            since_ms: now.as_ms(),
            disabled_at_ms: None,
            certificate: BASE64.encode(&certificate),
            key: BASE64.encode(&cbor::encode(&locked)),
        };
        self.change(|book| {
            check_free(book, &entry.name)?;
            book.push(entry.clone());
            Ok(())
        })?;
        tracing::info!(officer = entry.id, role = role.word(), "an officer is entered");
        Ok(shown(&entry))
    }

    /// All officers, those who have left too.
    pub fn list(&self) -> Vec<view::Officer> {
        self.book().iter().map(shown).collect()
    }

    /// An officer leaves, or the key is lost. What was signed stays verifiable.
    ///
    /// # Errors
    /// `officer_unknown`, `officer_disabled` when it was done before, `write_failed`.
    pub fn disable(&self, officer: &str) -> Result<(), Problem> {
        let now_ms = Clock::wall().as_ms();
        self.change(|book| {
            let id = find(book, officer)?.id.clone();
            book.iter_mut()
                .filter(|entry| entry.id == id)
                .for_each(|entry| entry.disabled_at_ms = Some(now_ms));
            Ok(())
        })?;
        tracing::info!(officer, "an officer is disabled");
        Ok(())
    }

    /// Unlocks an officer's key. It takes long on purpose: call it where blocking is allowed.
    ///
    /// # Errors
    /// `officer_unknown`, `officer_disabled`, `officer_wrong_password`, `officer_paused` after too many of them.
    pub fn unlock(&self, officer: &str, password: &str) -> Result<UnlockedOfficer, Problem> {
        let entry = find(&self.book(), officer)?.clone();
        self.unlocked(&entry, password, Clock::instant())
    }

    /// Unlocks for whoever asks over the network: an unknown name costs the same time, is counted in the same way and
    /// is answered with the same words as a wrong password.
    ///
    /// # Errors
    /// `login_refused`, `login_paused` after too many of them.
    pub fn log_in(&self, name: &str, password: &str) -> Result<UnlockedOfficer, Problem> {
        let now = Clock::instant();
        let known = find(&self.book(), name).ok().cloned();
        let key = known.as_ref().map_or_else(|| stranger(name), |entry| entry.id.clone());
        let outcome = match &known {
            Some(entry) => self.unlocked(entry, password, now),
            None => Err(self.unlock_nothing(&key, password, now)),
        };
        outcome.map_err(|problem| match problem.code.as_str() {
            "officer_paused" => Problem { code: "login_paused".to_owned(), ..problem },
            "officer_wrong_password" => Problem::policy("login_refused"),
            _ => problem,
        })
    }

    /// Whether this officer may still act.
    pub fn is_present(&self, id: &str) -> bool {
        self.book().iter().any(|entry| entry.id == id && entry.disabled_at_ms.is_none())
    }

    fn unlocked(&self, entry: &Entry, password: &str, now: Instant) -> Result<UnlockedOfficer, Problem> {
        let key = self.open_key(entry, password, now)?;
        let certificate = decoded(&entry.certificate).ok_or_else(|| self.damaged())?;
        Ok(UnlockedOfficer {
            id: entry.id.clone(),
            name: entry.name.clone(),
            role: entry.role,
            key,
            certificate,
        })
    }

    /// What a try at the password of somebody who is not here costs and says.
    fn unlock_nothing(&self, key: &str, password: &str, now: Instant) -> Problem {
        let _one = self.inner.unlocking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(paused) = self.check_pause(key, now) {
            return paused;
        }
        // A key that nobody holds, under a password that nobody typed.
        let padded = format!("{password:·<width$}", width = PASSWORD_CHARACTERS_MIN);
        let _ = LockedOfficerKey::lock(&OfficerKey::generate(), &padded, COST);
        self.count_wrong_at(key, "", now)
    }

    /// Locks an officer's key under a new password.
    ///
    /// # Errors
    /// As for [`unlock`](Self::unlock), and `officer_password_short`, `write_failed`.
    pub fn change_password(&self, officer: &str, old: &str, new: &str) -> Result<(), Problem> {
        let entry = find(&self.book(), officer)?.clone();
        let key = self.open_key(&entry, old, Clock::instant())?;
        let locked = BASE64.encode(&cbor::encode(&self.lock(&key, new)?));
        self.change(|book| {
            let own = book.iter_mut().filter(|other| other.id == entry.id);
            own.for_each(|entry| entry.key.clone_from(&locked));
            Ok(())
        })
    }

    fn lock(&self, key: &OfficerKey, password: &str) -> Result<LockedOfficerKey, Problem> {
        let _one = self.inner.unlocking.lock().unwrap_or_else(PoisonError::into_inner);
        LockedOfficerKey::lock(key, password, COST).map_err(|error| match error {
            LockError::PasswordTooShort => {
                Problem::usage("officer_password_short").with("minimum", PASSWORD_CHARACTERS_MIN)
            }
            LockError::WrongPassword | LockError::Damaged | LockError::Version(_) => self.damaged(),
        })
    }

    fn open_key(&self, entry: &Entry, password: &str, now: Instant) -> Result<OfficerKey, Problem> {
        let locked = decoded(&entry.key)
            .and_then(|bytes| cbor::decode::<LockedOfficerKey>(&bytes, KEY_BYTES_MAX).ok());
        let locked = locked.ok_or_else(|| self.damaged())?;
        let _one = self.inner.unlocking.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_pause(&entry.id, now)?;
        match locked.unlock(password) {
            Ok(key) => {
                self.tries().remove(&entry.id);
                Ok(key)
            }
            Err(LockError::WrongPassword) => Err(self.count_wrong_at(&entry.id, &entry.name, now)),
            Err(LockError::PasswordTooShort | LockError::Damaged | LockError::Version(_)) => {
                Err(self.damaged())
            }
        }
    }

    fn check_pause(&self, id: &str, now: Instant) -> Result<(), Problem> {
        let until = self.tries().get(id).and_then(|tries| tries.pause_until);
        match until.map(|until| until.saturating_duration_since(now)) {
            Some(left) if !left.is_zero() => {
                Err(Problem::failed("officer_paused").with("seconds", left.as_secs().saturating_add(1)))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn count_wrong_at(&self, key: &str, name: &str, now: Instant) -> Problem {
        let mut all = self.tries();
        if all.len() >= TRIES_MAX && !all.contains_key(key) {
            // Whoever tries this many names forgets one of them; those of officers come back with the next wrong try.
            all.retain(|_, tries| tries.pause_until.is_some_and(|until| until > now));
            if all.len() >= TRIES_MAX {
                all.pop_first();
            }
        }
        let tries = all.entry(key.to_owned()).or_default();
        tries.wrong = tries.wrong.saturating_add(1);
        if let Some(over) = tries.wrong.checked_sub(WRONG_IN_A_ROW_MAX) {
            let pause = PAUSE_FIRST.saturating_mul(1 << over.min(5)).min(PAUSE_MAX);
            tries.pause_until = Some(now + pause);
        }
        tracing::warn!(officer = key, wrong = tries.wrong, "a wrong password");
        Problem::failed("officer_wrong_password").with("officer", name)
    }

    fn check_free(&self, name: &str) -> Result<(), Problem> {
        check_free(&self.book(), name)
    }

    fn change(&self, work: impl FnOnce(&mut Vec<Entry>) -> Result<(), Problem>) -> Result<(), Problem> {
        let mut held = self.book();
        let mut book = held.clone();
        work(&mut book)?;
        let text = serde_json::to_vec_pretty(&book).expect("officers are plain data");
        self.inner.directory.write(OFFICERS_FILE, &text)?;
        *held = book;
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.inner.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self) -> MutexGuard<'_, BTreeMap<String, Tries>> {
        self.inner.tries_by_officer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self) -> Problem {
        damaged(&self.inner.directory, &"an officer's key or certificate does not read")
    }
}

/// The officer with this id, or else the present one with this name.
fn find<'a>(book: &'a [Entry], officer: &str) -> Result<&'a Entry, Problem> {
    let of_id = book.iter().find(|entry| entry.id == officer);
    let named = || book.iter().filter(|entry| entry.name == officer);
    let found = of_id
        .or_else(|| named().find(|entry| entry.disabled_at_ms.is_none()))
        .or_else(|| named().next_back());
    match found {
        Some(entry) if entry.disabled_at_ms.is_some() => {
            Err(Problem::failed("officer_disabled").with("officer", &entry.name))
        }
        Some(entry) => Ok(entry),
        None => Err(Problem::failed("officer_unknown").with("officer", officer)),
    }
}

fn check_free(book: &[Entry], name: &str) -> Result<(), Problem> {
    if book.len() >= OFFICERS_MAX {
        return Err(Problem::failed("officers_too_many").with("limit", OFFICERS_MAX));
    }
    let taken = book.iter().any(|entry| entry.disabled_at_ms.is_none() && entry.name == name);
    if taken { Err(Problem::failed("officer_taken").with("officer", name)) } else { Ok(()) }
}

fn valid_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let is_good = !name.is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && !name.contains(topology::is_unseen);
    if is_good {
        Ok(name.to_owned())
    } else {
        Err(Problem::usage("officer_name_invalid").with("limit", NAME_CHARACTERS_MAX))
    }
}

fn shown(entry: &Entry) -> view::Officer {
    view::Officer {
        id: entry.id.clone(),
        name: entry.name.clone(),
        role: entry.role.word().to_owned(),
        since_ms: entry.since_ms,
        disabled: entry.disabled_at_ms.is_some(),
    }
}

/// An id that no other officer of any room has had.
fn fresh_id() -> Result<String, Problem> {
    let mut bytes = [0; 10];
    rand::fill(&mut bytes).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// Under which key the tries at a name are counted that no officer has. A digest: it may be as long as it likes.
fn stranger(name: &str) -> String {
    format!("name:{}", digest(name.as_bytes()))
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    BASE64.decode(base64.as_bytes()).ok()
}

fn damaged(directory: &Directory, detail: &dyn std::fmt::Display) -> Problem {
    Problem::failed("officers_damaged")
        .with("path", directory.file(OFFICERS_FILE).display())
        .with("detail", detail)
}

/// The same for every network, a demonstration too; only unit tests hurry.
const COST: PasswordCost = if cfg!(test) { PasswordCost::WEAK } else { PasswordCost::STANDARD };

const OFFICERS_FILE: &str = "officers.json";
const OFFICERS_MAX: usize = 2_000;
const NAME_CHARACTERS_MAX: usize = 40;
const KEY_BYTES_MAX: usize = 4 << 10;
/// Wrong passwords before the first pause.
const WRONG_IN_A_ROW_MAX: u32 = 5;
/// Names whose wrong passwords are remembered: officers and twice as many strangers.
const TRIES_MAX: usize = 3 * OFFICERS_MAX;
const PAUSE_FIRST: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests;
