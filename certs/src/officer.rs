//! Officers (值班人员): each has a personal signing key, certified by the room and kept under a password.
//!
//! What an officer does (acknowledge, sign off, hand over) is an act: signed with the officer's key, with the
//! room's certificate attached, so that years later, when the officer has left, anybody can still see who it
//! was and in which capacity.
//!
//! *Against:* a room that acknowledges in the name of nobody, an officer of one room acting for another, a
//! stolen key file without its password, a certificate moved to another key.

mod lock;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

pub use self::lock::{LockError, LockedOfficerKey, PASSWORD_CHARACTERS_MIN, PasswordCost};
use crate::{
    cbor::{self, CborError},
    signature::{
        self, ContentType, KeyError, KeyId, Keyring, PublicKey, SignatureError, Signer, SigningKey, Suite,
    },
};

/// In which capacity an officer acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfficerRole {
    /// 值班员
    DutyOfficer,
    /// 值班负责人
    HeadOfWatch,
    /// 带班领导
    Leader,
    /// 督查员
    Inspector,
    /// 系统管理员
    SystemAdmin,
    /// 安全管理员
    SecurityAdmin,
    /// 审计管理员
    AuditAdmin,
}

impl OfficerRole {
    /// All roles.
    pub const ALL: [Self; 7] = [
        Self::DutyOfficer,
        Self::HeadOfWatch,
        Self::Leader,
        Self::Inspector,
        Self::SystemAdmin,
        Self::SecurityAdmin,
        Self::AuditAdmin,
    ];

    /// The word of the command line and of JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DutyOfficer => "duty_officer",
            Self::HeadOfWatch => "head_of_watch",
            Self::Leader => "leader",
            Self::Inspector => "inspector",
            Self::SystemAdmin => "system_admin",
            Self::SecurityAdmin => "security_admin",
            Self::AuditAdmin => "audit_admin",
        }
    }

    /// The word in the duty room.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::DutyOfficer => "值班员",
            Self::HeadOfWatch => "值班负责人",
            Self::Leader => "带班领导",
            Self::Inspector => "督查员",
            Self::SystemAdmin => "系统管理员",
            Self::SecurityAdmin => "安全管理员",
            Self::AuditAdmin => "审计管理员",
        }
    }
}

impl fmt::Display for OfficerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for OfficerRole {
    type Err = OfficerRoleError;

    fn from_str(text: &str) -> Result<Self, OfficerRoleError> {
        Self::ALL.into_iter().find(|r| r.word() == text || r.chinese() == text).ok_or(OfficerRoleError)
    }
}

/// The text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a role: duty_officer 值班员, head_of_watch 值班负责人, leader 带班领导, inspector 督查员, \
     system_admin 系统管理员, security_admin 安全管理员 or audit_admin 审计管理员 is wanted"
)]
pub struct OfficerRoleError;

/// An officer's personal signing key, unlocked.
#[derive(Debug)]
pub struct OfficerKey(SigningKey);

impl OfficerKey {
    /// Draws a new key.
    pub fn generate() -> Self {
        Self(SigningKey::generate())
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }
}

/// What a room states about one of its officers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerCertificate {
    /// [`OFFICER_VERSION`].
    pub v: u16,
    /// The name as it is shown.
    pub name: String,
    /// In which capacity.
    pub role: OfficerRole,
    /// The room that certifies; it must be the signer.
    pub room: RoomId,
    /// The algorithm of the key.
    pub suite: Suite,
    /// The officer's public key.
    pub public: ByteBuf,
    /// Certified from this time on, milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// The name under which the officer logs in; never given to another person of the room.
    pub officer: String,
}

impl OfficerCertificate {
    /// A certificate for an officer's key.
    pub fn new(
        room: RoomId,
        officer: &str,
        name: &str,
        role: OfficerRole,
        key: &PublicKey,
        from_ms: i64,
    ) -> Self {
        let public = ByteBuf::from(key.as_bytes());
        let (officer, name) = (officer.to_owned(), name.to_owned());
        Self { v: OFFICER_VERSION, name, role, room, suite: key.suite(), public, from_ms, officer }
    }

    /// Signs it with the room's signing key.
    pub fn sign(&self, room: &dyn Signer) -> Vec<u8> {
        signature::sign(room, ContentType::OfficerCertificate, &cbor::encode(self))
    }

    /// Verifies a certificate: signed by the very room that it names.
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, OfficerError> {
        let verified = signature::verify(bytes, ContentType::OfficerCertificate, keys)?;
        let certificate: Self = cbor::decode(&verified.payload, OFFICER_BYTES_MAX)?;
        if certificate.v != OFFICER_VERSION {
            return Err(OfficerError::Version(certificate.v));
        }
        if certificate.room != verified.signer {
            return Err(OfficerError::OtherRoom { named: certificate.room, signer: verified.signer });
        }
        Ok(certificate)
    }
}

/// An officer's act whose signature and certificate were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAct {
    /// The officer's room.
    pub room: RoomId,
    /// The officer's log-in name.
    pub officer: String,
    /// The officer's name.
    pub name: String,
    /// In which capacity.
    pub role: OfficerRole,
    /// The officer's key.
    pub key_id: KeyId,
    /// The officer's key is certified from this time on, milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// What the officer signed.
    pub payload: Vec<u8>,
}

/// Signs an act on a message with an officer's key and attaches the room's certificate for it.
pub fn sign_act(key: &OfficerKey, certificate: &[u8], payload: &[u8]) -> Vec<u8> {
    sign_as(key, certificate, ContentType::OfficerAct, payload)
}

/// Signs any object that an officer signs, in the same way.
///
/// # Panics
/// When no officer signs such an object: nobody would accept it.
pub fn sign_as(key: &OfficerKey, certificate: &[u8], content: ContentType, payload: &[u8]) -> Vec<u8> {
    assert!(content.is_by_officer(), "{content} is not signed by officers");
    signature::sign_with_attachment(&key.0, content, payload, certificate)
}

/// Verifies an act on a message: the attached certificate by its room's key, the act by the certified key.
pub fn verify_act(bytes: &[u8], keys: &dyn Keyring) -> Result<VerifiedAct, OfficerError> {
    verify_as(bytes, ContentType::OfficerAct, keys)
}

/// Verifies an object of this kind that an officer signed, in the same way.
pub fn verify_as(
    bytes: &[u8],
    content: ContentType,
    keys: &dyn Keyring,
) -> Result<VerifiedAct, OfficerError> {
    let attached = signature::attachment(bytes, content)?.ok_or(OfficerError::NoCertificate)?;
    let certificate = OfficerCertificate::verify(&attached, keys)?;
    let key = PublicKey::from_bytes(certificate.suite, &certificate.public)?;
    let payload = signature::verify_with_key(bytes, content, &key)?;
    Ok(VerifiedAct {
        room: certificate.room,
        officer: certificate.officer,
        name: certificate.name,
        role: certificate.role,
        key_id: key.key_id(),
        from_ms: certificate.from_ms,
        payload,
    })
}

/// Why an act or a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfficerError {
    /// A signature is not good.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The certificate does not decode.
    #[error("the officer's certificate does not read: {0}")]
    Cbor(#[from] CborError),
    /// The certified key is no key.
    #[error("the officer's certified key is not usable")]
    Key(#[from] KeyError),
    /// Nothing says who signed.
    #[error("the act carries no officer's certificate")]
    NoCertificate,
    /// Certified by another room than the named one.
    #[error("room {signer} certified an officer of room {named}")]
    OtherRoom {
        /// The room in the certificate.
        named: RoomId,
        /// The room that signed it.
        signer: RoomId,
    },
    /// A later form of the certificate.
    #[error("the officer's certificate has version {0}, which this program does not know: update this node")]
    Version(u16),
}

/// The version of the certificate that this program writes.
pub const OFFICER_VERSION: u16 = 1;

const OFFICER_BYTES_MAX: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{SimulationKeyring, SimulationSigner};

    const HERE: RoomId = RoomId::from_bytes([1; 16]);
    const THERE: RoomId = RoomId::from_bytes([2; 16]);

    fn keyring() -> SimulationKeyring {
        SimulationKeyring::new([HERE, THERE])
    }

    fn certificate(key: &OfficerKey) -> OfficerCertificate {
        OfficerCertificate::new(HERE, "wang", "王芳", OfficerRole::HeadOfWatch, &key.public(), 5)
    }

    #[test]
    fn an_act_names_the_officer_and_the_room() {
        let key = OfficerKey::generate();
        let certified = certificate(&key).sign(&SimulationSigner::new(HERE));
        let act = verify_act(&sign_act(&key, &certified, b"\x01"), &keyring()).unwrap();
        let said = (act.room, act.officer.as_str(), act.name.as_str(), act.role, act.payload.as_slice());
        assert_eq!(said, (HERE, "wang", "王芳", OfficerRole::HeadOfWatch, b"\x01".as_slice()));
    }

    #[test]
    fn no_room_certifies_officers_of_another() {
        let key = OfficerKey::generate();
        let certified = certificate(&key).sign(&SimulationSigner::new(THERE));
        let error = verify_act(&sign_act(&key, &certified, b"\x01"), &keyring()).unwrap_err();
        assert_eq!(error, OfficerError::OtherRoom { named: HERE, signer: THERE });
    }

    #[test]
    fn a_certificate_does_not_serve_another_key() {
        let (key, thief) = (OfficerKey::generate(), OfficerKey::generate());
        let certified = certificate(&key).sign(&SimulationSigner::new(HERE));
        let error = verify_act(&sign_act(&thief, &certified, b"\x01"), &keyring()).unwrap_err();
        assert_eq!(error, OfficerError::Signature(SignatureError::UnknownKey(thief.public().key_id())));
    }

    #[test]
    fn an_act_without_certificate_and_a_changed_act_are_refused() {
        let key = OfficerKey::generate();
        let bare = signature::sign(&key.0, ContentType::OfficerAct, b"\x01");
        assert_eq!(verify_act(&bare, &keyring()), Err(OfficerError::NoCertificate));
        let certified = certificate(&key).sign(&SimulationSigner::new(HERE));
        let act = sign_act(&key, &certified, b"\x01");
        for at in 0..act.len() {
            let mut spoilt = act.clone();
            spoilt[at] ^= 1;
            assert!(verify_act(&spoilt, &keyring()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_an_officer_signed_as_one_thing_is_no_other() {
        let key = OfficerKey::generate();
        let certified = certificate(&key).sign(&SimulationSigner::new(HERE));
        let call = sign_as(&key, &certified, ContentType::PhoneCall, b"\x01");
        assert_eq!(verify_as(&call, ContentType::PhoneCall, &keyring()).unwrap().payload, b"\x01");
        assert!(matches!(verify_act(&call, &keyring()), Err(OfficerError::Signature(_))));
        let act = sign_act(&key, &certified, b"\x01");
        assert!(matches!(
            verify_as(&act, ContentType::PhoneCall, &keyring()),
            Err(OfficerError::Signature(_))
        ));
    }

    #[test]
    fn every_role_reads_back_from_both_its_words() {
        for role in OfficerRole::ALL {
            assert_eq!(role.word().parse(), Ok(role));
            assert_eq!(role.chinese().parse(), Ok(role));
            assert_eq!(cbor::decode(&cbor::encode(&role), 64), Ok(role));
            assert_eq!(cbor::decode::<String>(&cbor::encode(&role), 64), Ok(role.word().to_owned()));
        }
        assert_eq!("boss".parse::<OfficerRole>(), Err(OfficerRoleError));
    }
}
