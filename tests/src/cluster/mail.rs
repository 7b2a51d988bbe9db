//! Sending and looking: what an officer of a room does, over its control socket.

use node::{
    control::{
        request::{Request, SendRequest},
        view,
    },
    problem::Problem,
};

use super::{
    room::Room,
    wait::{LONG, until},
};

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Letter(SendRequest);

impl Letter {
    /// A text of this kind. It is a line test, so that no rule of the trade asks for more than a text.
    pub fn test(kind: &str, to: &[&str], text: &str) -> Self {
        let letter = Self::actual(kind, to, text);
        Self(SendRequest { status: Some("test".to_owned()), ..letter.0 })
    }

    /// A text of this kind in earnest.
    pub fn actual(kind: &str, to: &[&str], text: &str) -> Self {
        Self(SendRequest {
            kind: kind.to_owned(),
            to: to.iter().map(|room| (*room).to_owned()).collect(),
            text: Some(text.to_owned()),
            ..SendRequest::default()
        })
    }

    /// A message file with its attachments, each with its content in base64.
    pub fn file(kind: &str, to: &[&str], file: &str, attachments: Vec<(String, String)>) -> Self {
        let letter = Self::test(kind, to, "");
        Self(SendRequest { text: None, file: Some(file.to_owned()), attachments, ..letter.0 })
    }

    /// With copies (抄送) for these rooms.
    #[must_use]
    pub fn copied_to(self, rooms: &[&str]) -> Self {
        Self(SendRequest { cc: rooms.iter().map(|room| (*room).to_owned()).collect(), ..self.0 })
    }

    /// With this precedence.
    #[must_use]
    pub fn precedence(self, word: &str) -> Self {
        Self(SendRequest { precedence: Some(word.to_owned()), ..self.0 })
    }

    /// That expires after so many seconds.
    #[must_use]
    pub fn expires_in(self, seconds: u64) -> Self {
        Self(SendRequest { expires_in_s: Some(seconds), ..self.0 })
    }

    /// A level is bypassed, and why.
    pub fn skipping(self, reason: &str) -> Self {
        Self(SendRequest { skip_level: Some(reason.into()), ..self.0 })
    }

    /// That answers, follows or recalls another.
    #[must_use]
    pub fn relating_to(self, id: &str) -> Self {
        Self(SendRequest { relates_to: Some(id.to_owned()), ..self.0 })
    }
}

impl Room {
    /// Sends; gives the id once it is accepted.
    ///
    /// # Errors
    /// The node's own [`Problem`].
    pub async fn try_send(&self, letter: &Letter) -> Result<String, Problem> {
        let sent: view::Sent = self.ask(&Request::Send(Box::new(letter.0.clone()))).await?;
        Ok(sent.id)
    }

    /// Sends; gives the id once it is accepted.
    ///
    /// # Panics
    /// When it is not.
    pub async fn send(&self, letter: &Letter) -> String {
        let sent = self.try_send(letter).await;
        sent.unwrap_or_else(|problem| panic!("{} does not send {letter:?}: {problem}", self.code()))
    }

    /// Everything that was delivered here, in the order of its coming.
    pub async fn inbox(&self) -> Vec<view::InboxLine> {
        self.ask(&Request::Inbox { all: true, newest: None, before: None })
            .await
            .expect("the inbox can be read")
    }

    /// The ids of the inbox.
    pub async fn inbox_ids(&self) -> Vec<String> {
        self.inbox().await.into_iter().map(|line| line.id).collect()
    }

    /// The receipts of a message.
    pub async fn receipts(&self, id: &str) -> Vec<view::ReceiptLine> {
        self.ask(&Request::Receipts { id: id.to_owned() }).await.expect("receipts can be read")
    }

    /// The events of a message's receipts, with their issuers.
    pub async fn events(&self, id: &str) -> Vec<(String, String)> {
        self.receipts(id).await.into_iter().map(|receipt| (receipt.event, receipt.issuer)).collect()
    }

    /// Waits for a receipt of this event.
    pub async fn receipt(&self, id: &str, event: &str) -> view::ReceiptLine {
        until(&format!("{event} of {id} at {}", self.code()), LONG, async || {
            self.receipts(id).await.into_iter().find(|receipt| receipt.event == event)
        })
        .await
    }

    /// Waits until every one of these has been delivered, as their origin knows.
    pub async fn all_delivered(&self, ids: &[String]) {
        for id in ids {
            self.receipt(id, "delivered").await;
        }
    }

    /// Waits until something is in the inbox.
    pub async fn has_in_inbox(&self, id: &str) {
        until(&format!("{id} in the inbox of {}", self.code()), LONG, async || {
            self.inbox_ids().await.iter().any(|known| known == id).then_some(())
        })
        .await;
    }
}

/// The terminal events.
pub const TERMINAL: [&str; 5] = ["delivered", "refused", "failed", "expired", "collision"];

/// How many terminal outcomes these receipts give to one recipient, supplements left out.
pub fn outcomes(receipts: &[view::ReceiptLine], recipient: &str) -> usize {
    receipts
        .iter()
        .filter(|receipt| receipt.recipient == recipient && !receipt.supplement)
        .filter(|receipt| TERMINAL.contains(&receipt.event.as_str()))
        .count()
}
