//! A form as a browser sends it: its fields, and the files that go with them (`multipart/form-data`, RFC 7578). All of it is
//! in memory, within the limit on bodies.
//!
//! *Against:* parts that do not end, names of files that are paths or hide what they are.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Form,
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use relay::{
    limits::ATTACHMENTS_BYTES_MAX,
    message::attachment::{ATTACHMENTS_MAX, NAME_BYTES_MAX},
};
use topology::is_unseen;

use super::{Console, caller::language, page::problem_page, server::BODY_BYTES_MAX};
use crate::problem::Problem;

/// What was posted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Posted {
    /// Names and values, in the order of the form.
    pub(crate) pairs: Vec<(String, String)>,
    /// Files under clean names, no two of which are alike.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let language = language(request.headers(), request.uri().query());
        let Some(boundary) = boundary(request.headers()) else {
            let Form(pairs) =
                Form::from_request(request, console).await.map_err(IntoResponse::into_response)?;
            return Ok(Self { pairs, files: Vec::new() });
        };
        let read = match Bytes::from_request(request, console).await {
            Ok(body) => Self::decode(&boundary, &body).ok_or_else(|| {
                Problem::usage("control_not_understood").with("detail", "multipart/form-data")
            }),
            Err(refusal) => Err(unread(&refusal)),
        };
        read.map_err(|problem| problem_page(&problem, console.words(language)))
    }
}

impl Posted {
    /// The parts of a body; nothing where it is not what a browser sends.
    fn decode(boundary: &str, body: &[u8]) -> Option<Self> {
        let (mut posted, mut names) = (Self::default(), BTreeSet::new());
        let first = format!("--{boundary}");
        let between = format!("\r\n--{boundary}");
        let mut rest = body.strip_prefix(first.as_bytes())?;
        while let Some(part) = rest.strip_prefix(b"\r\n") {
            let (head, content) = split(part, b"\r\n\r\n")?;
            let (content, after) = split(content, between.as_bytes())?;
            rest = after;
            let head = std::str::from_utf8(head).ok()?;
            let said = head.split("\r\n").find(|line| {
                line.get(..20).is_some_and(|name| name.eq_ignore_ascii_case("content-disposition:"))
            })?;
            let name = parameter(said, "name")?;
            match parameter(said, "filename") {
                None => posted.pairs.push((name, String::from_utf8(content.to_vec()).ok()?)),
                // A browser sends a part without name and bytes where no file was chosen.
                Some(file) if file.is_empty() && content.is_empty() => {}
                // One too many is enough to be refused for.
                Some(_) if posted.files.len() > ATTACHMENTS_MAX => {}
                Some(file) => {
                    let file = alone(&mut names, &clean(&file));
                    posted.files.push((file, content.to_vec()));
                }
            }
        }
        rest.starts_with(b"--").then_some(posted)
    }
}

/// Why a body was not taken whole.
fn unread(refusal: &BytesRejection) -> Problem {
    if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        Problem::usage("control_not_understood").with("detail", refusal)
    }
}

/// A body that is larger than any may be.
pub(crate) fn too_large() -> Problem {
    Problem::usage("body_too_large")
        .with("attachments_mib", ATTACHMENTS_BYTES_MAX >> 20)
        .with("body_mib", BODY_BYTES_MAX >> 20)
}

/// The boundary of a form with files; nothing for other forms.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let parameters = media_type.strip_prefix("multipart/form-data")?;
    let boundary = parameters.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    (1..=BOUNDARY_LEN_MAX).contains(&boundary.len()).then(|| boundary.to_owned())
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((bytes.get(..place)?, bytes.get(place + at.len()..)?))
}

/// A quoted parameter of a header. Browsers write quotes and line ends in names as percent codes (HTML, 4.10.21.8).
fn parameter(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("; {name}=\""))?;
    let (text, _) = rest.split_once('"')?;
    Some(text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

/// A plain name: without the folders before it, without what is hidden or turns the reading direction, short enough.
fn clean(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().map(|c| if is_unseen(c) || c == '\n' { '_' } else { c }).collect();
    let name = name.trim().trim_start_matches('.');
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= ENDING_BYTES_MAX => {
            (stem, format!(".{ending}"))
        }
        Some(_) | None => (name, String::new()),
    };
    let room = NAME_BYTES_MAX - NUMBER_BYTES - ending.len();
    let end = stem.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last();
    let stem = stem.get(..end.unwrap_or_default()).unwrap_or_default();
    if stem.is_empty() { format!("file{ending}") } else { format!("{stem}{ending}") }
}

/// The name, or the name with a number where another file has it already.
fn alone(names: &mut BTreeSet<String>, name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').map_or((name, String::new()), |(s, e)| (s, format!(".{e}")));
    let numbered = (2_u32..).map(|number| format!("{stem} ({number}){ending}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !names.contains(name));
    let free = free.unwrap_or_else(|| name.to_owned());
    names.insert(free.clone());
    free
}

/// RFC 2046, 5.1.1.
const BOUNDARY_LEN_MAX: usize = 70;
const ENDING_BYTES_MAX: usize = 16;
/// What [`alone`] may add.
const NUMBER_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend_from_slice(
                format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--X--\r\n");
        body
    }

    #[test]
    fn fields_and_files_are_read_as_browsers_send_them() {
        let bytes = body(&[
            ("name=\"title\"", "火灾\r\n--Y".as_bytes()),
            ("name=\"files\"; filename=\"图.jpg\"\r\nContent-Type: image/jpeg", b"\x00\r\n\xff"),
            ("name=\"files\"; filename=\"图.jpg\"", b"2"),
            ("name=\"files\"; filename=\"\"", b""),
        ]);
        let posted = Posted::decode("X", &bytes).unwrap();
        assert_eq!(posted.pairs, [("title".to_owned(), "火灾\r\n--Y".to_owned())]);
        let files =
            [("图.jpg".to_owned(), b"\x00\r\n\xff".to_vec()), ("图 (2).jpg".to_owned(), b"2".to_vec())];
        assert_eq!(posted.files, files);
    }

    #[test]
    fn a_file_that_is_sent_keeps_nothing_of_its_folders_and_hides_nothing() {
        for (name, kept) in [
            ("C:\\值班\\图.jpg", "图.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            (".bashrc", "bashrc"),
            ("a\u{202e}gpj.exe", "a_gpj.exe"),
            ("a\nb\r.txt", "a_b_.txt"),
            ("", "file"),
        ] {
            assert_eq!(clean(name), kept, "{name:?}");
        }
        let long = clean(&format!("{}.jpg", "长".repeat(200)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("长.jpg"), "{long}");
        let mut names = BTreeSet::new();
        (0..1000).for_each(|_| assert!(alone(&mut names, &long).len() <= NAME_BYTES_MAX));
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn a_body_that_was_cut_off_is_refused() {
        let bytes = body(&[("name=\"title\"", b"a"), ("name=\"files\"; filename=\"b\"", b"c")]);
        assert!(Posted::decode("X", &bytes).is_some());
        for len in 0..bytes.len() - 4 {
            assert_eq!(Posted::decode("X", &bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_body_with_any_byte_changed_is_read_or_refused() {
        let bytes = body(&[("name=\"title\"", b"a"), ("name=\"files\"; filename=\"b\"", b"c")]);
        for place in 0..bytes.len() {
            for byte in 0..=u8::MAX {
                let mut changed = bytes.clone();
                changed[place] = byte;
                if let Some(posted) = Posted::decode("X", &changed) {
                    assert!(posted.files.iter().all(|(name, _)| !name.contains(['/', '\\', '\n'])));
                }
            }
        }
    }
}
