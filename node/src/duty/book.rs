//! Which messages belong together: those of one case, and those that refer to one another. Bodies are sealed, so what was
//! opened once is kept, as far back as lists are looked through.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use relay::{
    duty::{
        case::{CaseMessage, TimedReceipt},
        interval::Interval,
    },
    envelope::{Role, VerifiedEnvelope},
    envelope_id::EnvelopeKey,
    evidence::Timed,
    message::{Facts, Kind},
    receipt::VerifiedReceipt,
    tick::TickRef,
    timestamp::Timestamp,
};
use tokio::sync::Notify;
use topology::RoomId;

use super::Standing;
use crate::{daemon::Node, problem::Problem, store::sqlite::InboxFilter};

/// Messages that are looked through, and likewise kept opened: the newest of the inbox and of what was sent.
const LOOKED_THROUGH: usize = 2_000;

/// What was opened of the messages that rules are about.
#[derive(Debug, Default)]
pub struct CaseBook {
    members: Mutex<BTreeMap<EnvelopeKey, Member>>,
    changed: Notify,
    standing: Mutex<Standing>,
}

/// One message of a case.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) key: EnvelopeKey,
    pub(super) to: Vec<(RoomId, Role)>,
    pub(super) facts: Arc<Facts>,
    pub(super) tick: Option<TickRef>,
    pub(super) received_at: Timestamp,
}

impl CaseBook {
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

    /// The messages that rules are about, case by case.
    pub(super) async fn groups(&self, node: &Node) -> Result<Vec<Vec<Member>>, Problem> {
        let keys = keys(node).await?;
        let mut members = Vec::with_capacity(keys.len());
        for key in &keys {
            members.extend(self.member(node, *key).await?);
        }
        let wanted: BTreeSet<&EnvelopeKey> = keys.iter().collect();
        self.members.lock().expect("no holder of the case book panics").retain(|key, _| wanted.contains(key));
        Ok(grouped(members))
    }

    async fn member(&self, node: &Node, key: EnvelopeKey) -> Result<Option<Member>, Problem> {
        let held = self.members.lock().expect("no holder of the case book panics").get(&key).cloned();
        if held.is_some() {
            return Ok(held);
        }
        let member = open(node, key).await?;
        if let Some(member) = &member {
            let mut members = self.members.lock().expect("no holder of the case book panics");
            members.insert(key, member.clone());
        }
        Ok(member)
    }
}

impl Member {
    /// As the judge takes it, with one of the two grades of time.
    pub(super) fn in_case(
        &self,
        tick: Option<Timestamp>,
        receipts: &[(VerifiedReceipt, Timed)],
        grade: impl Fn(&Timed) -> &Interval,
    ) -> CaseMessage {
        let seen = receipts.iter().filter_map(|(_, timed)| grade(timed).latest).min();
        let timed = |(receipt, timed): &(VerifiedReceipt, Timed)| {
            let receipt = receipt.receipt();
            TimedReceipt {
                event: receipt.event,
                recipient: receipt.recipient,
                issuer: receipt.issuer,
                at: grade(timed).clone(),
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
    fn group(&self) -> Vec<u8> {
        match (self.facts.case, self.facts.relates_to.first()) {
            (Some(case), _) => case.as_bytes().to_vec(),
            (None, Some(about)) => about.to_bytes().to_vec(),
            (None, None) => self.key.to_bytes().to_vec(),
        }
    }
}

/// The newest first; a case stands where its newest message does.
fn grouped(members: Vec<Member>) -> Vec<Vec<Member>> {
    let mut groups: Vec<(Vec<u8>, Vec<Member>)> = Vec::new();
    let mut places: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for member in members {
        let group = member.group();
        let place = *places.entry(group.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((group, Vec::new()));
        }
        groups[place].1.push(member);
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// The messages that rules are about, the newest first.
async fn keys(node: &Node) -> Result<Vec<EnvelopeKey>, Problem> {
    let filter = InboxFilter { unacknowledged: false, unalerted: false, before: None, count: LOOKED_THROUGH };
    let inbox = node.reader.inbox(filter).await?.into_iter();
    let mut keys: BTreeSet<(Timestamp, EnvelopeKey)> = inbox
        .filter(|line| is_ruled(line.kind))
        .map(|line| (line.record.created_at, line.record.key))
        .collect();
    for line in node.reader.sent(None, LOOKED_THROUGH).await? {
        let key = line.record.key;
        let summary = line.summary.and_then(|bytes| node.letterbox().read_summary(&key, &bytes));
        if summary.is_some_and(|summary| is_ruled(summary.kind)) {
            keys.insert((line.record.created_at, key));
        }
    }
    Ok(keys.into_iter().rev().map(|(_, key)| key).collect())
}

fn is_ruled(kind: u16) -> bool {
    matches!(
        Kind::from_number(kind),
        Ok(Kind::Report | Kind::VerifyRequest | Kind::VerifyReply | Kind::Instruction | Kind::Feedback)
    )
}

/// Opens a message; what cannot be read here any more is no part of a case.
async fn open(node: &Node, key: EnvelopeKey) -> Result<Option<Member>, Problem> {
    let Some(kept) = node.reader.envelope(key).await? else { return Ok(None) };
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
    }))
}
