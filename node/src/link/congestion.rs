//! How much may be under way on a link: what CUBIC allows (RFC 9438), and no more than the line carries without a queue
//! before it.
//!
//! CUBIC alone sends more until packets are lost, so it fills whatever buffer lies before a thin line, and every urgent
//! packet waits behind that buffer, however the streams are ordered here. So when packets come to take much longer than
//! the line itself does, less is sent, as in LEDBAT (RFC 6817). Where even the least makes it no shorter, the line has
//! become longer, and that counts from then on. When much of a flight is lost while packets queue, it did not fit before
//! the line, and the next one is that much smaller. While less is sent CUBIC does not grow: what nobody sends shows nothing.
//!
//! Data beyond the window waits before quinn: see [`super::valve`].

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::{
    Connection,
    congestion::{Controller, ControllerFactory, CubicConfig},
};
use quinn_proto::RttEstimator;

use super::valve::Valve;

/// What may wait before the line: of a flash's three seconds at 50 kbit/s, two thirds of one go to its own packets.
const QUEUE_MAX: Duration = Duration::from_millis(250);
/// The least limit: one packet on the line and one behind it.
const PACKETS_MIN: u64 = 2;
/// Rounds with the least under way after which a line that stays slow is taken for a longer one.
const ROUNDS_AT_LEAST: u32 = 2;
/// Rounds with a short queue before the line, or a line that has become a little longer, after which one packet more shows
/// which it is.
const ROUNDS_FULL: u32 = 16;
/// The part of a flight that is lost when it did not fit: lines without a queue lose less, and that is for CUBIC to answer.
const LOST_PART: u64 = 4;

/// Makes a controller for each path of a connection.
#[derive(Debug, Default)]
pub(super) struct UnqueuedConfig {
    cubic: Arc<CubicConfig>,
}

impl ControllerFactory for UnqueuedConfig {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Unqueued::new(self.cubic.clone().build(now, mtu), mtu))
    }
}

/// CUBIC, held back by the delay that it makes.
pub(super) struct Unqueued {
    cubic: Box<dyn Controller>,
    valve: Arc<Valve>,
    mtu: u64,
    /// Below what CUBIC allows; none while nothing queues.
    limit: Option<u64>,
    /// What the line itself takes, there and back.
    line: Option<Duration>,
    /// The shortest of this round, which ends about one round trip after it began.
    shortest: Option<Duration>,
    round_ends: Option<Instant>,
    rounds_at_least: u32,
    rounds_full: u32,
    /// What the last packet took that came back.
    took: Option<Duration>,
    /// When the limit became what it is.
    changed_at: Option<Instant>,
    /// The last flight that was too large.
    flight: Option<Flight>,
    /// To a half or less: a queue of our own is then at most half as long, where nothing is lost.
    deep_cut: Option<Cut>,
}

/// What was under way when less was to be.
#[derive(Clone, Copy)]
struct Flight {
    until: Instant,
    bytes: u64,
    lost: u64,
}

/// A time when less was let under way.
#[derive(Clone, Copy)]
struct Cut {
    /// What the line took then.
    took: Duration,
    /// The limit before it.
    limit: Option<u64>,
}

impl Unqueued {
    fn new(cubic: Box<dyn Controller>, mtu: u16) -> Self {
        let this = Self {
            cubic,
            valve: Arc::new(Valve::new()),
            mtu: mtu.into(),
            limit: None,
            line: None,
            shortest: None,
            round_ends: None,
            rounds_at_least: 0,
            rounds_full: 0,
            took: None,
            changed_at: None,
            flight: None,
            deep_cut: None,
        };
        this.allow();
        this
    }

    /// The valve of a connection's path, if this controls it.
    pub(super) fn valve(connection: &Connection) -> Option<Arc<Valve>> {
        let this = connection.congestion_state().into_any().downcast::<Self>().ok()?;
        Some(this.valve)
    }

    fn allow(&self) {
        self.valve.allow(self.mtu, self.window());
    }

    fn least(&self) -> u64 {
        // A packet goes while it and what is under way are less than the window.
        PACKETS_MIN * self.mtu + 1
    }

    /// What goes at once under a window: packets go whole.
    fn whole(&self, window: u64) -> u64 {
        window.saturating_sub(1) / self.mtu * self.mtu
    }

    /// Whether CUBIC alone would send more.
    fn holds(&self) -> bool {
        self.limit.is_some_and(|limit| limit < self.cubic.window())
    }

    /// A packet came back; `grow` tells CUBIC of it, and whether it could have sent more. `is_idle`: there was no more to send.
    fn came_back(
        &mut self,
        now: Instant,
        sent: Instant,
        is_idle: bool,
        grow: impl FnOnce(&mut dyn Controller, bool),
    ) {
        let is_held = is_idle || self.holds();
        grow(&mut *self.cubic, is_held);
        self.note(now, now.saturating_duration_since(sent), is_idle);
    }

    fn note(&mut self, now: Instant, took: Duration, is_idle: bool) {
        self.line = Some(self.line.map_or(took, |line| line.min(took)));
        self.took = Some(took);
        // What was sent before a change of the limit shows nothing of it.
        if self.changed_at.is_some_and(|at| now < at + took) {
            return;
        }
        // The first one after it went before those that were let under way besides.
        let Some(round_ends) = self.round_ends else {
            self.round_ends = Some(now + took);
            return;
        };
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        if round_ends <= now {
            self.round_ends = Some(now + took);
            if let (Some(line), Some(shortest)) = (self.line, self.shortest.take()) {
                self.end_round(now, line, shortest, is_idle);
            }
        }
    }

    fn limit(&mut self, now: Instant, limit: Option<u64>) {
        if self.limit != limit {
            (self.limit, self.changed_at) = (limit, Some(now));
            (self.round_ends, self.shortest) = (None, None);
        }
    }

    fn end_round(&mut self, now: Instant, line: Duration, shortest: Duration, is_idle: bool) {
        let deep_cut = self.deep_cut.take();
        if shortest <= line + QUEUE_MAX {
            self.rounds_at_least = 0;
            let queues = shortest > line + QUEUE_MAX / 8;
            match self.limit {
                // Whoever sends little does not show what the line would take.
                Some(limit) if !is_idle && self.holds() => {
                    let more = self.more(limit, queues.then(|| self.fitting(limit, line, shortest)));
                    self.limit(now, Some(more));
                }
                Some(_) if !is_idle && !queues => self.limit(now, None),
                Some(_) | None => {}
            }
        } else if let Some(cut) = deep_cut.filter(|cut| shortest * 5 >= cut.took * 4) {
            self.limit(now, cut.limit);
            self.line = Some(shortest);
        } else if self.window() > self.least() {
            let window = self.window();
            let limit = self.fitting(window, line, shortest).max(self.least());
            self.deep_cut = (limit <= window / 2).then_some(Cut { took: shortest, limit: self.limit });
            self.flight = Some(Flight { until: now, bytes: self.whole(window), lost: 0 });
            self.limit(now, Some(limit));
        } else {
            self.rounds_at_least += 1;
            if self.rounds_at_least >= ROUNDS_AT_LEAST {
                self.rounds_at_least = 0;
                self.line = Some(shortest);
            }
        }
    }

    /// The next limit above this one: a quarter more, but where packets queue no more than is fitting.
    fn more(&mut self, limit: u64, fitting: Option<u64>) -> u64 {
        let most = limit + (limit / 4).max(self.mtu);
        let more = fitting.map_or(most, |fitting| fitting.min(most));
        self.rounds_full = if self.whole(more) > self.whole(limit) { 0 } else { self.rounds_full + 1 };
        match self.rounds_full {
            0 => more,
            ROUNDS_FULL => {
                self.rounds_full = 0;
                limit + self.mtu
            }
            _ => limit,
        }
    }

    /// What, at the rate of this window, fills the line and the queue that may be.
    fn fitting(&self, window: u64, line: Duration, shortest: Duration) -> u64 {
        (self.whole(window) as f64 * (line + QUEUE_MAX).as_secs_f64() / shortest.as_secs_f64()) as u64
    }

    /// So many bytes were lost of what was sent until then.
    fn note_loss(&mut self, now: Instant, sent: Instant, lost_bytes: u64) {
        // A queue before a full buffer stays as long as the buffer, however deep a cut was.
        self.deep_cut = None;
        let (Some(line), Some(took)) = (self.line, self.took) else { return };
        let queues = self.limit.is_some() || took > line + QUEUE_MAX;
        let mut flight = match self.flight {
            Some(flight) if sent <= flight.until => flight,
            Some(_) | None if queues => Flight { until: now, bytes: self.whole(self.window()), lost: 0 },
            Some(_) | None => return,
        };
        flight.lost += lost_bytes;
        self.flight = Some(flight);
        let fitting = (flight.bytes.saturating_sub(flight.lost) + 1).max(self.least());
        if flight.lost * LOST_PART >= flight.bytes && fitting < self.window() {
            self.limit(now, Some(fitting));
        }
    }
}

impl Controller for Unqueued {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.valve.sent(bytes);
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        let is_idle = app_limited && !self.valve.is_wanted();
        self.came_back(now, sent, is_idle, |cubic, is_held| cubic.on_ack(now, sent, bytes, is_held, rtt));
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.valve.heard(in_flight, app_limited);
        self.cubic.on_end_acks(now, in_flight, app_limited, largest);
        self.allow();
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.valve.lost(lost_bytes);
        self.note_loss(now, sent, lost_bytes);
        self.cubic.on_congestion_event(now, sent, is_persistent, lost_bytes);
        self.allow();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu.into();
        self.limit = self.limit.map(|limit| limit.max(self.least()));
        self.cubic.on_mtu_update(new_mtu);
        self.allow();
    }

    fn window(&self) -> u64 {
        let cubic = self.cubic.window();
        self.limit.map_or(cubic, |limit| limit.min(cubic))
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { cubic: self.cubic.clone_box(), valve: self.valve.clone(), ..*self })
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::clock::Clock;

    const MTU: u16 = 1200;
    const ENDLESS: Duration = Duration::from_secs(30);

    /// Slow start without end, as CUBIC has it on a line that loses nothing; after a loss a part of it. (CUBIC itself wants
    /// an estimator of round trips, which nobody but the connection can make.)
    #[derive(Clone)]
    struct Growing(Arc<AtomicU64>);

    impl Controller for Growing {
        fn on_congestion_event(&mut self, _: Instant, _: Instant, _: bool, _: u64) {
            let window = (self.window() * 7 / 10).max(2 * u64::from(MTU));
            self.0.store(window, Ordering::Relaxed);
        }

        fn on_mtu_update(&mut self, _: u16) {}

        fn window(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn clone_box(&self) -> Box<dyn Controller> {
            Box::new(self.clone())
        }

        fn initial_window(&self) -> u64 {
            self.window()
        }

        fn into_any(self: Box<Self>) -> Box<dyn Any> {
            self
        }
    }

    /// What became of packets.
    #[derive(Default)]
    struct Fate {
        /// How long each took that came back, in their order.
        took: Vec<Duration>,
        /// For each that was lost, how many had come back when it was found.
        lost_after: Vec<usize>,
        idle: Duration,
    }

    /// A connection over one line, which loses what would wait before it for longer than its buffer holds.
    struct Path {
        unqueued: Unqueued,
        cubic: Arc<AtomicU64>,
        now: Instant,
        bits_per_s: u64,
        delay: Duration,
        buffer: Duration,
    }

    impl Path {
        /// A fast line with a buffer without end, and so much under way at once.
        fn new(window: u64) -> Self {
            let cubic = Arc::new(AtomicU64::new(window));
            let unqueued = Unqueued::new(Box::new(Growing(cubic.clone())), MTU);
            let (delay, buffer) = (Duration::from_millis(60), ENDLESS);
            Self { unqueued, cubic, now: Clock::instant(), bits_per_s: 1_000_000_000, delay, buffer }
        }

        fn comes_back(&mut self, took: Duration, is_idle: bool) {
            self.unqueued.came_back(self.now, self.now - took, is_idle, |_, is_held| {
                if !is_held {
                    self.cubic.fetch_add(MTU.into(), Ordering::Relaxed);
                }
            });
        }

        /// Nothing but a keep-alive now and then.
        fn rest(&mut self, keep_alives: u32) {
            for _ in 0..keep_alives {
                self.now += Duration::from_secs(2);
                self.comes_back(self.delay, true);
            }
        }

        /// As many packets as may be are under way, until so many have come back.
        fn carry(&mut self, packets: usize) -> Fate {
            let through = Duration::from_secs_f64(f64::from(MTU) * 8.0 / self.bits_per_s as f64);
            let (mut under_way, mut free_at, mut fate) = (VecDeque::new(), self.now, Fate::default());
            // Those that are known to be lost: three that were sent after them came back (RFC 9002 section 6.1.1).
            let (mut lost, mut sent_last) = (VecDeque::new(), 0_u64);
            while fate.took.len() < packets {
                loop {
                    let count = (lost.len() + under_way.len()) as u64;
                    if count > 0 && (count + 1) * u64::from(MTU) >= self.unqueued.window() {
                        break;
                    }
                    sent_last += 1;
                    if free_at.saturating_duration_since(self.now) > self.buffer {
                        lost.push_back((sent_last, self.now));
                        continue;
                    }
                    fate.idle += self.now.saturating_duration_since(free_at);
                    free_at = free_at.max(self.now) + through;
                    under_way.push_back((sent_last, self.now, free_at + self.delay));
                }
                let came_last = if let Some((number, sent, back)) = under_way.pop_front() {
                    self.now = back;
                    fate.took.push(back - sent);
                    self.comes_back(back - sent, false);
                    number
                } else {
                    // Nothing is to come back: the probe timeout finds what was lost.
                    self.now += Duration::from_secs(2);
                    u64::MAX
                };
                let is_found = |number: u64| number.saturating_add(3) <= came_last;
                let found: Vec<_> =
                    lost.iter().copied().take_while(|(number, _)| is_found(*number)).collect();
                lost.drain(..found.len());
                if let Some((_, sent)) = found.last() {
                    let bytes = found.len() as u64 * u64::from(MTU);
                    fate.lost_after.extend(found.iter().map(|_| fate.took.len()));
                    self.unqueued.on_congestion_event(self.now, *sent, false, bytes);
                }
            }
            fate
        }
    }

    fn thin(buffer: Duration) -> Path {
        let mut path = Path::new(20 * u64::from(MTU));
        path.comes_back(path.delay, true);
        Path { bits_per_s: 50_000, buffer, ..path }
    }

    #[test]
    fn nothing_queues_before_a_thin_line_and_it_never_stands_idle() {
        let Fate { took, idle, .. } = thin(ENDLESS).carry(400);
        let late = took[100..].iter().max().copied().unwrap_or_default();
        assert!(late < Duration::from_millis(1_000), "a packet took {late:?}");
        assert!(took[0] < took[18], "the control: nineteen packets queue");
        assert!(idle < Duration::from_secs(3), "the line stood idle for {idle:?} of 93 s");
    }

    #[test]
    fn what_does_not_fit_before_a_thin_line_is_lost_once_and_not_again_and_again() {
        let fate = thin(Duration::from_millis(500)).carry(400);
        let settled = fate.lost_after.iter().filter(|after| **after > 12).count();
        assert!(fate.lost_after.len() >= 10, "the control: most of twenty do not fit: {:?}", fate.lost_after);
        assert!(settled <= 8, "{settled} more of 400 were lost: {:?}", fate.lost_after);
        assert!(fate.idle < Duration::from_secs(4), "the line stood idle for {:?} of 93 s", fate.idle);
    }

    #[test]
    fn a_line_that_is_only_long_or_has_become_longer_is_used_whole() {
        let mut path = Path::new(20 * u64::from(MTU));
        path.carry(2_000);
        assert_eq!(path.unqueued.limit, None);
        path.delay = Duration::from_millis(1_200);
        path.carry(2_000);
        assert_eq!(path.unqueued.limit, None, "the way is longer, and nothing queues");
    }

    #[test]
    fn a_line_that_has_become_a_little_longer_is_used_whole_in_the_end() {
        for longer in [100, 200, 260] {
            let mut path = Path::new(100 * u64::from(MTU));
            path.comes_back(Duration::from_millis(20), true);
            path.unqueued.limit = Some(path.unqueued.least());
            path.bits_per_s = 10_000_000;
            path.delay = Duration::from_millis(longer);
            let began = path.now;
            path.carry(2_000);
            let took = path.now - began;
            assert!(took < Duration::from_secs(120), "2,000 packets took {took:?} at {longer} ms");
        }
    }

    #[test]
    fn while_less_is_sent_nothing_grows_and_rest_changes_nothing() {
        let mut path = thin(ENDLESS);
        path.carry(2_000);
        let (limit, cubic) = (path.unqueued.limit, path.cubic.load(Ordering::Relaxed));
        assert!(limit.is_some() && cubic <= 40 * u64::from(MTU), "{limit:?} of {cubic}");
        path.rest(200);
        assert_eq!((path.unqueued.limit, path.cubic.load(Ordering::Relaxed)), (limit, cubic));
        let late = path.carry(100).took.into_iter().max().unwrap_or_default();
        assert!(late < Duration::from_secs(1), "after a rest a packet took {late:?}");
    }
}
