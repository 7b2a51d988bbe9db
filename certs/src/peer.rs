//! From the certificates of a handshake to the room at the other end.
//!
//! The TLS library has validated the path to the root, with every name constraint, before anything here is
//! asked. On top of it stands one exact comparison with the plan: the certificate's only name is the full DNS
//! name of a room, and the presented chain is, one by one, the issuing certificates of that room's hubs, its
//! parent's first. Nothing here decides trust alone.
//!
//! *Against:* a hub's certificate for a room that is not its own child, an issuing certificate that a hub
//! made for itself under another hub's name, certificates with several names or none, a room that is no
//! longer on the map.

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use topology::{Map, RoomId};

use crate::{
    authority,
    certificate::{CertificateError, CertificateFacts, Serial},
    digest::Digest,
};

/// Who issues certificates and publishes sheets: the authority for the root hub, a hub for its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publisher {
    /// The authority of the network.
    Authority,
    /// A hub.
    Hub(RoomId),
}

impl Publisher {
    /// Who publishes this room's keys: its parent, or the authority for the root hub. `None` if the room is
    /// not on the map.
    pub fn of(map: &Map, room: RoomId) -> Option<Self> {
        map.room(room)?;
        Some(map.parent(room).map_or(Self::Authority, Self::Hub))
    }

    /// The DNS name below which it issues. `None` if the hub is not on the map.
    pub fn domain(self, map: &Map) -> Option<String> {
        match self {
            Self::Authority => Some(authority::network_domain(map.network())),
            Self::Hub(room) => map.dns_name(room),
        }
    }

    /// The hubs whose issuing certificates stand below the root: this one first, the root hub last.
    fn hubs(self, map: &Map) -> Vec<RoomId> {
        match self {
            Self::Authority => Vec::new(),
            Self::Hub(room) => std::iter::once(room).chain(map.ancestors(room)).collect(),
        }
    }
}

/// A certificate by its issuer and number: what a revocation names.
pub type IssuedSerial = (Publisher, Serial);

/// The room at the other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRoom {
    /// The room.
    pub room: RoomId,
    /// Who issued its certificate.
    pub issuer: Publisher,
    /// The serial number of its certificate.
    pub serial: Serial,
    /// When its certificate ends, milliseconds since 1970 UTC.
    pub not_after_ms: i64,
    /// SHA-256 over its certificate.
    pub fingerprint: Digest,
    /// Every certificate of the path below the root, its own first. One of them revoked: the link is closed.
    pub path: Vec<IssuedSerial>,
}

/// The room that a *validated* chain belongs to; its own certificate first.
pub fn peer_room(map: &Map, chain: &[CertificateDer<'_>]) -> Result<PeerRoom, PeerError> {
    let (own, issuers) = chain.split_first().ok_or(PeerError::NoCertificate)?;
    let own = CertificateFacts::read(own)?;
    let name = own.dns_name.clone().ok_or(PeerError::NotOneName)?;
    let room: Option<RoomId> = name.split('.').next().and_then(|label| label.parse().ok());
    let on_map = |room: &RoomId| map.dns_name(*room).as_deref() == Some(name.as_str());
    let room = room.filter(on_map).ok_or_else(|| PeerError::NotOnMap { name: name.clone() })?;
    let issuer = Publisher::of(map, room).ok_or(PeerError::NotOnMap { name })?;
    if own.is_authority {
        return Err(PeerError::Authority);
    }
    if !own.is_for_handshakes {
        return Err(PeerError::KeyUsage);
    }
    let path = path_by_plan(map, issuer, &own, issuers)?;
    let (serial, not_after_ms, fingerprint) = (own.serial, own.not_after_ms, own.fingerprint);
    Ok(PeerRoom { room, issuer, serial, not_after_ms, fingerprint, path })
}

/// Checks that the issuing certificates are exactly those of the plan, nearest first, each issued by the
/// next, and gives every certificate of the path. All their subjects differ, so the validator had no other
/// path to take.
pub(crate) fn path_by_plan(
    map: &Map,
    issuer: Publisher,
    own: &CertificateFacts,
    issuers: &[CertificateDer<'_>],
) -> Result<Vec<IssuedSerial>, PeerError> {
    let hubs = issuer.hubs(map);
    if hubs.len() != issuers.len() {
        return Err(PeerError::OtherChain);
    }
    let mut path = vec![(issuer, own.serial.clone())];
    let mut below = own.clone();
    for (hub, certificate) in hubs.into_iter().zip(issuers) {
        let above = CertificateFacts::read(certificate)?;
        let of_hub = above.is_authority
            && above.common_name == hub.to_string()
            && above.permitted_dns == map.dns_name(hub)
            && below.issuer == above.subject
            && below.subject != above.subject;
        if !of_hub {
            return Err(PeerError::OtherIssuer { hub });
        }
        path.push((Publisher::of(map, hub).ok_or(PeerError::OtherChain)?, above.serial.clone()));
        below = above;
    }
    Ok(path)
}

/// Why a valid chain belongs to no room of the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// No certificate was shown.
    #[error("the peer showed no certificate: it must join first (yichuan join)")]
    NoCertificate,
    /// A certificate does not read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// More than one name, or none.
    #[error("the certificate does not carry exactly one DNS name: have its hub issue a new one")]
    NotOneName,
    /// No room of the plan has this name.
    #[error(
        "no room of the map has the DNS name {name}: compare the map versions, or have its hub issue a new certificate"
    )]
    NotOnMap {
        /// The name.
        name: String,
    },
    /// An issuing certificate used for a link.
    #[error("the certificate is an issuing certificate and not one for links")]
    Authority,
    /// A key for something else.
    #[error("the certificate's key is not for signatures in a handshake: have its hub issue a new one")]
    KeyUsage,
    /// Other issuers than the plan gives.
    #[error(
        "the chain is not that of the room's hubs on the map, in their order: have its parent issue a new one"
    )]
    OtherChain,
    /// An issuing certificate is not that hub's.
    #[error("an issuing certificate in the chain is not that of hub {hub}, where the map wants it")]
    OtherIssuer {
        /// The hub that the plan wants in this place.
        hub: RoomId,
    },
}
