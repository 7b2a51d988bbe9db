//! What happened in a case, in the order of time, with a lane for each room: what it sent, what it received and signed for,
//! and whom it rang.

use crate::{
    console::{page::clock_time, words::Words},
    control::view::{CallLine, Opened, ReceiptLine, Room},
};

use super::facts::title;

/// Lanes and entries.
pub(crate) struct Timeline {
    pub(crate) lanes: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

/// One thing that happened.
pub(crate) struct Entry {
    pub(crate) at: String,
    at_ms: i64,
    /// Which lane.
    pub(crate) lane: usize,
    /// ✉ a message, ✔ a receipt, ☎ a call.
    pub(crate) sign: &'static str,
    pub(crate) text: String,
    /// The message that it is about.
    pub(crate) id: String,
}

impl Timeline {
    pub(crate) fn of(members: &[(Opened, Vec<ReceiptLine>)], calls: &[CallLine], w: &Words) -> Self {
        let mut lanes = Lanes::default();
        let mut entries = Vec::new();
        for (opened, receipts) in members {
            let lane = lanes.of_room(&opened.origin, w);
            entries.push(sent(opened, lane, w));
            for line in receipts.iter().filter(|line| TOLD.contains(&line.event.as_str())) {
                let lane = lanes
                    .of_code(&line.issuer, w.catalogue().either(&line.issuer_name, &line.issuer_name_en));
                entries.push(receipt(opened, line, lane, w));
            }
        }
        for call in calls {
            for note in &call.notes {
                let lane = lanes.of_room(&note.room, w);
                let text = format!(
                    "{} {} {} {}",
                    w.word("direction", &note.direction),
                    note.officer,
                    call.code,
                    w.word("call", &call.state)
                );
                let at_ms = note.ended_at_ms;
                let id = note.about.clone().unwrap_or_default();
                entries.push(Entry { at: clock_time(at_ms), at_ms, lane, sign: "☎", text, id });
            }
        }
        entries.sort_by_key(|entry| entry.at_ms);
        Self { lanes: lanes.0.into_iter().map(|(_, name)| name).collect(), entries }
    }
}

/// Code and name of each lane.
#[derive(Default)]
struct Lanes(Vec<(String, String)>);

impl Lanes {
    fn of_room(&mut self, room: &Room, w: &Words) -> usize {
        self.of_code(&room.code, &w.room(room))
    }

    fn of_code(&mut self, code: &str, name: &str) -> usize {
        let place = self.0.iter().position(|(other, _)| other == code);
        place.unwrap_or_else(|| {
            self.0.push((code.to_owned(), name.to_owned()));
            self.0.len() - 1
        })
    }
}

fn sent(opened: &Opened, lane: usize, w: &Words) -> Entry {
    let to = w.list(opened.to.iter().map(|(room, _)| w.room(room)));
    Entry {
        at: clock_time(opened.created_at_ms),
        at_ms: opened.created_at_ms,
        lane,
        sign: "✉",
        text: format!("{} {} → {}", w.word("kind", &opened.kind), title(opened), to),
        id: opened.id.clone(),
    }
}

fn receipt(opened: &Opened, line: &ReceiptLine, lane: usize, w: &Words) -> Entry {
    let officer = line.officer.as_deref().unwrap_or_default();
    Entry {
        at: clock_time(line.at_ms),
        at_ms: line.at_ms,
        lane,
        sign: "✔",
        text: format!("{} {officer}", w.word("event", &line.event)),
        id: opened.id.clone(),
    }
}

/// Receipts that say something of the matter; custody on the way is on the page of receipts.
const TOLD: [&str; 9] = [
    "delivered",
    "acknowledged",
    "disposed",
    "returned",
    "refused",
    "failed",
    "expired",
    "collision",
    "unconfirmed",
];
