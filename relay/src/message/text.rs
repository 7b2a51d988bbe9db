//! The bounds on everything that is written: sizes, numbers, and the characters that have no place in a text.
//! They hold for a message from a file and for one from a peer alike.
//! *Against:* texts that fill a disk, escape sequences that take over a terminal, letters that run backwards to
//! disguise a name.

use ciborium::Value;

use super::{document::Document, error::MessageError};

/// The title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Any one text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The message without its attachments.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The entries of any list: references, reasons, victims.
pub const LIST_MAX: usize = 200;
/// What a value costs beside its text, so that a thousand empty ones are not free.
const VALUE_BYTES: usize = 16;

/// Checks every text and every list of a message.
pub(super) fn check_texts(document: &Document) -> Result<(), MessageError> {
    let mut total = 0;
    for (key, value) in document.entries() {
        check_value(key, value, &mut total)?;
    }
    if total > MESSAGE_BYTES_MAX {
        return Err(MessageError::TooLarge { bytes: total, limit: MESSAGE_BYTES_MAX });
    }
    Ok(())
}

fn check_value(key: &str, value: &Value, total: &mut usize) -> Result<(), MessageError> {
    *total += VALUE_BYTES;
    if let Some(text) = value.as_text() {
        *total += text.len();
        check_text(key, text)?;
    } else if let Some(items) = value.as_array() {
        if items.len() > LIST_MAX {
            return Err(MessageError::TooMany { key: key.into(), limit: LIST_MAX });
        }
        for item in items {
            check_value(key, item, total)?;
        }
    } else if let Some(entries) = value.as_map() {
        for (name, item) in entries {
            check_value(&format!("{key}.{}", name.as_text().unwrap_or("?")), item, total)?;
        }
    }
    Ok(())
}

fn check_text(key: &str, text: &str) -> Result<(), MessageError> {
    if key == "title" {
        check_size(key, text.chars().count(), TITLE_CHARS_MAX, "characters")?;
        return check_characters(key, text, false);
    }
    check_size(key, text.len(), TEXT_BYTES_MAX, "bytes")?;
    check_characters(key, text, true)
}

pub(super) fn check_size(
    key: &str,
    size: usize,
    limit: usize,
    unit: &'static str,
) -> Result<(), MessageError> {
    if size <= limit { Ok(()) } else { Err(MessageError::TooLong { key: key.into(), size, limit, unit }) }
}

/// An error at the first control character; line breaks and tabs pass where `lines` may be.
pub(super) fn check_characters(key: &str, text: &str, lines: bool) -> Result<(), MessageError> {
    let is_break = |character: char| matches!(character, '\n' | '\t');
    let bad =
        text.chars().find(|c| (c.is_control() && !(lines && is_break(*c))) || is_direction_override(*c));
    match bad {
        Some(character) => {
            Err(MessageError::ControlCharacter { key: key.into(), code: u32::from(character) })
        }
        None => Ok(()),
    }
}

/// Characters that change the order in which the others are shown (Unicode UAX 9).
const fn is_direction_override(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_pass_in_texts_and_not_in_titles() {
        assert_eq!(check_text("what", "一\n二\t三"), Ok(()));
        for (key, text, code) in [
            ("title", "一\n二", 0x0a),
            ("what", "\u{1b}[2J", 0x1b),
            ("what", "a\rb", 0x0d),
            ("what", "a\0", 0),
            ("what", "\u{9b}1m", 0x9b),
            ("what", "photo\u{202e}gpj.exe", 0x202e),
        ] {
            assert_eq!(check_text(key, text), Err(MessageError::ControlCharacter { key: key.into(), code }));
        }
    }

    #[test]
    fn a_title_is_counted_in_characters_and_a_text_in_bytes() {
        assert_eq!(check_text("title", &"火".repeat(200)), Ok(()));
        let long = check_text("title", &"火".repeat(201)).unwrap_err();
        assert!(long.to_string().contains("201 characters, at most 200"), "{long}");
        assert_eq!(check_text("what", &"a".repeat(TEXT_BYTES_MAX)), Ok(()));
        assert!(matches!(
            check_text("what", &"a".repeat(TEXT_BYTES_MAX + 1)),
            Err(MessageError::TooLong { .. })
        ));
    }
}
