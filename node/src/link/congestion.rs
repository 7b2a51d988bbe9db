//! How much may be under way on a link: what CUBIC allows (RFC 9438), and no more than the line carries without a queue
//! before it.
//!
//! CUBIC alone sends more until packets are lost, so it fills whatever buffer lies before a thin line, and every urgent
//! packet waits behind that buffer, however the streams are ordered here. So when packets come to take much longer than
//! the line itself does, less is sent, as in LEDBAT (RFC 6817). Where even the least makes it no shorter, the line has
//! become longer, and that counts from then on. What is lost while packets queue did not fit before the line, and is not
//! sent the next time: what CUBIC takes back of a window far above ours would change nothing.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::congestion::{Controller, ControllerFactory, CubicConfig};
use quinn_proto::RttEstimator;

/// What may wait before the line: of a flash's three seconds at 50 kbit/s, two thirds of one go to its own packets.
const QUEUE_MAX: Duration = Duration::from_millis(250);
/// The least that is under way: one packet on the line and one behind it.
const PACKETS_MIN: u64 = 2;
/// Rounds with the least under way after which a line that stays slow is taken for a longer one.
const ROUNDS_AT_LEAST: u32 = 2;

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
struct Unqueued {
    cubic: Box<dyn Controller>,
    mtu: u64,
    /// Below what CUBIC allows; none while nothing queues.
    limit: Option<u64>,
    /// What the line itself takes, there and back.
    line: Option<Duration>,
    /// The shortest of this round, which ends about one round trip after it began.
    shortest: Option<Duration>,
    round_ends: Option<Instant>,
    rounds_at_least: u32,
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
    /// Bytes, less those of it that were lost: they did not fit.
    bytes: u64,
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
        Self {
            cubic,
            mtu: mtu.into(),
            limit: None,
            line: None,
            shortest: None,
            round_ends: None,
            rounds_at_least: 0,
            took: None,
            changed_at: None,
            flight: None,
            deep_cut: None,
        }
    }

    fn least(&self) -> u64 {
        // A packet goes while it and what is under way are less than the window.
        PACKETS_MIN * self.mtu + 1
    }

    /// A packet came back after so long.
    fn note(&mut self, now: Instant, took: Duration) {
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
                self.end_round(now, line, shortest);
            }
        }
    }

    fn limit(&mut self, now: Instant, limit: Option<u64>) {
        if self.limit != limit {
            (self.limit, self.changed_at) = (limit, Some(now));
            (self.round_ends, self.shortest) = (None, None);
        }
    }

    fn end_round(&mut self, now: Instant, line: Duration, shortest: Duration) {
        let deep_cut = self.deep_cut.take();
        if shortest <= line + QUEUE_MAX {
            self.rounds_at_least = 0;
            let more = self.limit.map(|limit| self.more(limit, line, shortest));
            self.limit(now, more.filter(|limit| *limit < self.cubic.window()));
        } else if let Some(cut) = deep_cut.filter(|cut| shortest * 5 >= cut.took * 4) {
            self.limit(now, cut.limit);
            self.line = Some(shortest);
        } else if self.window() > self.least() {
            let window = self.window();
            let limit = self.fitting(window, line, shortest).max(self.least());
            self.deep_cut = (limit <= window / 2).then_some(Cut { took: shortest, limit: self.limit });
            self.flight = Some(Flight { until: now, bytes: window });
            self.limit(now, Some(limit));
        } else {
            self.rounds_at_least += 1;
            if self.rounds_at_least >= ROUNDS_AT_LEAST {
                self.rounds_at_least = 0;
                self.line = Some(shortest);
            }
        }
    }

    /// The next limit above this one: some packets more, but where packets queue no more than fits.
    fn more(&self, limit: u64, line: Duration, shortest: Duration) -> u64 {
        let more = limit + (limit / 4).max(self.mtu);
        let queues = shortest > line + QUEUE_MAX / 8;
        if queues { more.min(self.fitting(limit, line, shortest)).max(limit) } else { more }
    }

    /// What, at the rate of this window, fills the line and the queue that may be. Packets go whole.
    fn fitting(&self, window: u64, line: Duration, shortest: Duration) -> u64 {
        let under_way = window.saturating_sub(1) / self.mtu * self.mtu;
        (under_way as f64 * (line + QUEUE_MAX).as_secs_f64() / shortest.as_secs_f64()) as u64
    }

    /// So many bytes were lost of what was sent until then.
    fn note_loss(&mut self, now: Instant, sent: Instant, lost_bytes: u64) {
        // A queue before a full buffer stays as long as the buffer, however deep a cut was.
        self.deep_cut = None;
        let (Some(line), Some(took)) = (self.line, self.took) else { return };
        let queues = self.limit.is_some() || took > line + QUEUE_MAX;
        let flight = match self.flight {
            Some(flight) if sent <= flight.until => flight,
            Some(_) | None if queues => Flight { until: now, bytes: self.window() },
            Some(_) | None => return,
        };
        let bytes = flight.bytes.saturating_sub(lost_bytes);
        self.flight = Some(Flight { bytes, ..flight });
        let fitting = bytes.max(self.least());
        if fitting < self.window() {
            self.limit(now, Some(fitting));
        }
    }
}

impl Controller for Unqueued {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.cubic.on_ack(now, sent, bytes, app_limited, rtt);
        self.note(now, now.saturating_duration_since(sent));
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.cubic.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.note_loss(now, sent, lost_bytes);
        self.cubic.on_congestion_event(now, sent, is_persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu.into();
        self.cubic.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        let cubic = self.cubic.window();
        self.limit.map_or(cubic, |limit| limit.min(cubic))
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { cubic: self.cubic.clone_box(), ..*self })
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
    use std::collections::VecDeque;

    use super::*;
    use crate::clock::Clock;

    const MTU: u16 = 1452;

    const ENDLESS: Duration = Duration::from_secs(30);

    /// What became of packets.
    #[derive(Default)]
    struct Fate {
        /// How long each took, in their order; none was lost before it but those that are counted.
        took: Vec<Duration>,
        /// After so many that came back, one was found lost.
        lost_after: Vec<usize>,
        idle: Duration,
    }

    /// A line that loses what would wait before it for longer than its buffer holds.
    fn carry(
        unqueued: &mut Unqueued,
        bits_per_s: u64,
        delay: Duration,
        buffer: Duration,
        packets: usize,
    ) -> Fate {
        let through = Duration::from_secs_f64(f64::from(MTU) * 8.0 / bits_per_s as f64);
        let (mut now, mut under_way) = (Clock::instant(), VecDeque::new());
        let (mut free_at, mut fate) = (now, Fate::default());
        // Which packets are known to be lost: three that were sent after them came back (RFC 9002 section 6.1.1).
        let (mut lost, mut sent_last) = (VecDeque::new(), 0_u64);
        while fate.took.len() < packets {
            let room = |under_way: usize| (under_way as u64 + 1) * u64::from(MTU) < unqueued.window();
            while under_way.len() + lost.len() == 0 || room(under_way.len() + lost.len()) {
                sent_last += 1;
                if free_at.saturating_duration_since(now) > buffer {
                    lost.push_back((sent_last, now));
                    continue;
                }
                fate.idle += now.saturating_duration_since(free_at);
                free_at = free_at.max(now) + through;
                under_way.push_back((sent_last, now, free_at + delay));
            }
            let came_last = if let Some((number, sent, back)) = under_way.pop_front() {
                now = back;
                fate.took.push(back - sent);
                unqueued.note(now, back - sent);
                number
            } else {
                // Nothing is to come back: the probe timeout finds what was lost.
                now += Duration::from_secs(2);
                u64::MAX
            };
            let is_found = |number: u64| number.saturating_add(3) <= came_last;
            let found: Vec<_> = lost.iter().copied().take_while(|(number, _)| is_found(*number)).collect();
            lost.drain(..found.len());
            if let Some((_, sent)) = found.last() {
                let bytes = found.len() as u64 * u64::from(MTU);
                fate.lost_after.extend(found.iter().map(|_| fate.took.len()));
                unqueued.on_congestion_event(now, *sent, false, bytes);
            }
        }
        fate
    }

    fn of_cubic(window: u64) -> Unqueued {
        let mut cubic = CubicConfig::default();
        cubic.initial_window(window);
        Unqueued::new(Arc::new(cubic).build(Clock::instant(), MTU), MTU)
    }

    /// What CUBIC comes to on a line that loses nothing.
    fn unqueued() -> Unqueued {
        of_cubic(1024 * 1024)
    }

    fn first() -> Unqueued {
        Unqueued::new(Arc::new(CubicConfig::default()).build(Clock::instant(), MTU), MTU)
    }

    #[test]
    fn nothing_queues_before_a_thin_line_and_it_never_stands_idle() {
        let mut unqueued = unqueued();
        unqueued.limit = Some(20 * u64::from(MTU));
        let Fate { took, idle, .. } = carry(&mut unqueued, 50_000, Duration::from_millis(60), ENDLESS, 400);
        let late = took[100..].iter().max().copied().unwrap_or_default();
        assert!(late < Duration::from_millis(800), "a packet took {late:?}");
        assert!(took[0] < took[18], "the control: nineteen packets queue");
        assert!(idle < Duration::from_secs(2), "the line stood idle for {idle:?} of 93 s");
    }

    #[test]
    fn what_does_not_fit_before_a_thin_line_is_lost_once_and_not_again_and_again() {
        // The line was fast until now, and ten packets or thirty were just under way on it.
        for window in [10, 30] {
            let mut unqueued = of_cubic(window * u64::from(MTU) + 1);
            unqueued.line = Some(Duration::from_millis(60));
            let fate =
                carry(&mut unqueued, 50_000, Duration::from_millis(60), Duration::from_millis(500), 400);
            let (lost, last) = (fate.lost_after.len(), fate.lost_after.last().copied());
            assert!(lost >= 5, "the control: of {window} most do not fit: {lost}");
            assert!(last < Some(12), "of {window} {lost} were lost, the last after {last:?} that came");
            assert!(fate.idle < Duration::from_secs(3), "the line stood idle for {:?} of 93 s", fate.idle);
        }
    }

    #[test]
    fn a_line_that_is_only_long_or_has_become_longer_is_used_whole() {
        let mut unqueued = unqueued();
        carry(&mut unqueued, 1_000_000_000, Duration::from_millis(20), ENDLESS, 2_000);
        assert_eq!(unqueued.limit, None);
        // CUBIC's first window on a line that is so long from now on: it is used whole after some rounds.
        let mut unqueued = Unqueued { line: unqueued.line, ..first() };
        carry(&mut unqueued, 1_000_000_000, Duration::from_millis(1_200), ENDLESS, 40);
        assert_eq!(unqueued.limit, None, "the way is longer, and nothing queues");
    }
}
