//! The readable text of an attachment, for the scanner: whatever cannot be read is left out.

use super::{attachment::Attachment, package};

/// How far to look for the zero bytes that tell a binary file.
const SAMPLE_BYTES: usize = 8192;

/// The texts of an attachment; none for one that cannot be read as text.
pub(super) fn texts(attachment: &Attachment) -> Vec<String> {
    let bytes = &attachment.bytes;
    if package::is_package(bytes) {
        return package::texts(bytes);
    }
    if let Some(units) = bytes.strip_prefix(b"\xff\xfe") {
        return vec![utf16(units, u16::from_le_bytes)];
    }
    if let Some(units) = bytes.strip_prefix(b"\xfe\xff") {
        return vec![utf16(units, u16::from_be_bytes)];
    }
    if bytes.iter().take(SAMPLE_BYTES).any(|byte| *byte == 0) {
        return vec![];
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => vec![text.to_owned()],
        Err(_) => vec![gb18030(bytes)],
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Only the characters that the scanner looks for; any other is the replacement character.
fn gb18030(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        if first.is_ascii() {
            text.push(char::from(first));
            rest = after;
            continue;
        }
        let pair = [first, after.first().copied().unwrap_or(0)];
        text.push(
            GB_CHARACTERS
                .iter()
                .find(|(code, _)| *code == pair)
                .map_or(char::REPLACEMENT_CHARACTER, |(_, c)| *c),
        );
        rest = after.get(1..).unwrap_or_default();
    }
    text
}

/// GB/T 2312 code points.
const GB_CHARACTERS: [([u8; 2], char); 8] = [
    ([0xbe, 0xf8], '绝'),
    ([0xbb, 0xfa], '机'),
    ([0xc3, 0xd8], '秘'),
    ([0xc3, 0xdc], '密'),
    ([0xbc, 0xb6], '级'),
    ([0xa1, 0xef], '★'),
    ([0xa3, 0xba], '：'),
    ([0xa1, 0xa1], '\u{3000}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_not_read_as_text() {
        assert_eq!(texts(&Attachment::new("a.jpg", vec![0xff, 0xd8, 0, 1])), Vec::<String>::new());
    }

    #[test]
    fn the_words_of_the_scanner_are_read_in_gb18030() {
        let bytes = b"\xc3\xdc\xbc\xb6\xa3\xba\xa1\xa1\xbe\xf8\xc3\xdc\xa1\xef5\xc4\xea \xc3\xd8".to_vec();
        let text = texts(&Attachment::new("a.txt", bytes)).concat();
        assert_eq!(text, "密级：\u{3000}绝密★5\u{fffd} 秘");
    }

    #[test]
    fn half_a_character_at_the_end_is_survived() {
        assert_eq!(gb18030(b"a\xc3"), "a\u{fffd}");
        assert_eq!(texts(&Attachment::new("a.txt", b"\xff\xfe\x41\x00\x41".to_vec())), ["A"]);
    }
}
