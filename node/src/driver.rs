//! The driver: one task owns the engine. It fetches what an input needs, hands it over, commits what the whole
//! batch decided in one transaction, and only then says it.
//!
//! If a commit fails, the engine is dropped and rebuilt from the store: nothing was said, and the neighbours send
//! again. The simulated world runs this very code with another store, other links and another clock.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use certs::signature::Digest;
use relay::{
    checkpoint::{Anchor, AnchorStep},
    crash_point::CrashPoint,
    engine::{Engine, Seat},
    envelope::EnvelopeBytes,
    envelope_id::EnvelopeKey,
    frame::{Frame, NotTaken, ReceiptsFrame},
    limits::{RECEIPTS_BYTES_PER_FRAME, RECEIPTS_PER_FRAME},
    log::{Range, consistency_ranges, inclusion_ranges},
    receipt::Event,
    step::{DatedCheckpoint, Fetch, HeldHead, Input, Notice, Reply, Send, Step, Write},
    timestamp::Timestamp,
};
use serde_bytes::ByteBuf;
use tokio::sync::oneshot;
use topology::{Precedence, RoomId};

use crate::store::{Store, StoreError};

/// One input, and who waits for its reply.
#[derive(Debug)]
pub struct Job {
    /// What happened.
    pub input: Input,
    /// Told after the commit. Dropped, where the input has no reply, after everything of its batch was said.
    pub reply: Option<oneshot::Sender<Reply>>,
}

impl From<Input> for Job {
    fn from(input: Input) -> Self {
        Self { input, reply: None }
    }
}

/// What leaves the driver after a commit.
#[derive(Debug)]
pub enum Outgoing {
    /// An envelope on a precedence stream.
    Envelope {
        /// To whom.
        to: RoomId,
        /// Which stream.
        precedence: Precedence,
        /// What.
        bytes: EnvelopeBytes,
    },
    /// A frame on the control stream.
    Control {
        /// To whom.
        to: RoomId,
        /// What.
        frame: Frame,
    },
    /// A neighbour broke the rules.
    Close {
        /// Who.
        neighbour: RoomId,
        /// Which rule.
        reason: &'static str,
    },
    /// For the people and programs at this node.
    Notice(Notice),
}

/// Takes what leaves the driver. Must not block: links buffer at most what the windows allow.
pub trait Outbound: std::marker::Send + 'static {
    /// Sends, or drops when the link is gone; the engine will hear that it is.
    fn deliver(&mut self, item: Outgoing);
}

/// Where a test may crash the node.
pub trait CrashPoints: std::marker::Send + 'static {
    /// Returns false when the node dies here: the driver then stops without another word.
    fn reach(&mut self, point: CrashPoint) -> bool;
}

/// In production nothing listens.
#[derive(Debug, Clone, Copy)]
pub struct NoCrash;

impl CrashPoints for NoCrash {
    fn reach(&mut self, _: CrashPoint) -> bool {
        true
    }
}

/// The engine, its store and its way out.
pub struct Driver<S, O, C = NoCrash> {
    engine: Engine,
    store: S,
    outbound: O,
    crash_points: C,
    followups: VecDeque<Input>,
    /// Writes that wait for the next commit; all of them may.
    kept: Vec<Write>,
    wake_at: Option<Timestamp>,
    /// What the clock showed last, before a start by what was signed then.
    seen_at: Timestamp,
}

/// Why a driver stops.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The store failed: rebuild from what is on the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A crash point said so.
    #[error("crashed at {point:?}, as a test wanted")]
    Crashed {
        /// Where.
        point: CrashPoint,
    },
}

/// Inputs joined into one commit at most: about 30 µs a row and seven rows each make 50 ms.
pub const BATCH_MAX: usize = 256;
const DUE_MAX: usize = 256;
/// A clock that falls back by less delays nothing that anybody would notice.
const SET_BACK_MIN: Duration = Duration::from_secs(5);
const RESEND_HORIZON: Duration = Duration::from_secs(2 * 3600);

impl<S: Store, O: Outbound, C: CrashPoints> Driver<S, O, C> {
    /// Begins a run: loads the engine's state, opens the epoch durably, and queues again what was under way.
    ///
    /// # Errors
    /// [`DriverError`] when the store fails.
    pub async fn start(
        seat: Seat,
        mut store: S,
        outbound: O,
        crash_points: C,
        nonce: [u8; 8],
        now: Timestamp,
    ) -> Result<Self, DriverError> {
        let loaded = store.load().await?;
        let seen_at = loaded.signed_at.map_or(now, |signed_at| signed_at.max(now));
        let (engine, step) = Engine::start(seat, loaded, nonce, now);
        let mut driver = Self {
            engine,
            store,
            outbound,
            crash_points,
            followups: VecDeque::new(),
            kept: Vec::new(),
            wake_at: None,
            seen_at,
        };
        for point in step.points {
            driver.reach(point)?;
        }
        driver.commit(step.writes).await?;
        driver.recover(now.after(RESEND_HORIZON), now).await?;
        Ok(driver)
    }

    /// The engine, to read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The store, to read.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Gives the parts back, to start again.
    pub fn into_parts(self) -> (S, O, C) {
        (self.store, self.outbound, self.crash_points)
    }

    /// Whether reading the queue has brought more to do.
    pub fn has_followups(&self) -> bool {
        !self.followups.is_empty()
    }

    /// When [`Self::turn`] is wanted at the latest, even without jobs.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// Queues again what was under way and would be sent again before a time.
    async fn recover(&mut self, before: Timestamp, now: Timestamp) -> Result<(), DriverError> {
        let mut cursor = None;
        loop {
            let page = self.store.open_records(before, cursor, BATCH_MAX).await?;
            let Some(last) = page.last().copied() else { return Ok(()) };
            cursor = Some(last);
            let keys = page.into_iter().map(|(_, key)| key).collect();
            self.turn(vec![Input::Recovered(keys).into()], now).await?;
        }
    }

    /// Looks for what is due by `now`, and commits what was kept until now.
    ///
    /// # Errors
    /// [`DriverError`] when the store fails or a crash point is reached.
    pub async fn tick(&mut self, now: Timestamp) -> Result<(), DriverError> {
        let seen_at = std::mem::replace(&mut self.seen_at, now);
        if now.after(SET_BACK_MIN) < seen_at {
            // What was to be sent again by a clock that was ahead would wait until that time has come.
            self.recover(seen_at.after(RESEND_HORIZON), now).await?;
        }
        let due = self.store.due(now, DUE_MAX).await?;
        let jobs = if due.is_empty() { Vec::new() } else { vec![Input::Due(due).into()] };
        self.turn(jobs, now).await?;
        if self.kept.is_empty() { Ok(()) } else { self.commit(Vec::new()).await }
    }

    /// Handles one batch: everything that the last turn read from the queue, then `jobs`.
    ///
    /// # Errors
    /// [`DriverError`] when the store fails or a crash point is reached; nothing of the batch was said then.
    pub async fn turn(&mut self, jobs: Vec<Job>, now: Timestamp) -> Result<(), DriverError> {
        let mut batch: Vec<Job> = self.followups.drain(..).map(Job::from).collect();
        batch.extend(jobs);
        self.supply(&batch).await?;
        let mut whole = Step::default();
        let (mut replies, mut unanswered) = (Vec::new(), Vec::new());
        for job in batch {
            let mut step = self.engine.handle(job.input, now);
            for point in step.points.drain(..) {
                self.reach(point)?;
            }
            match (job.reply, step.reply.take()) {
                (Some(waiting), Some(reply)) => replies.push((waiting, reply)),
                (Some(waiting), None) => unanswered.push(waiting),
                (None, _) => {}
            }
            whole.join(step);
        }
        let mut last = self.engine.finish(now);
        for point in last.points.drain(..) {
            self.reach(point)?;
        }
        whole.join(last);
        self.wake_at = whole.wake_at;
        if whole.writes.iter().all(Write::can_wait) && self.kept.len() < BATCH_MAX {
            self.kept.extend(whole.writes);
        } else {
            self.commit(whole.writes).await?;
        }
        // What is stored is so, whatever fails while it is said.
        for (waiting, reply) in replies {
            // A caller that has gone does not need the answer.
            let _ = waiting.send(reply);
        }
        self.say(whole.sends).await?;
        drop(unanswered);
        self.fetch(whole.fetches).await
    }

    /// Gives the engine every record that the batch needs and that it does not hold.
    async fn supply(&mut self, batch: &[Job]) -> Result<(), DriverError> {
        let mut keys: Vec<EnvelopeKey> =
            batch.iter().flat_map(|job| self.engine.wanted(&job.input)).collect();
        for job in batch {
            if let Input::DutyStep(order) = &job.input {
                let name = order.step.name();
                if self.store.has_step(name).await? {
                    self.engine.supply_step_taken(name);
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        let mut records = self.store.records(&keys).await?;
        for key in keys {
            self.engine.supply(key, records.remove(&key));
        }
        Ok(())
    }

    async fn say(&mut self, sends: Vec<Send>) -> Result<(), DriverError> {
        let mut receipts = Gathered::default();
        for send in sends {
            if let Send::Receipts { to, first, receipts: more } = send {
                for frame in receipts.add(to, first, more) {
                    self.outbound.deliver(frame);
                }
            } else {
                self.say_one(send).await?;
                self.reach(CrashPoint::BetweenSends)?;
            }
        }
        for frame in receipts.rest() {
            self.outbound.deliver(frame);
        }
        self.reach(CrashPoint::AfterSends)
    }

    async fn say_one(&mut self, send: Send) -> Result<(), DriverError> {
        let item = match send {
            Send::Envelope { to, precedence, bytes } => Outgoing::Envelope { to, precedence, bytes },
            Send::ReceiptsStored { to, upto } => {
                Outgoing::Control { to, frame: Frame::ReceiptsStored { upto } }
            }
            Send::Credit { to, credit } => Outgoing::Control { to, frame: Frame::Credit(credit) },
            Send::Answers { to, key, recipients } => return self.answer(to, key, &recipients).await,
            Send::NotTaken { to, key, refusal } => Outgoing::Control {
                to,
                frame: Frame::NotTaken(NotTaken {
                    origin: key.origin,
                    id: key.id,
                    code: refusal.code(),
                    retry_after_ms: refusal
                        .retry_after()
                        .map_or(600_000, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
                }),
            },
            Send::Tick { to, bytes } => control(to, Frame::Tick { bytes: buffer(&bytes) }),
            Send::TickWanted { to, name } => control(to, Frame::TickWanted { name }),
            Send::TickAnswer { to, name } => match self.store.tick(name).await? {
                Some(bytes) => control(to, Frame::Tick { bytes: buffer(&bytes) }),
                None => return Ok(()),
            },
            Send::HeadHeld { to, checkpoint } => {
                control(to, Frame::HeadHeld { checkpoint: checkpoint.as_deref().map(buffer) })
            }
            Send::Head { to, checkpoint, from, size } => {
                let path = self.store.log_roots(consistency_ranges(from, size)).await?;
                control(to, Frame::Head { checkpoint: buffer(&checkpoint), from, path })
            }
            Send::Anchor { to, held, dated } => {
                let path = self.store.log_roots(inclusion_ranges(held.leaf, dated.size)).await?;
                control(to, anchor_frame(&held, dated, &path))
            }
            Send::Line { to, bytes } => control(to, Frame::Line { bytes: buffer(&bytes) }),
            Send::Close { neighbour, reason } => Outgoing::Close { neighbour, reason },
            Send::Notice(notice) => Outgoing::Notice(notice),
            Send::Receipts { .. } => return Ok(()),
        };
        self.outbound.deliver(item);
        Ok(())
    }

    async fn answer(
        &mut self,
        to: RoomId,
        key: EnvelopeKey,
        recipients: &[RoomId],
    ) -> Result<(), DriverError> {
        let rows = self.store.receipts(key).await?;
        let wanted = rows
            .into_iter()
            .filter(|row| recipients.contains(&row.recipient) && row.event != Event::Accepted)
            .map(|row| ByteBuf::from(row.bytes.to_vec()));
        let mut receipts: Vec<ByteBuf> = Vec::new();
        for receipt in wanted {
            if !fits(&receipts, &receipt) {
                let frame = Frame::Answers { receipts: std::mem::take(&mut receipts) };
                self.outbound.deliver(Outgoing::Control { to, frame });
            }
            receipts.push(receipt);
        }
        if !receipts.is_empty() {
            self.outbound.deliver(Outgoing::Control { to, frame: Frame::Answers { receipts } });
        }
        Ok(())
    }

    async fn fetch(&mut self, fetches: Vec<Fetch>) -> Result<(), DriverError> {
        for fetch in fetches {
            let input = match fetch {
                Fetch::Waiting { neighbour, precedence, messages, bytes } => {
                    let envelopes = self.store.next_waiting(neighbour, precedence, messages, bytes).await?;
                    Input::Waiting { neighbour, precedence, envelopes }
                }
                Fetch::Outbox { neighbour, from, count } => {
                    let receipts = self.store.outbox(neighbour, from, count).await?;
                    Input::Outbox { neighbour, receipts }
                }
                Fetch::Tick { neighbour, name } => {
                    let is_here = self.store.tick(name).await?.is_some();
                    Input::TickLookedUp { neighbour, name, is_here }
                }
                Fetch::LogRoot { neighbour, head } => {
                    Input::LogRoot { neighbour, head, own: self.log_root(head.size).await? }
                }
            };
            self.followups.push_back(input);
        }
        Ok(())
    }

    /// The root over our first leaves; none beyond the end.
    async fn log_root(&mut self, size: u64) -> Result<Option<Digest>, DriverError> {
        if size > self.engine.log_size() {
            return Ok(None);
        }
        Ok(self.store.log_roots(vec![Range { first: 0, count: size }]).await?.pop())
    }

    /// Commits these writes behind those that were kept.
    async fn commit(&mut self, mut writes: Vec<Write>) -> Result<(), DriverError> {
        self.reach(CrashPoint::BeforeCommit)?;
        writes.splice(..0, self.kept.drain(..));
        self.store.commit(writes).await?;
        self.reach(CrashPoint::AfterCommit)
    }

    fn reach(&mut self, point: CrashPoint) -> Result<(), DriverError> {
        if self.crash_points.reach(point) { Ok(()) } else { Err(DriverError::Crashed { point }) }
    }
}

fn control(to: RoomId, frame: Frame) -> Outgoing {
    Outgoing::Control { to, frame }
}

fn buffer(bytes: &[u8]) -> ByteBuf {
    ByteBuf::from(bytes.to_vec())
}

/// The child's checkpoint under ours, and ours under the root hub's.
fn anchor_frame(held: &HeldHead, dated: DatedCheckpoint, path: &[Digest]) -> Frame {
    let mut steps = vec![AnchorStep::new(held.leaf, path, &dated.bytes)];
    steps.extend(dated.anchor.steps);
    Frame::Anchor { checkpoint: buffer(&held.bytes), anchor: Anchor { steps }.encode().into() }
}

/// Whether a frame with these receipts takes another one.
fn fits(receipts: &[ByteBuf], next: &[u8]) -> bool {
    let size: usize = receipts.iter().map(|receipt| receipt.len() + 4).sum();
    receipts.len() < RECEIPTS_PER_FRAME && size + next.len() <= RECEIPTS_BYTES_PER_FRAME
}

/// Receipts of one batch, joined into as few frames as the limits allow.
#[derive(Default)]
struct Gathered {
    by_neighbour: BTreeMap<RoomId, ReceiptsFrame>,
}

impl Gathered {
    fn add(&mut self, to: RoomId, first: u64, receipts: Vec<std::sync::Arc<[u8]>>) -> Vec<Outgoing> {
        let mut full = Vec::new();
        for (number, bytes) in (first..).zip(receipts) {
            let frame = self
                .by_neighbour
                .entry(to)
                .or_insert_with(|| ReceiptsFrame { first: number, receipts: Vec::new() });
            let follows = frame.first + frame.receipts.len() as u64 == number;
            if !(follows && fits(&frame.receipts, &bytes)) {
                let done = std::mem::replace(frame, ReceiptsFrame { first: number, receipts: Vec::new() });
                full.push(Outgoing::Control { to, frame: Frame::Receipts(done) });
            }
            frame.receipts.push(ByteBuf::from(bytes.to_vec()));
        }
        full
    }

    fn rest(self) -> impl Iterator<Item = Outgoing> {
        self.by_neighbour
            .into_iter()
            .map(|(to, frame)| Outgoing::Control { to, frame: Frame::Receipts(frame) })
    }
}
