//! The book at the door (`door.json`): invitations, who waits with which words, the certificates that were issued
//! and are still valid, the last renewal of each room. Of an invitation's secret it holds only a digest.
//!
//! | knock \ invitation | open, token trusted | open, not confirmed | open, confirmed | used by these keys | used by others | expired |
//! |---|---|---|---|---|---|---|
//! | right secret | admit, used | wait | admit, used | admit again | used | expired |
//! | wrong secret | unknown, one try less | the same | the same | unknown | unknown | unknown |
//!
//! Nobody is admitted again with other keys: an answer that was lost on the way is answered again to the very same
//! request only. After [`TRIES_MAX`] wrong secrets for a room its invitation is locked.

use std::collections::BTreeMap;

use certs::{
    Digest,
    certificate::Serial,
    enrolment::{six_words, six_words_chinese},
};
use serde::{Deserialize, Serialize};
use topology::RoomId;

use super::refusal::DoorRefusal;

/// Everything that the door remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// The version of the last own sheet; it only grows, whatever becomes of the sheet's file.
    pub(crate) sheet_version: u64,
    invitations: Vec<Invite>,
    /// Certificates that are still valid.
    pub(crate) issued: Vec<Issued>,
    /// When the last accepted renewal of each room was made.
    pub(crate) renewed_at_ms: BTreeMap<RoomId, i64>,
}

/// An invitation as the parent keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    /// Digest of the secret.
    id: Digest,
    room: RoomId,
    expires_at_ms: i64,
    trust_token: bool,
    wrong_tries: u32,
    /// The request that it was used by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_by: Option<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
}

/// One request that waits for its words to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    /// What the words are made of.
    transcript: Digest,
    confirmed: bool,
}

/// A certificate that this hub issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issued {
    /// For whom.
    pub(crate) room: RoomId,
    /// For what.
    pub(crate) purpose: Purpose,
    /// Its number.
    pub(crate) serial: Serial,
    /// Its end.
    pub(crate) not_after_ms: i64,
    /// An issuing certificate is handed out again at each renewal; this is it, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// And the digest of the request that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Digest>,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    /// Links.
    Tls,
    /// Issuing for the rooms below.
    Issuing,
}

impl Purpose {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Issuing => "issuing",
        }
    }
}

/// A room at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knocking {
    /// The room.
    pub room: RoomId,
    /// The six words, in English.
    pub words: [&'static str; 6],
    /// The same as Chinese characters.
    pub chinese: [&'static str; 6],
    /// Whether somebody has confirmed them.
    pub confirmed: bool,
    /// Until when the invitation is good.
    pub expires_at_ms: i64,
}

/// One request under an invitation.
pub(crate) struct Claim {
    /// Digest of the secret.
    pub(crate) id: Digest,
    /// The room.
    pub(crate) room: RoomId,
    /// Digest of the signed request.
    pub(crate) request: Digest,
    /// What the words are made of.
    pub(crate) transcript: Digest,
}

/// What becomes of a claim that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Somebody must confirm the words first.
    Wait,
    /// Let it in; the invitation is used now.
    Admit,
}

impl Book {
    /// Enters a new invitation; an open one for the same room ends.
    pub(crate) fn enter(
        &mut self,
        id: Digest,
        room: RoomId,
        expires_at_ms: i64,
        trust_token: bool,
        now_ms: i64,
    ) {
        self.close(room, now_ms);
        self.forget(now_ms);
        let (used_by, waiting) = (None, Vec::new());
        self.invitations.push(Invite {
            id,
            room,
            expires_at_ms,
            trust_token,
            wrong_tries: 0,
            used_by,
            waiting,
        });
    }

    /// Ends the open invitations for a room.
    pub(crate) fn close(&mut self, room: RoomId, now_ms: i64) {
        for invite in
            self.invitations.iter_mut().filter(|invite| invite.room == room && invite.is_open(now_ms))
        {
            invite.expires_at_ms = now_ms;
            invite.waiting.clear();
        }
    }

    /// Forgets what nobody asks for any more.
    pub(crate) fn forget(&mut self, now_ms: i64) {
        self.invitations.retain(|invite| now_ms < invite.expires_at_ms.saturating_add(REMEMBERED_MS));
        let spare = self.invitations.len().saturating_sub(INVITATIONS_MAX);
        self.invitations.drain(..spare);
        self.issued.retain(|issued| now_ms < issued.not_after_ms);
    }

    /// Judges a request under an invitation, by the table above.
    pub(crate) fn claim(&mut self, claim: &Claim, now_ms: i64) -> Result<Verdict, DoorRefusal> {
        let known =
            self.invitations.iter_mut().find(|invite| invite.id == claim.id && invite.room == claim.room);
        match known {
            Some(invite) => invite.claim(claim, now_ms),
            None => Err(self.count_wrong_try(claim.room, now_ms)),
        }
    }

    fn count_wrong_try(&mut self, room: RoomId, now_ms: i64) -> DoorRefusal {
        let mut open =
            self.invitations.iter_mut().filter(|invite| invite.room == room && invite.is_open(now_ms));
        let Some(invite) = open.next() else { return DoorRefusal::InviteUnknown };
        invite.wrong_tries = invite.wrong_tries.saturating_add(1);
        if invite.is_locked() { DoorRefusal::InviteLocked } else { DoorRefusal::InviteUnknown }
    }

    /// Who is at the door.
    pub(crate) fn knocking(&self, now_ms: i64) -> Vec<Knocking> {
        let open = self.invitations.iter().filter(|invite| invite.is_open(now_ms));
        open.flat_map(|invite| invite.waiting.iter().map(|waiting| invite.knocking(waiting))).collect()
    }

    /// Confirms the request with these words. `None` when nobody at the door has them.
    pub(crate) fn confirm(&mut self, words: &str, now_ms: i64) -> Option<Knocking> {
        let said = letters(words);
        for invite in self.invitations.iter_mut().filter(|invite| invite.is_open(now_ms)) {
            let heard = invite.waiting.iter().position(|waiting| {
                letters(&six_words(&waiting.transcript).join("")) == said
                    || letters(&six_words_chinese(&waiting.transcript).join("")) == said
            });
            if let Some(waiting) = heard.and_then(|at| invite.waiting.get_mut(at)) {
                waiting.confirmed = true;
                let waiting = waiting.clone();
                return Some(invite.knocking(&waiting));
            }
        }
        None
    }

    /// The numbers of a room's certificates, to be revoked; none of them is handed out again.
    pub(crate) fn withdraw(&mut self, room: RoomId) -> Vec<Serial> {
        let of_room = self.issued.iter_mut().filter(|issued| issued.room == room);
        of_room
            .map(|issued| {
                (issued.certificate, issued.request) = (None, None);
                issued.serial.clone()
            })
            .collect()
    }

    /// Certificates of a room for one purpose.
    pub(crate) fn issued_to(&self, room: RoomId, purpose: Purpose) -> impl Iterator<Item = &Issued> {
        self.issued.iter().filter(move |issued| issued.room == room && issued.purpose == purpose)
    }
}

impl Invite {
    fn is_open(&self, now_ms: i64) -> bool {
        self.used_by.is_none() && now_ms < self.expires_at_ms
    }

    fn is_locked(&self) -> bool {
        self.wrong_tries >= TRIES_MAX
    }

    fn claim(&mut self, claim: &Claim, now_ms: i64) -> Result<Verdict, DoorRefusal> {
        if self.used_by.is_some_and(|used_by| used_by != claim.request) {
            return Err(DoorRefusal::InviteUsed);
        }
        if now_ms >= self.expires_at_ms {
            return Err(DoorRefusal::InviteExpired { minutes: (now_ms - self.expires_at_ms) / 60_000 });
        }
        if self.used_by.is_some() {
            return Ok(Verdict::Admit);
        }
        if self.is_locked() {
            return Err(DoorRefusal::InviteLocked);
        }
        if self.trust_token || self.is_confirmed(&claim.transcript) {
            self.used_by = Some(claim.request);
            self.waiting.clear();
            return Ok(Verdict::Admit);
        }
        self.wait(claim.transcript);
        Ok(Verdict::Wait)
    }

    fn is_confirmed(&self, transcript: &Digest) -> bool {
        self.waiting.iter().any(|waiting| waiting.confirmed && waiting.transcript == *transcript)
    }

    fn wait(&mut self, transcript: Digest) {
        if self.waiting.iter().any(|waiting| waiting.transcript == transcript) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push(Waiting { transcript, confirmed: false });
    }

    fn knocking(&self, waiting: &Waiting) -> Knocking {
        Knocking {
            room: self.room,
            words: six_words(&waiting.transcript),
            chinese: six_words_chinese(&waiting.transcript),
            confirmed: waiting.confirmed,
            expires_at_ms: self.expires_at_ms,
        }
    }
}

/// What counts of spoken words: their letters. Blanks, commas, hyphens and capitals are the typist's.
fn letters(words: &str) -> String {
    words.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// Wrong secrets for one room before its invitation is locked.
pub(crate) const TRIES_MAX: u32 = 5;
/// Requests that wait under one invitation.
const WAITING_MAX: usize = 8;
/// Ended invitations are remembered for thirty days, to answer with the reason.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// One open invitation for each child, and the ended ones of a busy month.
const INVITATIONS_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([1; 16]);
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn claim(secret: u8, keys: u8) -> Claim {
        Claim {
            id: Digest::from_bytes([secret; 32]),
            room: ROOM,
            request: Digest::from_bytes([keys; 32]),
            transcript: Digest::from_bytes([keys.wrapping_mul(7); 32]),
        }
    }

    fn book(trust_token: bool) -> Book {
        let mut book = Book::default();
        book.enter(Digest::from_bytes([1; 32]), ROOM, DAY_MS, trust_token, 0);
        book
    }

    #[test]
    fn a_trusted_token_admits_one_set_of_keys_and_no_other() {
        let mut book = book(true);
        assert_eq!(book.claim(&claim(1, 1), 5), Ok(Verdict::Admit));
        assert_eq!(book.claim(&claim(1, 2), 6), Err(DoorRefusal::InviteUsed));
        assert_eq!(book.claim(&claim(1, 1), 7), Ok(Verdict::Admit));
        assert_eq!(book.claim(&claim(1, 1), DAY_MS), Err(DoorRefusal::InviteExpired { minutes: 0 }));
    }

    #[test]
    fn without_trust_a_request_waits_until_its_own_words_are_confirmed() {
        let mut book = book(false);
        assert_eq!(book.claim(&claim(1, 1), 5), Ok(Verdict::Wait));
        assert_eq!(book.claim(&claim(1, 2), 6), Ok(Verdict::Wait));
        assert_eq!(book.knocking(7).len(), 2);
        let words = six_words(&claim(1, 2).transcript);
        assert_eq!(book.confirm("abandon abandon abandon abandon abandon abandon", 8), None);
        let typed = format!(" {}, {}", words[..3].join("-").to_uppercase(), words[3..].join(" "));
        assert_eq!(book.confirm(&typed, 8).unwrap().room, ROOM);
        assert_eq!(book.claim(&claim(1, 1), 9), Ok(Verdict::Wait));
        assert_eq!(book.claim(&claim(1, 2), 10), Ok(Verdict::Admit));
        assert_eq!(book.claim(&claim(1, 1), 11), Err(DoorRefusal::InviteUsed));
        assert_eq!(book.knocking(12), []);
    }

    #[test]
    fn the_chinese_words_confirm_as_well() {
        let mut book = book(false);
        book.claim(&claim(1, 3), 5).unwrap();
        let chinese = book.knocking(6).remove(0).chinese.join("，");
        assert!(book.confirm(&chinese, 7).unwrap().confirmed);
    }

    #[test]
    fn five_wrong_secrets_lock_the_invitation_for_the_right_one_too() {
        let mut book = book(true);
        let tries = [0; 5].map(|_| book.claim(&claim(9, 1), 5).unwrap_err());
        assert_eq!(tries.last(), Some(&DoorRefusal::InviteLocked));
        assert!(tries[..4].iter().all(|refusal| *refusal == DoorRefusal::InviteUnknown));
        assert_eq!(book.claim(&claim(1, 1), 6), Err(DoorRefusal::InviteLocked));
        book.enter(Digest::from_bytes([2; 32]), ROOM, DAY_MS, true, 7);
        assert_eq!(book.claim(&claim(2, 1), 8), Ok(Verdict::Admit));
    }

    #[test]
    fn four_wrong_secrets_do_not_lock() {
        let mut book = book(true);
        for _ in 0..4 {
            book.claim(&claim(9, 1), 5).unwrap_err();
        }
        assert_eq!(book.claim(&claim(1, 1), 6), Ok(Verdict::Admit));
    }

    #[test]
    fn a_newer_invitation_ends_the_older_and_a_secret_serves_one_room() {
        let mut book = book(true);
        book.enter(Digest::from_bytes([2; 32]), ROOM, DAY_MS, true, 60_000);
        let refused = book.claim(&claim(1, 1), 180_000).unwrap_err();
        assert_eq!(refused, DoorRefusal::InviteExpired { minutes: 2 });
        let other = Claim { room: RoomId::from_bytes([2; 16]), ..claim(2, 1) };
        assert_eq!(book.claim(&other, 180_000), Err(DoorRefusal::InviteUnknown));
    }

    #[test]
    fn those_who_wait_are_bounded_and_old_invitations_are_forgotten() {
        let mut book = book(false);
        for keys in 0..50 {
            assert_eq!(book.claim(&claim(1, keys), 5), Ok(Verdict::Wait));
        }
        assert_eq!(book.knocking(6).len(), WAITING_MAX);
        book.forget(DAY_MS + REMEMBERED_MS);
        assert_eq!(book, Book::default());
    }

    #[test]
    fn the_book_reads_back_from_its_file_and_holds_no_secret() {
        let mut book = book(false);
        book.claim(&claim(1, 1), 5).unwrap();
        book.issued.push(Issued {
            room: ROOM,
            purpose: Purpose::Issuing,
            serial: Serial::random(),
            not_after_ms: 9,
            certificate: Some("AAAA".into()),
            request: Some(Digest::from_bytes([3; 32])),
        });
        book.renewed_at_ms.insert(ROOM, 5);
        let text = serde_json::to_string(&book).unwrap();
        assert_eq!(serde_json::from_str::<Book>(&text).unwrap(), book);
    }
}
