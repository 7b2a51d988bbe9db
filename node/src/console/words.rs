//! The catalogue as pages use it: short names for what stands in nearly every line of a template.

use std::fmt;

use crate::{
    catalogue::{Catalogue, Language},
    control::view::{Element, ReceiptLine, Room},
};

/// All words in one language.
pub(crate) struct Words(Catalogue);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Words {
    pub(crate) fn new(language: Language) -> Self {
        Self(Catalogue::new(language))
    }

    pub(crate) const fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    /// `zh` or `en`.
    pub(crate) const fn language(&self) -> &'static str {
        self.0.language().word()
    }

    /// The tag of the page's language.
    pub(crate) const fn tag(&self) -> &'static str {
        match self.0.language() {
            Language::Chinese => "zh-CN",
            Language::English => "en",
        }
    }

    /// A text of the catalogue.
    pub(crate) fn t(&self, id: &str) -> String {
        self.0.text(id, &[])
    }

    /// A text with one value.
    pub(crate) fn t1(&self, id: &str, name: &str, value: impl fmt::Display) -> String {
        self.0.text(id, &[(name, &value.to_string())])
    }

    /// A text with two values.
    pub(crate) fn t2(
        &self,
        id: &str,
        first: &str,
        one: impl fmt::Display,
        second: &str,
        two: impl fmt::Display,
    ) -> String {
        self.0.text(id, &[(first, &one.to_string()), (second, &two.to_string())])
    }

    /// The name of a word that programs use.
    pub(crate) fn word(&self, group: &str, word: &str) -> String {
        self.0.word(group, word)
    }

    /// Elements of a message of this kind, with what they say.
    pub(crate) fn elements(&self, kind: &str, elements: &[Element]) -> Vec<(String, String)> {
        let named = |one: &Element| (self.0.element(kind, &one.key), self.0.said(&one.said));
        elements.iter().map(named).collect()
    }

    /// Several of a kind in one sentence.
    pub(crate) fn list(&self, items: impl IntoIterator<Item = String>) -> String {
        self.0.list(&items.into_iter().collect::<Vec<_>>())
    }

    /// A room's name in this language.
    pub(crate) fn room(&self, room: &Room) -> String {
        self.0.either(&room.name, &room.name_en).to_owned()
    }

    /// Code and name of the room that signed a receipt.
    pub(crate) fn issuer(&self, line: &ReceiptLine) -> String {
        format!("{} {}", line.issuer, self.0.either(&line.issuer_name, &line.issuer_name_en))
    }

    /// Code and name of the room that a receipt is for.
    pub(crate) fn recipient(&self, line: &ReceiptLine) -> String {
        format!("{} {}", line.recipient, self.0.either(&line.recipient_name, &line.recipient_name_en))
    }
}
