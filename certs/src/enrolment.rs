//! Joining (入网) and renewing.
//!
//! The parent prints an [`Invitation`] bound to one room. The child makes its keys, dials the parent under
//! the join protocol, validating it with the root certificate from the invitation, and sends a
//! [`JoinRequest`]: all its public keys, each with proof of possession, and the invitation's secret. Both
//! ends show the same six words ([`six_words`]), which the two duty officers compare over the telephone. The
//! parent confirms and answers with certificates, the plan and sheets. Later the room renews by itself with a
//! [`RenewalRequest`], signed by its signing key.
//!
//! *Against:* a stranger who joins in a room's place, somebody between the two who exchanges keys, a parent
//! that is not the parent, an invitation used for another room, an old renewal sent again for a stolen TLS
//! key.

mod answer;
mod invitation;
mod renewal;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use topology::RoomId;

pub use self::{
    answer::{ANSWER_BYTES_MAX, AnswerError, JoinAnswer, Joined},
    invitation::{Invitation, InvitationError, SECRET_LEN},
    renewal::{RenewalRequest, sign_renewal, verify_renewal},
    words::{six_words, six_words_chinese, transcript},
};
use crate::{
    cbor::{self, CborError},
    identity::{PublicKeys, RoomKeys},
    seal::{SEALING_SUITE, SealingPublic},
    signature::{self, ContentType, KeyError, PublicKey, SignatureError, Suite},
};

/// What a child asks for and with which keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// [`ENROLMENT_VERSION`].
    pub v: u16,
    /// The room, as in the invitation.
    pub room: RoomId,
    /// The secret of the invitation.
    pub secret: ByteArray<SECRET_LEN>,
    /// The network, as in the invitation.
    pub network: String,
    /// The algorithm of the signing key.
    pub signing_suite: Suite,
    /// The public signing key; it signs this request.
    pub signing: ByteBuf,
    /// The algorithm's number of the sealing key.
    pub sealing_suite: u8,
    /// The public sealing key.
    pub sealing: SealingPublic,
    /// The request for a TLS certificate (PKCS#10).
    pub tls_request: ByteBuf,
    /// The request for an issuing certificate; used when the plan makes the room a hub.
    pub issuing_request: ByteBuf,
}

impl JoinRequest {
    /// A request with these keys under this invitation.
    pub fn new(keys: &RoomKeys, invitation: &Invitation) -> Self {
        Self {
            v: ENROLMENT_VERSION,
            room: invitation.room,
            secret: ByteArray::new(*invitation.secret()),
            network: invitation.network.clone(),
            signing_suite: Suite::Ed25519,
            signing: ByteBuf::from(keys.signing.public_bytes()),
            sealing_suite: SEALING_SUITE,
            sealing: keys.sealing.public(),
            tls_request: keys.tls.request().into(),
            issuing_request: keys.issuing.request().into(),
        }
    }

    /// Signs the request with the signing key that it names.
    pub fn sign(&self, keys: &RoomKeys) -> Vec<u8> {
        signature::sign(&keys.signing, ContentType::JoinRequest, &cbor::encode(self))
    }

    /// Verifies that a request is signed by the signing key that it names. That the invitation is good is for
    /// the caller, who knows which ones are open.
    pub fn verify(bytes: &[u8]) -> Result<Self, EnrolmentError> {
        let payload = signature::peek_payload_unverified(bytes, ContentType::JoinRequest)?;
        let request: Self = cbor::decode(&payload, ContentType::JoinRequest.size_bytes_max())?;
        if request.v != ENROLMENT_VERSION || request.sealing_suite != SEALING_SUITE {
            return Err(EnrolmentError::Version(request.v));
        }
        let keys = request.public_keys()?;
        signature::verify_with_key(bytes, ContentType::JoinRequest, &keys.signing)?;
        Ok(request)
    }

    /// The public keys that the sheet will publish.
    pub fn public_keys(&self) -> Result<PublicKeys, EnrolmentError> {
        Ok(PublicKeys {
            signing: PublicKey::from_bytes(self.signing_suite, &self.signing)?,
            sealing: self.sealing,
        })
    }
}

/// Without the secret.
impl fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinRequest(room {} of {})", self.room, self.network)
    }
}

/// Why a request to join or renew is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// A later form.
    #[error(
        "the request has version {0} or a key of a kind that this program does not know: update the parent's node"
    )]
    Version(u16),
    /// It does not read.
    #[error("the request does not read: {0}")]
    Cbor(#[from] CborError),
    /// The signature is not good.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A key is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Of another network or for another room.
    #[error("the request is for room {room} of network {network}, not for this one")]
    OtherRoom {
        /// The room in the request.
        room: RoomId,
        /// The network in the request.
        network: String,
    },
}

/// The version of the requests that this program writes.
pub const ENROLMENT_VERSION: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CITY, COUNTY, NOW_MS, Tree};

    #[test]
    fn a_request_names_all_keys_and_proves_the_signing_key() {
        let tree = Tree::new();
        let keys = RoomKeys::generate();
        let request = JoinRequest::new(&keys, &tree.invitation(COUNTY));
        let read = JoinRequest::verify(&request.sign(&keys)).unwrap();
        assert_eq!(read, request);
        assert_eq!(read.public_keys().unwrap(), keys.public());
    }

    #[test]
    fn a_request_signed_by_another_key_than_it_names_is_refused() {
        let tree = Tree::new();
        let (keys, thief) = (RoomKeys::generate(), RoomKeys::generate());
        let request = JoinRequest::new(&keys, &tree.invitation(COUNTY));
        assert!(matches!(JoinRequest::verify(&request.sign(&thief)), Err(EnrolmentError::Signature(_))));
        let good = request.sign(&keys);
        for at in 0..good.len() {
            let mut spoilt = good.clone();
            spoilt[at] ^= 1;
            assert!(JoinRequest::verify(&spoilt).is_err(), "byte {at}");
        }
    }

    #[test]
    fn both_ends_see_the_same_six_words_and_an_exchanged_key_changes_them() {
        let tree = Tree::new();
        let invitation = tree.invitation(COUNTY);
        let request = JoinRequest::new(&RoomKeys::generate(), &invitation);
        let server = tree.tls_chain(CITY)[0].clone();
        let words =
            |request: &JoinRequest, server: &[u8]| six_words(&transcript(&invitation.id(), server, request));
        let here = words(&request, &server);
        assert_eq!(here, words(&JoinRequest::new_from(&request), &server));
        let stranger = JoinRequest::new(&RoomKeys::generate(), &invitation);
        assert_ne!(here, words(&stranger, &server));
        let sealing = JoinRequest { sealing: stranger.sealing, ..request.clone() };
        assert_ne!(here, words(&sealing, &server));
        let tls = JoinRequest { tls_request: stranger.tls_request.clone(), ..request.clone() };
        assert_ne!(here, words(&tls, &server));
        assert_ne!(here, words(&request, &tree.tls_chain(COUNTY)[0]));
        assert!(here.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase())));
    }

    #[test]
    fn a_renewal_is_signed_by_the_room_that_it_names() {
        let tree = Tree::new();
        let keys = tree.known_keys();
        let (county, city) = (tree.keys(COUNTY), tree.keys(CITY));
        let signed = sign_renewal(county, "henan", COUNTY, NOW_MS);
        let read = verify_renewal(&signed, "henan", &keys).unwrap();
        assert_eq!((read.room, read.at_ms), (COUNTY, NOW_MS));
        let for_another = sign_renewal(city, "henan", COUNTY, NOW_MS);
        assert!(matches!(
            verify_renewal(&for_another, "henan", &keys),
            Err(EnrolmentError::OtherRoom { room: COUNTY, .. })
        ));
        assert!(matches!(verify_renewal(&signed, "hebei", &keys), Err(EnrolmentError::OtherRoom { .. })));
        let stranger = sign_renewal(&RoomKeys::generate(), "henan", COUNTY, NOW_MS);
        assert!(matches!(verify_renewal(&stranger, "henan", &keys), Err(EnrolmentError::Signature(_))));
    }

    impl JoinRequest {
        /// As the other end has it: from the bytes.
        fn new_from(sent: &Self) -> Self {
            cbor::decode(&cbor::encode(sent), 65_536).unwrap()
        }
    }
}
