//! Messages as lists and as one opened message, and what sending one is answered with.

use serde::{Deserialize, Serialize};

use super::{Element, Room};

/// By so much clocks may differ and nothing is said of it.
const DATED_AHEAD_MS: i64 = 5 * 60_000;

/// `send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sent {
    /// The envelope's id.
    pub id: String,
    /// The message kind's word.
    #[serde(default)]
    pub kind: String,
    /// Rooms that got a copy because they were bypassed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied_to: Vec<Room>,
    /// The keys of recommended elements that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// One line of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InboxLine {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// `action` or `info`.
    pub role: String,
    /// Who sent it.
    pub origin: Room,
    /// The title.
    pub title: String,
    /// When it was delivered.
    pub delivered_at_ms: i64,
    /// Whether an officer has acknowledged it.
    pub acknowledged: bool,
    /// Its number from this origin.
    pub nr: u64,
    /// Numbers before it from the same origin and epoch that have not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_nr: Vec<u64>,
}

/// One line of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SentLine {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// The title.
    pub title: String,
    /// When it was accepted.
    pub accepted_at_ms: i64,
    /// Each recipient.
    pub recipients: Vec<Recipient>,
}

/// One recipient of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recipient {
    /// Which room.
    pub room: Room,
    /// `action` or `info`.
    pub role: String,
    /// What is known: `queued`, `custody`, `delivered`, `acknowledged`, `unconfirmed`, ...
    pub state: String,
    /// Whether somebody there still has to acknowledge it. Nobody has to acknowledge a copy.
    pub owes_acknowledgement: bool,
}

impl Recipient {
    /// What is known, as a group of the catalogue and a word in it. Of a copy it is not said that nobody has acknowledged it.
    pub(crate) fn known(&self) -> (&'static str, &str) {
        let group =
            if self.state == "delivered" && !self.owes_acknowledgement { "event" } else { "delivery" };
        (group, &self.state)
    }
}

/// `show`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Opened {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// Who sent it.
    pub origin: Room,
    /// Recipients with `action` or `info`.
    pub to: Vec<(Room, String)>,
    /// Ids of what it answers, follows or recalls.
    pub relates_to: Vec<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it came here, or was accepted here.
    pub received_at_ms: i64,
    /// When it expires.
    pub expires_at_ms: i64,
    /// What it says.
    pub elements: Vec<Element>,
    /// The whole message as data.
    pub message: serde_json::Value,
    /// Attachments: name, media type, bytes.
    pub attachments: Vec<(String, String, u64)>,
    /// SHA-256 of the signed header, in hex.
    pub digest: String,
}

impl Opened {
    /// By how many milliseconds it is dated after it came here: the clock of its origin is ahead by at least as much. None
    /// where that may be the way clocks differ.
    pub fn dated_ahead_ms(&self) -> Option<i64> {
        let ahead = self.created_at_ms.saturating_sub(self.received_at_ms);
        (ahead > DATED_AHEAD_MS).then_some(ahead)
    }

    /// The text of an element, if it is there.
    pub fn element_text(&self, key: &str) -> Option<String> {
        self.elements.iter().find(|element| element.key == key).map(Element::text)
    }
}

/// `attachment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttachmentFile {
    /// Its name.
    pub name: String,
    /// Its media type, as the sender gave it.
    pub media_type: String,
    /// Its bytes, in base64.
    pub bytes: String,
}

/// How far the messages of this room have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Progress {
    /// Messages accepted here since the node started.
    pub accepted: u64,
    /// Delivered receipts that came back since the node started.
    pub delivered: u64,
}
