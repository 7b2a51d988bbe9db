//! The text inside the packages of the office programs (.docx, .xlsx, .pptx, .ofd): a ZIP file with XML in it, read
//! for the scanner only.
//! *Against:* packages that unfold to gigabytes, lists of files that never end, offsets that point outside.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Entries of one package that are looked at.
const ENTRIES_MAX: usize = 1024;
/// What one entry may unfold to; of a longer one the beginning is read.
const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What all entries of one package may unfold to.
const PACKAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

const CENTRAL_HEADER: (&[u8], usize) = (b"PK\x01\x02", 46);
const LOCAL_HEADER: (&[u8], usize) = (b"PK\x03\x04", 30);
const END_OF_DIRECTORY: (&[u8], usize) = (b"PK\x05\x06", 22);
const STORED: usize = 0;
const DEFLATED: usize = 8;

/// Whether the bytes are a package.
pub(super) fn is_package(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL_HEADER.0)
}

/// The texts of the XML files in a package, without their tags.
pub(super) fn texts(bytes: &[u8]) -> Vec<String> {
    let mut texts = vec![];
    let mut left = PACKAGE_BYTES_MAX;
    for entry in Entries::of(bytes).take(ENTRIES_MAX).filter(|entry| entry.name.ends_with(b".xml")) {
        let xml = entry.inflate(left.min(ENTRY_BYTES_MAX));
        left -= xml.len().min(left);
        texts.push(without_tags(&String::from_utf8_lossy(&xml)));
    }
    texts
}

struct Entry<'a> {
    name: &'a [u8],
    method: usize,
    data: &'a [u8],
}

impl Entry<'_> {
    fn inflate(&self, limit: usize) -> Vec<u8> {
        match self.method {
            STORED => self.data.iter().take(limit).copied().collect(),
            DEFLATED => decompress_to_vec_with_limit(self.data, limit).unwrap_or_else(|error| error.output),
            _ => vec![],
        }
    }
}

/// The central directory of a ZIP file (APPNOTE 4.3.12), from its first header on.
struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let (signature, _) = END_OF_DIRECTORY;
        let end = bytes.windows(signature.len()).rposition(|window| window == signature);
        let at = end.and_then(|end| number(bytes, end + 16, 4)).unwrap_or(bytes.len());
        Self { bytes, at }
    }

    fn read(&mut self) -> Option<Entry<'a>> {
        let (signature, size) = CENTRAL_HEADER;
        let header = self.at;
        self.bytes.get(header..)?.strip_prefix(signature)?;
        let field = |at, len| number(self.bytes, header + at, len);
        let name_len = field(28, 2)?;
        let name = slice(self.bytes, header + size, name_len)?;
        let method = field(10, 2)?;
        let data = local_data(self.bytes, field(42, 4)?, field(20, 4)?).unwrap_or_default();
        self.at = header + size + name_len + field(30, 2)? + field(32, 2)?;
        Some(Entry { name, method, data })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        self.read()
    }
}

/// The bytes of an entry behind its local header.
fn local_data(bytes: &[u8], header: usize, len: usize) -> Option<&[u8]> {
    let (signature, size) = LOCAL_HEADER;
    bytes.get(header..)?.strip_prefix(signature)?;
    let start = header + size + number(bytes, header + 26, 2)? + number(bytes, header + 28, 2)?;
    slice(bytes, start, len)
}

fn slice(bytes: &[u8], start: usize, len: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(len)?)
}

/// A little-endian number of two or four bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    Some(slice(bytes, at, len)?.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// The text between the tags; the end of a paragraph or a cell breaks the line, other tags do not break a word.
fn without_tags(xml: &str) -> String {
    let mut text = String::with_capacity(xml.len() / 2);
    let mut rest = xml;
    while let Some((before, tag_and_after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag_and_after.split_once('>').unwrap_or((tag_and_after, ""));
        if PARAGRAPH_ENDS.contains(&tag) {
            text.push('\n');
        }
        rest = after;
    }
    text.push_str(rest);
    text.replace("&#9733;", "★").replace("&#x2605;", "★")
}

const PARAGRAPH_ENDS: [&str; 6] = ["/w:p", "/a:p", "/si", "/c", "/ofd:TextObject", "w:br/"];

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;

    use super::*;

    /// A package with one entry; sums are left zero, nobody reads them.
    fn package(name: &str, method: u8, data: &[u8]) -> Vec<u8> {
        let lens = [&[name.len() as u8, 0], &[0, 0][..]].concat();
        let size = (data.len() as u32).to_le_bytes();
        let mut bytes = [LOCAL_HEADER.0, &[20, 0, 0, 0, method, 0], &[0; 8], &size, &[0; 4], &lens].concat();
        bytes.extend([name.as_bytes(), data].concat());
        let directory = (bytes.len() as u32).to_le_bytes();
        bytes.extend(
            [CENTRAL_HEADER.0, &[0; 6], &[method, 0], &[0; 8], &size, &[0; 4], &lens, &[0; 14]].concat(),
        );
        bytes.extend(name.as_bytes());
        bytes.extend([END_OF_DIRECTORY.0, &[0; 12], &directory, &[0; 2]].concat());
        bytes
    }

    const XML: &str = "<w:p><w:r><w:t>机密</w:t></w:r><w:r><w:t>&#9733;1年</w:t></w:r></w:p><w:p>二</w:p>";

    #[test]
    fn text_is_read_across_runs_and_broken_at_paragraphs() {
        for (method, data) in [(0, XML.as_bytes().to_vec()), (8, compress_to_vec(XML.as_bytes(), 6))] {
            let bytes = package("word/document.xml", method, &data);
            assert!(is_package(&bytes));
            assert_eq!(texts(&bytes), ["机密★1年\n二\n"]);
        }
        assert_eq!(texts(&package("word/media/a.png", 0, XML.as_bytes())), Vec::<String>::new());
    }

    #[test]
    fn a_package_that_unfolds_without_end_is_read_to_its_limit() {
        let bomb = compress_to_vec(&vec![b'x'; 2 * ENTRY_BYTES_MAX], 6);
        let read = texts(&package("a.xml", 8, &bomb)).concat();
        assert_eq!(read.len(), ENTRY_BYTES_MAX);
    }

    #[test]
    fn a_package_that_points_outside_or_in_a_circle_ends() {
        let good = package("a.xml", 8, &compress_to_vec(XML.as_bytes(), 6));
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut spoilt = good.clone();
                spoilt[at] = value;
                drop(texts(&spoilt));
            }
            drop(texts(&good[..at]));
        }
    }
}
