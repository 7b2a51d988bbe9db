//! The invitation (入网邀请): one line of text for one room, one use and a limited time.
//!
//! `yc1-` and base64url (RFC 4648) of a CBOR map and four bytes of checksum, so that a line with a letter
//! missing is told from one that has expired.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use topology::RoomId;
use zeroize::Zeroize;

use crate::{
    cbor,
    digest::{Digest, digest, digest_of_parts},
    seal,
};

/// What a parent tells a room that is to join.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The network.
    pub network: String,
    /// The room that may join with it.
    pub room: RoomId,
    /// The parent's DNS name, which its certificate must carry.
    pub parent_dns: String,
    /// Where the parent listens, `host:port`.
    pub parent_address: String,
    /// The root certificate of the network.
    pub root: CertificateDer<'static>,
    /// Nobody joins with it after this time, milliseconds since 1970 UTC.
    pub expires_at_ms: i64,
    secret: [u8; SECRET_LEN],
}

/// The form in the text. The fields are in canonical order.
#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(rename = "n")]
    network: String,
    #[serde(rename = "r")]
    room: RoomId,
    #[serde(rename = "s")]
    secret: ByteArray<SECRET_LEN>,
    #[serde(rename = "x")]
    expires_at_ms: i64,
    #[serde(rename = "at")]
    parent_address: String,
    #[serde(rename = "ca")]
    root: ByteBuf,
    #[serde(rename = "dns")]
    parent_dns: String,
}

impl Invitation {
    /// Draws the secret of a new invitation.
    pub fn new(
        network: &str,
        room: RoomId,
        parent_dns: &str,
        parent_address: &str,
        root: &CertificateDer<'static>,
        expires_at_ms: i64,
    ) -> Self {
        Self {
            network: network.to_owned(),
            room,
            parent_dns: parent_dns.to_owned(),
            parent_address: parent_address.to_owned(),
            root: root.clone(),
            expires_at_ms,
            secret: seal::random(),
        }
    }

    /// Names the invitation without betraying its secret: what the parent keeps.
    pub fn id(&self) -> Digest {
        Self::id_of_secret(&self.secret)
    }

    /// The id of the invitation with this secret, as it stands in a join request.
    pub fn id_of_secret(secret: &[u8; SECRET_LEN]) -> Digest {
        digest_of_parts(&[b"yichuan invitation", secret])
    }

    /// The secret.
    pub(crate) fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// The line of text.
    pub fn to_text(&self) -> String {
        let mut bytes = cbor::encode(&Form {
            network: self.network.clone(),
            room: self.room,
            secret: ByteArray::new(self.secret),
            expires_at_ms: self.expires_at_ms,
            parent_address: self.parent_address.clone(),
            root: ByteBuf::from(self.root.as_ref()),
            parent_dns: self.parent_dns.clone(),
        });
        let check = checksum(&bytes);
        bytes.extend_from_slice(&check);
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads a line of text; spaces and line breaks that crept in are passed over.
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).take(TEXT_MAX + 1).collect();
        let coded = match text.strip_prefix(PREFIX) {
            Some(coded) if text.len() <= TEXT_MAX => coded,
            Some(_) => return Err(InvitationError::Mistyped),
            None => return Err(foreign_or_none(&text)),
        };
        let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| InvitationError::Mistyped)?;
        let (body, check) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(InvitationError::Mistyped)?;
        if *check != checksum(body) {
            return Err(InvitationError::Mistyped);
        }
        let form: Form = cbor::decode(body, TEXT_MAX).map_err(|_| InvitationError::Mistyped)?;
        Ok(Self {
            network: form.network,
            room: form.room,
            parent_dns: form.parent_dns,
            parent_address: form.parent_address,
            root: CertificateDer::from(form.root.into_vec()),
            expires_at_ms: form.expires_at_ms,
            secret: form.secret.into_array(),
        })
    }

    /// Checks that it may still be used.
    pub fn check_time(&self, now_ms: i64) -> Result<(), InvitationError> {
        if now_ms < self.expires_at_ms {
            return Ok(());
        }
        Err(InvitationError::Expired { minutes: (now_ms - self.expires_at_ms) / 60_000 })
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invitation({} for room {} of {})", self.id(), self.room, self.network)
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let whole = digest(body);
    let mut check = [0; CHECKSUM_LEN];
    check.iter_mut().zip(whole.as_bytes()).for_each(|(to, from)| *to = *from);
    check
}

fn foreign_or_none(text: &str) -> InvitationError {
    let number = text.strip_prefix("yc").and_then(|rest| rest.split_once('-')).map(|(number, _)| number);
    match number.and_then(|number| number.parse().ok()) {
        Some(version) => InvitationError::ForeignVersion { version },
        None => InvitationError::NoInvitation,
    }
}

/// Why a text is no invitation to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Another kind of text.
    #[error("this is no invitation: it begins with yc1-; ask the parent room for one (yichuan invite)")]
    NoInvitation,
    /// Of a later version.
    #[error("the invitation has version {version}; this program reads version 1: update this node")]
    ForeignVersion {
        /// Its version.
        version: u16,
    },
    /// A letter is wrong, missing or too many.
    #[error("the invitation is mistyped or cut short: copy the whole line again")]
    Mistyped,
    /// Too late.
    #[error(
        "the invitation expired {minutes} minutes ago: ask the parent room for a new one (yichuan invite)"
    )]
    Expired {
        /// How long ago.
        minutes: i64,
    },
}

/// Bytes of the secret.
pub const SECRET_LEN: usize = 16;

const PREFIX: &str = "yc1-";
const CHECKSUM_LEN: usize = 4;
const TEXT_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let root = CertificateDer::from(vec![5; 300]);
        Invitation::new(
            "henan",
            RoomId::from_bytes([3; 16]),
            "a.henan.internal",
            "10.1.1.1:7100",
            &root,
            60_000,
        )
    }

    #[test]
    fn a_line_reads_back_even_when_a_terminal_broke_it() {
        let made = invitation();
        let text = made.to_text();
        assert!(text.starts_with("yc1-"));
        assert_eq!(Invitation::parse(&text), Ok(made.clone()));
        let (start, end) = text.split_at(80);
        assert_eq!(Invitation::parse(&format!("  {start}\n {end}\n")), Ok(made));
    }

    #[test]
    fn every_wrong_letter_is_mistyped_and_never_expired() {
        let text = invitation().to_text();
        for at in 4..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(Invitation::parse(&wrong), Err(InvitationError::Mistyped), "letter {at}");
            assert_eq!(Invitation::parse(&text[..at]), Err(InvitationError::Mistyped), "cut at {at}");
        }
    }

    #[test]
    fn a_later_version_and_another_text_are_told_apart() {
        assert_eq!(Invitation::parse("yc2-AAAA"), Err(InvitationError::ForeignVersion { version: 2 }));
        assert_eq!(Invitation::parse("hello"), Err(InvitationError::NoInvitation));
        assert_eq!(Invitation::parse(""), Err(InvitationError::NoInvitation));
        assert_eq!(Invitation::parse(&"x".repeat(1 << 20)), Err(InvitationError::NoInvitation));
    }

    #[test]
    fn an_expired_one_says_since_when() {
        assert_eq!(invitation().check_time(59_999), Ok(()));
        assert_eq!(invitation().check_time(60_000), Err(InvitationError::Expired { minutes: 0 }));
        assert_eq!(invitation().check_time(240_000), Err(InvitationError::Expired { minutes: 3 }));
    }

    #[test]
    fn no_two_invitations_share_a_secret_and_none_shows_it() {
        let (one, two) = (invitation(), invitation());
        assert_ne!(one.id(), two.id());
        assert_eq!(Invitation::id_of_secret(one.secret()), one.id());
        assert!(!format!("{one:?}").contains(&crate::bytes::hex(one.secret())));
    }
}
