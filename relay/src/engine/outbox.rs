//! Receipts on their way back: stored in a numbered outbox per neighbour, sent in order, and sent again from the
//! last number that the neighbour confirmed as stored.

use std::sync::Arc;

use topology::RoomId;

use super::Engine;
use crate::{
    limits::{OUTBOX_WINDOW, RECEIPTS_PER_FRAME},
    receipt::VerifiedReceipt,
    step::{Fetch, Send, Step, StoredReceipt, Write},
};

/// The receipts for one neighbour. Numbers begin at 1.
#[derive(Debug)]
pub(super) struct Outbox {
    next: u64,
    sent: u64,
    stored: u64,
    /// The next number at the time when more was asked for; none when nothing is being read.
    fetching: Option<u64>,
    /// Readings that were asked for before the link was made again: what they bring was sent or will be.
    outdated: u32,
}

impl Outbox {
    pub(super) fn resume(next: u64, stored: u64) -> Self {
        Self { next, sent: stored, stored, fetching: None, outdated: 0 }
    }

    fn begin_again(&mut self) {
        self.outdated += u32::from(self.fetching.take().is_some());
        self.sent = self.stored;
    }

    fn has_backlog(&self) -> bool {
        self.sent.saturating_add(1) < self.next
    }

    fn window(&self) -> u64 {
        OUTBOX_WINDOW.saturating_sub(self.sent.saturating_sub(self.stored))
    }

    /// Takes a reading: the receipts that follow each other, from the first that is there on. What is missing before
    /// it cannot be sent any more and must not hold up the rest; its envelope's resend brings the answer.
    fn advance(&mut self, asked: u64, rows: Vec<(u64, Arc<[u8]>)>) -> Option<(u64, Vec<Arc<[u8]>>)> {
        let Some((first, _)) = rows.first() else {
            self.sent = self.sent.max(asked.saturating_sub(1));
            return None;
        };
        let first = *first;
        if first <= self.sent {
            return None;
        }
        let run: Vec<Arc<[u8]>> =
            (first..).zip(rows).take_while(|(number, row)| *number == row.0).map(|(_, row)| row.1).collect();
        self.sent = first.saturating_add(run.len() as u64).saturating_sub(1);
        Some((first, run))
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::resume(1, 0)
    }
}

impl Engine {
    /// Stores a receipt as the next leaf of our log, its own or a foreign one; towards the origin it gets a number in
    /// the outbox, and goes at once when nothing waits before it.
    pub(super) fn keep(
        &mut self,
        receipt: VerifiedReceipt,
        own: bool,
        towards: Option<RoomId>,
        step: &mut Step,
    ) {
        let mut place = None;
        if own {
            self.cite(receipt.receipt().tick, None, step);
        }
        if let Some(neighbour) = towards {
            let up = self.is_up(neighbour);
            let outbox = self.outboxes.entry(neighbour).or_default();
            let number = outbox.next;
            let direct = up && outbox.fetching.is_none() && !outbox.has_backlog() && outbox.window() > 0;
            outbox.next = number.saturating_add(1);
            place = Some((neighbour, number));
            if direct {
                outbox.sent = number;
                let receipts = vec![receipt.bytes().clone()];
                step.sends.push(Send::Receipts { to: neighbour, first: number, receipts });
            }
        }
        let leaf = self.log.append(receipt.bytes());
        step.writes.push(Write::Receipt(StoredReceipt { receipt, own, leaf, outbox: place }));
    }

    /// A link is up: what was not confirmed is sent again.
    pub(super) fn outbox_resume(&mut self, neighbour: RoomId, step: &mut Step) {
        if let Some(outbox) = self.outboxes.get_mut(&neighbour) {
            outbox.begin_again();
        }
        self.outbox_refill(neighbour, step);
    }

    pub(super) fn receipts_stored(&mut self, from: RoomId, upto: u64, step: &mut Step) {
        let Some(outbox) = self.outboxes.get_mut(&from) else { return };
        let upto = upto.min(outbox.sent);
        if upto > outbox.stored {
            outbox.stored = upto;
            step.writes.push(Write::OutboxStored { neighbour: from, upto });
        }
        self.outbox_refill(from, step);
    }

    fn outbox_refill(&mut self, neighbour: RoomId, step: &mut Step) {
        if !self.is_up(neighbour) {
            return;
        }
        let Some(outbox) = self.outboxes.get_mut(&neighbour) else { return };
        if outbox.has_backlog() && outbox.fetching.is_none() && outbox.window() > 0 {
            outbox.fetching = Some(outbox.next);
            let count = RECEIPTS_PER_FRAME.min(usize::try_from(outbox.window()).unwrap_or(usize::MAX));
            step.fetches.push(Fetch::Outbox { neighbour, from: outbox.sent + 1, count });
        }
    }

    pub(super) fn outbox_rows(
        &mut self,
        neighbour: RoomId,
        receipts: Vec<(u64, Arc<[u8]>)>,
        step: &mut Step,
    ) {
        let up = self.is_up(neighbour);
        let Some(outbox) = self.outboxes.get_mut(&neighbour) else { return };
        if outbox.outdated > 0 {
            outbox.outdated -= 1;
            return;
        }
        let Some(asked) = outbox.fetching.take().filter(|_| up) else { return };
        if let Some((first, receipts)) = outbox.advance(asked, receipts) {
            step.sends.push(Send::Receipts { to: neighbour, first, receipts });
        }
        self.outbox_refill(neighbour, step);
    }
}
