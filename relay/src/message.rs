//! What an officer writes (文电): a heading, a form of its kind, attached files. It is read from a file or made from a
//! line of text, checked, laid out in blocks to be sealed, and on the other side read back and shown.
//! Who sends it to whom, and when it arrived, is the envelope's business.

pub mod attachment;
pub mod block;
pub mod body;
pub mod case_id;
pub mod category;
pub mod declared_time;
mod decoding;
mod document;
pub mod error;
pub mod facts;
pub mod field;
mod file;
mod file_error;
pub mod heading;
pub mod instruction;
pub mod kind;
pub mod lateral;
mod line;
pub mod marking;
pub mod occurrence;
mod opening;
mod package;
pub mod phone;
pub mod recall;
pub mod report;
pub mod scanner;
pub mod text;
pub mod verification;
pub mod word;

use topology::Precedence;

pub use attachment::Attachment;
pub use block::{BlockError, Blocks, Salts, padded_len};
pub use body::Content;
pub use case_id::CaseId;
pub use declared_time::DeclaredTime;
pub use document::Part;
pub use error::{Fault, MessageError};
pub use facts::Facts;
pub use file::ReadAttachment;
pub use file_error::MessageFileError;
pub use heading::Heading;
pub use kind::{Kind, UnknownKind};
pub use line::{Line, Piece};
pub use marking::Marking;

use attachment::check_attachments;
use field::{Place, Severity};
use line::Lines;
use occurrence::Occurrence;
use recall::Recall;
use report::{Report, Stage};

/// A message, before it is sealed or after it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What stands above the form.
    pub heading: Heading,
    /// The form, filled in.
    pub content: Content,
    /// The attached files.
    pub attachments: Vec<Attachment>,
    /// The keys of elements that a newer program wrote and this one cannot read; empty in what is written here.
    pub unread: Vec<String>,
}

impl Message {
    /// A message with this form and an empty heading.
    pub fn new(content: Content) -> Self {
        Self { heading: Heading::default(), content, attachments: vec![], unread: vec![] }
    }

    /// A message from a line of text: its first line becomes the title. A report made so has time and place 不明.
    ///
    /// # Errors
    /// [`MessageError`] when the text is empty or too long, or the kind needs more than a text (电话记录).
    pub fn new_text(kind: Kind, text: &str) -> Result<Self, MessageError> {
        let what = text.replace("\r\n", "\n").trim().to_owned();
        let title: String =
            what.lines().next().unwrap_or_default().chars().take(text::TITLE_CHARS_MAX).collect();
        let mut content = Content::empty(kind);
        match &mut content {
            Content::Report(body) => **body = report_of_text(title, what),
            Content::PhoneNote(_) => return Err(MessageError::NeedsFile(kind)),
            Content::VerifyRequest(body) => (body.title, body.what) = (title, what),
            Content::VerifyReply(body) => (body.title, body.what) = (title, what),
            Content::Instruction(body) => (body.title, body.what) = (title, what),
            Content::Feedback(body) => (body.title, body.what) = (title, what),
            Content::Assignment(body) => (body.title, body.what) = (title, what),
            Content::Urge(body) => (body.title, body.what) = (title, what),
            Content::Notify(body) => (body.title, body.what) = (title, what),
            Content::Consult(body) => (body.title, body.what) = (title, what),
            Content::Transfer(body) => (body.title, body.what, body.reason) = (title, what.clone(), what),
            Content::Recall(body) => **body = Recall { title, reason: what },
        }
        let message = Self::new(content);
        message.check_elements()?;
        Ok(message)
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.content.kind()
    }

    /// Its title.
    pub fn title(&self) -> &str {
        self.content.body().title()
    }

    /// Its main text.
    pub fn what(&self) -> &str {
        self.content.body().what()
    }

    /// The precedence that it should travel with: the one its heading names, or what kind, stage and severity
    /// make usual. Skip-level sending raises it to flash; that is for the sender to know.
    pub fn default_precedence(&self) -> Precedence {
        if let Some(precedence) = self.heading.precedence {
            return precedence;
        }
        match &self.content {
            Content::Report(report) => precedence_of_report(report),
            Content::PhoneNote(_)
            | Content::VerifyRequest(_)
            | Content::VerifyReply(_)
            | Content::Instruction(_)
            | Content::Feedback(_)
            | Content::Assignment(_)
            | Content::Urge(_)
            | Content::Notify(_)
            | Content::Consult(_)
            | Content::Transfer(_)
            | Content::Recall(_) => self.kind().default_precedence(),
        }
    }

    /// The keys of elements that are asked for and not there. None of them keeps a message from being sent.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = self.content.body().missing();
        if self.heading.signed_by.is_none() {
            missing.push("signed_by");
        }
        missing
    }

    /// Everything there is to read, in reading order.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Lines::default();
        lines.add("kind", &self.kind());
        lines.add("title", self.title());
        self.heading.add_lines(&mut lines);
        self.content.body().add_lines(&mut lines);
        for attachment in &self.attachments {
            lines.add("attachment", &format!("{} ({} B)", attachment.name, attachment.bytes.len()));
        }
        self.heading.add_closing_lines(&mut lines);
        lines.add("unread", &self.unread.join(", "));
        lines.0
    }

    /// Checks that the message may be sent as it is.
    ///
    /// # Errors
    /// [`MessageError`] for a missing required element or reference, and for anything over its limit.
    pub fn check(&self) -> Result<(), MessageError> {
        self.check_elements()?;
        let needs_reference = matches!(self.kind(), Kind::VerifyReply | Kind::Feedback | Kind::Recall);
        if needs_reference && self.heading.relates_to.is_empty() {
            return Err(MessageError::NeedsReference(self.kind()));
        }
        Ok(())
    }

    /// As [`Self::check`], but what the message refers to may still be added.
    fn check_elements(&self) -> Result<(), MessageError> {
        self.content.body().check()?;
        check_attachments(&self.attachments)?;
        text::check_texts(&document::Document::of(self))
    }
}

fn report_of_text(title: String, what: String) -> Report {
    let place = Place { text: "不明".into(), ..Place::default() };
    Report { title, what, place, occurred_at: Some(Occurrence::Unknown), ..Report::default() }
}

fn precedence_of_report(report: &Report) -> Precedence {
    match (report.severity, report.stage) {
        (Some(Severity::Exceptional | Severity::Major), _) => Precedence::Flash,
        (_, Stage::First) => Precedence::Immediate,
        (_, Stage::Followup | Stage::Final | Stage::Correction) => Precedence::Priority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::report::Victim;

    #[test]
    fn a_text_is_enough_for_every_kind_but_the_telephone_note() {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::PhoneNote) {
            let message = Message::new_text(kind, " 厂房起火\r\n火势较大 ").unwrap();
            assert_eq!(
                (message.kind(), message.title(), message.what()),
                (kind, "厂房起火", "厂房起火\n火势较大")
            );
            assert!(matches!(Message::new_text(kind, " \n"), Err(MessageError::Required { .. })), "{kind}");
        }
        let refused = Message::new_text(Kind::PhoneNote, "a").unwrap_err();
        assert!(refused.to_string().contains("--file"), "{refused}");
    }

    #[test]
    fn a_long_first_line_is_cut_for_the_title_and_kept_in_the_text() {
        let message = Message::new_text(Kind::Notify, &"长".repeat(300)).unwrap();
        assert_eq!(message.title().chars().count(), text::TITLE_CHARS_MAX);
        assert_eq!(message.what().chars().count(), 300);
    }

    #[test]
    fn answers_and_recalls_say_what_they_are_about() {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::PhoneNote) {
            let is_about_another = matches!(kind, Kind::VerifyReply | Kind::Feedback | Kind::Recall);
            let expected = if is_about_another { Err(MessageError::NeedsReference(kind)) } else { Ok(()) };
            assert_eq!(Message::new_text(kind, "a").unwrap().check(), expected);
        }
    }

    #[test]
    fn severity_and_stage_make_the_precedence() {
        let precedence = |severity, stage| {
            let report = Report { severity, stage, ..Report::default() };
            Message::new(Content::Report(Box::new(report))).default_precedence()
        };
        assert_eq!(precedence(Some(Severity::Major), Stage::Final), Precedence::Flash);
        assert_eq!(precedence(Some(Severity::Serious), Stage::First), Precedence::Immediate);
        assert_eq!(precedence(None, Stage::Followup), Precedence::Priority);
    }

    #[test]
    fn all_texts_together_and_all_lists_are_bounded() {
        let mut report = report_of_text("a".into(), "b".into());
        let long = Some("x".repeat(text::TEXT_BYTES_MAX));
        (report.impact, report.trend, report.measures) = (long.clone(), long.clone(), long.clone());
        let message = |report: &Report| Message::new(Content::Report(Box::new(report.clone())));
        assert_eq!(message(&report).check(), Ok(()));
        let larger = Report { opinion: long, ..report.clone() };
        assert!(matches!(message(&larger).check(), Err(MessageError::TooLarge { .. })));
        let victims = vec![Victim::default(); text::LIST_MAX + 1];
        let crowded = Report { victims, ..report };
        assert!(
            matches!(message(&crowded).check(), Err(MessageError::TooMany { key, .. }) if key == "victims")
        );
    }
}
