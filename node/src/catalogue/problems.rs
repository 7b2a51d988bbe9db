//! Which code of the catalogue each mistake in a message or a map file has, and the values that its sentences need.

use relay::message::{MessageError, MessageFileError, marking::MarkingError, word::WordError};
use topology::MapFileErrors;

use crate::problem::Problem;

impl From<MarkingError> for Problem {
    fn from(error: MarkingError) -> Self {
        match error {
            MarkingError::StateSecret { marking } => {
                Self::policy("state_secret").with("detail", format!("marking 标识: {marking}"))
            }
            MarkingError::Word(error) => error.into(),
        }
    }
}

impl From<WordError> for Problem {
    fn from(error: WordError) -> Self {
        Self::failed("message_word")
            .with("got", error.got)
            .with("what", error.what)
            .with("wanted", error.wanted)
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Required { key } => Self::failed("message_required").with("key", key),
            MessageError::Field { key, fault } => {
                Self::failed("message_field").with("key", key).with("fault", fault.word())
            }
            MessageError::TooLong { key, size, limit, unit } => Self::failed("message_too_long")
                .with("key", key)
                .with("size", size)
                .with("limit", limit)
                .with("unit", unit),
            MessageError::TooMany { key, limit } => {
                Self::failed("message_too_many").with("key", key).with("limit", limit)
            }
            MessageError::ControlCharacter { key, code } => Self::failed("message_control_character")
                .with("key", key)
                .with("point", format!("U+{code:04X}")),
            MessageError::TooLarge { bytes, limit } => {
                Self::failed("message_too_large").with("bytes", bytes).with("limit", limit)
            }
            MessageError::AttachmentsTooLarge { name, limit } => {
                Self::failed("attachments_too_large").with("name", name).with("limit", limit)
            }
            MessageError::NameTwice { name } => Self::failed("message_name_twice").with("name", name),
            MessageError::NeedsReference(kind) => Self::failed("message_needs_reference").with("kind", kind),
            MessageError::NeedsFile(kind) => Self::failed("message_needs_file").with("kind", kind),
            MessageError::Marking(error) => error.into(),
        }
    }
}

impl From<MessageFileError> for Problem {
    fn from(error: MessageFileError) -> Self {
        match error {
            MessageFileError::TooLarge { file, bytes, limit } => Self::failed("message_file_large")
                .with("file", file)
                .with("bytes", bytes)
                .with("limit", limit),
            MessageFileError::Syntax { file, line, what } => {
                Self::failed("message_syntax").with("file", file).with("line", line).with("what", what)
            }
            MessageFileError::NoKind { file } => Self::failed("message_no_kind").with("file", file),
            MessageFileError::StateSecret { file, line, error } => {
                let problem = Self::from(error);
                let marking = problem.details.get("detail").cloned().unwrap_or_default();
                problem.with("detail", format!("{file}:{line}: {marking}"))
            }
            MessageFileError::Attachment { file, path, why } => Self::failed("attachment_unreadable")
                .with("file", file)
                .with("path", path)
                .with("detail", why),
            MessageFileError::Message { file, error } => Self::from(error).with("detail", file),
        }
    }
}

impl From<MapFileErrors> for Problem {
    fn from(errors: MapFileErrors) -> Self {
        Self::failed("map_file_invalid").with("file", errors.file()).with("detail", &errors)
    }
}
