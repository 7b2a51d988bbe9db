//! The stage of one scenario: messages are sent, officers sign, expectations are waited for and written down. Waiting
//! looks again and again until a generous limit; nothing is guessed by sleeping.

use std::time::Duration;

use relay::receipt::Event;
use serde_json::Value;

use super::{
    account::{Account, chain, is},
    cards::Card,
    document::{Check, MessageEntry, Played},
};
use crate::{
    control::{
        request::{Request, SendRequest},
        view::{InboxLine, Opened, ReceiptLine, Room, Sent},
    },
    network::{Network, RoomProcess, until},
    problem::Problem,
};

/// What is expected comes within this time, also on a machine that does ten other things.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// One scenario while it is played.
pub(super) struct Stage<'a, 'p> {
    pub(super) network: &'a mut Network,
    pub(super) account: &'a mut Account<'p>,
    cards: &'a [Card],
    checks: Vec<Check>,
    letters: Vec<(Letter, Shown)>,
}

/// A message that was sent here.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) origin: String,
    /// What it is called in the account.
    pub(super) name: String,
}

/// Whether the table of its receipts is shown at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Yes,
    No,
}

impl<'a, 'p> Stage<'a, 'p> {
    pub(super) fn new(network: &'a mut Network, account: &'a mut Account<'p>, cards: &'a [Card]) -> Self {
        Self { network, account, cards, checks: Vec::new(), letters: Vec::new() }
    }

    pub(super) fn room(&self, code: &str) -> Result<&RoomProcess, Problem> {
        self.network.room(code)
    }

    /// Code and name of a room, for the account.
    pub(super) fn named(&self, code: &str) -> String {
        self.network.room(code).map_or_else(|_| code.to_owned(), |room| self.account.named(room.room()))
    }

    /// A text of the catalogue.
    pub(super) fn text(&self, id: &str) -> String {
        self.account.catalogue().text(id, &[])
    }

    /// Writes an expectation down and tells it.
    pub(super) fn check(&mut self, id: &str, values: &[(&str, &str)], ok: bool, got: String) {
        let what = self.account.catalogue().text(id, values);
        self.account.check(&what, ok, &got);
        self.checks.push(Check { what, ok, got });
    }

    /// Sends a message and tells it.
    pub(super) async fn send(
        &mut self,
        from: &str,
        name: &str,
        request: SendRequest,
    ) -> Result<Letter, Problem> {
        Ok(self.send_with_copies(from, name, request).await?.0)
    }

    /// The same; gives the rooms too that got a copy because they were passed over.
    pub(super) async fn send_with_copies(
        &mut self,
        from: &str,
        name: &str,
        request: SendRequest,
    ) -> Result<(Letter, Vec<Room>), Problem> {
        let sent: Sent = self.room(from)?.ask(&Request::Send(Box::new(request))).await?;
        let name = self.text(name);
        let letter = self.keep(from, name, sent.id, Shown::Yes);
        let opened = self.show(from, &letter).await?;
        let heading = self.heading(&letter, &opened);
        self.account.say("demo-sent", &[("message", &heading)]);
        Ok((letter, sent.copied_to))
    }

    /// Remembers a message for the document.
    pub(super) fn keep(&mut self, origin: &str, name: String, id: String, shown: Shown) -> Letter {
        let letter = Letter { id, origin: origin.to_owned(), name };
        self.letters.push((letter.clone(), shown));
        letter
    }

    /// A message as a room shows it.
    pub(super) async fn show(&self, room: &str, letter: &Letter) -> Result<Opened, Problem> {
        self.room(room)?.ask(&Request::Show { id: letter.id.clone() }).await
    }

    /// All receipts of a message that its origin holds.
    pub(super) async fn receipts(&self, letter: &Letter) -> Result<Vec<ReceiptLine>, Problem> {
        self.room(&letter.origin)?.ask(&Request::Receipts { id: letter.id.clone() }).await
    }

    /// The whole inbox of a room.
    pub(super) async fn inbox(&self, room: &str) -> Result<Vec<InboxLine>, Problem> {
        self.room(room)?.ask(&Request::Inbox { all: true, newest: None, before: None }).await
    }

    /// Waits until the origin holds such a receipt; gives what it holds then, or at the end of the patience.
    async fn receipts_until(
        &self,
        letter: &Letter,
        wanted: impl Fn(&ReceiptLine) -> bool,
    ) -> Result<(bool, Vec<ReceiptLine>), Problem> {
        let look = async || {
            let receipts = self.receipts(letter).await?;
            Ok(receipts.iter().any(&wanted).then_some(receipts))
        };
        match until(PATIENCE, look).await? {
            Some(receipts) => Ok((true, receipts)),
            None => Ok((false, self.receipts(letter).await?)),
        }
    }

    /// Expects that the message is delivered to this room and that the origin holds the receipt.
    pub(super) async fn expect_delivered(&mut self, letter: &Letter, recipient: &str) -> Result<(), Problem> {
        let wanted = |line: &ReceiptLine| is(line, Event::Delivered) && line.recipient == recipient;
        let (ok, receipts) = self.receipts_until(letter, wanted).await?;
        let room = self.named(recipient);
        let values = [("letter", &*letter.name), ("room", &*room)];
        self.check("demo-check-delivered", &values, ok, chain(&receipts, recipient));
        Ok(())
    }

    /// Expects that this hub took the message into custody on its way to this room.
    pub(super) async fn expect_custody(
        &mut self,
        letter: &Letter,
        hub: &str,
        recipient: &str,
    ) -> Result<(), Problem> {
        let wanted = |line: &ReceiptLine| {
            is(line, Event::Custody) && line.issuer == hub && line.recipient == recipient
        };
        let (ok, receipts) = self.receipts_until(letter, wanted).await?;
        let room = self.named(hub);
        let values = [("letter", &*letter.name), ("room", &*room)];
        self.check("demo-check-custody", &values, ok, chain(&receipts, recipient));
        Ok(())
    }

    /// An officer of this room signs; the origin is expected to learn the name.
    pub(super) async fn acknowledge(
        &mut self,
        letter: &Letter,
        room: &str,
        role: &str,
    ) -> Result<(), Problem> {
        let card = self.card(room, role)?;
        let deed = Request::Deed {
            id: letter.id.clone(),
            event: Event::Acknowledged.word().to_owned(),
            officer: card.officer.clone(),
            password: card.password.clone(),
            reason: None,
        };
        let officer = card.officer.clone();
        let _: Value = self.room(room)?.ask(&deed).await?;
        let wanted = |line: &ReceiptLine| {
            is(line, Event::Acknowledged)
                && line.issuer == room
                && line.officer.as_deref() == Some(officer.as_str())
        };
        let (ok, receipts) = self.receipts_until(letter, wanted).await?;
        let name = self.named(room);
        let values = [("letter", &*letter.name), ("room", &*name), ("officer", &*officer)];
        self.check("demo-check-acknowledged", &values, ok, chain(&receipts, room));
        Ok(())
    }

    fn card(&self, room: &str, role: &str) -> Result<&Card, Problem> {
        let mut cards = self.cards.iter();
        cards
            .find(|card| card.room == room && card.role == role)
            .ok_or_else(|| Problem::failed("officer_unknown").with("officer", role))
    }

    /// Expects that the message stands in this inbox exactly once, 主送 or 抄送.
    pub(super) async fn expect_once(
        &mut self,
        letter: &Letter,
        room: &str,
        role: &str,
    ) -> Result<(), Problem> {
        let inbox = self.inbox(room).await?;
        let roles: Vec<&str> =
            inbox.iter().filter(|line| line.id == letter.id).map(|line| line.role.as_str()).collect();
        let (ok, got) = (roles == [role], format!("{} x [{}]", roles.len(), roles.join(", ")));
        let (name, role) = (self.named(room), self.account.catalogue().word("address", role));
        let values = [("letter", &*letter.name), ("room", &*name), ("role", &*role)];
        self.check("demo-check-once", &values, ok, got);
        Ok(())
    }

    /// What the table and the line of a message are headed with.
    fn heading(&self, letter: &Letter, opened: &Opened) -> String {
        let catalogue = self.account.catalogue();
        let to: Vec<String> = opened.to.iter().map(|(room, role)| self.addressee(room, role)).collect();
        catalogue.text(
            "demo-heading",
            &[
                ("letter", &letter.name),
                ("kind", &catalogue.word("kind", &opened.kind)),
                ("precedence", &catalogue.word("precedence", &opened.precedence)),
                ("from", &self.account.named(&opened.origin)),
                ("to", &to.join(", ")),
                ("id", &opened.id),
            ],
        )
    }

    fn addressee(&self, room: &Room, role: &str) -> String {
        let name = self.account.named(room);
        if role == "info" {
            format!("{name} ({})", self.account.catalogue().word("address", role))
        } else {
            name
        }
    }

    /// Ends the scenario: what stopped it, if anything did, is one more expectation that did not hold.
    pub(super) async fn finish(mut self, name: &'static str, outcome: Result<(), Problem>) -> Played {
        if let Err(problem) = outcome {
            self.failed(&problem);
        }
        let mut messages = Vec::new();
        for (letter, shown) in std::mem::take(&mut self.letters) {
            match self.entry(&letter, shown).await {
                Ok(entry) => messages.push(entry),
                Err(problem) => self.failed(&problem),
            }
        }
        let played = Played::new(name, self.checks, messages);
        self.account.scenario_result(&played);
        played
    }

    fn failed(&mut self, problem: &Problem) {
        let explanation = self.account.catalogue().explain(problem);
        let got = format!("[{}] {} {}", problem.code, explanation.what, explanation.why);
        self.check("demo-check-went-through", &[], false, got);
    }

    async fn entry(&self, letter: &Letter, shown: Shown) -> Result<MessageEntry, Problem> {
        let opened = self.show(&letter.origin, letter).await?;
        let heading = (shown == Shown::Yes).then(|| self.heading(letter, &opened));
        Ok(MessageEntry {
            id: letter.id.clone(),
            kind: opened.kind,
            precedence: opened.precedence,
            origin: opened.origin.code,
            recipients: opened.to.into_iter().map(|(room, _)| room.code).collect(),
            receipts: self.receipts(letter).await?,
            heading,
        })
    }
}
