//! One attachment of a message, for somebody who reads the message.

use data_encoding::BASE64;

use super::{
    reading::{find, kept_envelope, open},
    view,
};
use crate::{daemon::Node, problem::Problem};

pub(super) async fn attachment(node: &Node, id: &str, name: &str) -> Result<view::AttachmentFile, Problem> {
    let key = find(node, id).await?;
    let (kept, envelope) = kept_envelope(node, key).await?;
    let message = open(node, &kept, &envelope)?;
    let found = message.attachments.iter().find(|attachment| attachment.name == name);
    let file =
        found.ok_or_else(|| Problem::failed("attachment_unknown").with("id", key.id).with("name", name))?;
    Ok(view::AttachmentFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: BASE64.encode(&file.bytes),
    })
}
