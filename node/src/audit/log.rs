//! The log from its first leaf to its last: every leaf has its bytes and they hash to it, the subtrees that are kept are
//! those that the leaves give, and every checkpoint signs the root over the leaves before it.

use certs::signature::Digest;
use relay::{
    log::{Edge, empty_root, leaf_hash},
    timestamp::Timestamp,
};

use super::{Auditor, Finding, leaf::Course};
use crate::{
    problem::Problem,
    store::sqlite::{CheckpointRow, Leaf, LedgerPage},
};

/// Leaves read at a time: at most 4 MiB of receipts.
const PAGE: u64 = 1024;

/// Where the walk stands.
#[derive(Default)]
pub(super) struct Walk {
    edge: Edge,
    course: Course,
    /// Leaves without bytes that no dated checkpoint covers yet.
    without_bytes: Vec<u64>,
    is_root_broken: bool,
}

impl Auditor {
    pub(super) async fn walk_log(&mut self) -> Result<(), Problem> {
        let size = self.ledger.size().await?;
        let mut walk = Walk::default();
        while walk.edge.size() < size {
            let first = walk.edge.size();
            let page = self.ledger.page(first, PAGE.min(size - first)).await?;
            self.walk_page(page, PAGE.min(size - first), &mut walk).await?;
            self.check_subtrees(&mut walk).await?;
        }
        self.settle_missing(&mut walk, None);
        let beyond = self.ledger.beyond(size).await?;
        if beyond > 0 {
            self.report.fail(Finding::new("leaf_beyond", beyond).at(size));
        }
        self.report.leaves = size;
        self.report.root = walk.edge.root().to_string();
        Ok(())
    }

    async fn walk_page(&mut self, mut page: LedgerPage, count: u64, walk: &mut Walk) -> Result<(), Problem> {
        let mut checkpoints = std::mem::take(&mut page.checkpoints).into_iter().peekable();
        for _ in 0..count {
            let number = walk.edge.size();
            let leaves = page.leaves.remove(&number).unwrap_or_default();
            let stored = page.hashes.remove(&number);
            let hash = self.check_hash(number, &leaves, stored, walk);
            for leaf in leaves {
                self.check_leaf(number, leaf, &mut walk.course, &walk.edge).await?;
            }
            walk.edge.append_hash(hash);
            while checkpoints.peek().is_some_and(|row| row.size <= walk.edge.size()) {
                if let Some(row) = checkpoints.next() {
                    self.checkpoint_of_walk(&row, walk);
                }
            }
        }
        Ok(())
    }

    /// The hash to go on with: the one that is kept, as the heads that were signed are over it.
    fn check_hash(
        &mut self,
        number: u64,
        leaves: &[Leaf],
        stored: Option<Digest>,
        walk: &mut Walk,
    ) -> Digest {
        let computed = leaves.first().map(|leaf| leaf_hash(leaf.bytes()));
        if leaves.len() > 1 {
            self.report.fail(Finding::new("leaf_twice", leaves.len()).at(number));
        }
        match (computed, stored) {
            (Some(computed), Some(stored)) => {
                if computed != stored {
                    let id = leaves.first().and_then(envelope_of);
                    let finding = Finding::new("leaf_changed", kind(leaves)).at(number);
                    self.report.fail(Finding { id, ..finding });
                }
                stored
            }
            (None, Some(stored)) => {
                walk.without_bytes.push(number);
                stored
            }
            (computed, None) => {
                self.report.fail(Finding::new("hash_missing", kind(leaves)).at(number));
                computed.unwrap_or_else(empty_root)
            }
        }
    }

    async fn check_subtrees(&mut self, walk: &mut Walk) -> Result<(), Problem> {
        for subtree in walk.edge.take_run().into_iter().flat_map(|run| run.subtrees) {
            let kept = self.ledger.subtree(&subtree).await?;
            if kept != Some(subtree.hash) {
                let place = format!("{}/{}", subtree.level, subtree.position);
                self.report
                    .fail(Finding::new("subtree_changed", place).at(subtree.position << subtree.level));
            }
        }
        Ok(())
    }

    fn checkpoint_of_walk(&mut self, row: &CheckpointRow, walk: &mut Walk) {
        self.report.checkpoints += 1;
        let head = self.check_checkpoint(row);
        let beside = row.root.filter(|root| Some(*root) != head.map(|head| head.root));
        if let Some(head) = head
            && (head.root != walk.edge.root() || beside.is_some())
            && !walk.is_root_broken
        {
            // All later ones differ for the same reason.
            walk.is_root_broken = true;
            self.report.fail(Finding::new("root_changed", head.root).at(row.size));
        }
        if let Some(at) = row.dated_at {
            self.settle_missing(walk, Some(at));
            self.report.dated_leaves = row.size;
            self.report.dated_at_ms = Some(at.as_ms());
        }
    }

    /// Leaves without bytes are gone for a reason when they were dated before the evidence time; else they were taken out.
    fn settle_missing(&mut self, walk: &mut Walk, dated_at: Option<Timestamp>) {
        for number in std::mem::take(&mut walk.without_bytes) {
            if dated_at.is_some_and(|at| at < self.evidence_from) {
                self.report.given_up += 1;
            } else {
                self.report.fail(Finding::new("leaf_missing", number).at(number));
            }
        }
    }
}

fn kind(leaves: &[Leaf]) -> &'static str {
    match leaves.first() {
        Some(Leaf::Receipt(_)) => "receipt",
        Some(Leaf::Epoch { .. }) => "epoch",
        Some(Leaf::Object { .. }) => "log_object",
        None => "-",
    }
}

fn envelope_of(leaf: &Leaf) -> Option<String> {
    match leaf {
        Leaf::Receipt(receipt) => Some(receipt.key.id.to_string()),
        Leaf::Epoch { .. } | Leaf::Object { .. } => None,
    }
}
