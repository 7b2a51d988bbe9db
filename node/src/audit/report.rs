//! What an audit found.

use serde::{Deserialize, Serialize};

/// Findings that are listed; the others are counted.
const LISTED_MAX: usize = 200;

/// The result of one audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The room.
    pub room: String,
    /// Leaves of its log.
    pub leaves: u64,
    /// The Merkle root over them.
    pub root: String,
    /// Receipts that it issued.
    pub own_receipts: u64,
    /// Receipts of others.
    pub foreign_receipts: u64,
    /// Starts of the node.
    pub epochs: u64,
    /// Children's checkpoints, outages, plans and sheets.
    pub objects: u64,
    /// Leaves whose bytes were given up after their time; the hashes stay.
    pub given_up: u64,
    /// Checkpoints of its own.
    pub checkpoints: u64,
    /// Leaves that the root hub has dated.
    pub dated_leaves: u64,
    /// When it dated them.
    pub dated_at_ms: Option<i64>,
    /// Ticks.
    pub ticks: u64,
    /// Envelopes.
    pub envelopes: u64,
    /// Bodies among them; the others only passed through or were given up.
    pub bodies: u64,
    /// Children whose head is held.
    pub children: u64,
    /// Children's logs that did not go on. Evidence about them, no fault of this node.
    pub history_breaks: Vec<Break>,
    /// What was found damaged before.
    pub quarantine: Vec<Damaged>,
    /// What fails, the first 200.
    pub findings: Vec<Finding>,
    /// How much fails.
    pub failed: u64,
}

/// One thing that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What, a code of the catalogue.
    pub code: String,
    /// Which leaf of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// Which envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// More about it.
    pub detail: String,
}

/// A child's log that did not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// Whose.
    pub room: String,
    /// Whether the child itself said that it lost what was before.
    pub declared: bool,
    /// When it was found.
    pub at_ms: i64,
}

/// A row of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damaged {
    /// Envelope or receipt.
    pub what: String,
    /// Of which envelope.
    pub id: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// When it was found.
    pub at_ms: i64,
}

impl Report {
    /// Notes something that fails.
    pub(super) fn fail(&mut self, finding: Finding) {
        self.failed += 1;
        if self.findings.len() < LISTED_MAX {
            self.findings.push(finding);
        }
    }
}

impl Finding {
    /// Something that fails, of no leaf and no envelope yet.
    pub(super) fn new(code: &str, detail: impl std::fmt::Display) -> Self {
        Self { code: code.to_owned(), leaf: None, id: None, detail: detail.to_string() }
    }

    pub(super) fn at(self, leaf: u64) -> Self {
        Self { leaf: Some(leaf), ..self }
    }

    pub(super) fn about(self, id: impl std::fmt::Display) -> Self {
        Self { id: Some(id.to_string()), ..self }
    }
}
