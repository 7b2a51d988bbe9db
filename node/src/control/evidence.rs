//! Evidence files over the control socket.

use std::time::Duration;

use data_encoding::BASE64;
use relay::{duty::beijing::rfc3339, evidence::Silence, step::Input, tick::TICK_EVERY, timestamp::Timestamp};

use super::{
    reading::{find, resolve},
    view,
};
use crate::{
    daemon::Node,
    evidence::{self, Exported, Wish},
    problem::Problem,
};

pub(super) async fn export(node: &Node, id: &str, wish: Wish) -> Result<view::EvidenceFile, Problem> {
    let key = find(node, id).await?;
    date_now(node).await?;
    Ok(file(&evidence::export(node, key, wish).await?))
}

/// The proof that nothing came from a room from one time until before another.
pub(super) async fn silence(
    node: &Node,
    room: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<view::EvidenceFile, Problem> {
    let peer = resolve(node, room)?;
    let now = node.clock.now();
    if from >= to || to > now || peer == node.config.room {
        return Err(Problem::usage("evidence_silence_time").with("now", rfc3339(now)));
    }
    date_after(node, to).await?;
    Ok(file(&evidence::silence(node, Silence { peer, from, to }).await?))
}

fn file(exported: &Exported) -> view::EvidenceFile {
    view::EvidenceFile {
        bytes: BASE64.encode(&exported.bytes),
        messages: exported.messages,
        receipts: exported.receipts,
    }
}

/// A head of after this time, dated, if the root hub can be reached: the next tick may still be to come.
async fn date_after(node: &Node, at: Timestamp) -> Result<(), Problem> {
    let dated = async {
        while !evidence::is_dated_after(node, at).await? {
            if node.reader.log_summary().await?.tick.is_some_and(|tick| tick >= at) {
                node.registry().tell(Input::DateTick).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    // Without one the refusal says what is missing.
    tokio::time::timeout(TICK_EVERY + DATED_WITHIN, dated).await.unwrap_or(Ok(()))
}

/// What is in the log by now is dated first, if the root hub can be reached: a proof with an open end proves little.
async fn date_now(node: &Node) -> Result<(), Problem> {
    let wanted = node.reader.log_summary().await?.size;
    let dated = async {
        loop {
            let summary = node.reader.log_summary().await?;
            if summary.dated.is_some_and(|(size, _)| size >= wanted) {
                return Ok(());
            }
            node.registry().tell(Input::DateNow).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // Without the date the file says which witness is missing.
    tokio::time::timeout(DATED_WITHIN, dated).await.unwrap_or(Ok(()))
}

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Two seconds for each of the three levels above a county.
const DATED_WITHIN: Duration = Duration::from_secs(8);
