//! A stretch of the log: the hashes of its leaves lead from the root of the one head to the root of the other, and every leaf
//! is what it is counted as.
//! *Against:* a leaf left out or exchanged; a receipt that is passed off as something else.

use certs::{
    cbor,
    signature::{ContentType, peek_payload_unverified},
};
use topology::RoomId;

use super::{
    super::{
        VerifyError,
        group::split_path,
        invalid::Fault,
        names,
        span::{Foreign, OwnReceipt, Span, SpanAccount},
    },
    group::{Dated, Ground, Groups},
    invalid,
};
use crate::{
    checkpoint::VerifiedCheckpoint,
    log::Edge,
    receipt::{Receipt, VerifiedReceipt},
};

impl Groups<'_, '_> {
    /// The entry `log/span.cbor`, from its bytes.
    pub(super) fn span(&mut self, bytes: &[u8]) -> Result<SpanAccount, VerifyError> {
        let fault = |object: &str, fault| invalid(names::SPAN, object, fault);
        let span = Span::decode(bytes).map_err(|error| fault("", Fault::Object(error.to_string())))?;
        let ground = self.ground(names::SPAN, &span.ticks, [&span.first, &span.last])?;
        let [_, first, last] = ground.heads.as_slice() else {
            return Err(fault("", Fault::Policy("it has two heads")).into());
        };
        let (first, last) = (*first, *last);
        chain(&span, first, last).map_err(|reason| fault("", reason))?;
        let tick = ground.cited(last.tick).map_err(|reason| fault("head 2", reason))?;
        let mut account = SpanAccount {
            first_leaf: first.head.size,
            end: last.head.size,
            from: first.at,
            to: tick,
            dated: last.at,
            own: Vec::new(),
            foreign: Vec::new(),
            starts: 0,
            others: 0,
        };
        let room = self.exporter.ok_or_else(|| fault("", Fault::Policy("nobody's log")))?;
        for (number, leaf) in (first.head.size..).zip(&span.leaves) {
            let counted = ground.count(&mut account, room, (number, leaf), last);
            counted.map_err(|reason| fault(&format!("leaf {number}"), reason))?;
        }
        Ok(account)
    }
}

/// Whether these leaves, and no others, lead from the one head to the other.
fn chain(span: &Span, first: Dated, last: Dated) -> Result<(), Fault> {
    let other = |why: &str| Fault::Leaf { leaf: first.head.size, why: why.to_owned() };
    let subtrees = split_path(&span.edge).ok_or_else(|| other("the edge is cut"))?;
    let edge = Edge::resume(first.head.size, subtrees);
    let mut edge = edge.ok_or_else(|| other("the edge has not the length that a log of this size has"))?;
    if edge.root() != first.head.root {
        return Err(other("the edge is of another log"));
    }
    span.leaves.iter().for_each(|leaf| {
        edge.append(leaf);
    });
    if (edge.size(), edge.root()) == (last.head.size, last.head.root) {
        Ok(())
    } else {
        Err(other("the leaves do not lead from the one head to the other"))
    }
}

impl Ground<'_> {
    /// Says what a leaf is. A receipt of the exporter must hold in everything.
    fn count(
        &self,
        account: &mut SpanAccount,
        exporter: RoomId,
        (number, leaf): (u64, &[u8]),
        last: Dated,
    ) -> Result<(), Fault> {
        let object = |error: &dyn std::fmt::Display| Fault::Object(error.to_string());
        if let Ok(payload) = peek_payload_unverified(leaf, ContentType::Receipt) {
            let limit = ContentType::Receipt.size_bytes_max();
            let claimed: Receipt = cbor::decode(&payload, limit).map_err(|error| object(&error))?;
            let verified = VerifiedReceipt::verify(leaf, &self.keys).map_err(|error| object(&error));
            let cited = self.cited(claimed.tick);
            let counts = verified.and(cited.clone()).and_then(|after| self.keys.check(after, Some(last.at)));
            self.keys.take();
            if claimed.issuer != exporter {
                account.add(Foreign::Receipt, claimed.issuer, counts.is_ok());
                return Ok(());
            }
            counts?;
            if claimed.seq != number {
                return Err(Fault::Leaf { leaf: number, why: "its issuer numbered it otherwise".to_owned() });
            }
            account.own.push(OwnReceipt::new(number, &claimed, cited?));
        } else if peek_payload_unverified(leaf, ContentType::EpochStart).is_ok() {
            account.starts += 1;
        } else if let Ok(head) = VerifiedCheckpoint::verify(leaf, &self.keys) {
            let counts = self.keys.check(None, Some(last.at));
            account.add(Foreign::Head, head.checkpoint().room, counts.is_ok());
        } else {
            account.others += 1;
        }
        Ok(())
    }
}

impl SpanAccount {
    /// What another room signed counts as its own where the file holds its key, else as any leaf.
    fn add(&mut self, what: Foreign, room: RoomId, counts: bool) {
        if counts {
            self.foreign.push((what, room));
        } else {
            self.others += 1;
        }
    }
}
