//! The way of a message to one recipient: every room that signed something, left to right, with what it signed and when,
//! how long it took from one to the next, and by how much each clock may be wrong.

use crate::{
    console::{
        page::{exact_time, offset, span},
        words::Words,
    },
    control::view::ReceiptLine,
};

/// The way to one recipient.
pub(crate) struct Way {
    pub(crate) recipient: String,
    pub(crate) stops: Vec<Stop>,
}

/// A room on the way.
pub(crate) struct Stop {
    pub(crate) room: String,
    /// How long it took from the room before; empty at the first.
    pub(crate) from_before: String,
    pub(crate) stamps: Vec<Stamp>,
}

/// Something that a room signed.
pub(crate) struct Stamp {
    pub(crate) mark: String,
    pub(crate) event: String,
    pub(crate) at: String,
    pub(crate) offset: String,
    pub(crate) officer: String,
    pub(crate) note: String,
    /// Since the stamp before it in the same room.
    pub(crate) after: String,
}

impl Way {
    /// Every recipient's way, in the order in which the receipts come.
    pub(crate) fn all(receipts: &[ReceiptLine], w: &Words) -> Vec<Self> {
        let mut ways: Vec<(&str, Self)> = Vec::new();
        let mut before: Option<&ReceiptLine> = None;
        for line in receipts {
            if before.is_none_or(|before| before.recipient != line.recipient) {
                let recipient = w.recipient(line);
                ways.push((&line.recipient, Self { recipient, stops: Vec::new() }));
                before = None;
            }
            if let Some((_, way)) = ways.last_mut() {
                way.add(line, before, w);
            }
            before = Some(line);
        }
        ways.into_iter().map(|(_, way)| way).collect()
    }

    fn add(&mut self, line: &ReceiptLine, before: Option<&ReceiptLine>, w: &Words) {
        let spent = before.map(|before| span(line.at_ms - before.at_ms)).unwrap_or_default();
        let is_here = before.is_some_and(|before| before.issuer == line.issuer);
        if !is_here {
            self.stops.push(Stop { room: w.issuer(line), from_before: spent.clone(), stamps: Vec::new() });
        }
        if let Some(stop) = self.stops.last_mut() {
            stop.stamps.push(stamp(line, if is_here { spent } else { String::new() }, w));
        }
    }
}

fn stamp(line: &ReceiptLine, after: String, w: &Words) -> Stamp {
    let role = line.officer_role.as_deref().map(|role| format!(" ({})", w.word("role", role)));
    Stamp {
        mark: line.mark.clone(),
        event: w.word("event", &line.event),
        at: exact_time(line.at_ms),
        offset: line.offset_ms.map_or_else(|| "±?".to_owned(), |[low, high]| offset(low, high)),
        officer: line
            .officer
            .as_ref()
            .map(|name| name.clone() + &role.unwrap_or_default())
            .unwrap_or_default(),
        note: [&line.reason, &line.reason_text].into_iter().flatten().cloned().collect::<Vec<_>>().join(": "),
        after,
    }
}
