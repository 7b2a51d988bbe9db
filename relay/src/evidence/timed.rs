//! When something happened, by two grades. *Proven*: by the root hub's time alone, after the tick that it cites and before
//! the date of the head that covers it. *Attested*: what the issuer says, corrected by its clock as measured against its
//! parent's, within what is proven. Nobody's own clock alone ever counts.

use topology::{Map, RoomId};

use crate::{
    duty::Interval,
    receipt::{ClockOffset, Receipt},
    timestamp::Timestamp,
};

/// One moment, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timed {
    /// By the root hub's time.
    pub proven: Interval,
    /// By the clock of this room, which measured the issuer's; within what is proven.
    pub attested: Option<(RoomId, Interval)>,
    /// What the issuer's corrected clock says lies outside of what is proven: it is not believed.
    pub is_contradicted: bool,
}

impl Timed {
    /// The interval that works: attested where there is one.
    pub fn working(&self) -> &Interval {
        self.attested.as_ref().map_or(&self.proven, |(_, interval)| interval)
    }

    /// From what a receipt says, the earliest that is proven and the date of the head over it.
    pub fn of_receipt(
        receipt: &Receipt,
        earliest: Option<Timestamp>,
        latest: Option<Timestamp>,
        map: &Map,
    ) -> Self {
        let is_ordered = earliest.zip(latest).is_none_or(|(earliest, latest)| earliest <= latest);
        let proven = Interval { earliest, latest: latest.filter(|_| is_ordered), missing: None };
        let missing = match (proven.earliest, proven.latest) {
            (Some(_), Some(_)) => None,
            (None, _) => Some(format!("tick cited by {}", receipt.issuer)),
            (Some(_), None) => Some("dated head of the exporter's log".to_owned()),
        };
        let proven = Interval { missing, ..proven };
        let Some((by, said)) = said(receipt, map) else {
            return Self { proven, attested: None, is_contradicted: !is_ordered };
        };
        let within = Interval {
            earliest: said.earliest.max(proven.earliest),
            latest: [said.latest, proven.latest].into_iter().flatten().min(),
            missing: None,
        };
        let fits = within.earliest <= within.latest;
        Self { proven, attested: fits.then_some((by, within)), is_contradicted: !fits || !is_ordered }
    }
}

/// The issuer's own time as its parent's clock has it. The root hub's clock is the network's.
fn said(receipt: &Receipt, map: &Map) -> Option<(RoomId, Interval)> {
    if receipt.issuer == map.root() {
        return Some((receipt.issuer, Interval::point(receipt.at)));
    }
    let ClockOffset { offset_lo, offset_hi } = receipt.clock?;
    let shifted = |by: i64| Timestamp::from_ms(receipt.at.as_ms().saturating_add(by));
    let parent = map.parent(receipt.issuer)?;
    (offset_lo <= offset_hi).then(|| (parent, Interval::between(shifted(offset_lo), shifted(offset_hi))))
}
