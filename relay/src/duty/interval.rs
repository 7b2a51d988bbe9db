//! When something happened, as far as it is known: between an earliest and a latest instant. A declared time is a point.
//! A side without a witness is open, and says which witness is missing; an open side never helps anybody.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// `[earliest, latest]`; both ends belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Not before this; absent when nothing proves it.
    pub earliest: Option<Timestamp>,
    /// Not after this; absent when nothing proves it.
    pub latest: Option<Timestamp>,
    /// The witness that would narrow it, in words; empty when none is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl Interval {
    /// A declared time.
    pub const fn point(at: Timestamp) -> Self {
        Self { earliest: Some(at), latest: Some(at), missing: None }
    }

    /// Between two instants.
    pub const fn between(earliest: Timestamp, latest: Timestamp) -> Self {
        Self { earliest: Some(earliest), latest: Some(latest), missing: None }
    }

    /// An observed time and the half width of what the clock leaves open.
    pub const fn around(at: Timestamp, half_width_ms: i64) -> Self {
        let (at, half) = (at.as_ms(), half_width_ms.saturating_abs());
        Self::between(
            Timestamp::from_ms(at.saturating_sub(half)),
            Timestamp::from_ms(at.saturating_add(half)),
        )
    }

    /// Some time until an instant.
    pub const fn until(latest: Timestamp) -> Self {
        Self { earliest: None, latest: Some(latest), missing: None }
    }

    /// The one instant to show: the middle, or the end that is known.
    pub fn shown(&self) -> Option<Timestamp> {
        match (self.earliest, self.latest) {
            (Some(earliest), Some(latest)) => {
                Some(Timestamp::from_ms(midpoint(earliest.as_ms(), latest.as_ms())))
            }
            (one, other) => one.or(other),
        }
    }

    /// Whether it is one instant.
    pub fn is_point(&self) -> bool {
        self.earliest.is_some() && self.earliest == self.latest
    }

    /// The same thing moved, each end by `shift`.
    #[must_use]
    pub fn map(&self, shift: impl Fn(Timestamp) -> Timestamp) -> Self {
        Self {
            earliest: self.earliest.map(&shift),
            latest: self.latest.map(&shift),
            missing: self.missing.clone(),
        }
    }

    /// When the first of the two happened.
    #[must_use]
    pub fn first_of(self, other: Self) -> Self {
        let earliest = self.earliest.zip(other.earliest).map(|(one, two)| one.min(two));
        let latest = match (self.latest, other.latest) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let missing = if self.latest <= other.latest { self.missing } else { other.missing };
        Self { earliest, latest, missing }
    }

    /// Certainly at or before this instant.
    pub fn is_by(&self, instant: Option<Timestamp>) -> bool {
        self.latest.zip(instant).is_some_and(|(latest, instant)| latest <= instant)
    }

    /// Certainly after this instant.
    pub fn is_after(&self, instant: Option<Timestamp>) -> bool {
        self.earliest.zip(instant).is_some_and(|(earliest, instant)| earliest > instant)
    }
}

fn midpoint(low: i64, high: i64) -> i64 {
    // The sum of two extreme instants needs more than 64 bits; their middle does not.
    i64::try_from((i128::from(low) + i128::from(high)).div_euclid(2)).unwrap_or(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn an_observed_time_shows_its_middle_and_a_half_open_one_its_known_end() {
        assert_eq!(Interval::around(at(1_000), 500).shown(), Some(at(1_000)));
        assert_eq!(Interval::until(at(7)).shown(), Some(at(7)));
        assert_eq!(Interval::default().shown(), None);
        assert_eq!(Interval::between(at(i64::MIN), at(i64::MAX)).shown(), Some(at(-1)));
    }

    #[test]
    fn an_open_side_is_neither_before_nor_after_anything() {
        let open = Interval::default();
        assert!(!open.is_by(Some(at(i64::MAX))) && !open.is_after(Some(at(i64::MIN))));
        assert!(Interval::until(at(5)).is_by(Some(at(5))) && !Interval::until(at(5)).is_after(Some(at(1))));
        assert!(!Interval::point(at(5)).is_by(None));
    }

    #[test]
    fn the_first_of_two_is_bounded_by_both() {
        let both = Interval::between(at(1), at(9)).first_of(Interval::between(at(3), at(4)));
        assert_eq!(both, Interval::between(at(1), at(4)));
        assert_eq!(Interval::point(at(3)).first_of(Interval::until(at(9))), Interval::until(at(3)));
    }
}
