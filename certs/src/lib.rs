//! Who is really who: authorities and certificates, the keys of rooms and officers, signatures and seals.
//!
//! Bytes in, bytes out. Nothing here touches a disk, a network or a clock; time is an argument in
//! milliseconds since 1970 UTC. One cryptographic library (aws-lc-rs) does every primitive, and the standard
//! validator (rustls-webpki) decides about certificates.

pub mod authority;
mod bytes;
pub mod cbor;
pub mod certificate;
mod digest;
pub mod enrolment;
pub mod identity;
pub mod officer;
pub mod peer;
mod pem;
pub mod plan;
pub mod revocation;
pub mod seal;
pub mod sheet;
pub mod signature;
#[cfg(test)]
mod testing;
pub mod tls;

pub use bytes::HexError;
pub use digest::{Digest, KeyId, digest, digest_of_parts};
