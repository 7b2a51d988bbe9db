//! What can be wrong with a message file, with the line where it is wrong.

use super::{error::MessageError, marking::MarkingError};

/// Why a message file is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageFileError {
    /// A file that no officer wrote.
    #[error("{file} has {bytes} bytes, a message file at most {limit}; put long texts into an attachment")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// No TOML, an unknown key, or a value of the wrong sort.
    #[error("{file}, line {line}: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what is wanted.
        what: String,
    },
    /// The file does not say what it is.
    #[error("{file} does not say what kind of message it is: add a line such as kind = \"report\"")]
    NoKind {
        /// The file.
        file: String,
    },
    /// A marking that must not travel here.
    #[error("{file}, line {line}: {error}")]
    StateSecret {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The marking.
        error: MarkingError,
    },
    /// An attached file that cannot be read.
    #[error(
        "{file}: attachment {path} cannot be read ({why}); check the path, it is relative to the message file"
    )]
    Attachment {
        /// The message file.
        file: String,
        /// The attached one.
        path: String,
        /// Why not.
        why: String,
    },
    /// Well-formed, but not a message that may be sent.
    #[error("{file}: {error}")]
    Message {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: MessageError,
    },
}
