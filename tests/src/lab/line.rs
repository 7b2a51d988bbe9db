//! A seeded emulator of lines: IPv4 packets between the ports of a small network, delayed, lost, doubled, put out of
//! order and spoilt, in each direction by itself.
//!
//! A spoilt packet gets a checksum that is right again, so that the program and not the kernel meets the damage.

use std::{
    collections::{BTreeMap, BinaryHeap},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use node::clock::Clock;

use crate::world::chance::Chance;

/// What one direction does to packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line {
    /// Every packet takes this long.
    pub delay: Duration,
    /// And up to this much longer: packets overtake each other.
    pub jitter: Duration,
    /// Lost, of a hundred.
    pub loss: u64,
    /// Carried twice, of a hundred.
    pub doubled: u64,
    /// Spoilt by one bit, of a hundred.
    pub spoilt: u64,
    /// How fast it is; as fast as the machine when 0.
    pub bits_per_s: u64,
    /// What may wait before a slow line, as the time until it is through; what comes then is lost.
    pub buffer: Duration,
    /// Carries nothing.
    pub is_cut: bool,
}

/// What a line has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Packets that arrived.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Lost by chance, by a cut, or before a slow line.
    pub lost: u64,
    /// Carried twice.
    pub doubled: u64,
    /// Spoilt.
    pub spoilt: u64,
}

/// The lines between some ports, which are numbered from 1.
pub struct Lines {
    shared: Arc<Shared>,
    place: PathBuf,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    chance: Chance,
    lines: BTreeMap<(usize, usize), Line>,
    free_at: BTreeMap<(usize, usize), Instant>,
    under_way: BinaryHeap<Packet>,
    count: u64,
    carried: Carried,
    ended: bool,
}

/// A packet on its way; the one that arrives first is the greatest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: std::cmp::Reverse<(Instant, u64)>,
    port: usize,
    bytes: Vec<u8>,
}

impl Lines {
    /// Carries for so many ports, each with a socket in this directory: [`Self::socket`] takes what comes from the port, and
    /// what goes there is sent to the same name with `.port`.
    pub fn between(ports: usize, place: &Path, seed: u64) -> Self {
        let state = State {
            chance: Chance::new(seed),
            lines: BTreeMap::new(),
            free_at: BTreeMap::new(),
            under_way: BinaryHeap::new(),
            count: 0,
            carried: Carried::default(),
            ended: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() });
        let lines = Self { shared: shared.clone(), place: place.to_owned() };
        for port in 1..=ports {
            let socket = UnixDatagram::bind(lines.socket(port)).expect("a socket can be made");
            socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit can be set");
            let shared = shared.clone();
            std::thread::spawn(move || shared.take_in(port, ports, &socket));
        }
        let ends: Vec<PathBuf> = (1..=ports).map(|port| lines.end(port)).collect();
        std::thread::spawn(move || shared.hand_out(&ends));
        lines
    }

    /// Where packets from this port are taken in.
    pub fn socket(&self, port: usize) -> PathBuf {
        self.place.join(format!("line-{port}"))
    }

    /// Where packets to this port are handed out.
    pub fn end(&self, port: usize) -> PathBuf {
        self.place.join(format!("line-{port}.port"))
    }

    /// One direction is like this from now on.
    pub fn set(&self, from: usize, to: usize, line: Line) {
        self.shared.lock().lines.insert((from, to), line);
    }

    /// Both directions are like this from now on.
    pub fn set_both(&self, one: usize, other: usize, line: Line) {
        self.set(one, other, line);
        self.set(other, one, line);
    }

    /// What has been carried, since this was asked last.
    pub fn carried(&self) -> Carried {
        std::mem::take(&mut self.shared.lock().carried)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lines panics")
    }

    fn take_in(&self, from: usize, ports: usize, socket: &UnixDatagram) {
        let mut bytes = [0; 65536];
        loop {
            let received = socket.recv(&mut bytes);
            let mut state = self.lock();
            if state.ended {
                return;
            }
            let Ok(length) = received else { continue };
            let packet = &bytes[..length];
            if let Some(to) = port_of(packet).filter(|to| (1..=ports).contains(to)) {
                state.carry(from, to, packet, Clock::instant());
                self.wake.notify_all();
            }
        }
    }

    fn hand_out(&self, ends: &[PathBuf]) {
        let socket = UnixDatagram::unbound().expect("a socket can be made");
        let mut state = self.lock();
        while !state.ended {
            let now = Clock::instant();
            let wait = state.under_way.peek().map(|packet| packet.at.0.0.saturating_duration_since(now));
            match wait {
                Some(Duration::ZERO) => {
                    let packet = state.under_way.pop().expect("one was just seen");
                    state.carried.packets += 1;
                    state.carried.bytes += packet.bytes.len() as u64;
                    drop(state);
                    // A port that has gone takes nothing.
                    let _ = socket.send_to(&packet.bytes, &ends[packet.port - 1]);
                    state = self.lock();
                }
                Some(wait) => {
                    state = self.wake.wait_timeout(state, wait).expect("no holder of the lines panics").0;
                }
                None => state = self.wake.wait(state).expect("no holder of the lines panics"),
            }
        }
    }
}

impl State {
    fn carry(&mut self, from: usize, to: usize, packet: &[u8], now: Instant) {
        let line = self.lines.get(&(from, to)).copied().unwrap_or_default();
        if line.is_cut || self.of_a_hundred(line.loss) {
            self.carried.lost += 1;
            return;
        }
        let mut packet = packet.to_vec();
        if self.of_a_hundred(line.spoilt) && spoil(&mut packet, &mut self.chance) {
            self.carried.spoilt += 1;
        }
        let copies = if self.of_a_hundred(line.doubled) { 2 } else { 1 };
        self.carried.doubled += copies - 1;
        for _ in 0..copies {
            let Some(passed) = self.pass(from, to, &line, packet.len(), now) else {
                self.carried.lost += 1;
                continue;
            };
            let jitter = self.chance.below(line.jitter.as_micros() as u64 + 1);
            self.count += 1;
            let at = passed + line.delay + Duration::from_micros(jitter);
            let at = std::cmp::Reverse((at, self.count));
            self.under_way.push(Packet { at, port: to, bytes: packet.clone() });
        }
    }

    /// When a packet is through a slow line; never, when too much waits before it.
    fn pass(&mut self, from: usize, to: usize, line: &Line, bytes: usize, now: Instant) -> Option<Instant> {
        if line.bits_per_s == 0 {
            return Some(now);
        }
        let free_at = self.free_at.get(&(from, to)).copied().unwrap_or(now).max(now);
        if free_at - now > line.buffer {
            return None;
        }
        let through = free_at + Duration::from_secs_f64(bytes as f64 * 8.0 / line.bits_per_s as f64);
        self.free_at.insert((from, to), through);
        Some(through)
    }

    fn of_a_hundred(&mut self, count: u64) -> bool {
        self.chance.below(100) < count
    }
}

/// The port that a packet goes to: the last digit of its IPv4 address.
fn port_of(packet: &[u8]) -> Option<usize> {
    let is_ipv4 = packet.len() >= 28 && packet[0] >> 4 == 4;
    is_ipv4.then(|| usize::from(packet[19] % 10))
}

/// Turns one bit of a UDP packet's content over and makes its checksum right.
fn spoil(packet: &mut [u8], chance: &mut Chance) -> bool {
    const UDP: u8 = 17;
    let head = usize::from(packet[0] & 15) * 4;
    if packet[9] != UDP || packet.len() <= head + 8 {
        return false;
    }
    let at = head + 8 + chance.index(packet.len() - head - 8);
    packet[at] ^= 1 << chance.below(8);
    packet[head + 6..head + 8].fill(0);
    let mut sum = u32::from(UDP) + u32::try_from(packet.len() - head).expect("a packet is short");
    for pair in packet[12..20].chunks(2).chain(packet[head..].chunks(2)) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = match !u16::try_from(sum).expect("the carry was added") {
        0 => 0xffff,
        checksum => checksum,
    };
    packet[head + 6..head + 8].copy_from_slice(&checksum.to_be_bytes());
    true
}
