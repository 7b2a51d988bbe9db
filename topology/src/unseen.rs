//! Characters that a screen obeys or hides instead of showing them. A name that holds one looks like another name, a text
//! that holds one may move the cursor; names with them are refused, and wherever text is shown they are written out.
//!
//! *Against:* terminal escapes (C0, C1, DEL), line and paragraph separators, bidirectional controls, zero-width and
//! other invisible characters, tags (Unicode UAX 9, UTS 39 section 3.1, UTR 36).

/// Whether a screen would obey or hide this character. Line feeds and tabs are among them.
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || RANGES
            .iter()
            .any(|(first, last)| (u32::from(*first)..=u32::from(*last)).contains(&character.into()))
}

/// Default-ignorable and format characters, without the variation selectors that follow an emoji.
const RANGES: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obeyed_or_hidden_is_told_from_what_is_shown() {
        for unseen in
            "\u{1b}\u{7}\n\t\r\u{7f}\u{9b}\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{3164}\u{e0041}"
                .chars()
        {
            assert!(is_unseen(unseen), "{unseen:?}");
        }
        for seen in "值班室 A-1，。·é👨🚒⚠\u{fe0f}\u{3000}".chars() {
            assert!(!is_unseen(seen), "{seen:?}");
        }
    }
}
