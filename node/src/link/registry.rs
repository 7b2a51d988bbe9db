//! The registry: which neighbours have a link, how to reach their session, and what people may know of it.
//!
//! It is the driver's way out. Of two sessions with one room the newer one counts: the older one has ended, and the engine
//! knows, before the newer one is the link, so that no word of the one is taken for a word of the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use relay::{
    frame::{DocumentKind, Frame},
    receipt::{ClockOffset, Event},
    step::{Input, Notice},
    tick::TickRef,
    timestamp::Timestamp,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use topology::{Precedence, RoomId};

use super::{
    control::{Control, Saying},
    outgoing::Lane,
};
use crate::{
    clock::Clock,
    driver::{Job, Outbound, Outgoing},
};

/// Shared by the driver, the sessions and the control socket.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    jobs: mpsc::Sender<Job>,
    notices: broadcast::Sender<Notice>,
    links: Mutex<BTreeMap<RoomId, Neighbour>>,
    cut: Mutex<BTreeSet<RoomId>>,
    delivered: AtomicU64,
    tick: Mutex<Option<TickRef>>,
    /// Held while a link changes, so that the engine hears of changes in the order in which they happened.
    changes: tokio::sync::Mutex<u64>,
    /// Wakes whoever shows what no notice tells of.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Neighbour {
    session: Option<Handle>,
    state: LinkState,
    /// Why this node is closing the session, a code of [`close`].
    closing: Option<u32>,
}

/// How to reach a running session.
#[derive(Clone)]
pub struct Handle {
    /// Its control stream.
    pub control: Control,
    /// Envelopes for each precedence stream.
    pub lanes: [Lane; 4],
    /// The connection, to close it and to read its round trip.
    pub connection: quinn::Connection,
    /// Serial number of the peer's certificate.
    pub serial: Vec<u8>,
    ended: watch::Receiver<()>,
    number: u64,
}

/// What people may know of a link.
#[derive(Debug, Clone, Default)]
pub struct LinkState {
    /// Whether the hello was answered.
    pub up: bool,
    /// Since when it is so.
    pub since: Timestamp,
    /// Why it is down: a code of the catalogue.
    pub reason: Option<String>,
    /// The neighbour's clock against ours.
    pub offset: Option<ClockOffset>,
    /// The neighbour's program version.
    pub software: Option<String>,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<f64>,
}

/// A session that asks to be the link with a neighbour.
pub struct Candidate {
    /// The neighbour.
    pub room: RoomId,
    /// Its control stream.
    pub control: Control,
    /// Its streams.
    pub lanes: [Lane; 4],
    /// Its connection.
    pub connection: quinn::Connection,
    /// Serial number of its certificate.
    pub serial: Vec<u8>,
    /// Its other end is dropped when no task of the session runs any more.
    pub ended: watch::Receiver<()>,
    /// What it takes at first.
    pub credits: Vec<relay::frame::Credit>,
    /// Its program version.
    pub software: String,
}

/// QUIC close codes, so that the other side can tell its people why.
pub mod close {
    /// In good order.
    pub const GOODBYE: u32 = 0;
    /// A newer link with the same room took its place.
    pub const REPLACED: u32 = 1;
    /// A rule of the link was broken.
    pub const VIOLATION: u32 = 2;
    /// The certificate is revoked.
    pub const REVOKED: u32 = 3;
    /// The certificate has expired.
    pub const EXPIRED: u32 = 4;
    /// The plan does not make the two rooms neighbours.
    pub const NOT_A_NEIGHBOUR: u32 = 5;
    /// No certificate was presented.
    pub const NO_CERTIFICATE: u32 = 6;
    /// No common protocol version, or another network.
    pub const INCOMPATIBLE: u32 = 7;
    /// Cut by hand, in a demo.
    pub const CUT: u32 = 8;
    /// The node is busy; dial again later.
    pub const BUSY: u32 = 9;

    /// The code of the catalogue for a close code.
    pub fn word(code: u64) -> &'static str {
        match u32::try_from(code).unwrap_or(u32::MAX) {
            GOODBYE => "link_goodbye",
            REPLACED => "link_replaced",
            VIOLATION => "link_violation",
            REVOKED => "link_revoked",
            EXPIRED => "link_expired",
            NOT_A_NEIGHBOUR => "link_not_a_neighbour",
            NO_CERTIFICATE => "link_no_certificate",
            INCOMPATIBLE => "link_incompatible",
            CUT => "link_cut",
            BUSY => "link_busy",
            _ => "link_lost",
        }
    }
}

impl Registry {
    /// An empty registry that reports to the driver.
    pub fn new(clock: Clock, jobs: mpsc::Sender<Job>) -> Self {
        let (notices, _) = broadcast::channel(1024);
        Self {
            shared: Arc::new(Shared {
                clock,
                jobs,
                notices,
                links: Mutex::default(),
                cut: Mutex::default(),
                delivered: AtomicU64::new(0),
                tick: Mutex::default(),
                changes: tokio::sync::Mutex::new(0),
                changed: watch::Sender::new(()),
            }),
        }
    }

    /// Makes the candidate the link with its room and tells the engine. An older session is closed, and has ended for
    /// everybody, before. The number tells the sessions apart.
    pub async fn register(&self, candidate: Candidate) -> u64 {
        let mut changes = self.shared.changes.lock().await;
        *changes += 1;
        let number = *changes;
        self.replace(candidate.room).await;
        let handle = Handle {
            control: candidate.control,
            lanes: candidate.lanes,
            connection: candidate.connection,
            serial: candidate.serial,
            ended: candidate.ended,
            number,
        };
        self.with(candidate.room, |neighbour| {
            neighbour.state = LinkState {
                up: true,
                since: self.shared.clock.now(),
                software: Some(candidate.software),
                ..LinkState::default()
            };
            neighbour.closing = None;
            neighbour.session = Some(handle);
        });
        self.note_change();
        self.tell(Input::LinkUp { neighbour: candidate.room, credits: candidate.credits }).await;
        number
    }

    /// Ends the session that a newer one is about to replace.
    async fn replace(&self, room: RoomId) {
        let older = self.with(room, |neighbour| neighbour.session.take());
        if let Some(mut older) = older {
            tracing::warn!(%room, "a newer link takes the place of the older one");
            older.connection.close(close::REPLACED.into(), b"replaced");
            while older.ended.changed().await.is_ok() {}
            self.link_down(room).await;
        }
    }

    /// Waits until the engine has handled the end of a link and its last words for it are dropped: none of them may
    /// reach the next session.
    async fn link_down(&self, neighbour: RoomId) {
        let (reply, handled) = oneshot::channel();
        self.job(Job { input: Input::LinkDown { neighbour }, reply: Some(reply) }).await;
        // There is no reply to this; the sender is dropped when the driver is done with it.
        let _ = handled.await;
    }

    /// A session has ended. If it was the link with its room, the engine hears of it.
    pub async fn unregister(&self, room: RoomId, number: u64, reason: &str) {
        let _changes = self.shared.changes.lock().await;
        let was_current = self.with(room, |neighbour| {
            let current = neighbour.session.as_ref().is_some_and(|handle| handle.number == number);
            if current {
                neighbour.session = None;
                let here = neighbour.closing.take().map(|code| close::word(u64::from(code)));
                neighbour.state = LinkState {
                    since: self.shared.clock.now(),
                    reason: Some(here.unwrap_or(reason).to_owned()),
                    ..LinkState::default()
                };
            }
            current
        });
        if was_current {
            self.note_change();
            self.link_down(room).await;
        }
    }

    /// A link came up or went down, or somebody here has signed something: pages show it, and no notice says so.
    pub fn note_change(&self) {
        self.shared.changed.send_replace(());
    }

    /// Wakes with each of these changes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }

    /// Notes why a link cannot be made.
    pub fn note_failure(&self, room: RoomId, reason: &str) {
        let now = self.shared.clock.now();
        self.with(room, |neighbour| {
            if !neighbour.state.up {
                if neighbour.state.since == Timestamp::default() {
                    neighbour.state.since = now;
                }
                neighbour.state.reason = Some(reason.to_owned());
            }
        });
    }

    /// Notes the neighbour's clock.
    pub fn note_offset(&self, room: RoomId, offset: ClockOffset) {
        self.with(room, |neighbour| neighbour.state.offset = Some(offset));
    }

    /// What people may know of every link that there is or was.
    pub fn states(&self) -> BTreeMap<RoomId, LinkState> {
        let links = self.shared.links.lock().expect("no holder of the registry panics");
        links
            .iter()
            .map(|(room, neighbour)| {
                let mut state = neighbour.state.clone();
                state.rtt_ms =
                    neighbour.session.as_ref().map(|handle| handle.connection.rtt().as_secs_f64() * 1000.0);
                (*room, state)
            })
            .collect()
    }

    /// Whether the link with a room is up.
    pub fn is_up(&self, room: RoomId) -> bool {
        self.with(room, |neighbour| neighbour.session.is_some())
    }

    /// The running session with a room.
    pub fn handle(&self, room: RoomId) -> Option<Handle> {
        self.with(room, |neighbour| neighbour.session.clone())
    }

    /// All running sessions.
    pub fn handles(&self) -> Vec<(RoomId, Handle)> {
        let links = self.shared.links.lock().expect("no holder of the registry panics");
        links.iter().filter_map(|(room, n)| Some((*room, n.session.clone()?))).collect()
    }

    /// Sends a control frame to a neighbour; false when it has no link.
    pub fn control(&self, room: RoomId, frame: Frame) -> bool {
        self.handle(room).is_some_and(|handle| handle.control.say(Saying::Frame(frame)))
    }

    /// Sends a control frame that may be lost; false when it has no link or too much waits on it.
    pub fn control_if_idle(&self, room: RoomId, frame: Frame) -> bool {
        self.handle(room).is_some_and(|handle| handle.control.say_if_idle(frame))
    }

    /// Sends a plan or a sheet to every neighbour.
    pub fn spread(&self, kind: DocumentKind, document: &Arc<[u8]>) {
        for (_, handle) in self.handles() {
            // A session that has ended takes nothing; the next one hears of it after its hello.
            let _ = handle.control.say(Saying::Document(kind, document.clone()));
        }
    }

    /// Closes the link with a room, telling it why.
    pub fn close(&self, room: RoomId, code: u32, reason: &str) {
        let handle = self.with(room, |neighbour| {
            neighbour.closing = neighbour.session.is_some().then_some(code);
            neighbour.session.clone()
        });
        if let Some(handle) = handle {
            handle.connection.close(code.into(), reason.as_bytes());
        }
    }

    /// Cuts or heals a link. Only a demo network may.
    pub fn set_cut(&self, room: RoomId, cut: bool) {
        let mut rooms = self.shared.cut.lock().expect("no holder of the registry panics");
        if cut {
            rooms.insert(room);
        } else {
            rooms.remove(&room);
        }
        drop(rooms);
        if cut {
            self.close(room, close::CUT, "cut by hand");
        }
    }

    /// Whether a link is cut by hand.
    pub fn is_cut(&self, room: RoomId) -> bool {
        self.shared.cut.lock().expect("no holder of the registry panics").contains(&room)
    }

    /// What happens at this node, for whoever listens.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.shared.notices.subscribe()
    }

    /// Delivered receipts that came back since the node started.
    pub fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// The newest tick that is stored here.
    pub fn tick(&self) -> Option<TickRef> {
        *self.shared.tick.lock().expect("no holder of the registry panics")
    }

    /// Tells every neighbour that this node stops.
    pub fn goodbye(&self, reason: &str) {
        for (room, _) in self.handles() {
            self.control(room, Frame::Goodbye { reason: reason.to_owned() });
        }
    }

    /// Closes every link: after a failure of the store the engine knows of none, and neighbours dial again.
    pub fn close_all(&self, code: u32, reason: &str) {
        for (room, _) in self.handles() {
            self.close(room, code, reason);
        }
    }

    /// Hands an input to the driver; waits while it is busy.
    pub async fn tell(&self, input: Input) {
        // When the driver has gone the node is stopping.
        let _ = self.shared.jobs.send(Job::from(input)).await;
    }

    /// Hands a job to the driver.
    pub async fn job(&self, job: Job) {
        // When the driver has gone the node is stopping.
        let _ = self.shared.jobs.send(job).await;
    }

    fn with<T>(&self, room: RoomId, act: impl FnOnce(&mut Neighbour) -> T) -> T {
        let mut links = self.shared.links.lock().expect("no holder of the registry panics");
        act(links.entry(room).or_default())
    }
}

impl Outbound for Registry {
    fn deliver(&mut self, item: Outgoing) {
        match item {
            Outgoing::Envelope { to, precedence, bytes } => {
                if let Some(handle) = self.handle(to) {
                    handle.lane(precedence).send(bytes);
                }
            }
            Outgoing::Control { to, frame } => {
                self.control(to, frame);
            }
            Outgoing::Close { neighbour, reason } => {
                tracing::warn!(room = %neighbour, reason, "the neighbour broke a rule of the link");
                self.close(neighbour, close::VIOLATION, reason);
            }
            Outgoing::Notice(notice) => {
                if matches!(notice, Notice::Receipt { event: Event::Delivered, .. }) {
                    self.shared.delivered.fetch_add(1, Ordering::Relaxed);
                }
                if let Notice::Tick(name) = notice {
                    *self.shared.tick.lock().expect("no holder of the registry panics") = Some(name);
                }
                alarm(&notice);
                // Nobody need listen.
                let _ = self.shared.notices.send(notice);
            }
        }
    }
}

/// A history that does not go on as it was is the log book's business at once.
fn alarm(notice: &Notice) {
    if let Notice::HistoryBroken { room, is_declared, before, after } = notice {
        let (before, after) = (before.size, after.size);
        tracing::error!(%room, before, after, is_declared, "a room below shows another log than before");
    }
    if let Notice::HistoryLost { held_by, head, own_size } = notice {
        let held = head.size;
        tracing::error!(%held_by, held, own_size, "the parent holds more of our log than we: this node was restored");
    }
}

impl Handle {
    fn lane(&self, precedence: Precedence) -> &Lane {
        &self.lanes[precedence.index()]
    }
}
