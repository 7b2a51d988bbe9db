//! Evidence files over the control socket.

use std::time::Duration;

use data_encoding::BASE64;
use relay::step::Input;

use super::{reading::find, view};
use crate::{
    daemon::Node,
    evidence::{self, Wish},
    problem::Problem,
};

pub(super) async fn export(node: &Node, id: &str, wish: Wish) -> Result<view::EvidenceFile, Problem> {
    let key = find(node, id).await?;
    date_now(node).await?;
    let exported = evidence::export(node, key, wish).await?;
    Ok(view::EvidenceFile {
        bytes: BASE64.encode(&exported.bytes),
        messages: exported.messages,
        receipts: exported.receipts,
    })
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
