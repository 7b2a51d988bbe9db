//! What happens inside the rooms of a simulated world: turns of the driver, ticks, crashes and restarts.

use std::collections::BTreeSet;

use node::driver::{BATCH_MAX, Driver, DriverError, Job, Outgoing};
use relay::{
    engine::Seat,
    frame::Frame,
    step::{Input, Notice, QueuePlace, Write},
};
use topology::RoomId;

use super::{Event, WireFlaw, World, disk::now_or_never, wire::CONTROL};
use crate::invariants::{self, Violation};

const TICK_MS: i64 = 1_000;
/// In the quiet time nobody ticks for nothing, but at least this often.
const QUIET_TICK_MS: i64 = 30_000;

impl World {
    /// Puts a job into a node's inbox; a node that is down does not hear of it.
    pub(super) fn job(&mut self, node: usize, job: Job) {
        if self.stations[node].driver.is_some() {
            self.stations[node].inbox.push_back(job);
            self.want_turn(node);
        }
    }

    fn want_turn(&mut self, node: usize) {
        if !self.stations[node].is_turn_wanted {
            self.stations[node].is_turn_wanted = true;
            let commit_ms = self.circumstances.commit_ms;
            let after_ms = self.chance.ms(0, commit_ms);
            self.at(after_ms, Event::Turn { node });
        }
    }

    /// One batch: everything that has come while the last commit was under way.
    pub(super) fn turn(&mut self, node: usize) -> Result<(), Violation> {
        let left_ms = self.stations[node].paused_until_ms - self.now_ms;
        if left_ms > 0 {
            self.at(left_ms, Event::Turn { node });
            return Ok(());
        }
        let now = self.time_of(node);
        let station = &mut self.stations[node];
        station.is_turn_wanted = false;
        let Some(driver) = &mut station.driver else { return Ok(()) };
        let before = station.disk.places();
        let count = station.inbox.len().min(BATCH_MAX);
        let batch: Vec<Job> = station.inbox.drain(..count).collect();
        let result = now_or_never(driver.turn(batch, now));
        self.settle(node, result, &before)
    }

    pub(super) fn tick(&mut self, node: usize, life: u64) -> Result<(), Violation> {
        if self.stations[node].life != life {
            return Ok(());
        }
        let now = self.time_of(node);
        let station = &mut self.stations[node];
        let Some(driver) = &mut station.driver else { return Ok(()) };
        if station.paused_until_ms <= self.now_ms {
            let before = station.disk.places();
            let result = now_or_never(driver.tick(now));
            self.settle(node, result, &before)?;
        }
        let station = &self.stations[node];
        let after_ms = match station.disk.next_due() {
            _ if self.is_stormy() => TICK_MS,
            Some(due) => (due.as_ms() - now.as_ms()).clamp(TICK_MS, QUIET_TICK_MS),
            None => QUIET_TICK_MS,
        };
        if station.life == life && station.driver.is_some() {
            self.at(after_ms, Event::Tick { node, life });
        }
        Ok(())
    }

    /// After a turn: judges what was committed and said, sends it, and sees to what comes next.
    fn settle(
        &mut self,
        node: usize,
        result: Result<(), DriverError>,
        before: &BTreeSet<QueuePlace>,
    ) -> Result<(), Violation> {
        self.observe(node)?;
        let items = self.stations[node].tray.take();
        invariants::said(before, &self.stations[node].disk.places(), &items)?;
        for item in items {
            self.deliver(node, item);
        }
        for key in self.stations[node].take_promises() {
            if !self.model.letters().contains_key(&key) {
                return Err(Violation::of(
                    key,
                    "an officer was told that it is accepted, but it is not stored",
                ));
            }
            self.model.promise(key);
        }
        if let Some(driver) = &self.stations[node].driver {
            invariants::bounded(driver.engine())?;
        }
        match result {
            Ok(()) => self.look_ahead(node),
            Err(DriverError::Crashed { .. }) => {
                let down_ms = self.chance.ms(200, 20_000);
                self.crash(node, down_ms);
            }
            Err(DriverError::Store(_)) => self.crash(node, 1_000),
        }
        Ok(())
    }

    fn look_ahead(&mut self, node: usize) {
        let station = &self.stations[node];
        let Some(driver) = &station.driver else { return };
        if driver.has_followups() || !station.inbox.is_empty() {
            self.want_turn(node);
        } else if let Some(wake_at) = driver.wake_at() {
            let wake_ms = (wake_at.as_ms() - station.skew_ms).max(self.now_ms + 1);
            let is_known = (self.now_ms + 1..=wake_ms).contains(&station.wake_ms);
            if !is_known {
                self.stations[node].wake_ms = wake_ms;
                self.at(wake_ms - self.now_ms, Event::Turn { node });
            }
        }
    }

    /// Compares what a node has committed with the model, write by write, and then as a whole.
    fn observe(&mut self, node: usize) -> Result<(), Violation> {
        let room = self.cast.rooms[node];
        let writes = self.stations[node].disk.take_committed();
        for write in &writes {
            self.note_write(room, write);
            invariants::before_write(&self.model, room, write)?;
            self.model.observe(room, write);
        }
        self.stations[node].disk.look(|store| invariants::after_commit(&self.model, store, &writes))
    }

    fn note_write(&mut self, room: RoomId, write: &Write) {
        let (key, text) = match write {
            Write::Record(record) => {
                let ways: Vec<String> = record
                    .deliveries
                    .iter()
                    .map(|d| format!("{} {:?} {:?}", self.cast.name(d.recipient), d.state, d.outcome))
                    .collect();
                (record.key, format!("stores {}", ways.join("; ")))
            }
            Write::Receipt(stored) => {
                let said = stored.receipt.receipt();
                let (issuer, to) = (self.cast.name(said.issuer), self.cast.name(said.recipient));
                (said.key(), format!("stores {} of {issuer} for {to} (leaf {})", said.event, said.seq))
            }
            Write::Inbox { key, .. } => (*key, "puts it into the inbox".to_owned()),
            Write::Envelope { .. }
            | Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::OutboxStored { .. }
            | Write::Call { .. }
            | Write::SentOnce(_)
            | Write::InboxDeed { .. }
            | Write::Collision { .. }
            | Write::Epoch { .. }
            | Write::Log(_)
            | Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => return,
        };
        self.note(key, room, &text);
    }

    /// Adds a line to the history of an envelope.
    pub(super) fn note(&mut self, key: relay::envelope_id::EnvelopeKey, room: RoomId, text: &str) {
        let at_ms = self.now_ms - super::BEGINNING_MS;
        let room = self.cast.name(room);
        self.model.note(key, format!("step {} {at_ms:>8} ms {room:<8} {text}", self.step));
    }

    fn deliver(&mut self, node: usize, item: Outgoing) {
        match item {
            Outgoing::Envelope { to, precedence, bytes } => {
                if let Some(key) = relay::envelope::peek_key(&bytes.header) {
                    let text = format!("sends it to {}", self.cast.name(to));
                    self.note(key, self.cast.rooms[node], &text);
                }
                self.send_envelope(node, to, precedence, bytes);
            }
            Outgoing::Control { to, frame } => {
                if let Frame::NotTaken(refused) = &frame {
                    let key = relay::envelope_id::EnvelopeKey { origin: refused.origin, id: refused.id };
                    let text = format!("does not take it: {}", refused.code);
                    self.note(key, self.cast.rooms[node], &text);
                }
                self.send_frame(node, to, CONTROL, frame.encode());
            }
            Outgoing::Notice(Notice::Delivered { key, .. }) => self.ring(node, key),
            Outgoing::Notice(Notice::HistoryBroken { room, .. }) => {
                let what = format!("{} is accused of another history", self.cast.name(room));
                self.seen.get_or_insert(Violation::general(what));
            }
            Outgoing::Notice(Notice::HistoryLost { .. }) => {
                let what = format!(
                    "{} thinks that it lost a part of its log",
                    self.cast.name(self.cast.rooms[node])
                );
                self.seen.get_or_insert(Violation::general(what));
            }
            Outgoing::Notice(Notice::Receipt { .. } | Notice::Tick(_)) | Outgoing::Close { .. } => {}
        }
    }

    /// A node dies: what it has committed stays, everything else is gone, and its links end.
    pub(super) fn crash(&mut self, node: usize, down_ms: i64) {
        let station = &mut self.stations[node];
        station.driver = None;
        station.inbox.clear();
        station.waiting.clear();
        station.life += 1;
        station.disk.crash();
        for link in 0..self.links.len() {
            if let Some(side) = self.links[link].side_of(node) {
                self.links[link].up[side] = None;
                self.links[link].away_since_ms = self.now_ms;
                self.end_session(link);
            }
        }
        self.at(down_ms, Event::Restart { node });
    }

    /// A node comes (back) to life with what is on its disk.
    pub(super) fn restart(&mut self, node: usize) -> Result<(), Violation> {
        if self.stations[node].driver.is_some() {
            return Ok(());
        }
        let seat = Seat {
            me: self.cast.rooms[node],
            map: self.cast.map.clone(),
            signer: self.cast.signers[node].clone(),
            quota: self.circumstances.quota,
        };
        let now = self.time_of(node);
        let nonce = self.chance.bytes();
        let station = &mut self.stations[node];
        let (disk, tray) = (station.disk.clone(), station.tray.clone());
        let started = now_or_never(Driver::start(seat, disk, tray, self.crashes.clone(), nonce, now));
        self.observe(node)?;
        match started {
            Ok(driver) => {
                let station = &mut self.stations[node];
                station.driver = Some(driver);
                let (life, level) = (station.life, station.storage);
                self.input(node, Input::Storage(level));
                self.at(TICK_MS, Event::Tick { node, life });
            }
            Err(_) => {
                self.stations[node].disk.crash();
                self.at(1_000, Event::Restart { node });
            }
        }
        Ok(())
    }

    /// Whether no queue and no outbox between rooms that have a link holds anything.
    pub(super) fn is_drained(&self) -> bool {
        (0..self.stations.len()).all(|node| {
            let (queued, receipts) = self.backlog(node);
            let drained =
                queued == 0 && (receipts == 0 || self.circumstances.flaws.wire == WireFlaw::LosesReceipts);
            drained && self.is_dated(node)
        })
    }

    /// Whether the root hub has dated the whole log of a room.
    fn is_dated(&self, node: usize) -> bool {
        self.stations[node].disk.look(|store| {
            let dated = store.dated().last_key_value().map_or(0, |(size, _)| *size);
            dated == store.leaves().len() as u64
        })
    }

    /// Places in queues, and receipts not confirmed by neighbours over the tree's own links.
    fn backlog(&self, node: usize) -> (usize, u64) {
        let mut disk = self.stations[node].disk.clone();
        let queued = disk.look(|store| store.all_places().len());
        let loaded = now_or_never(node::store::Store::load(&mut disk)).expect("the store in memory loads");
        let me = self.cast.rooms[node];
        let by_tree = |room: &RoomId| {
            self.cast.map.parent(me) == Some(*room) || self.cast.map.parent(*room) == Some(me)
        };
        let outboxes = loaded.outboxes.iter().filter(|(room, _)| by_tree(room));
        (queued, outboxes.map(|(_, (next, stored))| next.saturating_sub(stored + 1)).sum())
    }

    pub(super) fn what_waits(&self) -> String {
        let rooms = self.cast.rooms.iter().enumerate();
        let lines = rooms.map(|(node, room)| {
            format!("{} {:?} dated {}", self.cast.name(*room), self.backlog(node), self.is_dated(node))
        });
        lines.collect::<Vec<_>>().join(", ")
    }
}
