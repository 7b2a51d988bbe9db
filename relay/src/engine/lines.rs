//! Outages of links: noted when a link goes down, signed and logged when it is up again. The child gets the parent's
//! record of it, because that is the one that excuses.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use topology::RoomId;

use super::Engine;
use crate::{
    log::{Line, VerifiedLine},
    step::{LeafKind, LinkState, Send, Step, Write},
    tick::WITNESS_VERSION,
    timestamp::Timestamp,
};

/// What is remembered of links.
#[derive(Debug, Default)]
pub(super) struct Lines {
    states: BTreeMap<RoomId, LinkState>,
    /// The last records for each child, said again at every beginning of the link: one may have been lost with it.
    recent: BTreeMap<RoomId, Vec<Arc<[u8]>>>,
    /// The last records of each parent.
    heard: BTreeMap<RoomId, Vec<Arc<[u8]>>>,
}

/// A break that was over sooner is no outage: nothing waited for it.
const OUTAGE_MIN: Duration = Duration::from_secs(1);
/// Records of one link kept in memory.
const RECENT_MAX: usize = 4;

impl Lines {
    /// A link that was up when the node went down has been down since the last sign of the node's own life.
    pub(super) fn resume(states: BTreeMap<RoomId, LinkState>, alive: LinkState) -> Self {
        let states = states.into_iter().map(|(room, state)| match state {
            LinkState::Up => (room, alive),
            LinkState::Down { .. } => (room, state),
        });
        Self { states: states.collect(), ..Self::default() }
    }
}

impl Engine {
    pub(super) fn line_down(&mut self, neighbour: RoomId, now: Timestamp, step: &mut Step) {
        if self.is_up(neighbour) {
            let state = LinkState::Down { at: now, tick: self.ticks.newest() };
            self.lines.states.insert(neighbour, state);
            self.cite(self.ticks.newest(), None, step);
            step.writes.push(Write::LinkState { neighbour, state });
        }
    }

    pub(super) fn line_up(&mut self, neighbour: RoomId, now: Timestamp, step: &mut Step) {
        if self.is_up(neighbour) {
            return;
        }
        let before = self.lines.states.insert(neighbour, LinkState::Up);
        step.writes.push(Write::LinkState { neighbour, state: LinkState::Up });
        let is_child = self.map.may_dial(self.me, neighbour);
        if let Some(LinkState::Down { at, tick }) = before
            && now.since(at) >= OUTAGE_MIN
        {
            let line = Line {
                v: WITNESS_VERSION,
                room: self.me,
                peer: neighbour,
                suite: self.signer.suite().id(),
                up_at: now,
                up_tick: self.ticks.newest(),
                down_at: at,
                down_tick: tick,
            };
            let line = line.sign(&*self.signer);
            self.cite(line.line().up_tick, None, step);
            self.cite(line.line().down_tick, None, step);
            self.append(LeafKind::Line, line.bytes(), step);
            if is_child {
                remember(self.lines.recent.entry(neighbour).or_default(), line.bytes());
            }
        }
        for bytes in self.lines.recent.get(&neighbour).into_iter().flatten() {
            step.sends.push(Send::Line { to: neighbour, bytes: bytes.clone() });
        }
    }

    /// A parent's record of the link between us.
    pub(super) fn line(&mut self, from: RoomId, line: &VerifiedLine, step: &mut Step) {
        let is_ours = line.line().room == from && line.line().peer == self.me;
        if !is_ours || !self.map.links(self.me).contains(&from) {
            return;
        }
        let heard = self.lines.heard.entry(from).or_default();
        if heard.contains(line.bytes()) {
            return;
        }
        remember(heard, line.bytes());
        self.append(LeafKind::Line, line.bytes(), step);
        self.cite(line.line().down_tick, Some(from), step);
        self.cite(line.line().up_tick, Some(from), step);
    }
}

fn remember(records: &mut Vec<Arc<[u8]>>, bytes: &Arc<[u8]>) {
    if records.len() >= RECENT_MAX {
        records.remove(0);
    }
    records.push(bytes.clone());
}
