//! Looks for state secrets that somebody is about to send (or has sent) by mistake: in every text, in the names of
//! attachments, and inside those that can be read: plain text in UTF-8, UTF-16 and GB 18030, and the XML inside
//! .docx, .xlsx, .pptx and .ofd files. Not inside PDF, old Office formats and pictures: those go by their name.
//!
//! A marking such as 机密★1年 or a declared level (密级:机密) is a hard finding: nobody can let it pass. A bare word is
//! a question: a second person answers it, with a reason.
//! *Against:* a mistake, not against somebody who wants to smuggle.

use std::{borrow::Cow, collections::BTreeSet};

use ciborium::Value;
use serde::{Deserialize, Serialize};

use super::{Message, attachment::Attachment, decoding, document::Document};

/// Something that looks like a state secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where: the key of the text, or the attachment by name.
    pub place: String,
    /// The words that were found.
    pub what: String,
    /// A marking or a declared level, which nobody can let pass.
    pub hard: bool,
}

/// A second person's decision to let bare words pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who decided; not the one who wrote.
    pub officer: String,
    /// Why it is no state secret.
    pub reason: String,
}

/// The message may not be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecrecyError {
    /// A marking or a declared level.
    #[error(
        "{place} contains \"{what}\". 本网不得传递国家秘密,请走机要渠道: remove it and use the classified channel; nothing was sent (保密法 art. 29)"
    )]
    Hard {
        /// Where.
        place: String,
        /// The words.
        what: String,
    },
    /// A bare word.
    #[error(
        "{place} contains \"{what}\". If it is no state secret (国家秘密), a second officer lets it pass with a reason; nothing was sent"
    )]
    Bare {
        /// Where.
        place: String,
        /// The words.
        what: String,
    },
}

/// Decides on what was found: hard findings never pass, bare words pass with a second person's reason.
///
/// # Errors
/// [`SecrecyError`] names the gravest finding.
pub fn judge(findings: &[Finding], pass: Option<&Override>) -> Result<(), SecrecyError> {
    if let Some(Finding { place, what, .. }) = findings.iter().find(|finding| finding.hard) {
        return Err(SecrecyError::Hard { place: place.clone(), what: what.clone() });
    }
    let is_reasoned = |pass: &Override| !pass.officer.trim().is_empty() && !pass.reason.trim().is_empty();
    match findings.first() {
        Some(Finding { place, what, .. }) if !pass.is_some_and(is_reasoned) => {
            Err(SecrecyError::Bare { place: place.clone(), what: what.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Everything in the message that looks like a state secret, each place and wording once.
pub fn scan(message: &Message) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    for (key, value) in Document::of(message).entries() {
        if key != "attachments" {
            scan_value(key, value, &mut found);
        }
    }
    // The reason why a word may pass will name the word.
    found.retain(|finding| finding.hard || !finding.place.starts_with("marking_override."));
    for attachment in &message.attachments {
        scan_attachment(attachment, &mut found);
    }
    found.into_iter().collect()
}

fn scan_value(key: &str, value: &Value, found: &mut BTreeSet<Finding>) {
    if let Some(text) = value.as_text() {
        scan_text(key, text, found);
    }
    for item in value.as_array().into_iter().flatten() {
        scan_value(key, item, found);
    }
    for (name, item) in value.as_map().into_iter().flatten() {
        scan_value(&format!("{key}.{}", name.as_text().unwrap_or("?")), item, found);
    }
}

fn scan_attachment(attachment: &Attachment, found: &mut BTreeSet<Finding>) {
    scan_text(&format!("attachment name 附件名 {}", attachment.name), &attachment.name, found);
    let place = format!("attachment 附件 {}", attachment.name);
    for text in decoding::texts(attachment) {
        scan_text(&place, &text, found);
    }
}

fn scan_text(place: &str, text: &str, found: &mut BTreeSet<Finding>) {
    let mut add = |what: Cow<'static, str>, hard| {
        found.insert(Finding { place: place.to_owned(), what: what.into_owned(), hard });
    };
    for (at, _) in text.match_indices(['绝', '机', '秘']) {
        let rest = text.get(at..).unwrap_or_default();
        let Some((level, after)) = level_at(rest) else { continue };
        if after.trim_start().starts_with('★') {
            add(format!("{level}★").into(), true);
        } else if rest.starts_with(level) && !after.starts_with(OTHER_WORDS) {
            add(level.into(), false);
        }
    }
    for (at, heading) in text.match_indices("密级") {
        let rest = text.get(at + heading.len()..).unwrap_or_default();
        if let Some(level) = declared_level(rest) {
            add(format!("密级:{level}").into(), true);
        }
    }
}

/// What follows 机密 in words that are none: 手机密码, 司机密切注意, 飞机密封舱 ...
const OTHER_WORDS: [char; 6] = ['码', '切', '集', '度', '封', '闭'];

/// The level that a text starts with, also set with a space in between (GB/T 9704), and what follows it.
fn level_at(text: &str) -> Option<(&'static str, &str)> {
    let level =
        ["绝密", "机密", "秘密"].into_iter().find(|level| level.chars().next() == text.chars().next())?;
    let mut rest = text.chars();
    rest.next();
    rest.as_str().trim_start().strip_prefix('密').map(|after| (level, after))
}

/// The level after 密级 and a colon on the same line, as in 密级:机密 or 密级和保密期限：秘密.
fn declared_level(rest: &str) -> Option<&'static str> {
    let (between, after) = rest.split_once([':', '：'])?;
    if between.chars().count() > 12 || between.contains('\n') {
        return None;
    }
    level_at(after.trim_start()).map(|(level, _)| level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{body::Content, lateral::Notify};

    fn found_in(what: &str, attachments: Vec<Attachment>) -> Vec<(String, bool)> {
        let notify = Notify { title: "通报".into(), what: what.into(), ..Notify::default() };
        let message = Message { attachments, ..Message::new(Content::Notify(Box::new(notify))) };
        scan(&message).into_iter().map(|finding| (finding.what, finding.hard)).collect()
    }

    #[test]
    fn a_marking_or_a_declared_level_is_hard() {
        for (text, what) in [
            ("机密★1年", "机密★"),
            ("绝 密　★ 长期", "绝密★"),
            ("密级:秘密", "密级:秘密"),
            ("密级和保密期限： 机密", "密级:机密"),
        ] {
            assert!(found_in(text, vec![]).contains(&(what.to_owned(), true)), "{text}");
        }
    }

    #[test]
    fn a_bare_word_is_a_question_and_other_words_are_none() {
        assert_eq!(found_in("涉及商业秘密", vec![]), [("秘密".to_owned(), false)]);
        for harmless in
            ["手机密码已改", "司机密切注意路况", "飞机密封舱", "密级:无", "机 密集型", "秘书,机要室"]
        {
            assert_eq!(found_in(harmless, vec![]), [], "{harmless}");
        }
    }

    #[test]
    fn names_and_text_files_are_read_in_the_encodings_of_the_trade() {
        let name = Attachment::new("绝密★通报.jpg", vec![0xff, 0xd8, 0]);
        let utf8 = Attachment::new("a.txt", "见机密★件".into());
        let gbk = Attachment::new("b.txt", b"\xbb\xfa\xc3\xdc\xa1\xef1\xc4\xea".to_vec());
        let wide: Vec<u8> = "\u{feff}密级：秘密".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(found_in("正文", vec![name]), [("绝密★".to_owned(), true)]);
        assert_eq!(found_in("正文", vec![utf8]), [("机密★".to_owned(), true)]);
        assert_eq!(found_in("正文", vec![gbk]), [("机密★".to_owned(), true)]);
        let in_wide = found_in("正文", vec![Attachment::new("c.txt", wide)]);
        assert!(in_wide.contains(&("密级:秘密".to_owned(), true)));
    }

    #[test]
    fn the_reason_may_name_the_word_but_carries_no_marking() {
        let with_reason = |reason: &str| {
            let mut message = Message::new_text(crate::message::Kind::Notify, "通报").unwrap();
            message.heading.marking_override =
                Some(Override { officer: "王芳".into(), reason: reason.into() });
            scan(&message)
        };
        assert_eq!(with_reason("企业商业秘密,不是国家秘密"), []);
        assert_eq!(with_reason("秘密★").len(), 1);
    }

    #[test]
    fn hard_findings_never_pass_and_bare_words_pass_with_a_reason() {
        let finding = |hard| Finding { place: "what".into(), what: "机密".into(), hard };
        let pass = Override { officer: "王芳".into(), reason: "企业商业秘密".into() };
        assert!(matches!(judge(&[finding(true)], Some(&pass)), Err(SecrecyError::Hard { .. })));
        assert!(matches!(judge(&[finding(false)], None), Err(SecrecyError::Bare { .. })));
        let blank = Override { reason: " ".into(), ..pass.clone() };
        assert!(matches!(judge(&[finding(false)], Some(&blank)), Err(SecrecyError::Bare { .. })));
        assert_eq!(judge(&[finding(false)], Some(&pass)), Ok(()));
        assert_eq!(judge(&[], None), Ok(()));
        let text = judge(&[finding(true)], None).unwrap_err().to_string();
        assert!(text.contains("本网不得传递国家秘密,请走机要渠道"), "{text}");
    }
}
