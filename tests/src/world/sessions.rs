//! The sessions of a simulated world: who dials whom, what a session's end leaves behind, who notices when, and the
//! time that a child asks of a hub.

use relay::{
    engine::first_credits,
    frame::{Frame, Hello},
    limits::{PROTOCOL_VERSION, PROTOCOL_VERSION_MIN},
    receipt::ClockOffset,
    step::Input,
    timestamp::Timestamp,
};

use super::{
    Event, World,
    cast::NETWORK,
    wire::{CHILD, CONTROL, HUB, STREAMS, Session},
};

/// How long the parent must be away before an alternate parent is dialled, as in the production dialler.
const ALTERNATE_AFTER_MS: i64 = 3_000;
const CLOCK_EVERY_MS: i64 = 30_000;

impl World {
    /// A child tries to make a link, and later tries again. An alternate link is made while the parent is away, and
    /// ended when it is back.
    pub(super) fn dial(&mut self, link: usize) {
        let wanted = self.is_wanted(link);
        if wanted && self.can_meet(link) {
            self.open_session(link);
        } else if !wanted && self.links[link].is_open_at(CHILD) {
            self.end_session(link);
        }
        let after_ms = if self.is_stormy() { self.chance.ms(100, 2_000) } else { self.chance.ms(500, 5_000) };
        self.at(after_ms, Event::Dial { link });
    }

    fn is_wanted(&self, link: usize) -> bool {
        if !self.links[link].alternate {
            return true;
        }
        let child = self.links[link].child;
        let mut parents = self.links.iter().filter(|other| other.child == child && !other.alternate);
        parents.all(|parent| {
            !parent.is_open_at(CHILD) && self.now_ms - parent.away_since_ms >= ALTERNATE_AFTER_MS
        })
    }

    fn can_meet(&self, link: usize) -> bool {
        let link = &self.links[link];
        let lives = |node: usize| {
            self.stations[node].driver.is_some() && self.stations[node].paused_until_ms <= self.now_ms
        };
        let is_free = link.session.is_none() && link.up[CHILD].is_none() && !link.cut;
        is_free && lives(link.child) && lives(link.hub)
    }

    fn open_session(&mut self, link: usize) {
        self.sessions += 1;
        self.links[link].session = Some(Session::new(self.sessions));
        let hello = self.hello(self.links[link].child);
        self.put(link, CHILD, CONTROL, hello);
    }

    pub(super) fn hello(&self, node: usize) -> Vec<u8> {
        let hello = Hello {
            version_min: PROTOCOL_VERSION_MIN,
            version_max: PROTOCOL_VERSION,
            network: NETWORK.to_owned(),
            room: self.cast.rooms[node],
            software: "yichuan/world".to_owned(),
            plan_version: self.cast.map.version(),
            sheets: Vec::new(),
            credits: first_credits(),
            rules: Vec::new(),
        };
        Frame::Hello(hello).encode()
    }

    /// A child asks a hub for the time, now and every half minute.
    pub(super) fn ask(&mut self, link: usize, number: u64) {
        if self.links[link].up[CHILD] == Some(number) {
            let asked = self.time_of(self.links[link].child);
            self.put(link, CHILD, CONTROL, Frame::Clock { asked }.encode());
            self.at(CLOCK_EVERY_MS, Event::Ask { link, session: number });
        }
    }

    pub(super) fn compare(
        &mut self,
        node: usize,
        asked: Timestamp,
        received: Timestamp,
        answered: Timestamp,
    ) {
        let now = self.time_of(node);
        let offset = ClockOffset {
            offset_lo: answered.as_ms() - now.as_ms(),
            offset_hi: received.as_ms() - asked.as_ms(),
        };
        self.input(node, Input::Clock(Some(offset)));
    }

    /// A session ends. Of what was under way on each stream some part has arrived, the rest never will. Each side
    /// notices in its own time; a new session may be there before that.
    pub(super) fn end_session(&mut self, link: usize) {
        let Some(session) = &self.links[link].session else { return };
        let number = session.number;
        for (side, stream, frames) in self.under_way(link, number) {
            let arrived = self.chance.index(frames.len() + 1);
            for bytes in frames.into_iter().take(arrived) {
                if let Err(violation) = self.arrive(link, number, side, stream, bytes) {
                    self.seen.get_or_insert(violation);
                }
            }
        }
        self.links[link].session = None;
        for side in [CHILD, HUB] {
            let after_ms = self.chance.ms(0, 4_000);
            self.at(after_ms, Event::Notice { link, session: number, side });
        }
    }

    /// A session in which one side hears nothing ends, if it still is.
    pub(super) fn silence(&mut self, link: usize, number: u64) {
        if self.links[link].session.as_ref().is_some_and(|session| session.number == number) {
            self.end_session(link);
        }
    }

    /// Takes everything of a session off the agenda and its lines: side, stream and frames in order.
    fn under_way(&mut self, link: usize, number: u64) -> Vec<(usize, usize, Vec<Vec<u8>>)> {
        let mut streams: Vec<(usize, usize, Vec<Vec<u8>>)> =
            (0..2).flat_map(|side| (0..STREAMS).map(move |stream| (side, stream, Vec::new()))).collect();
        for event in self.agenda.values_mut() {
            if let Event::Arrive { link: at, session, side, stream, bytes } = event
                && (*at, *session) == (link, number)
            {
                streams[*side * STREAMS + *stream].2.push(std::mem::take(bytes));
            }
        }
        self.agenda.retain(|_, event| {
            !matches!(event, Event::Arrive { link: at, session, .. } if (*at, *session) == (link, number))
        });
        if let Some(session) = &mut self.links[link].session {
            for side in [CHILD, HUB] {
                for stream in 0..STREAMS {
                    let queued = std::mem::take(&mut session.lines[1 - side].queues[stream]);
                    streams[side * STREAMS + stream].2.extend(queued);
                }
            }
        }
        streams
    }

    /// A side notices that its session has ended, unless a newer one has taken its place.
    pub(super) fn notice(&mut self, link: usize, number: u64, side: usize) {
        if self.links[link].up[side] != Some(number) {
            return;
        }
        self.links[link].up[side] = None;
        if side == CHILD {
            self.links[link].away_since_ms = self.now_ms;
        }
        let neighbour = self.cast.rooms[self.links[link].node(1 - side)];
        let node = self.links[link].node(side);
        self.input(node, Input::LinkDown { neighbour });
    }
}
