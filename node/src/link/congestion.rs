//! How much may be under way on a link: what CUBIC allows (RFC 9438), and no more than the line carries without a queue
//! before it.
//!
//! CUBIC alone sends more until packets are lost, so it fills whatever buffer lies before a thin line, and every urgent
//! packet waits behind that buffer, however the streams are ordered here. So when packets come to take much longer than
//! the line itself does, less is sent, as in LEDBAT (RFC 6817). Where even the least makes it no shorter, the line has
//! become longer, and that counts from then on.

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
    cut: Option<Cut>,
}

/// The last time that less was let under way.
#[derive(Clone, Copy)]
struct Cut {
    at: Instant,
    /// What the line took then.
    took: Duration,
    /// The limit before it.
    limit: Option<u64>,
    /// To a half or less: a queue of our own is then at most half as long.
    is_deep: bool,
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
            cut: None,
        }
    }

    fn least(&self) -> u64 {
        PACKETS_MIN * self.mtu
    }

    /// A packet came back after so long.
    fn note(&mut self, now: Instant, took: Duration) {
        self.line = Some(self.line.map_or(took, |line| line.min(took)));
        // What was sent before a cut waits in the queue that the cut is to empty.
        if self.cut.is_some_and(|cut| now < cut.at + took) {
            return;
        }
        self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
        if self.round_ends.is_none_or(|at| at <= now) {
            self.round_ends = Some(now + took);
            if let (Some(line), Some(shortest)) = (self.line, self.shortest.take()) {
                self.end_round(now, line, shortest);
            }
        }
    }

    fn end_round(&mut self, now: Instant, line: Duration, shortest: Duration) {
        let cut = self.cut.take();
        if shortest <= line + QUEUE_MAX {
            self.rounds_at_least = 0;
            let more = self.limit.map(|limit| limit + (limit / 8).max(self.mtu));
            self.limit = more.filter(|limit| *limit < self.cubic.window());
        } else if let Some(cut) = cut.filter(|cut| cut.is_deep && shortest * 5 >= cut.took * 4) {
            self.limit = cut.limit;
            self.line = Some(shortest);
        } else if self.window() > self.least() {
            self.cut(now, line, shortest);
        } else {
            self.rounds_at_least += 1;
            if self.rounds_at_least >= ROUNDS_AT_LEAST {
                self.rounds_at_least = 0;
                self.line = Some(shortest);
            }
        }
    }

    /// Lets under way what, at this rate, fills the line and the queue that may be.
    fn cut(&mut self, now: Instant, line: Duration, shortest: Duration) {
        let window = self.window();
        let fitting = window as f64 * (line + QUEUE_MAX).as_secs_f64() / shortest.as_secs_f64();
        let limit = (fitting as u64).max(self.least());
        self.cut = Some(Cut { at: now, took: shortest, limit: self.limit, is_deep: limit <= window / 2 });
        self.limit = Some(limit);
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

    /// A line without loss, with a buffer without end. Gives what the packets took, and how long it stood idle.
    fn carry(
        unqueued: &mut Unqueued,
        bits_per_s: u64,
        delay: Duration,
        packets: usize,
    ) -> (Vec<Duration>, Duration) {
        let through = Duration::from_secs_f64(f64::from(MTU) * 8.0 / bits_per_s as f64);
        let (mut now, mut under_way) = (Clock::instant(), VecDeque::new());
        let (mut free_at, mut idle, mut took) = (now, Duration::ZERO, Vec::new());
        while took.len() < packets {
            while (under_way.len() as u64 + 1) * u64::from(MTU) <= unqueued.window().max(u64::from(MTU)) {
                idle += now.saturating_duration_since(free_at);
                free_at = free_at.max(now) + through;
                under_way.push_back((now, free_at + delay));
            }
            let (sent, back) = under_way.pop_front().expect("one packet may always go");
            now = back;
            took.push(back - sent);
            unqueued.note(now, back - sent);
        }
        (took, idle)
    }

    fn unqueued() -> Unqueued {
        let mut cubic = CubicConfig::default();
        // What CUBIC comes to on a line that loses nothing.
        cubic.initial_window(1024 * 1024);
        Unqueued::new(Arc::new(cubic).build(Clock::instant(), MTU), MTU)
    }

    fn first() -> Unqueued {
        Unqueued::new(Arc::new(CubicConfig::default()).build(Clock::instant(), MTU), MTU)
    }

    #[test]
    fn nothing_queues_before_a_thin_line_and_it_never_stands_idle() {
        let mut unqueued = unqueued();
        unqueued.limit = Some(20 * u64::from(MTU));
        let (took, idle) = carry(&mut unqueued, 50_000, Duration::from_millis(30), 400);
        let late = took[100..].iter().max().copied().unwrap_or_default();
        assert!(late < Duration::from_millis(1_100), "a packet took {late:?}");
        assert!(took[0] < took[19], "the control: twenty packets queue");
        assert!(idle < Duration::from_secs(2), "the line stood idle for {idle:?} of 93 s");
    }

    #[test]
    fn a_line_that_is_only_long_or_has_become_longer_is_used_whole() {
        let mut unqueued = unqueued();
        carry(&mut unqueued, 1_000_000_000, Duration::from_millis(20), 2_000);
        assert_eq!(unqueued.limit, None);
        // CUBIC's first window on a line that is so long from now on: it is used whole after some rounds.
        let mut unqueued = Unqueued { line: unqueued.line, ..first() };
        carry(&mut unqueued, 1_000_000_000, Duration::from_millis(1_200), 40);
        assert_eq!(unqueued.limit, None, "the way is longer, and nothing queues");
    }
}
