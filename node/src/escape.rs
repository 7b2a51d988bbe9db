//! What leaves for a terminal or a page. Texts, names and file names come from other rooms; none of them may move the cursor,
//! fill the clipboard, forge a line or turn the reading direction.
//!
//! *Against:* terminal escape sequences (C0, C1, DEL), line and paragraph separators, bidirectional controls.

use std::fmt::Write;

/// The text with every control character but the line feed written as an escape such as `\u{1b}`.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_control(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    safe
}

/// As [`escaped`], on one line: for a cell of a table or one line of a list.
pub(crate) fn one_line(text: &str) -> String {
    escaped(text).replace('\n', " ⏎ ")
}

/// JSON text with the same characters as `\uXXXX`. They can stand only inside its strings.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_control(c) {
            safe.push(c);
        } else {
            write!(safe, "\\u{:04x}", u32::from(c)).expect("a string takes everything");
        }
    }
    safe
}

fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_message_are_shown_and_not_obeyed() {
        assert_eq!(escaped("火灾\u{1b}]52;c;eA==\u{7}"), "火灾\\u{1b}]52;c;eA==\\u{7}");
        assert_eq!(escaped("a\tb\rc\u{9b}d\u{7f}"), "a\\tb\\rc\\u{9b}d\\u{7f}");
        assert_eq!(escaped("cod\u{202e}exe"), "cod\\u{202e}exe");
        assert_eq!(escaped("第一行\n第二行 👨\u{200d}🚒"), "第一行\n第二行 👨\u{200d}🚒");
        assert_eq!(one_line("a\nb"), "a ⏎ b");
    }

    #[test]
    fn no_character_that_moves_or_turns_the_text_gets_through() {
        let all: String = (0..=0x2fff).filter_map(char::from_u32).collect();
        let safe = escaped(&all);
        assert!(safe.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!safe.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{200f}']));
        assert!(safe.contains('值') || safe.contains('⏎'));
    }

    #[test]
    fn escaped_json_is_still_the_same_json() {
        let value = serde_json::json!({"title": "\u{1b}[2J\u{9b}\u{202e}火\n"});
        let text = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
