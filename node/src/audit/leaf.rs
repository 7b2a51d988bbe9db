//! One leaf: who signed it, and whether the columns beside it say what it says.

use certs::{
    cbor,
    signature::{self, ContentType},
};
use relay::{
    checkpoint::VerifiedCheckpoint,
    duty::step::DutyStep,
    engine::EpochStart,
    log::{DocumentLeaf, Edge, VerifiedLine},
    receipt::VerifiedReceipt,
    step::LeafKind,
    tick::{TickRef, VerifiedTick},
};

use super::{Auditor, Finding};
use crate::{
    problem::Problem,
    store::sqlite::{Leaf, ReceiptLeaf},
};

/// The run of the node that the walk is in.
#[derive(Debug, Default)]
pub(super) struct Course {
    epoch: u64,
}

/// Ticks remembered as present.
const TICKS_SEEN_MAX: usize = 4096;

impl Auditor {
    pub(super) async fn check_leaf(
        &mut self,
        number: u64,
        leaf: Leaf,
        course: &mut Course,
        before: &Edge,
    ) -> Result<(), Problem> {
        match leaf {
            Leaf::Receipt(row) => self.check_receipt(number, &row, course).await?,
            Leaf::Epoch { counter, nonce, bytes } => {
                self.report.epochs += 1;
                if counter != course.epoch + 1 {
                    let missing = format!("{} .. {}", course.epoch + 1, counter.saturating_sub(1));
                    self.report.fail(Finding::new("epoch_missing", missing).at(number));
                }
                course.epoch = counter;
                if let Err(why) = self.check_epoch(number, counter, &nonce, &bytes, before) {
                    self.report.fail(Finding::new("epoch_invalid", why).at(number));
                }
            }
            Leaf::Object { kind, bytes } => {
                self.report.objects += 1;
                if let Err(why) = self.check_object(kind, &bytes) {
                    self.report.fail(Finding::new("object_invalid", why).at(number));
                }
            }
        }
        Ok(())
    }

    fn check_epoch(
        &self,
        number: u64,
        counter: u64,
        nonce: &[u8],
        bytes: &[u8],
        before: &Edge,
    ) -> Result<(), String> {
        let keys = self.trust.keys.archive();
        let verified = signature::verify(bytes, ContentType::EpochStart, &keys).map_err(text)?;
        let start: EpochStart =
            cbor::decode(&verified.payload, ContentType::EpochStart.size_bytes_max()).map_err(text)?;
        if verified.signer != self.me || start.room != self.me {
            return Err(format!("signed by {}", verified.signer));
        }
        if start.seq != number || start.epoch.counter != counter || start.epoch.nonce[..] != *nonce {
            return Err("it names another place or run".to_owned());
        }
        let previous = (number > 0).then(|| before.root());
        if start.previous == previous {
            Ok(())
        } else {
            Err("it continues another history than the leaves before it".to_owned())
        }
    }

    fn check_object(&self, kind: i64, bytes: &[u8]) -> Result<(), String> {
        let keys = self.trust.keys.archive();
        let kind = u8::try_from(kind).ok().and_then(LeafKind::from_number);
        match kind.ok_or("its kind is not known")? {
            LeafKind::Head => VerifiedCheckpoint::verify(bytes, &keys).map(drop).map_err(text),
            LeafKind::Line => VerifiedLine::verify(bytes, &keys).map(drop).map_err(text),
            LeafKind::Tick => VerifiedTick::verify(bytes, &self.trust.map, &keys).map(drop).map_err(text),
            LeafKind::Duty => DutyStep::decode(bytes).map(drop).map_err(text),
            LeafKind::Document => {
                let limit = ContentType::Line.size_bytes_max();
                cbor::decode::<DocumentLeaf>(bytes, limit).map(drop).map_err(text)
            }
        }
    }

    async fn check_receipt(
        &mut self,
        number: u64,
        row: &ReceiptLeaf,
        course: &Course,
    ) -> Result<(), Problem> {
        if row.own {
            self.report.own_receipts += 1;
        } else {
            self.report.foreign_receipts += 1;
        }
        match self.judge_receipt(number, row, course) {
            Ok(cited) => {
                // What others cite may never have come here; what was cited here was here.
                let cited = cited.filter(|_| row.own);
                if let Some(cited) = cited
                    && !self.knows_tick(cited).await?
                {
                    let finding = Finding::new("tick_missing", cited.at.as_ms());
                    self.report.fail(finding.at(number).about(row.key.id));
                }
            }
            Err(why) => {
                self.report.fail(Finding::new("receipt_invalid", why).at(number).about(row.key.id));
            }
        }
        Ok(())
    }

    fn judge_receipt(
        &self,
        number: u64,
        row: &ReceiptLeaf,
        course: &Course,
    ) -> Result<Option<TickRef>, String> {
        let verified = VerifiedReceipt::verify(&row.bytes, &self.trust.keys.archive()).map_err(text)?;
        let receipt = verified.receipt();
        let same = receipt.key() == row.key
            && i64::from(receipt.event.number()) == row.event
            && receipt.recipient == row.recipient
            && receipt.issuer == row.issuer
            && receipt.epoch.counter == row.epoch
            && receipt.seq == row.seq
            && receipt.at == row.at
            && row.own == (receipt.issuer == self.me);
        if !same || !row.is_sound {
            return Err("the columns beside it say something else".to_owned());
        }
        if row.own && receipt.seq != number {
            return Err(format!("it was signed as leaf {}", receipt.seq));
        }
        if row.own && receipt.epoch.counter != course.epoch {
            return Err(format!("it was signed in epoch {}, not {}", receipt.epoch.counter, course.epoch));
        }
        Ok(receipt.tick)
    }

    async fn knows_tick(&mut self, name: TickRef) -> Result<bool, Problem> {
        if self.ticks_seen.contains(&name) {
            return Ok(true);
        }
        let is_here = self.ledger.has_tick(name.at, &name.digest).await?;
        if is_here {
            self.ticks_seen.insert(name);
            if self.ticks_seen.len() > TICKS_SEEN_MAX {
                self.ticks_seen.pop_first();
            }
        }
        Ok(is_here)
    }

    /// One issuer, one run, one number: two receipts under it are two histories, or one that was stored twice.
    pub(super) async fn check_numbers(&mut self) -> Result<(), Problem> {
        for (issuer, seq, leaves) in self.ledger.numbers_taken_twice().await? {
            let mut runs = Vec::new();
            for leaf in &leaves {
                let bytes = self.ledger.receipt_bytes(*leaf).await?;
                let receipt = VerifiedReceipt::verify(&bytes, &self.trust.keys.archive());
                runs.extend(receipt.ok().map(|receipt| receipt.receipt().epoch));
            }
            let count = runs.len();
            runs.sort_by_key(|epoch| epoch.nonce);
            runs.dedup();
            if let (true, Some(leaf)) = (runs.len() < count, leaves.last()) {
                let which = format!("{issuer} {seq}");
                self.report.fail(Finding::new("receipt_twice", which).at(*leaf));
            }
        }
        Ok(())
    }
}

/// An error as a detail.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
