//! What leaves for a terminal or a page. Texts, names and file names come from other rooms; none of them may move the cursor,
//! fill the clipboard, forge a line, turn the reading direction or look like another one by what it hides.
//!
//! *Against:* terminal escape sequences, line and paragraph separators, bidirectional controls, zero-width characters.

use std::fmt::Write;

use topology::is_unseen;

/// The text with every character that would be obeyed or hidden, but the line feed, written as an escape such as
/// `\u{1b}`.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = '\0';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next().unwrap_or_default();
        if c == '\n' || !is_unseen(c) || (c == JOINER && is_pictograph(before) && is_pictograph(after)) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
        before = c;
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
        if c == '\n' || !is_unseen(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(safe, "\\u{unit:04x}").expect("a string takes everything");
        }
    }
    safe
}

/// Zero-width joiner: makes one picture of two, and is hidden anywhere else.
const JOINER: char = '\u{200d}';

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
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
        assert_eq!(escaped("李\u{200d}明\u{200b}\u{feff}"), "李\\u{200d}明\\u{200b}\\u{feff}");
        assert_eq!(one_line("a\nb"), "a ⏎ b");
    }

    #[test]
    fn no_character_that_moves_or_turns_the_text_gets_through() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let safe = escaped(&all);
        assert!(safe.chars().all(|c| c == '\n' || !is_unseen(c)));
        assert!(safe.contains('值') || safe.contains('⏎'));
    }

    #[test]
    fn escaped_json_is_still_the_same_json() {
        let value = serde_json::json!({"title": "\u{1b}[2J\u{9b}\u{202e}火\u{e0041}\n"});
        let text = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
