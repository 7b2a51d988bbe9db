//! The history of each envelope of a simulated world, in lines for a person to read when something went wrong.

use relay::{envelope_id::EnvelopeKey, step::Write};
use topology::RoomId;

use super::{BEGINNING_MS, World};

impl World {
    pub(super) fn note_write(&mut self, room: RoomId, write: &Write) {
        let (key, text) = match write {
            Write::Record(record) => {
                let ways: Vec<String> = record
                    .deliveries
                    .iter()
                    .map(|d| format!("{} {:?} {:?}", self.cast.name(d.recipient), d.state, d.outcome))
                    .collect();
                (record.key, format!("stores {}", ways.join("; ")))
            }
            Write::Receipt(stored) => {
                let said = stored.receipt.receipt();
                let (issuer, to) = (self.cast.name(said.issuer), self.cast.name(said.recipient));
                (said.key(), format!("stores {} of {issuer} for {to} (leaf {})", said.event, said.seq))
            }
            Write::DutyStep { name, subject, .. } => {
                (*subject, format!("takes step {} of its timer", name.stage.word()))
            }
            Write::Inbox { key, .. } => (*key, "puts it into the inbox".to_owned()),
            Write::Envelope { .. }
            | Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::OutboxStored { .. }
            | Write::Call { .. }
            | Write::SentOnce(_)
            | Write::InboxDeed { .. }
            | Write::Collision { .. }
            | Write::Epoch { .. }
            | Write::Log(_)
            | Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => return,
        };
        self.note(key, room, &text);
    }

    /// Adds a line to the history of an envelope.
    pub(super) fn note(&mut self, key: EnvelopeKey, room: RoomId, text: &str) {
        let at_ms = self.now_ms - BEGINNING_MS;
        let room = self.cast.name(room).to_owned();
        self.model.note(key, format!("step {} {at_ms:>8} ms {room:<8} {text}", self.step));
    }
}
