//! Ticks as the engine sees them: the root hub makes one every ten seconds, everybody hands the newest one down, and
//! what cites a tick keeps it for ever. One that a receipt cites and this room never had is asked for once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use topology::RoomId;

use super::Engine;
use crate::{
    crash_point::CrashPoint,
    step::{Fetch, Notice, Send, Step, Write},
    tick::{TICK_EVERY, TickRef, VerifiedTick},
    timestamp::Timestamp,
};

/// What is remembered of ticks.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    newest: Option<(TickRef, Arc<[u8]>)>,
    /// At the root hub: when the next one is made; at once after a start.
    due: Timestamp,
    /// The last ones, and whether something cites them.
    known: BTreeMap<TickRef, bool>,
    /// Cited, not here, and asked for.
    wanted: BTreeSet<TickRef>,
}

/// Ticks remembered as known: ten minutes' worth, so that the store is asked for older ones only.
const KNOWN_MAX: usize = 60;
/// Ticks asked for at a time; those beyond are not asked for, and their events keep a wider interval.
const WANTED_MAX: usize = 256;

impl Ticks {
    pub(super) fn resume(newest: Option<(TickRef, Arc<[u8]>)>) -> Self {
        let known = newest.iter().map(|(name, _)| (*name, false)).collect();
        Self { newest, known, ..Self::default() }
    }

    /// The newest tick seen.
    pub(super) fn newest(&self) -> Option<TickRef> {
        self.newest.as_ref().map(|(name, _)| *name)
    }

    /// The same with its signed bytes.
    pub(super) fn newest_signed(&self) -> Option<(TickRef, Arc<[u8]>)> {
        self.newest.clone()
    }

    fn remember(&mut self, name: TickRef, cited: bool) {
        self.known.insert(name, cited);
        while self.known.len() > KNOWN_MAX {
            self.known.pop_first();
        }
    }
}

impl Engine {
    /// A neighbour handed on a tick that verifies.
    pub(super) fn tick(&mut self, tick: &VerifiedTick, now: Timestamp, step: &mut Step) {
        if self.me == self.map.root() {
            return;
        }
        let cited = self.ticks.wanted.remove(&tick.name());
        let is_newer = self.ticks.newest().is_none_or(|newest| tick.name().at > newest.at);
        if is_newer {
            self.take_tick(tick, cited, now, step);
        } else if cited {
            self.ticks.remember(tick.name(), true);
            step.writes.push(Write::Tick { tick: tick.clone(), cited });
        }
    }

    /// At the root hub: makes the next tick when it is due, and says when that is.
    pub(super) fn make_tick(&mut self, now: Timestamp, step: &mut Step) {
        if self.me != self.map.root() {
            return;
        }
        if self.ticks.due <= now {
            // A clock that was set back does not take the network's time back with it.
            let after = self.ticks.newest().map_or(now, |newest| Timestamp::from_ms(newest.at.as_ms() + 1));
            let tick = VerifiedTick::sign(now.max(after), self.map.network(), &*self.signer);
            self.ticks.due = now.after(TICK_EVERY);
            self.take_tick(&tick, false, now, step);
        } else if self.ticks.due > now.after(TICK_EVERY) {
            self.ticks.due = now.after(TICK_EVERY);
        }
        step.wake_by(self.ticks.due);
    }

    fn take_tick(&mut self, tick: &VerifiedTick, cited: bool, now: Timestamp, step: &mut Step) {
        self.ticks.newest = Some((tick.name(), tick.bytes().clone()));
        self.ticks.remember(tick.name(), cited);
        step.writes.push(Write::Tick { tick: tick.clone(), cited });
        let up: Vec<RoomId> = self.links.iter().filter(|(_, link)| link.up).map(|(room, _)| *room).collect();
        for child in up.into_iter().filter(|room| self.map.may_dial(self.me, *room)) {
            step.sends.push(Send::Tick { to: child, bytes: tick.bytes().clone() });
        }
        step.sends.push(Send::Notice(Notice::Tick(tick.name())));
        step.points.push(CrashPoint::TickTaken);
        self.head_after_tick(now);
    }

    /// A child that is up again gets the newest tick at once.
    pub(super) fn greet_with_tick(&self, neighbour: RoomId, step: &mut Step) {
        if let Some((_, bytes)) = &self.ticks.newest
            && self.map.may_dial(self.me, neighbour)
        {
            step.sends.push(Send::Tick { to: neighbour, bytes: bytes.clone() });
        }
    }

    /// Something that is kept cites a tick: then the tick is kept as long. `from` may have it if this room has not.
    pub(super) fn cite(&mut self, name: Option<TickRef>, from: Option<RoomId>, step: &mut Step) {
        let Some(name) = name else { return };
        match self.ticks.known.get_mut(&name) {
            Some(true) => {}
            Some(cited) => {
                *cited = true;
                step.writes.push(Write::TickCited(name));
            }
            None => {
                step.writes.push(Write::TickCited(name));
                let Some(neighbour) = from else { return };
                if self.ticks.wanted.len() < WANTED_MAX && self.ticks.wanted.insert(name) {
                    step.fetches.push(Fetch::Tick { neighbour, name });
                }
            }
        }
    }

    /// A link has ended, and with it whatever answer was on its way: it is asked for again when it is cited again.
    pub(super) fn forget_wanted(&mut self) {
        self.ticks.wanted.clear();
    }

    /// The store was asked for a tick that something cites.
    pub(super) fn tick_looked_up(
        &mut self,
        neighbour: RoomId,
        name: TickRef,
        is_here: bool,
        step: &mut Step,
    ) {
        if is_here {
            self.ticks.wanted.remove(&name);
            self.ticks.remember(name, true);
        } else {
            step.sends.push(Send::TickWanted { to: neighbour, name });
        }
    }
}
