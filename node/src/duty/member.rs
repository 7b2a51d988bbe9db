//! One message of a case: opened once out of the store, with what the judge needs of it.
//!
//! *Against:* a message that was changed on the disk and hides what is owed in all others.

use std::sync::Arc;

use relay::{
    duty::{
        case::{CaseMessage, TimedReceipt},
        interval::Interval,
    },
    envelope::{Role, VerifiedEnvelope},
    envelope_id::EnvelopeKey,
    evidence::Timed as TimedEvidence,
    message::Facts,
    receipt::VerifiedReceipt,
    tick::TickRef,
    timestamp::Timestamp,
};
use topology::RoomId;

use crate::{daemon::Node, letterbox::Belongs, problem::Problem, store::StoreError};

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

impl Member {
    /// Opens a message; what cannot be read here any more is no part of a case.
    pub(super) async fn open(node: &Node, key: EnvelopeKey) -> Result<Option<Self>, Problem> {
        let kept = match node.reader.envelope(key).await {
            // One message that was changed on the disk must not hide what is owed in all others.
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(id = %key.id, %error, "a stored message is damaged and no part of a case");
                return Ok(None);
            }
            kept => kept?,
        };
        let Some(kept) = kept else { return Ok(None) };
        let Some(content_key) = kept.content_key.as_deref().filter(|_| !kept.is_pruned) else {
            return Ok(None);
        };
        let trust = node.trust.current();
        let network = trust.map.network();
        let Ok(envelope) = VerifiedEnvelope::verify(kept.bytes.clone(), network, &trust.keys.archive())
        else {
            tracing::error!(id = %key.id, "a stored envelope does not verify");
            return Ok(None);
        };
        let (digest, header) = (envelope.route_digest(), envelope.header());
        let letterbox = node.letterbox();
        let facts = letterbox.read_facts(&key, &kept.bytes, content_key, &digest, &header.commitments);
        let facts =
            facts.inspect_err(|error| tracing::error!(id = %key.id, %error, "a message does not open"));
        Ok(facts.ok().map(|facts| Self {
            key,
            to: header.to.iter().map(|address| (address.room, address.role)).collect(),
            facts: Arc::new(facts),
            tick: envelope.route().tick,
            received_at: kept.record.received_at,
            created_at: kept.record.created_at,
        }))
    }

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

    /// Where it belongs.
    pub(super) fn belongs(self) -> Belongs {
        let (case, relates_to) = (self.facts.case, self.facts.relates_to.clone());
        Belongs { case, relates_to, created_at: self.created_at }
    }
}
