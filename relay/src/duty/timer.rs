//! The timers of an obligation (时限提醒): at half and at four fifths of its time people are warned, at its end it is
//! breached and goes to the next role, later to the leader, later still to the room above. What is due is worked out
//! from the obligation and the steps that were taken; nothing here counts time.
//!
//! | stage | when | who is told | needs |
//! |---|---|---|---|
//! | half, most | 50 %, 80 % of the time from start to due | duty officer | a start that is known |
//! | breach | 100 % | head of watch | |
//! | leader | [`Delays::leader`] after the breach, or after the room knew of the duty | leader | own duty, not acknowledged |
//! | parent | [`Delays::parent`] after the same | the room above, as a message | own duty, force *must* |
//! | acknowledged | an officer says so | nobody | |
//! | rung | the alarm program rang for the breach | whoever hears it | own duty, breached, not acknowledged |
//!
//! Of shares that passed unseen only the newest is taken: nobody is warned of what is breached already.

use std::time::Duration;

use certs::officer::OfficerRole;

use super::{
    obligation::{Obligation, State},
    rule::Force,
};
use crate::{message::word::words, timestamp::Timestamp};

words! {
    /// One step of the timer of an obligation. New ones are only ever appended: their places are numbers in rows.
    Stage, "stage 提醒阶段" {
        Half = "half" "过半",
        Most = "most" "过八成",
        Breach = "breach" "超时",
        Leader = "leader" "报带班领导",
        Parent = "parent" "报上级值班室",
        Acknowledged = "acknowledged" "已签收",
        Rung = "rung" "已响铃",
    }
}

impl Stage {
    /// Its number in rows.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The stage with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// How much of the time has passed, in percent.
    pub const fn share(self) -> u8 {
        match self {
            Self::Half => 50,
            Self::Most => 80,
            Self::Breach | Self::Leader | Self::Parent | Self::Acknowledged | Self::Rung => 100,
        }
    }

    /// Whether it came with time, rather than by somebody who acknowledged or heard.
    const fn is_of_time(self) -> bool {
        !matches!(self, Self::Acknowledged | Self::Rung)
    }

    /// Whose it is from here on, until an officer acknowledges or the obligation is met.
    pub const fn role(self) -> OfficerRole {
        match self {
            Self::Half | Self::Most | Self::Acknowledged => OfficerRole::DutyOfficer,
            Self::Breach | Self::Rung => OfficerRole::HeadOfWatch,
            Self::Leader | Self::Parent => OfficerRole::Leader,
        }
    }
}

/// A step that was taken, and for which due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub stage: Stage,
    /// The due time that it was about.
    pub due: Timestamp,
}

/// How long after a breach it goes further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// To the leader.
    pub leader: Duration,
    /// To the room above.
    pub parent: Duration,
}

/// An obligation, seen from one room.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// What is owed.
    pub obligation: &'a Obligation,
    /// The steps that were taken for it, for whatever due time.
    pub taken: &'a [Taken],
    /// Since when the room knew of it: nobody is called to account for the time before.
    pub known_since: Timestamp,
    /// Whether it is this room that owes: what others owe it is shown and goes to nobody.
    pub is_own: bool,
    /// Whether there is a room above.
    pub has_parent: bool,
}

/// A step to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Which.
    pub stage: Stage,
    /// When it fell due, which may be long ago.
    pub passed_at: Timestamp,
}

/// What is to be done about an obligation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Now, in this order.
    pub steps: Vec<Planned>,
    /// When to look again.
    pub next: Option<Timestamp>,
}

/// A due time that moves by less is the same: a start is narrowed by seconds when its evidence is dated.
pub const SAME_DUE: Duration = Duration::from_secs(60);

impl Watched<'_> {
    /// The steps that are due by `now` and not taken, and when the next one is.
    pub fn plan(&self, delays: Delays, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if self.obligation.met.is_some() || self.obligation.state == State::Met {
            return plan;
        }
        let Some(due) = self.obligation.due else { return plan };
        let shares = [Stage::Half, Stage::Most, Stage::Breach];
        let shares: Vec<Planned> = shares.into_iter().filter_map(|stage| self.share(stage)).collect();
        plan.next = shares.iter().map(|share| share.passed_at).filter(|at| *at > now).min();
        let newest = shares.iter().rev().find(|share| share.passed_at <= now);
        plan.steps.extend(newest.filter(|share| !self.has_taken_from(share.stage, due)));
        for further in self.further(due, delays) {
            if further.passed_at > now {
                plan.next = Some(plan.next.map_or(further.passed_at, |next| next.min(further.passed_at)));
            } else {
                plan.steps.push(further);
            }
        }
        plan
    }

    /// The newest stage that was reached for the due time of now, and whether an officer has acknowledged since.
    pub fn reached(&self) -> Option<(Stage, bool)> {
        let due = self.obligation.due?;
        let stages = self.stages_of(due).filter(|stage| stage.is_of_time());
        Some((stages.max()?, self.has_taken(Stage::Acknowledged, due)))
    }

    /// Whether the alarm is to ring: this room owes it, it is breached, and nobody has heard of that.
    pub fn wants_bell(&self) -> bool {
        let Some(due) = self.obligation.due.filter(|_| self.is_own && self.obligation.met.is_none()) else {
            return false;
        };
        let is_breached = self.reached().is_some_and(|(stage, is_acknowledged)| {
            stage.share() >= Stage::Breach.share() && !is_acknowledged
        });
        is_breached && !self.has_taken(Stage::Rung, due)
    }

    fn share(&self, stage: Stage) -> Option<Planned> {
        let at = self.obligation.share_at(stage.share())?;
        // A tie is on time.
        let is_breach = stage == Stage::Breach;
        Some(Planned { stage, passed_at: if is_breach { at.after(Duration::from_millis(1)) } else { at } })
    }

    /// Where a breach goes, as far as it has not gone there.
    fn further(&self, due: Timestamp, delays: Delays) -> Vec<Planned> {
        let since = due.max(self.known_since);
        let is_acknowledged = self.has_taken(Stage::Acknowledged, due);
        let must = self.obligation.force == Force::Must;
        let ways = [
            (Stage::Leader, delays.leader, self.is_own && !is_acknowledged),
            (Stage::Parent, delays.parent, self.is_own && self.has_parent && must),
        ];
        let open = ways.into_iter().filter(|(stage, _, wanted)| *wanted && !self.has_taken(*stage, due));
        open.map(|(stage, delay, _)| Planned { stage, passed_at: since.after(delay) }).collect()
    }

    /// Whether this share or a later one was taken.
    fn has_taken_from(&self, stage: Stage, due: Timestamp) -> bool {
        self.stages_of(due).any(|taken| taken.share() >= stage.share() && taken.is_of_time())
    }

    fn has_taken(&self, stage: Stage, due: Timestamp) -> bool {
        self.stages_of(due).any(|taken| taken == stage)
    }

    fn stages_of(&self, due: Timestamp) -> impl Iterator<Item = Stage> {
        let is_same = move |taken: &&Taken| taken.due.since(due).max(due.since(taken.due)) < SAME_DUE;
        self.taken.iter().filter(is_same).map(|taken| taken.stage)
    }
}

#[cfg(test)]
mod tests;
