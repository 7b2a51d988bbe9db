//! What this node holds of another room's log: the receipts that the room issued from a leaf on. A room that was restored
//! asks its parent and its children for them: they name the envelopes that it delivered and no longer has.

use std::path::Path;

use certs::signature::Digest;
use relay::receipt::{Event, VerifiedReceipt};
use serde::{Deserialize, Serialize};
use topology::{Map, RoomId};

use super::open;
use crate::problem::Problem;

/// A receipt of another room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldReceipt {
    /// Counter of the room's run. Two runs with the same leaves are two histories.
    pub epoch: u64,
    /// Its leaf in the room's log.
    pub leaf: u64,
    /// The event's word.
    pub event: String,
    /// Which envelope.
    pub id: String,
    /// Code of the room that wrote it.
    pub origin: String,
    /// Code of the room that it is for.
    pub recipient: String,
    /// When, by the room's clock.
    pub at_ms: i64,
    /// The envelope's digest.
    pub digest: Digest,
}

/// The receipts that `room` issued as leaf `from` and later, in the order of its log; at most 10,000.
///
/// # Errors
/// [`Problem`] when the room is not on the map or the database cannot be read.
pub async fn held(dir: &Path, room: &str, from: u64) -> Result<Vec<HeldReceipt>, Problem> {
    let (mut ledger, trust, _) = open(dir).await?;
    let issuer = trust.map.resolve(room).map_err(|error| {
        let code = match error {
            topology::ResolveError::Ambiguous { .. } => "room_ambiguous",
            topology::ResolveError::Unknown { .. } => "room_unknown",
        };
        Problem::usage(code).with("room", room).with("detail", error)
    })?;
    let mut held = Vec::new();
    for bytes in ledger.receipts_of(issuer, from, HELD_MAX).await? {
        // What does not hold is the business of `audit verify`.
        if let Ok(receipt) = VerifiedReceipt::verify(&bytes, &trust.keys.archive()) {
            held.push(line(&trust.map, &receipt));
        }
    }
    Ok(held)
}

/// Lines of one answer.
const HELD_MAX: u64 = 10_000;

fn line(map: &Map, receipt: &VerifiedReceipt) -> HeldReceipt {
    let receipt = receipt.receipt();
    HeldReceipt {
        epoch: receipt.epoch.counter,
        leaf: receipt.seq,
        event: Event::word(receipt.event).to_owned(),
        id: receipt.envelope_id.to_string(),
        origin: code(map, receipt.origin),
        recipient: code(map, receipt.recipient),
        at_ms: receipt.at.as_ms(),
        digest: receipt.envelope_digest,
    }
}

fn code(map: &Map, room: RoomId) -> String {
    map.room(room).map_or_else(|| room.to_string(), |room| room.code().to_string())
}
