//! The files that go with a message (附件), at most 8 MiB together.

use std::collections::BTreeSet;

use certs::Digest;
use serde::{Deserialize, Serialize};

use super::{
    error::{Fault, MessageError},
    text::{check_characters, check_size},
};
use crate::limits::ATTACHMENTS_BYTES_MAX;

/// One attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, without any directory.
    pub name: String,
    /// Its media type (RFC 6838), such as `image/jpeg`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What the text block says about an attachment; the bytes travel beside the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentEntry {
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its length.
    pub size_bytes: u64,
}

/// Attachments of one message.
pub const ATTACHMENTS_MAX: usize = 32;
/// The name of an attachment, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 255;
const MEDIA_TYPE_BYTES_MAX: usize = 127;

impl Attachment {
    /// An attachment whose media type follows from its name.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let name = name.into();
        let media_type = media_type_of(&name).to_owned();
        Self { name, media_type, bytes }
    }

    pub(super) fn entry(&self) -> AttachmentEntry {
        AttachmentEntry {
            name: self.name.clone(),
            digest: certs::digest(&self.bytes),
            media_type: self.media_type.clone(),
            size_bytes: self.bytes.len() as u64,
        }
    }
}

/// Checks number, names, media types and sizes.
pub(super) fn check_attachments(attachments: &[Attachment]) -> Result<(), MessageError> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(MessageError::TooMany { key: "attachments".into(), limit: ATTACHMENTS_MAX });
    }
    let mut names = BTreeSet::new();
    let mut total = 0_usize;
    for attachment in attachments {
        check_name(&attachment.name)?;
        check_media_type(&attachment.media_type)?;
        if !names.insert(&attachment.name) {
            return Err(MessageError::NameTwice { name: attachment.name.clone() });
        }
        total = total.saturating_add(attachment.bytes.len());
        if total > ATTACHMENTS_BYTES_MAX {
            return Err(MessageError::AttachmentsTooLarge {
                name: attachment.name.clone(),
                limit: ATTACHMENTS_BYTES_MAX,
            });
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), MessageError> {
    let key = "attachments.name";
    check_size(key, name.len(), NAME_BYTES_MAX, "bytes")?;
    check_characters(key, name, false)?;
    if name.trim().is_empty() || name == "." || name == ".." || name.contains(['/', '\\']) {
        return Err(MessageError::Field { key: key.into(), fault: Fault::FileName });
    }
    Ok(())
}

fn check_media_type(media_type: &str) -> Result<(), MessageError> {
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    let is_plain = media_type.split_once('/').is_some_and(|(class, rest)| is_token(class) && is_token(rest));
    if is_plain && media_type.len() <= MEDIA_TYPE_BYTES_MAX {
        return Ok(());
    }
    Err(MessageError::Field { key: "attachments.media_type".into(), fault: Fault::MediaType })
}

fn media_type_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("txt" | "log") => "text/plain",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("xml") => "application/xml",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("ofd") => "application/ofd",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("mp4") => "video/mp4",
        Some("mp3") => "audio/mpeg",
        Some("zip") => "application/zip",
        Some("doc") => "application/msword",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xls") => "application/vnd.ms-excel",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Attachment {
        Attachment::new(name, vec![1])
    }

    #[test]
    fn a_name_is_a_name_and_not_a_path() {
        assert_eq!(check_attachments(&[named("现场照片.jpg")]), Ok(()));
        for bad in ["", " ", ".", "..", "../etc/passwd", "a/b", "a\\b", "a\u{202e}gpj.exe", "a\nb"] {
            assert!(check_attachments(&[named(bad)]).is_err(), "{bad:?}");
        }
        assert!(check_attachments(&[named(&"长".repeat(85))]).is_ok());
        assert!(check_attachments(&[named(&"长".repeat(86))]).is_err());
    }

    #[test]
    fn number_names_and_total_size_are_bounded() {
        let many: Vec<Attachment> = (0..=ATTACHMENTS_MAX).map(|n| named(&n.to_string())).collect();
        assert_eq!(check_attachments(&many[..ATTACHMENTS_MAX]), Ok(()));
        assert!(matches!(check_attachments(&many), Err(MessageError::TooMany { .. })));
        let twice = check_attachments(&[named("a"), named("b"), named("a")]);
        assert_eq!(twice, Err(MessageError::NameTwice { name: "a".into() }));
        let half = |name: &str| Attachment::new(name, vec![0; ATTACHMENTS_BYTES_MAX / 2]);
        assert_eq!(check_attachments(&[half("a.jpg"), half("b.jpg")]), Ok(()));
        let over = check_attachments(&[half("a.jpg"), half("b.jpg"), named("c.jpg")]).unwrap_err();
        assert_eq!(
            over,
            MessageError::AttachmentsTooLarge { name: "c.jpg".into(), limit: ATTACHMENTS_BYTES_MAX }
        );
        assert!(over.to_string().contains("c.jpg"));
    }

    #[test]
    fn the_media_type_follows_from_the_name_and_is_checked() {
        assert_eq!(named("照片.JPG").media_type, "image/jpeg");
        assert_eq!(named("noextension").media_type, "application/octet-stream");
        for bad in ["", "image", "/", "image/ jpeg", "图/片"] {
            assert!(
                check_attachments(&[Attachment { media_type: bad.into(), ..named("a") }]).is_err(),
                "{bad}"
            );
        }
    }
}
