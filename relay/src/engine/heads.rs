//! Heads of logs, up and down the tree.
//!
//! | when | what |
//! |---|---|
//! | a link to a parent is up | the parent shows the checkpoint of ours that it holds; we look whether our log continues it |
//! | the log has grown and a tick came | we sign a checkpoint and send it up with the proof that it continues the last |
//! | a child's checkpoint comes | checked against the one we hold, it becomes a leaf here, and our own goes up soon |
//! | the root hub has signed | its checkpoint is dated; each child gets the proof that its own stands under it |
//! | the proof comes down | our checkpoint is dated; our children get theirs |
//!
//! *Against:* a log that was cut or rewritten, two histories, a child that floods with heads, a parent that holds what never was.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use certs::signature::{Digest, digest};
use topology::RoomId;

use super::Engine;
use crate::{
    checkpoint::{Anchor, Checkpoint, Head, VerifiedCheckpoint},
    crash_point::CrashPoint,
    log::{check_consistency, empty_root},
    step::{DatedCheckpoint, Fetch, HeldHead, LeafKind, Loaded, Notice, Send, Step, Write},
    tick::{TickRef, WITNESS_VERSION},
    timestamp::Timestamp,
};

/// What is remembered of heads, our own and the children's.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The last checkpoint that was signed here.
    last: Option<(Head, Arc<[u8]>)>,
    /// The tick that it cites; none after a start.
    cited: Option<TickRef>,
    /// Signed here and not dated yet, by size. What a later one covers is forgotten when that is dated.
    open: BTreeMap<u64, Digest>,
    /// The newest one that is dated.
    dated: Option<DatedCheckpoint>,
    /// When the next one is to be signed; none while nothing has happened.
    due: Option<Timestamp>,
    /// When the last one was sent.
    said_at: Option<Timestamp>,
    /// Whether the last one is to go again.
    again: bool,
    /// What each parent that is up holds of us.
    held_by: BTreeMap<RoomId, Head>,
    /// What a parent holds and our log does not continue; named in the next checkpoint.
    lost: Option<Head>,
    children: BTreeMap<RoomId, HeldHead>,
    heard_at: BTreeMap<RoomId, Timestamp>,
    /// Size of the held head from which a child's log was found not to go on, in this run.
    broken: BTreeMap<RoomId, u64>,
    /// Children's heads without an answer: the leaves here.
    waiting: BTreeMap<RoomId, Vec<HeldHead>>,
}

/// A hub waits so long for more of its children before it signs: all of them answer the same tick.
const GATHER: Duration = Duration::from_millis(500);
/// Two checkpoints of one room are at least so far apart.
const PAUSE: Duration = Duration::from_secs(1);
/// A child that sends its heads faster than this is told to begin anew.
const PAUSE_OF_OTHERS: Duration = Duration::from_millis(500);
/// Undated checkpoints remembered: ten minutes' worth while the root hub is away.
const OPEN_MAX: usize = 64;
/// Unanswered heads kept for each child. The newest that is covered answers for all before it.
const WAITING_MAX: usize = 8;

impl Heads {
    pub(super) fn resume(loaded: &Loaded) -> Self {
        let open = loaded
            .checkpoint
            .iter()
            .filter(|(head, _)| loaded.dated.as_ref().is_none_or(|dated| dated.size < head.size));
        Self {
            open: open.map(|(head, bytes)| (head.size, digest(bytes))).collect(),
            last: loaded.checkpoint.clone(),
            dated: loaded.dated.clone(),
            children: loaded.heads.clone(),
            ..Self::default()
        }
    }

    fn hasten(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// A clock that was set back puts nothing off until its old time has come.
    fn see_clock(&mut self, now: Timestamp) {
        self.due = self.due.map(|due| due.min(now.after(GATHER)));
        self.said_at = self.said_at.map(|at| at.min(now));
    }
}

impl Engine {
    /// A tick came: a head that has changed goes up with it.
    pub(super) fn head_after_tick(&mut self, now: Timestamp) {
        let is_hub = !self.heads.children.is_empty();
        self.heads.hasten(if is_hub { now.after(GATHER) } else { now });
    }

    /// The head goes up at once; the hubs above answer it within seconds, as they answer every head.
    pub(super) fn date_now(&mut self, now: Timestamp) {
        self.heads.hasten(now);
    }

    /// The same for a head that cites the newest tick. A log that has not grown since it last cited one grows by the tick:
    /// heads are told apart by their size.
    pub(super) fn date_tick(&mut self, now: Timestamp, step: &mut Step) {
        let has_grown = self.heads.last.as_ref().is_none_or(|(head, _)| head.size < self.log.size());
        if let Some((name, bytes)) = self.ticks.newest_signed()
            && !has_grown
            && self.heads.cited != Some(name)
        {
            self.append(LeafKind::Tick, &bytes, step);
        }
        self.date_now(now);
    }

    /// A child is up: shows which checkpoint of it is held here, so that it can go on from there.
    pub(super) fn greet_with_head(&self, neighbour: RoomId, step: &mut Step) {
        if self.map.may_dial(self.me, neighbour) {
            let checkpoint = self.heads.children.get(&neighbour).map(|held| held.bytes.clone());
            step.sends.push(Send::HeadHeld { to: neighbour, checkpoint });
        }
    }

    /// A link ends or begins: what that parent holds is not known until it says so on this very link.
    pub(super) fn forget_held(&mut self, neighbour: RoomId) {
        self.heads.held_by.remove(&neighbour);
    }

    /// A parent shows which checkpoint of ours it holds.
    pub(super) fn head_held(
        &mut self,
        from: RoomId,
        shown: Option<Box<VerifiedCheckpoint>>,
        now: Timestamp,
        step: &mut Step,
    ) {
        let shown = shown.map(|shown| (shown.checkpoint().room, shown.checkpoint().head()));
        if !self.map.links(self.me).contains(&from) || shown.is_some_and(|(room, _)| room != self.me) {
            return;
        }
        match shown {
            Some((_, head)) => step.fetches.push(Fetch::LogRoot { neighbour: from, head }),
            None => self.go_on_from(from, Head { root: empty_root(), size: 0 }, now),
        }
    }

    /// The store was asked for our own root at the size that a parent holds.
    pub(super) fn log_root(
        &mut self,
        from: RoomId,
        head: Head,
        own: Option<Digest>,
        now: Timestamp,
        step: &mut Step,
    ) {
        if own != Some(head.root) {
            self.heads.lost = Some(head);
            let notice = Notice::HistoryLost { held_by: from, head, own_size: self.log.size() };
            step.sends.push(Send::Notice(notice));
        }
        self.go_on_from(from, head, now);
    }

    /// The last checkpoint, if it is still undated, goes again: it or its answer may have been lost.
    fn go_on_from(&mut self, parent: RoomId, held: Head, now: Timestamp) {
        self.heads.held_by.insert(parent, held);
        let open = self.heads.last.as_ref().filter(|(head, _)| self.heads.open.contains_key(&head.size));
        self.heads.again = open.is_some_and(|(head, _)| held.size <= head.size);
        self.heads.hasten(now);
    }

    /// Signs a checkpoint when one is due and the log has grown.
    pub(super) fn make_head(&mut self, now: Timestamp, step: &mut Step) {
        self.heads.see_clock(now);
        let Some(due) = self.heads.due else { return };
        let due = self.heads.said_at.map_or(due, |at| due.max(at.after(PAUSE)));
        if due > now {
            step.wake_by(due);
            return;
        }
        self.heads.due = None;
        let grown = self.heads.last.as_ref().is_none_or(|(head, _)| head.size < self.log.size());
        if grown || self.heads.lost.is_some() {
            self.say_new_head(now, step);
        } else if std::mem::take(&mut self.heads.again) {
            self.say_head_again(now, step);
        }
    }

    fn say_new_head(&mut self, now: Timestamp, step: &mut Step) {
        if self.me == self.map.root() {
            let signed = self.sign_head(now);
            self.date(DatedCheckpoint::of_root(&signed), step);
        } else if let Some((parent, held)) = self.upper() {
            let signed = self.sign_head(now);
            let (bytes, head) = (signed.bytes().clone(), signed.checkpoint().head());
            self.heads.open.insert(head.size, digest(&bytes));
            while self.heads.open.len() > OPEN_MAX {
                self.heads.open.pop_first();
            }
            step.writes.push(Write::Checkpoint { head, bytes: bytes.clone() });
            let from = if signed.checkpoint().lost.is_some() { 0 } else { held.size };
            self.say_head(parent, head, bytes, from, step);
        }
        step.points.push(CrashPoint::HeadSigned);
    }

    fn say_head_again(&mut self, now: Timestamp, step: &mut Step) {
        if let Some((parent, held)) = self.upper()
            && let Some((head, bytes)) = self.heads.last.clone()
        {
            self.heads.said_at = Some(now);
            self.say_head(parent, head, bytes, held.size, step);
        }
    }

    fn say_head(&mut self, parent: RoomId, head: Head, checkpoint: Arc<[u8]>, from: u64, step: &mut Step) {
        self.heads.again = false;
        self.heads.held_by.insert(parent, head);
        step.sends.push(Send::Head { to: parent, checkpoint, from, size: head.size });
    }

    /// The first parent that is up and has said what it holds.
    fn upper(&self) -> Option<(RoomId, Head)> {
        let mut parents = self.map.links(self.me).into_iter().filter(|parent| self.is_up(*parent));
        parents.find_map(|parent| Some((parent, *self.heads.held_by.get(&parent)?)))
    }

    /// The root hub's dates never go back, whatever its clock does: each would prove too much.
    fn head_time(&self, now: Timestamp) -> Timestamp {
        let dated = self.heads.dated.as_ref().map(|dated| dated.at);
        let last = self.ticks.newest().map(|tick| tick.at).max(dated);
        if self.me == self.map.root() { last.map_or(now, |last| now.max(last)) } else { now }
    }

    fn sign_head(&mut self, now: Timestamp) -> VerifiedCheckpoint {
        let checkpoint = Checkpoint {
            v: WITNESS_VERSION,
            at: self.head_time(now),
            lost: self.heads.lost.take(),
            room: self.me,
            root: self.log.root(),
            size: self.log.size(),
            tick: self.ticks.newest(),
            clock: self.clock,
            epoch: self.epoch,
            suite: self.signer.suite().id(),
        };
        let signed = checkpoint.sign(&*self.signer);
        self.heads.last = Some((signed.checkpoint().head(), signed.bytes().clone()));
        self.heads.cited = signed.checkpoint().tick;
        self.heads.said_at = Some(now);
        signed
    }

    /// A child shows its head, and that it continues the one that is held here.
    pub(super) fn head(
        &mut self,
        from: RoomId,
        shown: &VerifiedCheckpoint,
        old: u64,
        path: &[Digest],
        now: Timestamp,
        step: &mut Step,
    ) {
        let checkpoint = shown.checkpoint();
        if checkpoint.room != from || !self.map.may_dial(self.me, from) {
            return;
        }
        let held = self.heads.children.get(&from).cloned();
        if let Some(held) = held.as_ref().filter(|held| held.bytes == *shown.bytes()) {
            self.answer_again(from, held.clone(), step);
            return;
        }
        let too_soon =
            self.heads.heard_at.get(&from).is_some_and(|at| (*at..at.after(PAUSE_OF_OTHERS)).contains(&now));
        if too_soon {
            self.greet_with_head(from, step);
            return;
        }
        let before = held.as_ref().map_or(Head { root: empty_root(), size: 0 }, HeldHead::head);
        let after = checkpoint.head();
        let is_declared = checkpoint.lost.is_some_and(|lost| lost == before);
        if !is_declared && old != before.size {
            // It does not know what is held here, because something was lost on the way.
            self.greet_with_head(from, step);
            return;
        }
        let continues = after.size > before.size
            && check_consistency((before.size, &before.root), (after.size, &after.root), path).is_ok();
        if !continues {
            // One such pair convicts; more of them only fill the disk.
            let is_known = self.heads.broken.insert(from, before.size) == Some(before.size);
            self.heads.heard_at.insert(from, now);
            if is_known && !is_declared {
                return;
            }
            let held = held.map_or_else(|| Arc::from([].as_slice()), |held| held.bytes);
            let shown = shown.bytes().clone();
            step.writes.push(Write::HistoryBreak { room: from, is_declared, held, shown });
            step.sends.push(Send::Notice(Notice::HistoryBroken { room: from, is_declared, before, after }));
            if !is_declared {
                return;
            }
        }
        self.hold(from, shown, now, step);
    }

    /// A child's head becomes a leaf of our log.
    fn hold(&mut self, from: RoomId, shown: &VerifiedCheckpoint, now: Timestamp, step: &mut Step) {
        let leaf = self.append(LeafKind::Head, shown.bytes(), step);
        let head = shown.checkpoint().head();
        let held = HeldHead { leaf, size: head.size, root: head.root, bytes: shown.bytes().clone() };
        step.writes.push(Write::HeldHead { room: from, held: held.clone() });
        let waiting = self.heads.waiting.entry(from).or_default();
        if waiting.len() >= WAITING_MAX {
            waiting.remove(0);
        }
        waiting.push(held.clone());
        self.cite(shown.checkpoint().tick, Some(from), step);
        self.heads.children.insert(from, held);
        self.heads.heard_at.insert(from, now);
        self.heads.hasten(now.after(GATHER));
        step.points.push(CrashPoint::HeadHeld);
    }

    fn answer_again(&mut self, child: RoomId, held: HeldHead, step: &mut Step) {
        match self.heads.dated.clone() {
            Some(dated) if held.leaf < dated.size => {
                step.sends.push(Send::Anchor { to: child, held, dated });
            }
            _ => {
                let waiting = self.heads.waiting.entry(child).or_default();
                if !waiting.iter().any(|other| other.leaf == held.leaf) {
                    waiting.push(held);
                }
            }
        }
    }

    /// The proof came down that the root hub has dated one of our checkpoints. The link has verified it.
    pub(super) fn anchored(
        &mut self,
        checkpoint: &VerifiedCheckpoint,
        at: Timestamp,
        anchor: Anchor,
        step: &mut Step,
    ) {
        let size = checkpoint.checkpoint().size;
        if self.heads.open.get(&size) != Some(&digest(checkpoint.bytes())) {
            return;
        }
        self.heads.open.retain(|open, _| *open > size);
        self.date(DatedCheckpoint { size, at, bytes: checkpoint.bytes().clone(), anchor }, step);
    }

    /// Our checkpoint is dated, and with it whatever of our children stands under it.
    fn date(&mut self, dated: DatedCheckpoint, step: &mut Step) {
        for (child, waiting) in std::mem::take(&mut self.heads.waiting) {
            let (covered, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|held| held.leaf < dated.size);
            if !rest.is_empty() {
                self.heads.waiting.insert(child, rest);
            }
            // The date is the same for all of them: the newest answers for those before it. A child that is away shows
            // its head again when it is back.
            if let Some(held) = covered.into_iter().next_back().filter(|_| self.is_up(child)) {
                step.sends.push(Send::Anchor { to: child, held, dated: dated.clone() });
            }
        }
        step.writes.push(Write::Dated(dated.clone()));
        self.heads.dated = Some(dated);
        step.points.push(CrashPoint::HeadDated);
    }
}
