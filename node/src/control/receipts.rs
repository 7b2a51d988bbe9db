//! The receipts of one message, verified again before they are shown, by recipient and in the order of time.

use std::sync::Arc;

use relay::receipt::{Event, Receipt, VerifiedReceipt};
use topology::Map;

use super::{
    reading::{find, room},
    view,
};
use crate::{daemon::Node, problem::Problem};

pub(super) async fn receipts(node: &Node, id: &str) -> Result<Vec<view::ReceiptLine>, Problem> {
    let key = find(node, id).await?;
    let map = node.trust.current().map.clone();
    let mut verified = Vec::new();
    for line in node.reader.receipts(key).await? {
        let trust = node.trust.current();
        match VerifiedReceipt::verify(&line.receipt.bytes, &trust.keys.archive()) {
            Ok(receipt) => verified.push((receipt, officer_of(&line.receipt.bytes, &trust.keys))),
            Err(error) => tracing::error!(id = %key.id, %error, "a stored receipt does not verify"),
        }
    }
    verified.sort_by_key(|(receipt, _)| {
        let receipt = receipt.receipt();
        (receipt.recipient, receipt.at, receipt.event)
    });
    let mut lines: Vec<view::ReceiptLine> = Vec::new();
    let mut previous: Option<Receipt> = None;
    let mut ended = false;
    let mut in_custody = false;
    for (receipt, officer) in verified {
        let receipt = receipt.receipt();
        let same_way = previous.as_ref().is_some_and(|before| before.recipient == receipt.recipient);
        if !same_way {
            (ended, in_custody) = (false, false);
        }
        let mut line = receipt_line(&map, receipt, !in_custody, officer);
        line.spent_ms =
            previous.as_ref().filter(|_| same_way).map(|before| receipt.at.as_ms() - before.at.as_ms());
        line.supplement = ended && receipt.event.is_terminal();
        in_custody |= receipt.event == Event::Custody;
        ended |= receipt.event.is_terminal();
        lines.push(line);
        previous = Some(receipt.clone());
    }
    Ok(lines)
}

/// The officer who signed inside a receipt that verified.
fn officer_of(bytes: &Arc<[u8]>, keys: &certs::sheet::KnownKeys) -> Option<(String, String)> {
    let receipt = VerifiedReceipt::verify(bytes, &keys.archive()).ok()?;
    let signed = receipt.receipt().officer.as_ref()?;
    let act = certs::officer::verify_act(signed, &keys.archive()).ok()?;
    Some((act.name, act.role.word().to_owned()))
}

fn receipt_line(
    map: &Map,
    receipt: &Receipt,
    first_custody: bool,
    officer: Option<(String, String)>,
) -> view::ReceiptLine {
    let (recipient, issuer) = (room(map, receipt.recipient), room(map, receipt.issuer));
    let (officer, officer_role) = officer.unzip();
    view::ReceiptLine {
        event: receipt.event.word().to_owned(),
        mark: receipt.event.mark(first_custody).to_owned(),
        recipient: recipient.code,
        issuer: issuer.code,
        recipient_name: recipient.name,
        recipient_name_en: recipient.name_en,
        issuer_name: issuer.name,
        issuer_name_en: issuer.name_en,
        at_ms: receipt.at.as_ms(),
        offset_ms: receipt.clock.map(|clock| [clock.offset_lo, clock.offset_hi]),
        officer,
        officer_role,
        reason: receipt.reason.as_ref().map(|reason| reason.code.clone()),
        reason_text: receipt.reason.as_ref().and_then(|reason| reason.text.clone()),
        epoch: receipt.epoch.counter,
        seq: receipt.seq,
        spent_ms: None,
        supplement: false,
    }
}
