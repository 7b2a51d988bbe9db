//! The log (RFC 6962 section 2.1): everything that a room has signed, stored or seen of its links, leaf after leaf,
//! under one Merkle root. Nothing is taken out and nothing put in between without another root.
//!
//! The engine holds the right edge only, as many hashes as the size has bits; the hashes of all leaves and of the
//! large subtrees are the store's. A leaf is the bytes of what it stands for, hashed with their domain.
//! *Against:* a receipt removed, changed, or signed with an earlier date; two histories of one room.

mod document;
mod edge;
mod line;
mod path;
mod range;

pub use self::{
    document::DocumentLeaf,
    edge::{Edge, Run, Subtree, join, root_of},
    line::{Line, LineError, VerifiedLine},
    path::{PathError, check_consistency, check_inclusion},
    range::{Range, consistency_ranges, inclusion_ranges},
};

use certs::signature::{Digest, digest_of_parts};

/// The hash of a leaf (RFC 6962 section 2.1): SHA-256 of a zero byte and the leaf.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    digest_of_parts(&[&[0], leaf])
}

/// The hash of a node over its two children: SHA-256 of a one byte and both.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    digest_of_parts(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The root of the log without a leaf: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    digest_of_parts(&[])
}

/// Subtrees of this level and above are kept by the store: 256 leaves each. What is smaller is hashed again when a proof
/// is wanted.
pub const KEPT_LEVEL_MIN: u8 = 8;

/// Paths are no longer than this: a log has fewer than 2^48 leaves.
pub const PATH_MAX: usize = 96;
