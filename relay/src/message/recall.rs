//! Taking a message back (撤回): it is struck through where it arrived, never erased, and the recall is itself a
//! message with receipts.

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    error::{MessageError, required_text},
    line::Lines,
};

/// A recall of the message that it relates to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recall {
    /// 标题
    pub title: String,
    /// 撤回原因
    pub reason: String,
}

impl Body for Recall {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.reason
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("title", &self.title)?;
        required_text("reason", &self.reason)
    }

    fn missing(&self) -> Vec<&'static str> {
        vec![]
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("reason", &self.reason);
    }
}
