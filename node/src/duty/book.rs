//! The cases that this room knows, as they were judged last. A case is judged again when a receipt about it comes, a step
//! of a timer was taken, a due time passes, or what all cases are judged by has changed; the index of cases tells which
//! ones there are to look at. Bodies are sealed, so what was opened once is kept with its case.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use relay::{
    duty::{
        case::{CaseMessage, TimedReceipt},
        interval::Interval,
    },
    envelope::{Role, VerifiedEnvelope},
    envelope_id::EnvelopeKey,
    evidence::Timed as TimedEvidence,
    message::{Facts, Kind},
    receipt::VerifiedReceipt,
    tick::TickRef,
    timestamp::Timestamp,
};
use tokio::sync::Notify;
use topology::RoomId;

use super::{
    Graded, Standing,
    index::{CaseIndex, News, Place, rules_name},
    timers::{self, Timed},
};
use crate::{
    daemon::Node,
    directory::Directory,
    problem::Problem,
    store::{StoreError, sqlite::NewReceipt},
    trust::Trust,
};

/// Open cases that lists show, the newest, and that one look of the watch takes, those first that are due first.
const OPEN_MAX: usize = 1_000;
/// Cases that something has come to, judged in one look of the watch.
const TOUCHED_AT_ONCE: usize = 500;
/// Those that whoever asks does not wait for the watch to judge: after a flood it comes to them a little later.
const TOUCHED_WAITED_FOR: usize = 30;
/// Cases that lists show, the newest.
pub(super) const SHOWN_MAX: usize = 300;
/// Judged cases that are kept: all that one look judges, and what lists show. One takes some kilobytes.
const KEPT_MAX: usize = OPEN_MAX + TOUCHED_AT_ONCE + SHOWN_MAX;
/// Of these, settled ones: as many as lists show. The rest need not be judged again before something comes.
const SETTLED_MAX: usize = SHOWN_MAX;
/// Receipts that are read at once.
const NEWS_AT_ONCE: usize = 1_000;
/// Messages of which one look of the watch asks whether retention has removed them.
const SWEPT_AT_ONCE: usize = 64;
/// A judgement is made anew after this: dates of the root hub have come since.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// All cases that rules are about.
pub struct CaseBook {
    inner: tokio::sync::Mutex<Inner>,
    changed: Notify,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Inner {
    path: PathBuf,
    index: Option<CaseIndex>,
    kept: BTreeMap<Place, Kept>,
    /// How often a case was asked for.
    asked: u64,
    trust: Weak<Trust>,
    outage: i64,
    /// How far the last sweep came; none before the first message.
    swept: Option<EnvelopeKey>,
}

struct Kept {
    case: Arc<JudgedCase>,
    is_stale: bool,
    /// When the watch will look at it again, if ever; none until it has looked.
    again: Option<Option<Timestamp>>,
    /// Which of all questions asked for it last.
    asked: u64,
}

/// A case and what follows from it.
pub(super) struct JudgedCase {
    pub(super) place: Place,
    pub(super) members: Vec<Member>,
    pub(super) duties: Vec<(Graded, Vec<Timed>)>,
    /// From here on it may be judged otherwise.
    until: Timestamp,
}

/// One message of a case.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) key: EnvelopeKey,
    pub(super) to: Vec<(RoomId, Role)>,
    pub(super) facts: Arc<Facts>,
    pub(super) tick: Option<TickRef>,
    pub(super) received_at: Timestamp,
    created_at: Timestamp,
}

impl CaseBook {
    /// The book of the node in a directory.
    pub fn new(directory: &Directory) -> Self {
        Self {
            inner: tokio::sync::Mutex::new(Inner { path: directory.file("cases.db"), ..Inner::default() }),
            changed: Notify::new(),
            standing: Mutex::default(),
        }
    }

    /// Something was sent from here: its time limits begin.
    pub fn note_change(&self) {
        self.changed.notify_one();
    }

    /// Waits for that.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Where the timers stood when they were looked at last.
    pub fn standing(&self) -> Standing {
        *self.standing.lock().expect("no holder of the case book panics")
    }

    pub(super) fn set_standing(&self, standing: Standing) {
        *self.standing.lock().expect("no holder of the case book panics") = standing;
    }

    /// The cases of which something is owed, and those that have changed a moment ago.
    pub(super) async fn open_cases(&self, node: &Node) -> Result<Vec<Arc<JudgedCase>>, Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        let index = inner.index(node).await?;
        let mut places = index.touched_places(TOUCHED_WAITED_FOR).await?;
        places.append(&mut index.open_places(OPEN_MAX).await?);
        inner.judged(node, places).await
    }

    /// What the watch looks at; whether more has changed than it judges at once.
    pub(super) async fn watched_cases(&self, node: &Node) -> Result<(Vec<Arc<JudgedCase>>, bool), Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        inner.sweep(node).await?;
        let index = inner.index(node).await?;
        let mut places = index.touched_places(TOUCHED_AT_ONCE).await?;
        let has_more = places.len() == TOUCHED_AT_ONCE;
        places.append(&mut index.places_to_look_at(OPEN_MAX).await?);
        Ok((inner.judged(node, places).await?, has_more))
    }

    /// The newest cases and the open ones.
    pub(super) async fn shown_cases(&self, node: &Node) -> Result<Vec<Arc<JudgedCase>>, Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        let index = inner.index(node).await?;
        let mut places = index.newest_places(SHOWN_MAX).await?;
        let shown: BTreeSet<Place> = places.iter().cloned().collect();
        places.extend(index.open_places(OPEN_MAX).await?.into_iter().filter(|place| !shown.contains(place)));
        inner.judged(node, places).await
    }

    /// The case of a message.
    pub(super) async fn case_of(
        &self,
        node: &Node,
        key: EnvelopeKey,
    ) -> Result<Option<Arc<JudgedCase>>, Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        let Some(place) = inner.index(node).await?.place_of(key).await? else { return Ok(None) };
        Ok(inner.judged(node, vec![place]).await?.pop())
    }

    /// The messages of the newest cases, case by case, the newest first.
    pub(super) async fn newest(&self, node: &Node) -> Result<Vec<(Place, Vec<EnvelopeKey>)>, Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        let index = inner.index(node).await?;
        let mut cases = Vec::new();
        for place in index.newest_places(SHOWN_MAX).await? {
            let messages = index.messages_of(&place).await?;
            cases.push((place, messages));
        }
        Ok(cases)
    }

    /// A step of one of its timers was taken.
    pub(super) async fn note_step(&self, place: &Place) {
        if let Some(kept) = self.inner.lock().await.kept.get_mut(place) {
            kept.is_stale = true;
        }
    }

    /// The watch has taken what was due in this case as it was judged, and looks at it again when the next step is due or it may
    /// be judged otherwise. One in which nothing is owed is not looked at again before something comes.
    pub(super) async fn note_look(
        &self,
        node: &Node,
        case: &Arc<JudgedCase>,
        is_open: bool,
        next: Option<Timestamp>,
    ) -> Result<(), Problem> {
        let again = is_open.then(|| next.map_or(case.until, |next| next.min(case.until)));
        let mut inner = self.inner.lock().await;
        let Some(kept) = inner.kept.get_mut(&case.place) else { return Ok(()) };
        // Not what has been touched since.
        if kept.is_stale || !Arc::ptr_eq(&kept.case, case) || kept.again == Some(again) {
            return Ok(());
        }
        kept.again = Some(again);
        if again.is_none() {
            inner.let_settled_go();
        }
        if let Err(problem) = inner.index(node).await?.looked(&case.place, again).await {
            // It is looked at once more than is needed.
            tracing::warn!(%problem, "it is not noted how a case stands");
        }
        Ok(())
    }
}

impl Inner {
    /// The index, opened when it is wanted for the first time. One that does not belong to this store is made anew.
    async fn index(&mut self, node: &Node) -> Result<&mut CaseIndex, Problem> {
        if self.index.is_none() {
            let mut index = CaseIndex::open(&self.path).await?;
            let upto = index.upto().clone();
            let before = node.reader.receipts_after(upto.row - 1, 1).await?;
            let is_ours =
                before.first().is_some_and(|one| one.row == upto.row && one.key.to_bytes()[..] == upto.key);
            if upto.row > 0 && !is_ours {
                index.clear().await?;
            }
            self.index = Some(index);
        }
        Ok(self.index.as_mut().expect("it was set a moment ago"))
    }

    /// Takes what has come since.
    async fn catch_up(&mut self, node: &Node) -> Result<(), Problem> {
        let trust = node.trust.current();
        let outage = node.reader.newest_outage().await?;
        if self.trust.as_ptr() != Arc::as_ptr(&trust) || self.outage != outage {
            self.kept.values_mut().for_each(|kept| kept.is_stale = true);
            (self.trust, self.outage) = (Arc::downgrade(&trust), outage);
        }
        let rules = rules_name(trust.rules.digests());
        if let Err(problem) = self.follow(node, &rules).await {
            // A full disk must not hide what is owed.
            tracing::error!(%problem, "the index of cases goes on in memory until the node starts again");
            self.index = Some(CaseIndex::in_memory().await?);
            self.follow(node, &rules).await?;
        }
        Ok(())
    }

    /// Forgets what retention has removed from the store, a little at a time.
    async fn sweep(&mut self, node: &Node) -> Result<(), Problem> {
        let keep = i64::try_from(node.config.retention.evidence().as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_ms(node.clock.now().as_ms().saturating_sub(keep));
        let after = self.swept;
        let page = self.index(node).await?.older_than(before, after, SWEPT_AT_ONCE).await?;
        self.swept = page.last().copied().filter(|_| page.len() == SWEPT_AT_ONCE);
        let mut gone = Vec::new();
        for key in page {
            // What is damaged is not gone.
            if let Ok(None) = node.reader.envelope(key).await {
                gone.push(key);
            }
        }
        if gone.is_empty() { Ok(()) } else { self.index(node).await?.forget(&gone).await }
    }

    /// Brings the index up to the store.
    async fn follow(&mut self, node: &Node, rules: &[u8]) -> Result<(), Problem> {
        let index = self.index(node).await?;
        if index.upto().rules != rules {
            index.rules_changed(rules.to_vec()).await?;
        }
        while self.take_some(node).await? == NEWS_AT_ONCE {}
        Ok(())
    }

    /// Takes the next receipts; gives how many.
    async fn take_some(&mut self, node: &Node) -> Result<usize, Problem> {
        let from = self.index(node).await?.upto().row;
        let receipts = node.reader.receipts_after(from, NEWS_AT_ONCE).await?;
        let Some(last) = receipts.last() else { return Ok(0) };
        let mut news = News::default();
        let mut seen = BTreeSet::new();
        for receipt in receipts.iter().filter(|receipt| seen.insert(receipt.key)) {
            self.note(node, receipt, &mut news).await?;
        }
        for place in news.touched.iter().chain(news.messages.iter().map(|(_, place, _)| place)) {
            if let Some(kept) = self.kept.get_mut(place) {
                kept.is_stale = true;
            }
        }
        self.index(node).await?.take(&news, last.row, last.key).await?;
        Ok(receipts.len())
    }

    async fn note(&mut self, node: &Node, receipt: &NewReceipt, news: &mut News) -> Result<(), Problem> {
        let summary = receipt.summary.as_deref();
        let summary = summary.and_then(|bytes| node.letterbox().read_summary(&receipt.key, bytes));
        let kind = receipt.kind.or(summary.map(|summary| summary.kind)).map(Kind::from_number);
        // What only passed through here has neither.
        let Some(Ok(kind)) = kind else { return Ok(()) };
        let index = self.index(node).await?;
        if let Some(place) = index.place_of(receipt.key).await? {
            news.touched.push(place);
        } else if is_ruled(kind)
            && let Some(member) = open(node, receipt.key).await?
        {
            news.messages.push((member.key, member.place(), member.created_at));
        } else if kind == Kind::PhoneNote
            && let Some(note) = open(node, receipt.key).await?
        {
            // A call starts and meets limits of the case that it is about.
            news.touched.push(note.place());
            for about in &note.facts.relates_to {
                news.touched.extend(index.place_of(*about).await?);
            }
        }
        Ok(())
    }

    /// Lets the settled case go that nobody has asked for longest, where there are too many.
    fn let_settled_go(&mut self) {
        let settled = || self.kept.iter().filter(|(_, kept)| kept.again == Some(None));
        if settled().count() > SETTLED_MAX {
            let longest_ago = settled().min_by_key(|(_, kept)| kept.asked).map(|(place, _)| place.clone());
            self.kept.retain(|place, _| Some(place) != longest_ago.as_ref());
        }
    }

    /// These cases, judged.
    async fn judged(&mut self, node: &Node, places: Vec<Place>) -> Result<Vec<Arc<JudgedCase>>, Problem> {
        let mut cases = Vec::with_capacity(places.len());
        for place in places {
            cases.push(self.judge(node, place).await?);
        }
        Ok(cases)
    }

    async fn judge(&mut self, node: &Node, place: Place) -> Result<Arc<JudgedCase>, Problem> {
        let now = node.clock.now();
        self.asked += 1;
        let mut before = self.kept.get_mut(&place);
        if let Some(kept) = before.as_mut().filter(|kept| !kept.is_stale && now < kept.case.until) {
            kept.asked = self.asked;
            return Ok(kept.case.clone());
        }
        let opened = before.map(|kept| kept.case.clone());
        let opened = opened.iter().flat_map(|case| &case.members);
        let opened: BTreeMap<EnvelopeKey, Member> =
            opened.map(|member| (member.key, member.clone())).collect();
        let mut members = Vec::new();
        for key in self.index(node).await?.messages_of(&place).await? {
            match opened.get(&key) {
                Some(member) => members.push(member.clone()),
                None => members.extend(open(node, key).await?),
            }
        }
        let mut duties = Vec::new();
        let mut until = now.after(GOOD_FOR);
        for graded in super::judge(node, &members).await? {
            let timed = timers::of_duty(node, &graded).await?;
            let due = timed.iter().filter(|timed| timed.is_open()).filter_map(|timed| timed.obligation.due);
            until = due.filter(|due| *due > now).fold(until, Ord::min);
            duties.push((graded, timed));
        }
        let case = Arc::new(JudgedCase { place: place.clone(), members, duties, until });
        if self.kept.len() >= KEPT_MAX && !self.kept.contains_key(&place) {
            let longest_ago = self.kept.iter().min_by_key(|(_, kept)| kept.asked);
            if let Some(place) = longest_ago.map(|(place, _)| place.clone()) {
                self.kept.remove(&place);
            }
        }
        let asked = self.asked;
        self.kept.insert(place, Kept { case: case.clone(), is_stale: false, again: None, asked });
        Ok(case)
    }
}

impl Member {
    /// As the judge takes it, with one of the two grades of time.
    pub(super) fn in_case(
        &self,
        tick: Option<Timestamp>,
        receipts: &[(VerifiedReceipt, TimedEvidence)],
        grade: impl Fn(&TimedEvidence) -> &Interval,
    ) -> CaseMessage {
        let seen = receipts.iter().filter_map(|(_, timed)| grade(timed).latest).min();
        let timed = |(receipt, timed): &(VerifiedReceipt, TimedEvidence)| {
            let receipt = receipt.receipt();
            TimedReceipt {
                event: receipt.event,
                recipient: receipt.recipient,
                issuer: receipt.issuer,
                at: grade(timed).clone(),
                said_at: receipt.at,
            }
        };
        CaseMessage {
            key: self.key,
            to: self.to.clone(),
            facts: Facts::clone(&self.facts),
            signed: super::between(tick, seen),
            receipts: receipts.iter().map(timed).collect(),
        }
    }

    /// What messages of one case have in common.
    fn place(&self) -> Place {
        match (self.facts.case, self.facts.relates_to.first()) {
            (Some(case), _) => case.as_bytes().to_vec(),
            (None, Some(about)) => about.to_bytes().to_vec(),
            (None, None) => self.key.to_bytes().to_vec(),
        }
    }
}

fn is_ruled(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Report | Kind::VerifyRequest | Kind::VerifyReply | Kind::Instruction | Kind::Feedback
    )
}

/// Opens a message; what cannot be read here any more is no part of a case.
async fn open(node: &Node, key: EnvelopeKey) -> Result<Option<Member>, Problem> {
    let kept = match node.reader.envelope(key).await {
        // One message that was changed on the disk must not hide what is owed in all others.
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(id = %key.id, %error, "a stored message is damaged and no part of a case");
            return Ok(None);
        }
        kept => kept?,
    };
    let Some(kept) = kept else { return Ok(None) };
    let Some(content_key) = kept.content_key.as_deref().filter(|_| !kept.is_pruned) else { return Ok(None) };
    let trust = node.trust.current();
    let network = trust.map.network();
    let Ok(envelope) = VerifiedEnvelope::verify(kept.bytes.clone(), network, &trust.keys.archive()) else {
        tracing::error!(id = %key.id, "a stored envelope does not verify");
        return Ok(None);
    };
    let (digest, header) = (envelope.route_digest(), envelope.header());
    let letterbox = node.letterbox();
    let facts = letterbox.read_facts(&key, &kept.bytes, content_key, &digest, &header.commitments);
    let facts = facts.inspect_err(|error| tracing::error!(id = %key.id, %error, "a message does not open"));
    Ok(facts.ok().map(|facts| Member {
        key,
        to: header.to.iter().map(|address| (address.room, address.role)).collect(),
        facts: Arc::new(facts),
        tick: envelope.route().tick,
        received_at: kept.record.received_at,
        created_at: kept.record.created_at,
    }))
}

#[cfg(test)]
mod tests;
