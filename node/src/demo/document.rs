//! The one document of `demo --json`. Programs rely on its shape.

use std::time::Duration;

use serde::Serialize;

use crate::{
    control::{
        request::Request,
        view::{ReceiptLine, Status},
    },
    network::Network,
    problem::Problem,
};

/// What the demo played.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) network: String,
    pub(super) rooms: Vec<RoomEntry>,
    pub(super) scenarios: Vec<Played>,
    pub(super) elapsed_ms: u64,
}

/// A room and where it lives.
#[derive(Debug, Serialize)]
pub(super) struct RoomEntry {
    pub(super) id: String,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) dir: String,
    pub(super) pid: u32,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(super) struct Played {
    pub(super) name: &'static str,
    pub(super) ok: bool,
    pub(super) checks: Vec<Check>,
    pub(super) messages: Vec<MessageEntry>,
}

/// One expectation, and what was found.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) ok: bool,
    pub(super) got: String,
}

/// One message with the evidence that its origin holds.
#[derive(Debug, Serialize)]
pub(super) struct MessageEntry {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) precedence: String,
    pub(super) origin: String,
    pub(super) recipients: Vec<String>,
    pub(super) receipts: Vec<ReceiptLine>,
    /// Its heading in the account; none for those whose table is not shown to people.
    #[serde(skip)]
    pub(super) heading: Option<String>,
}

impl Document {
    pub(super) async fn new(
        network: &Network,
        scenarios: Vec<Played>,
        elapsed: Duration,
    ) -> Result<Self, Problem> {
        let mut label = String::new();
        let mut rooms = Vec::new();
        for room in network.rooms() {
            let status: Status = room.ask(&Request::Status).await?;
            label = status.network;
            rooms.push(RoomEntry {
                id: status.room.id,
                code: status.room.code,
                name: status.room.name,
                dir: room.directory().display().to_string(),
                pid: status.pid,
            });
        }
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { network: label, rooms, scenarios, elapsed_ms })
    }

    /// Whether every expectation of every scenario held.
    pub(super) fn is_ok(&self) -> bool {
        self.scenarios.iter().all(|played| played.ok)
    }
}

impl Played {
    pub(super) fn new(name: &'static str, checks: Vec<Check>, messages: Vec<MessageEntry>) -> Self {
        let ok = !checks.is_empty() && checks.iter().all(|check| check.ok);
        Self { name, ok, checks, messages }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(ok: bool) -> Check {
        Check { what: "delivered".to_owned(), ok, got: "delivered 410000".to_owned() }
    }

    fn receipt() -> ReceiptLine {
        let [event, mark, recipient, issuer] = ["acknowledged", "t10", "410000", "410000"].map(str::to_owned);
        ReceiptLine {
            event,
            mark,
            recipient,
            issuer,
            recipient_name: String::new(),
            recipient_name_en: String::new(),
            issuer_name: String::new(),
            issuer_name_en: String::new(),
            at_ms: 7,
            offset_ms: None,
            officer: Some("周涛".to_owned()),
            officer_role: None,
            reason: None,
            reason_text: None,
            epoch: 1,
            seq: 1,
            spent_ms: None,
            supplement: false,
        }
    }

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_document_has_the_shape_that_programs_rely_on() {
        let [id, code, name, dir] = ["a", "410000", "省", "/d"].map(str::to_owned);
        let [message, kind, precedence, origin] = ["m", "report", "flash", "411322"].map(str::to_owned);
        let entry = MessageEntry {
            id: message,
            kind,
            precedence,
            origin,
            recipients: vec![code.clone()],
            receipts: vec![receipt()],
            heading: None,
        };
        let document = Document {
            network: "henan-demo".to_owned(),
            rooms: vec![RoomEntry { id, code, name, dir, pid: 3 }],
            scenarios: vec![Played::new("report", vec![check(true)], vec![entry])],
            elapsed_ms: 12,
        };
        let value = serde_json::to_value(&document).unwrap();
        assert_eq!(keys(&value), ["elapsed_ms", "network", "rooms", "scenarios"]);
        assert_eq!(keys(&value["rooms"][0]), ["code", "dir", "id", "name", "pid"]);
        let scenario = &value["scenarios"][0];
        assert_eq!(keys(scenario), ["checks", "messages", "name", "ok"]);
        assert_eq!(
            scenario["checks"][0],
            json!({"what": "delivered", "ok": true, "got": "delivered 410000"})
        );
        let message = &scenario["messages"][0];
        assert_eq!(keys(message), ["id", "kind", "origin", "precedence", "receipts", "recipients"]);
        for (key, wanted) in [
            ("event", json!("acknowledged")),
            ("recipient", json!("410000")),
            ("issuer", json!("410000")),
            ("at_ms", json!(7)),
            ("officer", json!("周涛")),
        ] {
            assert_eq!(message["receipts"][0][key], wanted, "{key}");
        }
    }

    #[test]
    fn one_expectation_that_did_not_hold_fails_the_scenario_and_none_at_all_does_too() {
        assert!(Played::new("report", vec![check(true), check(true)], vec![]).ok);
        assert!(!Played::new("report", vec![check(true), check(false)], vec![]).ok);
        assert!(!Played::new("report", vec![], vec![]).ok);
    }
}
