//! When something happened, by two grades. *Proven*: by the root hub's time alone, after the tick that it cites and before
//! the date of the head that covers it. *Attested*: what the issuer says, corrected by its clock as measured against its
//! parent's, within what is proven. Nobody's own clock alone ever counts: the offset is the issuer's own word, so where the
//! receipt of a request starts the clock of the room that signs it, its earliest is the proven one.
//! *Against:* a room that puts its clock forward, or lies about its offset, so that its time starts later.

use topology::{Map, RoomId};

use crate::{
    duty::Interval,
    message::Kind,
    receipt::{ClockOffset, Receipt},
    timestamp::Timestamp,
};

/// The witness that an event without a latest time lacks, as [`Interval::missing`] names it.
pub const MISSING_HEAD: &str = "dated head of the exporter's log";
/// The witness that an event without an earliest time lacks; the room that cites it follows.
pub const MISSING_TICK: &str = "tick cited by ";

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

    /// From what a receipt about a message of this kind says, the earliest that is proven and the date of the head over it.
    pub fn of_receipt(
        receipt: &Receipt,
        kind: Kind,
        earliest: Option<Timestamp>,
        latest: Option<Timestamp>,
        map: &Map,
    ) -> Self {
        let is_ordered = earliest.zip(latest).is_none_or(|(earliest, latest)| earliest <= latest);
        let proven = Interval { earliest, latest: latest.filter(|_| is_ordered), missing: None };
        let missing = match (proven.earliest, proven.latest) {
            (Some(_), Some(_)) => None,
            (None, _) => Some(format!("{MISSING_TICK}{}", receipt.issuer)),
            (Some(_), None) => Some(MISSING_HEAD.to_owned()),
        };
        let proven = Interval { missing, ..proven };
        let Some((by, said)) = said(receipt, map) else {
            return Self { proven, attested: None, is_contradicted: !is_ordered };
        };
        let starts_own_clock = kind.wants_answer() && receipt.issuer == receipt.recipient;
        let own = said.earliest.filter(|_| !starts_own_clock);
        let within = Interval {
            earliest: own.max(proven.earliest),
            latest: [said.latest, proven.latest].into_iter().flatten().min(),
            missing: None,
        };
        let fits = said.earliest.max(proven.earliest) <= within.latest;
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

#[cfg(test)]
mod tests {
    use certs::signature::{Digest, Suite};
    use serde_bytes::ByteArray;
    use topology::{Dated, Level, Name, Plan, Room};

    use super::*;
    use crate::{
        envelope_id::{EnvelopeId, Epoch},
        receipt::Event,
    };

    const CITY: RoomId = RoomId::from_bytes([1; 16]);
    const COUNTY: RoomId = RoomId::from_bytes([2; 16]);

    fn map() -> Map {
        let room = |id, code: &str, level, parent| Room {
            id,
            level,
            codes: vec![Dated::always(code.parse().unwrap())],
            names: vec![Dated::always(Name { zh: code.to_owned(), en: None })],
            parent,
            alternates: vec![],
            address: Some("127.0.0.1:7100".to_owned()),
            telephone: None,
            relations: vec![],
            valid_from_ms: None,
            valid_to_ms: None,
        };
        let rooms =
            vec![room(CITY, "411300", Level::City, None), room(COUNTY, "411322", Level::County, Some(CITY))];
        Map::new(Plan {
            v: Plan::FORMAT,
            network: "henan".to_owned(),
            version: 1,
            issued_at_ms: 0,
            demo: false,
            rooms,
            packs: vec![],
            calendars: vec![],
        })
        .unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    /// What the county signs at 20,000 by its own clock, which it says is this far behind its parent's.
    fn timed(kind: Kind, recipient: RoomId, event: Event, offset: i64) -> Timed {
        let receipt = Receipt {
            v: 1,
            at: at(20_000),
            seq: 0,
            peer: None,
            tick: None,
            clock: Some(ClockOffset { offset_lo: offset, offset_hi: offset }),
            epoch: Epoch { nonce: ByteArray::new([7; 8]), counter: 1 },
            event,
            suite: Suite::Ed25519.id(),
            issuer: COUNTY,
            origin: CITY,
            reason: None,
            officer: None,
            recipient,
            envelope_id: EnvelopeId::from_bytes([3; 16]),
            envelope_digest: Digest::from_bytes([0; 32]),
        };
        Timed::of_receipt(&receipt, kind, Some(at(10_000)), Some(at(60_000)), &map())
    }

    #[test]
    fn a_room_that_lies_about_its_offset_starts_its_own_clock_no_later() {
        for kind in [Kind::VerifyRequest, Kind::Instruction] {
            for offset in [0, 30_000, 39_000] {
                let timed = timed(kind, COUNTY, Event::Delivered, offset);
                assert_eq!(timed.working().earliest, Some(at(10_000)), "{kind:?} {offset}");
                assert_eq!(
                    timed.working().latest,
                    Some(at(20_000 + offset)),
                    "against itself it is believed"
                );
            }
        }
    }

    #[test]
    fn what_does_not_start_its_own_clock_is_attested_on_both_sides() {
        let expected = Some((CITY, Interval::point(at(25_000))));
        assert_eq!(timed(Kind::Report, COUNTY, Event::Delivered, 5_000).attested, expected);
        assert_eq!(timed(Kind::VerifyRequest, CITY, Event::Custody, 5_000).attested, expected);
    }

    #[test]
    fn a_clock_that_contradicts_what_is_proven_is_not_believed_at_all() {
        for offset in [-15_000, 45_000] {
            let timed = timed(Kind::VerifyRequest, COUNTY, Event::Delivered, offset);
            assert!(timed.is_contradicted && timed.attested.is_none());
        }
    }
}
