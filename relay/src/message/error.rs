//! What can be wrong with a message itself, in words for the officer who wrote it.

use super::{kind::Kind, marking::MarkingError};

/// Why a message cannot be sent, or is not accepted as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// An element without which the kind makes no sense.
    #[error("{key} is missing and is required: add `{key} = ...`{hint}", hint = hint_of(key))]
    Required {
        /// Its key in a message file.
        key: &'static str,
    },
    /// An element that is there and is not what it should be.
    #[error("{key} is not acceptable: {what}", what = .fault.text())]
    Field {
        /// Where.
        key: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A text over its limit.
    #[error(
        "{key} is too long: {size} {unit}, at most {limit} are allowed; shorten it or attach it as a file"
    )]
    TooLong {
        /// Where.
        key: String,
        /// What came.
        size: usize,
        /// What is allowed.
        limit: usize,
        /// Characters or bytes.
        unit: &'static str,
    },
    /// A list over its limit.
    #[error("{key} has too many entries: at most {limit} are allowed; send the rest in a second message")]
    TooMany {
        /// Where.
        key: String,
        /// What is allowed.
        limit: usize,
    },
    /// A character that would disturb a terminal or disguise a text.
    #[error(
        "{key} contains the control character U+{code:04X}; remove it (only line breaks and tabs are allowed)"
    )]
    ControlCharacter {
        /// Where.
        key: String,
        /// Its code point.
        code: u32,
    },
    /// All texts together over the limit.
    #[error(
        "the message without attachments has {bytes} bytes, at most {limit} are allowed; attach the long part as a file"
    )]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Attachments together over the limit.
    #[error(
        "the attachments have more than {limit} bytes together ({name} went over); send a smaller version or hand it over on an approved medium"
    )]
    AttachmentsTooLarge {
        /// The one with which the limit was passed.
        name: String,
        /// What is allowed.
        limit: usize,
    },
    /// Attachments are told apart by their names.
    #[error("two attachments have the name {name}; rename one")]
    NameTwice {
        /// It.
        name: String,
    },
    /// An answer or a recall that does not say what it is about.
    #[error("{kind} must name the message that it refers to; give its id", kind = .0.chinese())]
    NeedsReference(Kind),
    /// A kind whose elements cannot be guessed from a text.
    #[error("{kind} cannot be made from a text alone; write a message file and send it with --file", kind = .0.chinese())]
    NeedsFile(Kind),
    /// A marking that must not travel here.
    #[error(transparent)]
    Marking(#[from] MarkingError),
}

/// What is wrong with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not 6 to 14 digits.
    DivisionCode,
    /// No latitude and longitude.
    Coordinates,
    /// Not 1 to 16 characters.
    PairingCode,
    /// A call that ends before it starts.
    EndsFirst,
    /// No plain file name.
    FileName,
    /// No media type.
    MediaType,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::DivisionCode,
        Self::Coordinates,
        Self::PairingCode,
        Self::EndsFirst,
        Self::FileName,
        Self::MediaType,
    ];

    /// Its word, by which a catalogue has its sentence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DivisionCode => "division-code",
            Self::Coordinates => "coordinates",
            Self::PairingCode => "pairing-code",
            Self::EndsFirst => "ends-first",
            Self::FileName => "file-name",
            Self::MediaType => "media-type",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::DivisionCode => "6 to 14 digits are wanted, such as 411322",
            Self::Coordinates => "latitude and longitude in degrees are wanted, such as \"33.2541,112.9928\"",
            Self::PairingCode => "1 to 16 characters are wanted",
            Self::EndsFirst => "a call cannot end before it starts",
            Self::FileName => "a plain file name is wanted, without directories",
            Self::MediaType => "a media type such as image/jpeg is wanted",
        }
    }
}

fn hint_of(key: &str) -> &'static str {
    match key {
        "occurred_at" => ", or \"不明\" when it is not known",
        _ => "",
    }
}

/// An error unless the element is there.
pub(super) fn required(key: &'static str, is_there: bool) -> Result<(), MessageError> {
    if is_there { Ok(()) } else { Err(MessageError::Required { key }) }
}

/// An error unless the text is more than blanks.
pub(super) fn required_text(key: &'static str, text: &str) -> Result<(), MessageError> {
    required(key, !text.trim().is_empty())
}
