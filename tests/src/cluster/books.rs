//! The reckoning: what officers were told against what stands in the rooms' databases, read behind the nodes' backs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use node::{
    audit::Report,
    clock::Clock,
    control::{request::Request, view},
    store::sqlite::{InboxFilter, SqliteReader},
};
use relay::{envelope_id::EnvelopeKey, receipt::Event};
use topology::RoomId;

use super::{
    Cluster,
    traffic::{Ledger, Way},
};
use crate::peer::Keys;

/// Figures of a reckoning that found everything in its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// How often somebody pressed send.
    pub submitted: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Of these, left without an answer.
    pub unanswered: u64,
    /// Custody receipts that origins hold for what was accepted.
    pub custody: u64,
    /// Outcomes `delivered` that origins hold for what was accepted.
    pub delivered: u64,
    /// Lines of all inboxes.
    pub inbox: u64,
}

impl Reckoning {
    /// Adds those of another round; inboxes are counted whole each time.
    pub fn add(&mut self, round: &Self) {
        self.submitted += round.submitted;
        self.accepted += round.accepted;
        self.unanswered += round.unanswered;
        self.custody += round.custody;
        self.delivered += round.delivered;
        self.inbox = round.inbox;
    }
}

impl fmt::Display for Reckoning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submitted, accepted, unanswered, custody, delivered, inbox } = self;
        write!(
            out,
            "submitted {submitted}, accepted {accepted}, without an answer {unanswered}, custody {custody}, \
             delivered {delivered}, inbox rows {inbox}; lost 0, twice 0"
        )
    }
}

/// Waits until everything accepted has its outcome at its origin and counts: each message delivered once, each hub's
/// custody signed once, each line of an inbox there once and sent by somebody.
///
/// # Panics
/// With the first thing that is lost or there twice, and after `limit` without any further outcome.
pub async fn reckon(cluster: &Cluster, ledger: &Ledger, limit: Duration) -> Reckoning {
    let books = Books::open(cluster).await;
    let mut sum = Reckoning {
        submitted: ledger.submitted,
        accepted: ledger.accepted.len() as u64,
        unanswered: ledger.unanswered(),
        ..Reckoning::default()
    };
    for (id, way) in &ledger.accepted {
        sum.custody += books.settled(id, *way, limit).await;
        sum.delivered += 1;
    }
    for (code, lines) in books.inboxes().await {
        let unique: BTreeSet<&EnvelopeKey> = lines.iter().collect();
        assert_eq!(unique.len(), lines.len(), "a line of the inbox of {code} is there twice");
        for (id, way) in ledger.accepted.iter().filter(|(_, way)| way.target == code) {
            let key = books.key(id, *way);
            assert!(unique.contains(&key), "LOST: {id} was accepted and is not in the inbox of {code}");
        }
        sum.inbox += lines.len() as u64;
    }
    books.close().await;
    sum
}

/// Audits every room: the log whole, and nobody's history broken.
///
/// # Panics
/// With what an audit found.
pub async fn audited(cluster: &Cluster) {
    for room in cluster.rooms() {
        let outcome = cluster.at(room.code(), &["audit", "verify", "--json"]).await;
        let report: Report = serde_json::from_str(&outcome.out).expect("an audit prints a report");
        assert_eq!(report.failed, 0, "{}: {:#?}", room.code(), report.findings);
        let status: view::Status = room.ask(&Request::Status).await.expect("a node tells its status");
        assert!(status.log.loss.is_none(), "{} lost of its log: {:?}", room.code(), status.log.loss);
        assert!(status.log.breaks.is_empty(), "{} saw a history break: {:?}", room.code(), status.log.breaks);
    }
}

/// The databases of all rooms.
pub struct Books {
    readers: BTreeMap<String, SqliteReader>,
    rooms: BTreeMap<String, RoomId>,
}

impl Books {
    /// Opens them beside their nodes.
    pub async fn open(cluster: &Cluster) -> Self {
        let (mut readers, mut rooms) = (BTreeMap::new(), BTreeMap::new());
        for room in cluster.rooms() {
            let reader = SqliteReader::open(&room.dir().join("node.db")).await;
            readers.insert(room.code().to_owned(), reader.expect("a database opens beside its node"));
            rooms.insert(room.code().to_owned(), Keys::of(room.dir()).room);
        }
        Self { readers, rooms }
    }

    /// Closes them again.
    pub async fn close(self) {
        for reader in self.readers.into_values() {
            reader.close().await;
        }
    }

    /// The key of a message of this origin.
    pub fn key(&self, id: &str, way: Way) -> EnvelopeKey {
        EnvelopeKey { origin: self.rooms[way.origin], id: id.parse().expect("a node gives ids that read") }
    }

    /// Waits for the outcome of a message, which is `delivered`, once; gives how many hubs took it over, each once.
    async fn settled(&self, id: &str, way: Way, limit: Duration) -> u64 {
        let events = self.outcome(id, way, limit).await;
        let outcomes: Vec<_> = events.iter().filter(|(event, _)| event.is_terminal()).collect();
        assert_eq!(outcomes, [&(Event::Delivered, self.rooms[way.target])], "{id} {way:?}");
        let custody: Vec<RoomId> =
            events.iter().filter(|(event, _)| *event == Event::Custody).map(|(_, issuer)| *issuer).collect();
        let issuers: BTreeSet<&RoomId> = custody.iter().collect();
        assert_eq!(issuers.len(), custody.len(), "{id} {way:?}: a hub took it over twice: {events:?}");
        custody.len() as u64
    }

    async fn outcome(&self, id: &str, way: Way, limit: Duration) -> Vec<(Event, RoomId)> {
        let key = self.key(id, way);
        let started = Clock::instant();
        loop {
            let events = self.events(way.origin, key).await;
            if events.iter().any(|(event, _)| event.is_terminal()) {
                return events;
            }
            if started.elapsed() > limit {
                let mut known = BTreeMap::new();
                for code in self.readers.keys() {
                    let envelope = self.readers[code].envelope(key).await.expect("an envelope can be read");
                    let state = envelope.map(|envelope| envelope.record.deliveries);
                    known.insert(code, (self.events(code, key).await, state));
                }
                panic!("LOST or stuck: no outcome of {id} {way:?} within {limit:?}: {known:#?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The events of a message that a room knows, with their issuers.
    pub async fn events(&self, code: &str, key: EnvelopeKey) -> Vec<(Event, RoomId)> {
        let lines = self.readers[code].receipts(key).await.expect("receipts can be read");
        lines.into_iter().map(|line| (line.receipt.event, line.receipt.issuer)).collect()
    }

    /// What a room has told others and does not know itself: accepted messages of its own that it has no record of, and
    /// receipts of its own that others hold and it does not.
    pub async fn forgotten(&self, code: &str, ledger: &Ledger) -> Vec<String> {
        let mut forgotten = Vec::new();
        for (id, way) in &ledger.accepted {
            let key = self.key(id, *way);
            let known = self.events(code, key).await;
            if way.origin == code && known.is_empty() {
                forgotten.push(format!("{id} was accepted"));
            }
            for other in self.readers.keys().filter(|other| *other != code) {
                let held = self.events(other, key).await;
                let own = held.into_iter().filter(|(_, issuer)| *issuer == self.rooms[code]);
                let lost = own.filter(|event| !known.contains(event));
                forgotten.extend(lost.map(|(event, _)| format!("{id}: {other} holds its {event:?}")));
            }
        }
        forgotten
    }

    /// What stands in each inbox.
    pub async fn inboxes(&self) -> BTreeMap<&str, Vec<EnvelopeKey>> {
        let filter = InboxFilter { unacknowledged: false, count: usize::MAX >> 1, ..InboxFilter::default() };
        let mut inboxes = BTreeMap::new();
        for (code, reader) in &self.readers {
            let lines = reader.inbox(filter).await.expect("an inbox can be read");
            let keys = lines.into_iter().map(|line| line.record.key);
            inboxes.insert(code.as_str(), keys.collect());
        }
        inboxes
    }
}
