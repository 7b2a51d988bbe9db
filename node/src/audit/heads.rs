//! Checkpoints as people list them: our own newest one and the head that is held of each child, with their dates.

use std::path::Path;

use certs::signature::Digest;
use relay::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use topology::RoomId;

use super::{Trust, open};
use crate::problem::Problem;

/// The head of one room's log, as it is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownHead {
    /// Code and name of the room; of this one first.
    pub room: String,
    /// Its permanent id.
    pub id: String,
    /// Leaves of its log.
    pub size: u64,
    /// The Merkle root over them; null for our own log, which `audit verify` recomputes.
    pub root: Option<Digest>,
    /// The leaf here that is the child's checkpoint.
    pub leaf: Option<u64>,
    /// When the root hub dated it, as far as this room knows; for our own log, the newest dated checkpoint.
    pub dated_at_ms: Option<i64>,
}

/// Our own log and the heads of the children.
///
/// # Errors
/// [`Problem`] when the database cannot be read.
pub async fn heads(dir: &Path) -> Result<Vec<KnownHead>, Problem> {
    let (mut ledger, trust, config) = open(dir).await?;
    let newest = ledger.newest_date().await?.map(Timestamp::as_ms);
    let size = ledger.size().await?;
    let (room, id) = (label(&trust, config.room), config.room.to_string());
    let mut heads = vec![KnownHead { room, id, size, root: None, leaf: None, dated_at_ms: newest }];
    for row in ledger.heads().await? {
        let dated_at = ledger.dated_over(row.leaf).await?;
        heads.push(KnownHead {
            room: label(&trust, row.room),
            id: row.room.to_string(),
            size: row.size,
            root: row.root,
            leaf: Some(row.leaf),
            dated_at_ms: dated_at.map(Timestamp::as_ms),
        });
    }
    Ok(heads)
}

fn label(trust: &Trust, room: RoomId) -> String {
    let found = trust.map.room(room);
    found.map_or_else(|| room.to_string(), |room| format!("{} {}", room.code(), room.name().zh))
}
