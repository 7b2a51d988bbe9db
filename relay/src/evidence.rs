//! The evidence file (证据文件): what one room can prove about a message or a case, in one file that anybody can check with
//! the network's root certificate and nothing else.
//!
//! An exporter needs no other room: every receipt that it ever stored is a leaf of its own log, the root hub has dated
//! the heads of that log, and the ticks that were cited are kept. [`write`] makes the file from these, [`verify`] is a
//! pure function of the file and the trust anchor, the same in the node, in the console and off-line.
//! *Against:* a byte changed anywhere, evidence left out or put in, a signature by a key that did not count at the time,
//! a time that only its own room vouches for.

pub mod account;
mod case_group;
pub mod container;
pub mod group;
pub mod invalid;
pub mod judge;
pub mod manifest;
pub mod span;
pub mod timed;
mod verify;
mod write;

pub use self::{
    account::{EventAccount, Listener, MessageAccount, Rules},
    group::{DatedHead, Group, KeptMessage, Leaf},
    invalid::{Invalid, VerifyError},
    judge::{Account, Judge, RuleVerdict},
    manifest::{Manifest, Subject},
    span::{Silence, Span, SpanAccount},
    timed::Timed,
    verify::{Conclusion, verify},
    write::{Documents, FileWriter, Heading},
};

/// Names of the entries, in the order in which they stand. `NNNN` counts from 0001.
///
/// ```text
/// README.txt  map/plan.cose  map/plans/NNNN.cose  map/sheets/NNNN.cose  rules/NNNN.cose
/// calendars/NNNN.cose  log/as-of.cbor  log/span.cbor  evidence/NNNN.cbor  manifest.cose
/// ```
pub mod names {
    /// For the human reader.
    pub const README: &str = "README.txt";
    /// The signed plan.
    pub const PLAN: &str = "map/plan.cose";
    /// The checkpoint up to which everything is there.
    pub const AS_OF: &str = "log/as-of.cbor";
    /// A stretch of the log with all its leaves.
    pub const SPAN: &str = "log/span.cbor";
    /// The signed list of all other entries.
    pub const MANIFEST: &str = "manifest.cose";

    /// A numbered entry, from 1.
    pub fn numbered(folder: &str, number: usize, ending: &str) -> String {
        format!("{folder}/{number:04}.{ending}")
    }
}

/// The version of manifest and groups.
pub const EVIDENCE_VERSION: u16 = 2;
/// What the file says to whoever opens it without this program.
pub const README: &str = include_str!("../data/evidence_readme.txt");
