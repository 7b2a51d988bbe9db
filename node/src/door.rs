//! The door of a hub (入网登记处): invitations, joining, renewing and revoking of the rooms directly below it, served under
//! ALPN `yichuan-join/1`, which serves nothing else.
//!
//! Whatever it decides stands in `door.json` and in the hub's own sheet before anybody is told: a hub that is
//! restarted knows its invitations, who waits, and who was let in.
//!
//! *Against:* tokens that are guessed, used twice, late, or for another room; a stranger between the two nodes; an
//! old renewal sent again; a revoked or replaced room; peers that keep a place at the door.

mod book;
mod hearing;
mod issue;
pub(crate) mod message;
mod reason;
pub(crate) mod refusal;
pub(crate) mod sheet;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use certs::{authority::Issuer, certificate::CertificateFacts, enrolment::Invitation, peer::Publisher};
use quinn::Connection;
use relay::timestamp::Timestamp;
use rustls::pki_types::CertificateDer;
use topology::RoomId;

pub use self::book::Knocking;
pub(crate) use self::issue::is_near_its_end;
use self::{
    book::{Book, Purpose},
    message::{KNOCK_BYTES_MAX, Knock, MessageError, Reply},
};
use crate::{
    clock::Clock,
    directory::Directory,
    identity::Identity,
    link::registry::close,
    problem::Problem,
    trust::{Trust, TrustBook},
};

/// The door of one node. Clones share it.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    identity: Arc<Identity>,
    trust: TrustBook,
    book: Mutex<Book>,
}

/// What is printed for a room that is to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The room.
    pub room: RoomId,
    /// The token, one line of text.
    pub token: String,
    /// When it expires.
    pub expires_at_ms: i64,
}

/// A certificate of this node, or of a room enrolled here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// Whose.
    pub room: RoomId,
    /// `tls` or `issuing`.
    pub purpose: &'static str,
    /// The serial number in hex.
    pub serial: String,
    /// Its end.
    pub not_after_ms: i64,
    /// Since when it is revoked.
    pub revoked_at_ms: Option<i64>,
}

/// What a revocation took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The new sheet, in force already.
    pub sheet: Vec<u8>,
    /// The room's certificates.
    pub certificates: Vec<KnownCertificate>,
}

impl Door {
    /// Opens the door of the node in this directory.
    ///
    /// # Errors
    /// `door_damaged` when `door.json` does not read.
    pub fn open(directory: &Directory, identity: Arc<Identity>, trust: TrustBook) -> Result<Self, Problem> {
        let book = if directory.file(BOOK_FILE).exists() {
            serde_json::from_slice(&directory.read(BOOK_FILE)?).map_err(|error| {
                Problem::failed("door_damaged")
                    .with("path", directory.file(BOOK_FILE).display())
                    .with("detail", error)
            })?
        } else {
            Book::default()
        };
        let book = Mutex::new(book);
        Ok(Self { inner: Arc::new(Inner { directory: directory.clone(), identity, trust, book }) })
    }

    /// Makes a one-time token for a child of this hub. With `trust_token` possession of the token is enough,
    /// otherwise the six words must be confirmed. An open invitation for the same room ends.
    ///
    /// # Errors
    /// `not_a_hub`, `room_not_a_child`, `hub_without_address`, `invite_span`, `write_failed`.
    pub fn invite(
        &self,
        room: RoomId,
        span: Duration,
        trust_token: bool,
        now: Timestamp,
    ) -> Result<Invited, Problem> {
        let trust = self.inner.trust.current();
        self.inner.issuer()?;
        self.inner.check_child(&trust, room)?;
        if !(SPAN_MIN..=SPAN_MAX).contains(&span) {
            return Err(Problem::usage("invite_span").with("seconds", span.as_secs()));
        }
        let me = self.inner.identity.room;
        let here = trust.map.room(me).and_then(|room| room.address.as_deref());
        let address = here.ok_or_else(|| Problem::failed("hub_without_address").with("room", me))?;
        let dns =
            trust.map.dns_name(me).ok_or_else(|| Problem::failed("room_not_on_map").with("room", me))?;
        let expires_at_ms = now.after(span).as_ms();
        let token = Invitation::new(trust.map.network(), room, &dns, address, &trust.root, expires_at_ms);
        self.inner.change(|book| {
            book.enter(token.id(), room, expires_at_ms, trust_token, now.as_ms());
            Ok::<_, Problem>(())
        })?;
        tracing::info!(%room, trust_token, "a room is invited");
        Ok(Invited { room, token: token.to_text(), expires_at_ms })
    }

    /// The rooms at the door, with their words.
    pub fn pending(&self) -> Vec<Knocking> {
        self.inner.book().knocking(Clock::wall().as_ms())
    }

    /// Confirms the room whose six words these are: English or Chinese, in any case, with or without blanks.
    ///
    /// # Errors
    /// `words_unknown`, `write_failed`.
    pub fn confirm(&self, words: &str) -> Result<Knocking, Problem> {
        let now_ms = Clock::wall().as_ms();
        let confirmed = self.inner.change(|book| Ok::<_, Problem>(book.confirm(words, now_ms)))?;
        let confirmed = confirmed.ok_or_else(|| Problem::failed("words_unknown"))?;
        tracing::info!(room = %confirmed.room, "the six words of a room are confirmed");
        Ok(confirmed)
    }

    /// Revokes every valid certificate and every key of a child. It may join again with a new invitation.
    ///
    /// # Errors
    /// `not_a_hub`, `room_not_a_child`, `revocation_reason`, `nothing_to_revoke`, `write_failed`.
    pub fn revoke(&self, room: RoomId, reason: &str, now: Timestamp) -> Result<Revoked, Problem> {
        let trust = self.inner.trust.current();
        self.inner.check_child(&trust, room)?;
        let reason = reason::parse(reason)?;
        let sheet = self.inner.change(|book| {
            book.forget(now.as_ms());
            book.close(room, now.as_ms());
            let serials = book.withdraw(room);
            let mut sheet = self.inner.own_sheet()?;
            if !sheet.revoke(room, serials, reason, now) {
                return Err(Problem::failed("nothing_to_revoke").with("room", label(&trust, room)));
            }
            self.inner.publish(book, sheet, &trust, now)
        })?;
        tracing::warn!(%room, ?reason, "a room is revoked");
        let all = self.certificates(&[])?;
        Ok(Revoked { sheet, certificates: all.into_iter().filter(|known| known.room == room).collect() })
    }

    /// The valid certificates of this node, whose present TLS chain this is, and of the rooms enrolled here.
    ///
    /// # Errors
    /// `certificate_unusable`.
    pub fn certificates(&self, own: &[CertificateDer<'static>]) -> Result<Vec<KnownCertificate>, Problem> {
        let trust = self.inner.trust.current();
        let me = self.inner.identity.room;
        let issuer = self.inner.identity.issuer();
        let tls = own.first().map(|der| (Purpose::Tls, der.clone()));
        let issuing = issuer.map(|issuer| (Purpose::Issuing, issuer.certificate().clone()));
        let mut known = Vec::new();
        for (purpose, der) in tls.into_iter().chain(issuing) {
            let facts = CertificateFacts::read(&der)
                .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))?;
            known.push((me, purpose, facts.serial, facts.not_after_ms));
        }
        let mut issued = self.inner.book().issued.clone();
        issued.sort_by_key(|issued| (issued.room, issued.purpose, issued.not_after_ms));
        known.extend(issued.into_iter().map(|one| (one.room, one.purpose, one.serial, one.not_after_ms)));
        Ok(known
            .into_iter()
            .map(|(room, purpose, serial, not_after_ms)| KnownCertificate {
                room,
                purpose: purpose.word(),
                revoked_at_ms: revoked_at_ms(&trust, room, &serial),
                serial: serial.to_string(),
                not_after_ms,
            })
            .collect())
    }

    /// Serves one room at the door: one knock, one reply.
    pub async fn serve(&self, connection: Connection) {
        let from = connection.remote_address();
        let (code, reason) = match self.exchange(&connection).await {
            Ok(()) => (close::GOODBYE, "done"),
            Err(error) => {
                tracing::warn!(%from, %error, "somebody at the door was not understood");
                (close::VIOLATION, "not understood")
            }
        };
        connection.close(code.into(), reason.as_bytes());
    }

    async fn exchange(&self, connection: &Connection) -> Result<(), MessageError> {
        let knocking = async {
            let (send, mut receive) = connection.accept_bi().await.map_err(MessageError::connection)?;
            Ok::<_, MessageError>((send, message::read::<Knock>(&mut receive, KNOCK_BYTES_MAX).await?))
        };
        let (mut send, knock) = in_time(KNOCK_PATIENCE, knocking).await??;
        let door = self.clone();
        // Signing, and waiting for the disk, is not for the tasks of the network.
        let heard = tokio::task::spawn_blocking(move || door.hear(&knock, Clock::wall())).await;
        let reply = heard.map_err(MessageError::connection)?;
        in_time(reply_patience(&reply), message::write(&mut send, &reply)).await??;
        // The other end closes when it has read everything; until then the connection must live.
        let _ = in_time(reply_patience(&reply), connection.closed()).await;
        Ok(())
    }

    /// Answers a knock.
    pub(crate) fn hear(&self, knock: &Knock, now: Timestamp) -> Reply {
        let heard = match knock {
            Knock::Join(request) => self.inner.hear_join(request, now),
            Knock::Renew(request) => self.inner.hear_renewal(request, now),
        };
        heard.unwrap_or_else(|refusal| {
            tracing::warn!(%refusal, "a room at the door is refused");
            refusal.reply()
        })
    }
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the book: on the disk first, then here. If the work or the disk fails, nothing has changed.
    fn change<T, E: From<Problem>>(&self, work: impl FnOnce(&mut Book) -> Result<T, E>) -> Result<T, E> {
        let mut held = self.book();
        let mut book = held.clone();
        let value = work(&mut book)?;
        if book != *held {
            let text = serde_json::to_vec_pretty(&book).expect("a book is plain data");
            self.directory.write(BOOK_FILE, &text)?;
            *held = book;
        }
        Ok(value)
    }

    fn issuer(&self) -> Result<Arc<Issuer>, Problem> {
        self.identity.issuer().ok_or_else(|| Problem::failed("not_a_hub").with("room", self.identity.room))
    }

    fn check_child(&self, trust: &Trust, room: RoomId) -> Result<(), Problem> {
        if trust.map.parent(room) == Some(self.identity.room) {
            return Ok(());
        }
        let parent = trust.map.parent(room).map_or_else(|| "-".to_owned(), |parent| label(trust, parent));
        Err(Problem::policy("room_not_a_child").with("room", label(trust, room)).with("parent", parent))
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = T>) -> Result<T, MessageError> {
    tokio::time::timeout(patience, work)
        .await
        .map_err(|_| MessageError::connection("the other end is too slow"))
}

/// Whoever was let in may be at the end of a thin line.
fn reply_patience(reply: &Reply) -> Duration {
    match reply {
        Reply::Welcome(answer) => {
            KNOCK_PATIENCE + Duration::from_secs(answer.len() as u64 / THIN_LINE_BYTES_A_SECOND)
        }
        Reply::Wait | Reply::Refused { .. } => KNOCK_PATIENCE,
    }
}

fn revoked_at_ms(trust: &Trust, room: RoomId, serial: &certs::certificate::Serial) -> Option<i64> {
    let sheet = trust.keys.sheet(Publisher::of(&trust.map, room)?)?;
    let revoked = certs::sheet::Revoked::Certificate(serial.clone());
    sheet.sheet().revocations.iter().find(|known| known.revoked == revoked).map(|known| known.at_ms)
}

fn label(trust: &Trust, room: RoomId) -> String {
    trust.map.room(room).map_or_else(|| room.to_string(), |room| room.label().to_string())
}

const BOOK_FILE: &str = "door.json";
/// For one knock, and for a short reply.
const KNOCK_PATIENCE: Duration = Duration::from_secs(5);
const THIN_LINE_BYTES_A_SECOND: u64 = 2048;
/// The shortest and the longest life of an invitation.
const SPAN_MIN: Duration = Duration::from_secs(1);
const SPAN_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
