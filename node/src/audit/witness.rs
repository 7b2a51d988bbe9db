//! What dates the log: our checkpoints with their proofs, the heads of children, the root hub's ticks.

use relay::{
    checkpoint::{Anchor, Head, VerifiedCheckpoint},
    tick::VerifiedTick,
};

use super::{Auditor, Break, Damaged, Finding};
use crate::{
    problem::Problem,
    store::sqlite::{CheckpointRow, HeadRow, TickRow},
};

impl Auditor {
    /// The head that a checkpoint of ours signs, if it does.
    pub(super) fn check_checkpoint(&mut self, row: &CheckpointRow) -> Option<Head> {
        let verified = match VerifiedCheckpoint::verify(&row.bytes, &self.trust.keys.archive()) {
            Ok(verified) => verified,
            Err(error) => {
                self.report.fail(Finding::new("checkpoint_invalid", error).at(row.size));
                return None;
            }
        };
        let head = verified.checkpoint().head();
        if verified.checkpoint().room != self.me || head.size != row.size {
            let room = verified.checkpoint().room;
            let which = format!("{room}, {} leaves", head.size);
            self.report.fail(Finding::new("checkpoint_invalid", which).at(row.size));
            return None;
        }
        if let Err(why) = self.check_anchor(row, &verified) {
            self.report.fail(Finding::new("anchor_invalid", why).at(row.size));
        }
        Some(head)
    }

    fn check_anchor(&self, row: &CheckpointRow, verified: &VerifiedCheckpoint) -> Result<(), String> {
        let (Some(at), Some(anchor)) = (row.dated_at, &row.anchor) else {
            return if row.dated_at.is_none() && row.anchor.is_none() {
                Ok(())
            } else {
                Err("a date without its proof, or a proof without its date".to_owned())
            };
        };
        let anchor = Anchor::decode(anchor).map_err(|error| error.to_string())?;
        let proven = anchor.check(verified, &self.trust.map, &self.trust.keys.archive());
        match proven.map_err(|error| error.to_string())? {
            proven if proven == at => Ok(()),
            proven => Err(format!("the proof says {}, the row {}", proven.as_ms(), at.as_ms())),
        }
    }

    pub(super) async fn check_heads(&mut self) -> Result<(), Problem> {
        for row in self.ledger.heads().await? {
            self.report.children += 1;
            if let Err(why) = self.check_head(&row) {
                self.report.fail(Finding::new("head_invalid", format!("{}: {why}", row.room)).at(row.leaf));
            }
        }
        Ok(())
    }

    fn check_head(&self, row: &HeadRow) -> Result<(), String> {
        let verified = VerifiedCheckpoint::verify(&row.bytes, &self.trust.keys.archive());
        let verified = verified.map_err(|error| error.to_string())?;
        let checkpoint = verified.checkpoint();
        if checkpoint.room != row.room || checkpoint.size != row.size || Some(checkpoint.root) != row.root {
            return Err("the columns beside it say something else".to_owned());
        }
        if row.at_leaf.as_deref() == Some(&row.bytes) {
            Ok(())
        } else {
            Err("it is not the leaf that it is said to be".to_owned())
        }
    }

    pub(super) async fn check_ticks(&mut self) -> Result<(), Problem> {
        let mut last: Option<TickRow> = None;
        loop {
            let ticks = self.ledger.ticks(last.as_ref()).await?;
            self.report.ticks += ticks.len() as u64;
            for tick in &ticks {
                if let Err(why) = self.check_tick(tick) {
                    let finding = format!("{}: {why}", tick.at.as_ms());
                    self.report.fail(Finding::new("tick_invalid", finding));
                }
            }
            match ticks.into_iter().next_back() {
                Some(tick) => last = Some(tick),
                None => return Ok(()),
            }
        }
    }

    fn check_tick(&self, row: &TickRow) -> Result<(), String> {
        let verified = VerifiedTick::verify(&row.bytes, &self.trust.map, &self.trust.keys.archive());
        let name = verified.map_err(|error| error.to_string())?.name();
        if name.at == row.at && name.digest.as_bytes()[..] == row.digest[..] {
            Ok(())
        } else {
            Err("the columns beside it say something else".to_owned())
        }
    }

    /// Breaks of children's logs are evidence about them; what lies in quarantine was said when it was found.
    pub(super) async fn list_known_damage(&mut self) -> Result<(), Problem> {
        let breaks = self.ledger.history_breaks().await?;
        self.report.history_breaks = breaks
            .into_iter()
            .map(|(room, declared, at)| Break { room: room.to_string(), declared, at_ms: at.as_ms() })
            .collect();
        let quarantine = self.ledger.quarantine().await?;
        self.report.quarantine = quarantine
            .into_iter()
            .map(|line| Damaged {
                what: line.what,
                id: line.key.map(|key| key.id.to_string()),
                reason: line.reason,
                at_ms: line.at.as_ms(),
            })
            .collect();
        Ok(())
    }
}
