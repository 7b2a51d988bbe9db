//! Sessions (登录会话): who has logged in at which browser or program. They live in memory only; a restart logs
//! everybody out.
//!
//! A session holds its officer's unlocked key. After a time without a hand on it, it locks: the key is wiped, and until
//! the same officer's password comes again it shows counts only.
//!
//! *Against:* session fixation (an id is drawn at every log-in and never taken from outside), stolen ids (they are
//! kept as digests, and end after twelve hours), forged forms (each session has a token of its own), filling the book.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use certs::{
    officer::OfficerRole,
    signature::{Digest, digest},
};
use data_encoding::BASE64URL_NOPAD;

use crate::{officers::UnlockedOfficer, problem::Problem};

/// Who is logged in, as requests see it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The officer's id.
    pub(crate) id: String,
    /// The officer's name.
    pub(crate) name: String,
    /// In which capacity.
    pub(crate) role: OfficerRole,
    /// The key; none while the session is locked.
    pub(crate) officer: Option<Arc<UnlockedOfficer>>,
    /// What every form of this session carries.
    pub(crate) csrf: String,
}

impl Caller {
    /// Whether this is the token of the session's own forms.
    pub(crate) fn owns_token(&self, token: &str) -> bool {
        verify_slices_are_equal(token.as_bytes(), self.csrf.as_bytes()).is_ok()
    }
}

#[derive(Debug)]
struct Session {
    caller: Caller,
    begun: Instant,
    touched: Instant,
}

/// All sessions of this node.
pub(crate) struct Sessions {
    idle_lock: Duration,
    sessions_by_digest: Mutex<BTreeMap<Digest, Session>>,
}

impl Sessions {
    pub(crate) fn new(idle_lock: Duration) -> Self {
        Self { idle_lock, sessions_by_digest: Mutex::default() }
    }

    /// Begins a session under a new id, which only its cookie holds.
    pub(crate) fn begin(&self, officer: UnlockedOfficer, now: Instant) -> Result<String, Problem> {
        let (id, csrf) = (secret()?, secret()?);
        let caller = Caller {
            id: officer.id.clone(),
            name: officer.name.clone(),
            role: officer.role,
            officer: Some(Arc::new(officer)),
            csrf,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.touched).map(|(key, _)| *key);
            oldest.map(|key| sessions.remove(&key));
        }
        sessions.insert(digest(id.as_bytes()), Session { caller, begun: now, touched: now });
        Ok(id)
    }

    /// Whose session this is. A person's hand (`is_hand`) keeps it from locking; what runs by itself does not.
    pub(crate) fn find(&self, id: &str, now: Instant, is_hand: bool) -> Option<Caller> {
        let mut sessions = self.lock();
        let key = digest(id.as_bytes());
        let session = sessions.get_mut(&key)?;
        if session.is_over(now) {
            sessions.remove(&key);
            return None;
        }
        if now.saturating_duration_since(session.touched) >= self.idle_lock {
            session.caller.officer = None;
        }
        if is_hand && session.caller.officer.is_some() {
            session.touched = now;
        }
        Some(session.caller.clone())
    }

    /// Ends a session.
    pub(crate) fn end(&self, id: &str) {
        self.lock().remove(&digest(id.as_bytes()));
    }

    /// Ends all sessions of an officer, who has left or has a new password.
    pub(crate) fn end_all_of(&self, officer: &str) {
        self.lock().retain(|_, session| session.caller.id != officer);
    }

    /// The names of those who keep the watch: their sessions are open and not locked. Administrators and inspectors visit.
    pub(crate) fn on_watch(&self) -> Vec<String> {
        let sessions = self.lock();
        let keeps = |role| matches!(role, OfficerRole::DutyOfficer | OfficerRole::HeadOfWatch);
        let open = sessions.values().map(|session| &session.caller);
        let watch = open.filter(|caller| caller.officer.is_some() && keeps(caller.role));
        let mut names: Vec<String> = watch.map(|caller| caller.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Session>> {
        self.sessions_by_digest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= LIFETIME
    }
}

/// 256 random bits.
fn secret() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// A watch is twelve hours at most.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Every officer of a large room, at two places each.
const SESSIONS_MAX: usize = 256;
