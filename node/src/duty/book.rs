//! The cases that this room knows, as they were judged last. A case is judged again when a receipt about it comes, a step
//! of a timer was taken, a due time passes, or what all cases are judged by has changed; the index of cases tells which
//! ones there are to look at. Bodies are sealed, so cases that lists have asked for are kept with what was opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use relay::{
    duty::case::CaseLine,
    envelope_id::EnvelopeKey,
    message::{CaseId, Kind},
    step::StorageLevel,
    timestamp::Timestamp,
};
use tokio::sync::Notify;

use super::{
    Graded, Standing,
    index::{CaseIndex, News, Place, rules_name},
    member::Member,
    timers::{self, Timed},
};
use crate::{
    clock::Clock, daemon::Node, directory::Directory, problem::Problem, store::sqlite::NewReceipt,
    trust::Trust,
};

/// Open cases that lists show, the newest.
const OPEN_MAX: usize = 1_000;
/// Cases of one look of the watch: so many of which something is due, and so many that something has come to.
const LOOKED_AT_ONCE: usize = 500;
/// Those that whoever asks does not wait for the watch to judge: after a flood it comes to them a little later.
const TOUCHED_WAITED_FOR: usize = 30;
/// Cases that lists show, the newest.
pub(super) const SHOWN_MAX: usize = 300;
/// Judged cases that are kept: what lists show. One takes some kilobytes.
const KEPT_MAX: usize = OPEN_MAX + SHOWN_MAX;
/// Receipts that are read at once.
const NEWS_AT_ONCE: usize = 1_000;
/// Messages of which one look of the watch asks whether retention has removed them.
const SWEPT_AT_ONCE: usize = 64;
/// How long an index stays in memory before its disk is tried again, the first time and at most.
const MEMORY_FOR: Duration = Duration::from_secs(30);
const MEMORY_FOR_MAX: Duration = Duration::from_secs(3600);
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
    /// Which index it is: what was judged by one is not noted in another.
    index_no: u64,
    /// While the index is in memory: when its disk is tried again.
    try_at: Option<Instant>,
    /// How long it waited for that the last time.
    waited: Duration,
    kept: BTreeMap<Place, Kept>,
    /// How often a case was asked for.
    asked: u64,
    ground: Ground,
    /// How far the last sweep came; none before the first message.
    swept: Option<EnvelopeKey>,
}

/// What all cases are judged by.
#[derive(Default)]
struct Ground {
    trust: Weak<Trust>,
    rules: Vec<u8>,
    /// The newest record of an outage, and all of them.
    outage: i64,
    lines: Arc<[CaseLine]>,
}

struct Kept {
    case: Arc<JudgedCase>,
    is_stale: bool,
    /// Which of all questions asked for it last.
    asked: u64,
}

/// A case and what follows from it.
pub(super) struct JudgedCase {
    pub(super) place: Place,
    pub(super) members: Vec<Member>,
    pub(super) duties: Vec<(Graded, Vec<Timed>)>,
    /// The outages that were known by then.
    pub(super) lines: Arc<[CaseLine]>,
    /// How often something had come to it by then, as this index says.
    touches: i64,
    index_no: u64,
    /// From here on it may be judged otherwise.
    until: Timestamp,
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

    /// The cases of which something is owed, and those that have changed a moment ago.
    pub(super) async fn open_cases(&self, node: &Node) -> Result<Vec<Arc<JudgedCase>>, Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        let index = inner.index(node).await?;
        let mut places = index.touched_places(TOUCHED_WAITED_FOR).await?;
        places.append(&mut index.open_places(OPEN_MAX).await?);
        inner.judged(node, places).await
    }

    /// What the watch looks at: what is due first, then what something has come to; whether there is more.
    pub(super) async fn places_to_look_at(&self, node: &Node) -> Result<(Vec<Place>, bool), Problem> {
        let mut inner = self.inner.lock().await;
        inner.catch_up(node).await?;
        inner.sweep(node).await?;
        let index = inner.index(node).await?;
        let mut places = index.due_places(node.clock.now(), LOOKED_AT_ONCE).await?;
        let mut touched = index.touched_places(LOOKED_AT_ONCE).await?;
        let has_more = places.len().max(touched.len()) == LOOKED_AT_ONCE;
        places.append(&mut touched);
        Ok((places, has_more))
    }

    /// One of them, judged. What nobody else asks for is not kept.
    pub(super) async fn looked_at(&self, node: &Node, place: Place) -> Result<Arc<JudgedCase>, Problem> {
        let mut inner = self.inner.lock().await;
        match inner.fresh(&place, node.clock.now()) {
            Some(case) => Ok(case),
            None => inner.judge(node, place).await,
        }
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
        let mut inner = self.inner.lock().await;
        if let Some(kept) = inner.kept.get_mut(place) {
            kept.is_stale = true;
        }
        let Some(index) = inner.index.as_mut() else { return };
        if let Err(problem) = index.touch(place).await {
            // The step is signed and stored; it shows when the case is looked at next.
            tracing::warn!(%problem, "it is not noted that a case is to be judged again");
        }
    }

    /// The watch found a case like this, with nothing due in it, and looks at it again when the next step is due or it may be
    /// judged otherwise. One in which nothing is owed is not looked at again before something comes.
    pub(super) async fn note_look(
        &self,
        node: &Node,
        case: &JudgedCase,
        standing: Standing,
        next: Option<Timestamp>,
    ) -> Result<(), Problem> {
        let is_open = next.is_some() || standing.open > 0;
        let again = is_open.then(|| next.map_or(case.until, |next| next.min(case.until)));
        let mut inner = self.inner.lock().await;
        if inner.index_no != case.index_no {
            return Ok(());
        }
        let index = inner.index(node).await?;
        if let Err(problem) = index.looked(&case.place, case.touches, standing, again).await {
            // It is looked at once more than is needed.
            tracing::warn!(%problem, "it is not noted how a case stands");
        }
        Ok(())
    }

    /// The watch has looked: where all cases stand, and when the next one is due.
    pub(super) async fn sum_up(&self, node: &Node) -> Result<Option<Timestamp>, Problem> {
        let mut inner = self.inner.lock().await;
        let index = inner.index(node).await?;
        let standing = index.standing().await?;
        let next = index.next_look().await?;
        *self.standing.lock().expect("no holder of the case book panics") = standing;
        Ok(next)
    }
}

impl Inner {
    /// The index, opened when it is wanted for the first time.
    async fn index(&mut self, node: &Node) -> Result<&mut CaseIndex, Problem> {
        if self.index.is_none() {
            match self.in_file(node).await {
                Ok(index) => self.put(index),
                Err(problem) => self.retreat(problem).await?,
            }
        }
        Ok(self.index.as_mut().expect("it was set a moment ago"))
    }

    /// The index in its file, as far as it followed the store. One that does not belong to this store is made anew. What is open
    /// in it may have been judged since, by an index in memory, and a step that only that one has noted may have been taken.
    async fn in_file(&self, node: &Node) -> Result<CaseIndex, Problem> {
        let mut index = CaseIndex::open(&self.path).await?;
        let upto = index.upto().clone();
        let before = node.reader.receipts_after(upto.row - 1, 1).await?;
        let is_ours =
            before.first().is_some_and(|one| one.row == upto.row && one.key.to_bytes()[..] == upto.key);
        if upto.row > 0 && !is_ours {
            index.clear().await?;
        }
        index.doubt_open().await?;
        Ok(index)
    }

    fn put(&mut self, index: CaseIndex) {
        self.index = Some(index);
        self.index_no += 1;
        self.kept.values_mut().for_each(|kept| kept.is_stale = true);
    }

    /// A disk that does not take the index must not hide what is owed.
    async fn retreat(&mut self, problem: Problem) -> Result<(), Problem> {
        tracing::error!(%problem, "the index of cases goes on in memory");
        self.put(CaseIndex::in_memory().await?);
        self.wait_longer();
        Ok(())
    }

    /// Twice as long as the last time before the disk is tried again.
    fn wait_longer(&mut self) {
        self.waited = (self.waited * 2).clamp(MEMORY_FOR, MEMORY_FOR_MAX);
        self.try_at = Some(Clock::instant() + self.waited);
    }

    /// Back to the file, where there is room again; the index in memory stays until the file is known to work.
    async fn return_to_file(&mut self, node: &Node) {
        let has_room = *node.storage.borrow() == StorageLevel::Normal;
        if !has_room || self.try_at.is_none_or(|at| Clock::instant() < at) {
            return;
        }
        match self.in_file(node).await {
            Ok(index) => {
                self.put(index);
                self.try_at = None;
            }
            Err(problem) => {
                tracing::warn!(%problem, "the index of cases stays in memory");
                self.wait_longer();
            }
        }
    }

    /// Takes what has come since.
    async fn catch_up(&mut self, node: &Node) -> Result<(), Problem> {
        let trust = node.trust.current();
        let outage = node.reader.newest_outage().await?;
        if self.ground.trust.as_ptr() != Arc::as_ptr(&trust) || self.ground.outage != outage {
            let (lines, rules) = (super::outages(node, &trust).await?, rules_name(trust.rules.digests()));
            self.ground = Ground { trust: Arc::downgrade(&trust), rules, outage, lines };
            self.kept.values_mut().for_each(|kept| kept.is_stale = true);
        }
        self.return_to_file(node).await;
        if let Err(problem) = self.follow(node).await {
            self.retreat(problem).await?;
            self.follow(node).await?;
        } else if self.try_at.is_none() {
            self.waited = Duration::ZERO;
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
    async fn follow(&mut self, node: &Node) -> Result<(), Problem> {
        let rules = self.ground.rules.clone();
        let index = self.index(node).await?;
        if index.upto().rules != rules {
            index.rules_changed(rules).await?;
        }
        while self.take_some(node).await? == NEWS_AT_ONCE {}
        Ok(())
    }

    /// Takes the next receipts; gives how many.
    async fn take_some(&mut self, node: &Node) -> Result<usize, Problem> {
        let from = self.index(node).await?.upto().row;
        let receipts = node.reader.receipts_after(from, NEWS_AT_ONCE).await?;
        let Some(last) = receipts.last() else { return Ok(0) };
        let by_key: BTreeMap<EnvelopeKey, &NewReceipt> =
            receipts.iter().rev().map(|one| (one.key, one)).collect();
        let known = self.index(node).await?.places_of(by_key.keys().copied()).await?;
        let mut news = News::default();
        for receipt in by_key.into_values() {
            match known.get(&receipt.key) {
                Some(place) => news.touched.push(place.clone()),
                None => self.note(node, receipt, &mut news).await?,
            }
        }
        for place in news.touched.iter().chain(news.messages.iter().map(|(_, place, _)| place)) {
            if let Some(kept) = self.kept.get_mut(place) {
                kept.is_stale = true;
            }
        }
        self.index(node).await?.take(&news, last.row, last.key).await?;
        Ok(receipts.len())
    }

    /// Notes a message that the index does not know.
    async fn note(&mut self, node: &Node, receipt: &NewReceipt, news: &mut News) -> Result<(), Problem> {
        // What only passed through here has none.
        let Some(summary) = &receipt.summary else { return Ok(()) };
        let Some(summary) = node.letterbox().read_summary(&receipt.key, summary) else { return Ok(()) };
        let Ok(kind) = Kind::from_number(summary.kind) else { return Ok(()) };
        if !is_ruled(kind) && kind != Kind::PhoneNote {
            return Ok(());
        }
        let belongs = match summary.belongs {
            Some(belongs) => belongs,
            None => match Member::open(node, receipt.key).await? {
                Some(member) => member.belongs(),
                None => return Ok(()),
            },
        };
        let place = place(receipt.key, belongs.case, &belongs.relates_to);
        if is_ruled(kind) {
            // What is dated ahead is not the newest until then: with some hundred of those the true newest would be in no list.
            news.messages.push((receipt.key, place, belongs.created_at.min(receipt.at)));
        } else {
            // A call starts and meets limits of the case that it is about.
            news.touched.push(place);
            news.touched.extend(self.index(node).await?.places_of(belongs.relates_to).await?.into_values());
        }
        Ok(())
    }

    /// These cases, judged.
    async fn judged(&mut self, node: &Node, places: Vec<Place>) -> Result<Vec<Arc<JudgedCase>>, Problem> {
        let mut cases = Vec::with_capacity(places.len());
        for place in places {
            let now = node.clock.now();
            let case = match self.fresh(&place, now) {
                Some(case) => case,
                None => self.judge(node, place.clone()).await?,
            };
            self.keep(place, case.clone());
            cases.push(case);
        }
        Ok(cases)
    }

    /// A kept case that would not be judged otherwise now.
    fn fresh(&self, place: &Place, now: Timestamp) -> Option<Arc<JudgedCase>> {
        let kept = self.kept.get(place).filter(|kept| !kept.is_stale && now < kept.case.until)?;
        Some(kept.case.clone())
    }

    fn keep(&mut self, place: Place, case: Arc<JudgedCase>) {
        self.asked += 1;
        if self.kept.len() >= KEPT_MAX && !self.kept.contains_key(&place) {
            let longest_ago = self.kept.iter().min_by_key(|(_, kept)| kept.asked);
            if let Some(place) = longest_ago.map(|(place, _)| place.clone()) {
                self.kept.remove(&place);
            }
        }
        self.kept.insert(place, Kept { case, is_stale: false, asked: self.asked });
    }

    async fn judge(&mut self, node: &Node, place: Place) -> Result<Arc<JudgedCase>, Problem> {
        let now = node.clock.now();
        let opened = self.kept.get(&place).map(|kept| kept.case.clone());
        let opened = opened.iter().flat_map(|case| &case.members);
        let opened: BTreeMap<EnvelopeKey, Member> =
            opened.map(|member| (member.key, member.clone())).collect();
        let index = self.index(node).await?;
        let touches = index.touches(&place).await?;
        let mut members = Vec::new();
        for key in index.messages_of(&place).await? {
            match opened.get(&key) {
                Some(member) => members.push(member.clone()),
                None => members.extend(Member::open(node, key).await?),
            }
        }
        let mut duties = Vec::new();
        let mut until = now.after(GOOD_FOR);
        let lines = self.ground.lines.clone();
        for graded in super::judge(node, &members, &lines).await? {
            let timed = timers::of_duty(node, &graded).await?;
            let due = timed.iter().filter(|timed| timed.is_open()).filter_map(|timed| timed.obligation.due);
            until = due.filter(|due| *due > now).fold(until, Ord::min);
            duties.push((graded, timed));
        }
        let index_no = self.index_no;
        Ok(Arc::new(JudgedCase { place, members, duties, lines, touches, index_no, until }))
    }
}

/// What messages of one case have in common.
fn place(key: EnvelopeKey, case: Option<CaseId>, relates_to: &[EnvelopeKey]) -> Place {
    match (case, relates_to.first()) {
        (Some(case), _) => case.as_bytes().to_vec(),
        (None, Some(about)) => about.to_bytes().to_vec(),
        (None, None) => key.to_bytes().to_vec(),
    }
}

fn is_ruled(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Report | Kind::VerifyRequest | Kind::VerifyReply | Kind::Instruction | Kind::Feedback
    )
}
