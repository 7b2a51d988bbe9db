//! The live account (实况): what happens, told in the reader's language while it happens; the receipts at the end.

use relay::receipt::Event;

use super::{
    cards::Card,
    document::{Document, MessageEntry, Played},
};
use crate::{
    catalogue::{Catalogue, Language},
    cli::render_receipts,
    control::view::{ReceiptLine, Room},
    network::{Network, RoomProcess},
};

/// Tells people, or keeps still until the document for programs is there.
pub(super) struct Account<'a> {
    catalogue: Catalogue,
    is_json: bool,
    print: &'a mut dyn FnMut(&str),
}

impl<'a> Account<'a> {
    pub(super) fn new(catalogue: Catalogue, is_json: bool, print: &'a mut dyn FnMut(&str)) -> Self {
        Self { catalogue, is_json, print }
    }

    pub(super) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// One sentence of the catalogue.
    pub(super) fn say(&mut self, id: &str, values: &[(&str, &str)]) {
        let text = self.catalogue.text(id, values);
        self.print(&text);
    }

    /// An expectation: held, or not and what was found instead.
    pub(super) fn check(&mut self, what: &str, ok: bool, got: &str) {
        let line = if ok { format!("    ✓ {what}") } else { format!("    ✗ {what}: {got}") };
        self.print(&line);
    }

    fn print(&mut self, text: &str) {
        if !self.is_json {
            (self.print)(text);
        }
    }

    /// `411322 方城县政府值班室`
    pub(super) fn named(&self, room: &Room) -> String {
        let name = match self.catalogue.language() {
            Language::Chinese => &room.name,
            Language::English => &room.name_en,
        };
        format!("{} {name}", room.code)
    }

    pub(super) fn opening(&mut self, network: &Network) {
        let directory = network.directory().display().to_string();
        self.say("demo-opening", &[("directory", &directory)]);
    }

    pub(super) fn room_runs(&mut self, room: &RoomProcess) {
        let (name, pid) = (self.named(room.room()), room.pid().to_string());
        self.say("demo-room-runs", &[("room", &name), ("pid", &pid)]);
    }

    /// The tables and the result; or the document.
    pub(super) fn ending(&mut self, document: &Document) {
        if self.is_json {
            let text = serde_json::to_string_pretty(document).expect("the document is plain data");
            (self.print)(&text);
            return;
        }
        self.say("demo-receipts", &[]);
        for played in &document.scenarios {
            for message in &played.messages {
                self.table(message);
            }
        }
        self.result(document);
    }

    fn table(&mut self, message: &MessageEntry) {
        let Some(heading) = &message.heading else { return };
        let page = format!("\n{heading}\n{}", render_receipts(&message.receipts, &self.catalogue));
        self.print(&page);
    }

    fn result(&mut self, document: &Document) {
        let checks = || document.scenarios.iter().flat_map(|played| &played.checks);
        let (held, all) = (checks().filter(|check| check.ok).count(), checks().count());
        let messages: usize = document.scenarios.iter().map(|played| played.messages.len()).sum();
        let seconds = format!("{:.1}", document.elapsed_ms as f64 / 1_000.0);
        let [held, all, messages] = [held, all, messages].map(|number| number.to_string());
        let values = [("held", &*held), ("all", &*all), ("messages", &*messages), ("seconds", &*seconds)];
        self.say(if document.is_ok() { "demo-passed" } else { "demo-failed" }, &values);
        for check in checks().filter(|check| !check.ok) {
            let line = format!("    ✗ {}: {}", check.what, check.got);
            self.print(&line);
        }
    }

    pub(super) fn scenario(&mut self, id: &str) {
        let text = self.catalogue.text(id, &[]);
        self.print(&format!("\n{text}"));
    }

    pub(super) fn scenario_result(&mut self, played: &Played) {
        let held = played.checks.iter().filter(|check| check.ok).count().to_string();
        let all = played.checks.len().to_string();
        self.say("demo-scenario-result", &[("held", &held), ("all", &all)]);
    }

    /// The command lines for each room while the network stays up.
    pub(super) fn how_to_talk(&mut self, network: &Network, cards: &[Card]) {
        let program = network.program().display().to_string();
        self.say("demo-stays-up", &[("program", &program)]);
        for room in network.rooms() {
            let name = self.named(room.room());
            let directory = room.directory().display();
            self.print(&format!("  {name}\n    {}", room.console().unwrap_or_default()));
            self.print(&format!("    yichuan --dir {directory} inbox --all"));
            let officers = cards.iter().filter(|card| card.room == room.code());
            let officers: Vec<String> =
                officers.map(|card| self.officer(&card.officer, &card.role, &card.password)).collect();
            self.print(&format!("    {}", officers.join("  ")));
        }
        let from = network.rooms().last().map(|room| room.directory().display().to_string());
        let anchor = network.directory().join("anchor").display().to_string();
        self.say("demo-try", &[("directory", &from.unwrap_or_default()), ("anchor", &anchor)]);
    }

    fn officer(&self, name: &str, role: &str, password: &str) -> String {
        format!("{name} ({}) {password}", self.catalogue.word("role", role))
    }

    /// What stays, and how to bring it up again by hand.
    pub(super) fn how_to_run_again(&mut self, network: &Network) {
        let program = network.program().display().to_string();
        let directory = network.directory().display().to_string();
        self.say("demo-kept", &[("directory", &directory), ("program", &program)]);
        for room in network.rooms() {
            let line = format!("  yichuan --dir {} run", room.directory().display());
            self.print(&line);
        }
    }
}

/// The way of a message to one recipient in one line: `accepted 411322, custody 411300, delivered 410000`.
pub(super) fn chain(receipts: &[ReceiptLine], recipient: &str) -> String {
    let way: Vec<String> = receipts
        .iter()
        .filter(|line| line.recipient == recipient)
        .map(|line| match &line.officer {
            Some(officer) => format!("{} {} ({officer})", line.event, line.issuer),
            None => format!("{} {}", line.event, line.issuer),
        })
        .collect();
    if way.is_empty() { format!("no receipt for {recipient}") } else { way.join(", ") }
}

/// Whether a receipt is this event's.
pub(super) fn is(line: &ReceiptLine, event: Event) -> bool {
    line.event == event.word()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 7] = [
        include_str!("../demo.rs"),
        include_str!("account.rs"),
        include_str!("outage.rs"),
        include_str!("report.rs"),
        include_str!("stage.rs"),
        include_str!("verdicts.rs"),
        include_str!("verify.rs"),
    ];

    #[test]
    fn every_sentence_of_the_account_is_in_both_languages() {
        let opening = format!("\"{}", "demo-");
        let ids: Vec<&str> = SOURCES
            .iter()
            .flat_map(|source| source.match_indices(&opening).map(|(at, _)| &source[at + 1..]))
            .filter_map(|rest| rest.split('"').next())
            .filter(|id| *id != "demo-")
            .collect();
        assert!(ids.len() > 30, "{ids:?}");
        for language in [Language::Chinese, Language::English] {
            let catalogue = Catalogue::new(language);
            let lacking: Vec<&&str> =
                ids.iter().filter(|id| catalogue.find_text(id, &[]).is_none()).collect();
            assert!(lacking.is_empty(), "{language:?} lacks {lacking:?}");
        }
    }

    #[test]
    fn nothing_is_said_before_the_document() {
        let mut said = Vec::new();
        let mut print = |text: &str| said.push(text.to_owned());
        let mut account = Account::new(Catalogue::new(Language::English), true, &mut print);
        account.say("demo-receipts", &[]);
        account.check("x", false, "y");
        let played = Played::new("report", vec![], vec![]);
        let document =
            Document { network: "n".to_owned(), rooms: vec![], scenarios: vec![played], elapsed_ms: 1 };
        account.ending(&document);
        assert_eq!(said.len(), 1);
        let value: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
        assert_eq!(value["scenarios"][0]["ok"], false);
    }
}
