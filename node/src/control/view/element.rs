//! What a message says, element after element. Elements and words of closed lists have their keys here; the reader's
//! catalogue names them.

use serde::{Deserialize, Serialize};

/// One element of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Element {
    /// Its key in a message file, such as `learned_at`; `kind`, `attachment` and `unread` stand in no file.
    pub key: String,
    /// What it says: pieces that follow one another as they stand.
    pub said: Vec<Piece>,
}

/// A piece of what an element says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// As it was written, or a number, or a time; may span several lines.
    Text(String),
    /// A word of a closed list.
    Word {
        /// The list, such as `severity`.
        list: String,
        /// Its word, such as `major`.
        word: String,
    },
}

impl Element {
    /// Its text, as far as it has any that is no word of a list.
    pub fn text(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Word { .. } => String::new(),
        };
        self.said.iter().map(text).collect()
    }
}

impl From<relay::message::Line> for Element {
    fn from(line: relay::message::Line) -> Self {
        let piece = |piece| match piece {
            relay::message::Piece::Text(text) => Piece::Text(text),
            relay::message::Piece::Word { list, word } => Piece::Word { list: list.to_owned(), word },
        };
        Self { key: line.element.to_owned(), said: line.said.into_iter().map(piece).collect() }
    }
}
