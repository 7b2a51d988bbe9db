//! Leaves of the exporter's log: receipts and line records.
//! *Against:* an object that the log does not hold, a date of another head, a receipt that its issuer may not give.

use topology::{Map, RoomId};

use super::{
    super::{
        Leaf, Timed,
        account::{EventAccount, LineAccount},
        group::split_path,
        invalid::Fault,
    },
    group::Ground,
};
use crate::{
    envelope::VerifiedHeader,
    log::{VerifiedLine, check_inclusion, leaf_hash},
    message::Kind,
    receipt::{Event, Receipt, VerifiedReceipt},
    timestamp::Timestamp,
};

impl Ground<'_> {
    /// When the root hub had the leaf under a head of the exporter; absent for a leaf that no dated head covers.
    pub(super) fn dated(&self, leaf: &Leaf) -> Result<Option<Timestamp>, Fault> {
        let fault = |why: &dyn std::fmt::Display| Fault::Leaf { leaf: leaf.leaf, why: why.to_string() };
        let Some(index) = leaf.head else {
            return if leaf.path.is_empty() { Ok(None) } else { Err(fault(&"a path without a head")) };
        };
        let head = usize::try_from(index).ok().and_then(|index| self.heads.get(index));
        let head = head.ok_or_else(|| fault(&"there is no such head"))?;
        let path = split_path(&leaf.path).ok_or_else(|| fault(&"the path is cut"))?;
        check_inclusion(leaf_hash(&leaf.bytes), leaf.leaf, head.head.size, &path, &head.head.root)
            .map_err(|error| fault(&error))?;
        Ok(Some(head.at))
    }

    /// A line record.
    pub(super) fn line(&self, leaf: &Leaf) -> Result<LineAccount, Fault> {
        let line = VerifiedLine::verify(&leaf.bytes, &self.keys)
            .map_err(|error| Fault::Object(error.to_string()))?;
        let dated = self.dated(leaf)?;
        let earliest = self.cited(line.line().up_tick)?;
        let down_after = self.cited(line.line().down_tick)?;
        self.keys.check(earliest, dated)?;
        Ok(LineAccount { line: line.line().clone(), down_after, up_after: earliest, dated })
    }

    /// A receipt about this envelope.
    pub(super) fn receipt(
        &self,
        leaf: &Leaf,
        (envelope, kind): (&VerifiedHeader, Kind),
        header_tick: Option<Timestamp>,
        exporter: Option<RoomId>,
    ) -> Result<EventAccount, Fault> {
        let verified = VerifiedReceipt::verify(&leaf.bytes, &self.keys)
            .map_err(|error| Fault::Object(error.to_string()))?;
        let receipt = verified.receipt().clone();
        let map = self.maps.map_of(envelope.route.map_version);
        check_policy(map, &receipt, envelope)?;
        if exporter == Some(receipt.issuer) && receipt.seq != leaf.leaf {
            return Err(Fault::Leaf { leaf: leaf.leaf, why: "its issuer numbered it otherwise".to_owned() });
        }
        let dated = self.dated(leaf)?;
        let earliest = self.cited(receipt.tick)?.max(header_tick);
        self.keys.check(earliest, dated)?;
        let timed = Timed::of_receipt(&receipt, kind, earliest, dated, map);
        let officer = receipt
            .officer
            .as_ref()
            .and_then(|act| certs::officer::verify_act(act, &self.keys).ok().map(|act| (act.name, act.role)));
        self.keys.take();
        Ok(EventAccount { receipt, timed, officer, leaf: leaf.leaf })
    }
}

/// Who may say what: the origin that it accepted it and what it never handed on, the recipient about itself, a hub if it
/// stands on a way from the origin to the recipient, by the plan that the origin had.
fn check_policy(map: &Map, receipt: &Receipt, envelope: &VerifiedHeader) -> Result<(), Fault> {
    let (route, issuer, to) = (&envelope.route, receipt.issuer, receipt.recipient);
    let is_same_bytes = receipt.envelope_digest == envelope.digest || receipt.event == Event::Collision;
    if receipt.key() != envelope.key() || !is_same_bytes {
        return Err(Fault::Policy("it is about another envelope"));
    }
    if !envelope.header.to.iter().any(|address| address.room == to) {
        return Err(Fault::Policy("it is about a room that is no recipient"));
    }
    let is_hub =
        issuer != route.origin && (map.contains(issuer, to) || map.carries_for(issuer, route.origin));
    let may = match receipt.event {
        Event::Accepted => issuer == route.origin,
        Event::Custody => is_hub && issuer != to,
        Event::Handed => (is_hub || issuer == route.origin) && issuer != to,
        Event::Refused | Event::Failed | Event::Expired | Event::Collision | Event::Unconfirmed => {
            issuer == route.origin || issuer == to || is_hub
        }
        Event::Delivered
        | Event::Alerted
        | Event::Acknowledged
        | Event::Opened
        | Event::Disposed
        | Event::Returned
        | Event::Lost => issuer == to,
    };
    if may { Ok(()) } else { Err(Fault::Policy("its issuer has no say about this event")) }
}
