//! Evidence files over the control socket.

use data_encoding::BASE64;

use super::{reading::find, view};
use crate::{
    daemon::Node,
    evidence::{self, Wish},
    problem::Problem,
};

pub(super) async fn export(node: &Node, id: &str, wish: Wish) -> Result<view::EvidenceFile, Problem> {
    let key = find(node, id).await?;
    let exported = evidence::export(node, key, wish).await?;
    Ok(view::EvidenceFile {
        bytes: BASE64.encode(&exported.bytes),
        messages: exported.messages,
        receipts: exported.receipts,
    })
}
