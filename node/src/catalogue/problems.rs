//! Which code of the catalogue each error of the pure crates and of the store has, and the values that its sentences
//! need.

use relay::{
    envelope_id::EnvelopeIdError,
    message::{MessageError, MessageFileError, marking::MarkingError, scanner::SecrecyError, word::WordError},
    refusal::Refusal,
};
use topology::{ResolveError, map_file::MapFileErrors};

use crate::{problem::Problem, store::StoreError};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::failed("store_full"),
            StoreError::Foreign { path } => Self::failed("store_foreign").with("path", path),
            StoreError::Newer { path, found, known } => {
                Self::failed("store_newer").with("path", path).with("found", found).with("known", known)
            }
            StoreError::Damaged { path, detail } => {
                Self::failed("store_damaged").with("path", path).with("detail", detail)
            }
            StoreError::Unsafe { detail } => Self::failed("store_unsafe").with("detail", detail),
            StoreError::Database(detail) => Self::failed("store_failed").with("detail", detail),
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let code = refusal.code();
        match refusal {
            Refusal::Policy(rule) => Self::policy(code).with("detail", rule),
            Refusal::KindNotAllowed | Refusal::StateSecret => Self::policy(code),
            Refusal::NoRoute => Self::unreachable(code),
            Refusal::UnknownKind { number } => Self::failed(code).with("number", number),
            Refusal::UnknownRecipient
            | Refusal::CannotOpen
            | Refusal::BodyMismatch
            | Refusal::Expired
            | Refusal::ClockAhead
            | Refusal::UnknownKey
            | Refusal::NewerMap
            | Refusal::StorageLow
            | Refusal::QuotaFull => Self::failed(code),
        }
    }
}

impl From<MarkingError> for Problem {
    fn from(error: MarkingError) -> Self {
        match error {
            MarkingError::StateSecret { marking } => {
                Self::policy("state_secret").with("place", "marking 标识").with("what", marking)
            }
            MarkingError::Word(error) => error.into(),
        }
    }
}

impl From<WordError> for Problem {
    fn from(error: WordError) -> Self {
        Self::failed("message_word").with("got", error.got).with("what", error.what).with("wanted", error.wanted)
    }
}

impl From<SecrecyError> for Problem {
    fn from(error: SecrecyError) -> Self {
        let (code, place, what) = match error {
            SecrecyError::Hard { place, what } => ("state_secret", place, what),
            SecrecyError::Bare { place, what } => ("secret_word", place, what),
        };
        Self::policy(code).with("place", place).with("what", what)
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Required { element, key } => {
                Self::failed("message_required").with("element", element).with("key", key)
            }
            MessageError::Field { key, what } => Self::failed("message_field").with("key", key).with("what", what),
            MessageError::TooLong { key, size, limit, unit } => Self::failed("message_too_long")
                .with("key", key)
                .with("size", size)
                .with("limit", limit)
                .with("unit", unit),
            MessageError::TooMany { key, limit } => {
                Self::failed("message_too_many").with("key", key).with("limit", limit)
            }
            MessageError::ControlCharacter { key, code } => {
                Self::failed("message_control_character").with("key", key).with("point", format!("U+{code:04X}"))
            }
            MessageError::TooLarge { bytes, limit } => {
                Self::failed("message_too_large").with("bytes", bytes).with("limit", limit)
            }
            MessageError::AttachmentsTooLarge { name, limit } => {
                Self::failed("attachments_too_large").with("name", name).with("limit", limit)
            }
            MessageError::NeedsReference(kind) => Self::failed("message_needs_reference").with("kind", kind),
            MessageError::NeedsFile(kind) => Self::failed("message_needs_file").with("kind", kind),
            MessageError::Marking(error) => error.into(),
        }
    }
}

impl From<MessageFileError> for Problem {
    fn from(error: MessageFileError) -> Self {
        match error {
            MessageFileError::TooLarge { file, bytes, limit } => {
                Self::failed("message_file_large").with("file", file).with("bytes", bytes).with("limit", limit)
            }
            MessageFileError::Syntax { file, line, what } => {
                Self::failed("message_syntax").with("file", file).with("line", line).with("what", what)
            }
            MessageFileError::NoKind { file } => Self::failed("message_no_kind").with("file", file),
            MessageFileError::StateSecret { file, line, error } => {
                Self::from(error).with("place", format!("{file}:{line}"))
            }
            MessageFileError::Attachment { file, path, why } => {
                Self::failed("attachment_unreadable").with("file", file).with("path", path).with("detail", why)
            }
            MessageFileError::Message { file, error } => Self::from(error).with("detail", file),
        }
    }
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        let listed = |rooms: &[topology::RoomLabel]| {
            rooms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match error {
            ResolveError::Unknown { text, suggestions } => {
                let problem = Self::failed("room_unknown").with("room", text);
                if suggestions.is_empty() { problem } else { problem.with("detail", listed(&suggestions) + "?") }
            }
            ResolveError::Ambiguous { text, candidates, more } => {
                let more = if more > 0 { format!(" … +{more}") } else { String::new() };
                Self::failed("room_ambiguous").with("room", text).with("candidates", listed(&candidates) + &more)
            }
        }
    }
}

impl From<MapFileErrors> for Problem {
    fn from(errors: MapFileErrors) -> Self {
        Self::failed("map_file_invalid").with("file", errors.file()).with("detail", &errors)
    }
}

impl From<EnvelopeIdError> for Problem {
    fn from(_: EnvelopeIdError) -> Self {
        Self::usage("id_invalid")
    }
}
