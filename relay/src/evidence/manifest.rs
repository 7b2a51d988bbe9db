//! The manifest (清单): what the exporting room signs about the whole file. What it lists cannot be left out or put in, and
//! what it claims to be all of a case binds its signer.
//! *Against:* an entry taken out or exchanged; a message of a case left out: a gap in `case_seq` is a fault, and the signed
//! list convicts its signer as soon as anybody shows a receipt of another message that lies under the named checkpoint.

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer, digest},
};
use serde::{Deserialize, Serialize};
use topology::RoomId;

use super::{EVIDENCE_VERSION, span::Silence};
use crate::{
    checkpoint::Head, envelope_id::EnvelopeKey, message::CaseId, tick::TickRef, timestamp::Timestamp,
};

/// What the file is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One message, with the notes of calls about it.
    Message(EnvelopeKey),
    /// A case, with all that the exporter holds of it.
    Case(CaseId),
    /// Whatever the exporter holds of many cases.
    All,
    /// That nothing came from a room in a time; its proof is `log/span.cbor`.
    Silence(Silence),
}

impl Subject {
    /// Whether the manifest lists every envelope.
    pub fn lists_envelopes(&self) -> bool {
        !matches!(self, Self::All)
    }
}

/// What the manifest lists of an entry: SHA-256 of its name and the SHA-256 of its data.
pub fn listed(name: &str, data: &[u8]) -> Digest {
    digest(&[name.as_bytes(), digest(data).as_bytes()].concat())
}

/// What the exporter signs. Absent values are left out; `tick` is null while none was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`EVIDENCE_VERSION`].
    pub v: u16,
    /// When, by the exporter's clock.
    pub at: Timestamp,
    /// Whether text blocks and attachments are in it.
    pub text: bool,
    /// The newest tick that the exporter had seen.
    pub tick: Option<TickRef>,
    /// The newest dated head of the exporter's log: the file is whole up to there. Absent while none is dated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Head>,
    /// The suite of the signature.
    pub suite: u8,
    /// All other entries, in their order, as [`listed`] has it.
    pub entries: Vec<Digest>,
    /// The network.
    pub network: String,
    /// What it is about.
    pub subject: Subject,
    /// Whether personal blocks are in it.
    pub personal: bool,
    /// The room that exports and signs.
    pub exporter: RoomId,
    /// How many messages there are.
    pub messages: u64,
    /// How many receipts there are.
    pub receipts: u64,
    /// SHA-256 of the signed headers of all messages in the file, in their order: nothing else of the case is held.
    /// Empty for [`Subject::All`].
    pub envelopes: Vec<Digest>,
}

impl Manifest {
    /// Signs it.
    pub fn sign(&self, signer: &dyn Signer) -> Vec<u8> {
        signature::sign(signer, ContentType::EvidenceManifest, &cbor::encode(self))
    }

    /// Verifies the bytes of the last entry.
    ///
    /// # Errors
    /// [`ManifestError`] unless the exporter that it names signed it.
    pub fn verify(bytes: &[u8], network: &str, keys: &dyn Keyring) -> Result<Self, ManifestError> {
        let verified = signature::verify(bytes, ContentType::EvidenceManifest, keys)?;
        let manifest: Self = cbor::decode(&verified.payload, ContentType::EvidenceManifest.size_bytes_max())
            .map_err(|error| ManifestError::Malformed(error.to_string()))?;
        if manifest.v != EVIDENCE_VERSION {
            return Err(ManifestError::Version { v: manifest.v });
        }
        if manifest.exporter != verified.signer {
            return Err(ManifestError::ForeignRoom { claimed: manifest.exporter, signer: verified.signer });
        }
        if manifest.network != network {
            return Err(ManifestError::ForeignNetwork { network: manifest.network });
        }
        Ok(manifest)
    }
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not a manifest.
    #[error("the manifest does not decode: {0}")]
    Malformed(String),
    /// A version that this program does not speak.
    #[error("manifest version {v} is not known")]
    Version {
        /// The version.
        v: u16,
    },
    /// Signed by another room than the one that it names.
    #[error("it claims to be exported by {claimed} but {signer} signed it")]
    ForeignRoom {
        /// What it says.
        claimed: RoomId,
        /// Whose key signed.
        signer: RoomId,
    },
    /// Of another network.
    #[error("it belongs to the network {network}")]
    ForeignNetwork {
        /// Its network.
        network: String,
    },
}
