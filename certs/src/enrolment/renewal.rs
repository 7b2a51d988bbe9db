//! Renewal: a room asks for new certificates and proves itself with its signing key, so that one that was
//! away for months, its TLS certificate long expired, recovers without anybody's help.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use topology::RoomId;

use super::{ENROLMENT_VERSION, EnrolmentError};
use crate::{
    cbor,
    identity::RoomKeys,
    seal,
    signature::{self, ContentType, Keyring},
};

/// What a room asks for when it renews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalRequest {
    /// [`ENROLMENT_VERSION`].
    pub v: u16,
    /// The room; it must be the signer.
    pub room: RoomId,
    /// When it was made, milliseconds since 1970 UTC. The parent accepts only one that is later than the last
    /// it accepted: an old request might ask for a TLS key that was stolen since.
    pub at_ms: i64,
    /// Drawn for this request.
    pub nonce: ByteArray<16>,
    /// The network.
    pub network: String,
    /// The request for a TLS certificate (PKCS#10).
    pub tls_request: ByteBuf,
    /// The request for an issuing certificate; used when the plan makes the room a hub.
    pub issuing_request: ByteBuf,
}

/// Makes and signs a renewal for the TLS key and the issuing key among these keys.
pub fn sign_renewal(keys: &RoomKeys, network: &str, room: RoomId, now_ms: i64) -> Vec<u8> {
    let request = RenewalRequest {
        v: ENROLMENT_VERSION,
        room,
        at_ms: now_ms,
        nonce: ByteArray::new(seal::random()),
        network: network.to_owned(),
        tls_request: keys.tls.request().into(),
        issuing_request: keys.issuing.request().into(),
    };
    signature::sign(&keys.signing, ContentType::Renewal, &cbor::encode(&request))
}

/// Verifies a renewal: signed by the very room that it names. That it is later than the last one is for the
/// caller.
pub fn verify_renewal(
    bytes: &[u8],
    network: &str,
    keys: &dyn Keyring,
) -> Result<RenewalRequest, EnrolmentError> {
    let verified = signature::verify(bytes, ContentType::Renewal, keys)?;
    let request: RenewalRequest = cbor::decode(&verified.payload, ContentType::Renewal.size_bytes_max())?;
    if request.v != ENROLMENT_VERSION {
        return Err(EnrolmentError::Version(request.v));
    }
    if request.room != verified.signer || request.network != network {
        return Err(EnrolmentError::OtherRoom { room: request.room, network: request.network });
    }
    Ok(request)
}
