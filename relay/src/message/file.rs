//! A message as an officer writes it: a TOML file whose keys are the elements. Every mistake is told with file,
//! line and remedy; nothing unknown is passed over.

use std::collections::BTreeSet;

use serde::{Deserialize, de::DeserializeOwned};
use toml::{
    Spanned,
    de::{DeTable, Deserializer, ValueDeserializer},
};

use super::{
    Message,
    attachment::Attachment,
    body::{Content, Source},
    document::{content_keys, heading_keys},
    error::MessageError,
    file_error::MessageFileError,
    kind::Kind,
    marking::{Marking, MarkingError},
    text::MESSAGE_BYTES_MAX,
};

/// The file: the texts, and as much again for keys and comments.
const FILE_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// Reads an attached file by the path in the message file; gives the reason when it cannot.
pub type ReadAttachment<'a> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'a;

impl Message {
    /// Reads a message file. `file_name` is for errors only; attached files are read through `read`. What the
    /// message refers to may be left to the caller: [`Message::check`] tells whether something is missing then.
    ///
    /// # Errors
    /// [`MessageFileError`] says where and what to do.
    pub fn from_toml(
        file_name: &str,
        text: &str,
        read: &mut ReadAttachment<'_>,
    ) -> Result<Self, MessageFileError> {
        if text.len() > FILE_BYTES_MAX {
            let (file, bytes) = (file_name.to_owned(), text.len());
            return Err(MessageFileError::TooLarge { file, bytes, limit: FILE_BYTES_MAX });
        }
        let text = text.replace("\r\n", "\n");
        let file = File { name: file_name, text: &text };
        let mut message = file.parse()?;
        for wanted in message.1 {
            message.0.attachments.push(file.attach(wanted, read)?);
            message.0.check_elements().map_err(|error| file.invalid(error))?;
        }
        message.0.check_elements().map_err(|error| file.invalid(error))?;
        Ok(message.0)
    }
}

/// An attachment as the file names it: a path, or a table.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "wanted is a path, or { path = \"...\", name = \"...\", media_type = \"...\" }"
)]
enum Wanted {
    Path(String),
    Table(WantedTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedTable {
    path: String,
    name: Option<String>,
    media_type: Option<String>,
}

type Root<'i> = Spanned<DeTable<'i>>;

struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> File<'a> {
    fn parse(&self) -> Result<(Message, Vec<Wanted>), MessageFileError> {
        let mut root = DeTable::parse(self.text).map_err(|error| self.syntax(&error))?;
        let kind = self.take_kind(&mut root)?;
        self.check_marking(&root)?;
        let wanted = match root.get_mut().remove("attachments") {
            Some(list) => {
                Vec::deserialize(ValueDeserializer::from(list)).map_err(|error| self.syntax(&error))?
            }
            None => vec![],
        };
        let heading = self.split(&mut root, heading_keys());
        let content = self.split(&mut root, content_keys(kind));
        self.check_nothing_left(&root, kind)?;
        let mut message = Message::new(Content::read(kind, content)?);
        message.heading = heading.read()?;
        Ok((message, wanted))
    }

    fn take_kind(&self, root: &mut Root<'_>) -> Result<Kind, MessageFileError> {
        let Some(value) = root.get_mut().remove("kind") else {
            return Err(MessageFileError::NoKind { file: self.name.to_owned() });
        };
        let word = value.get_ref().as_str().unwrap_or(value.get_ref().type_str());
        word.parse().map_err(|error: super::word::WordError| self.at(value.span().start, error.to_string()))
    }

    /// Before anything else is read, so that nobody is told about a missing comma in a secret.
    fn check_marking(&self, root: &Root<'_>) -> Result<(), MessageFileError> {
        let Some(value) = root.get_ref().get("marking") else { return Ok(()) };
        match value.get_ref().as_str().map(str::parse::<Marking>) {
            Some(Err(error @ MarkingError::StateSecret { .. })) => {
                let line = self.line(value.span().start);
                Err(MessageFileError::StateSecret { file: self.name.to_owned(), line, error })
            }
            Some(Err(MarkingError::Word(error))) => Err(self.at(value.span().start, error.to_string())),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Takes the entries with these keys out of the file.
    fn split<'i>(&'a self, root: &mut Root<'i>, keys: &BTreeSet<String>) -> Section<'a, 'i> {
        let span = root.span();
        let mut table = DeTable::new();
        for key in keys {
            if let Some((key, value)) = root.get_mut().remove_entry(key.as_str()) {
                table.insert(key, value);
            }
        }
        Section { file: self, table: Spanned::new(span, table) }
    }

    fn check_nothing_left(&self, root: &Root<'_>, kind: Kind) -> Result<(), MessageFileError> {
        let Some((key, _)) = root.get_ref().iter().min_by_key(|(key, _)| key.span().start) else {
            return Ok(());
        };
        let known: Vec<&str> = content_keys(kind).iter().chain(heading_keys()).map(String::as_str).collect();
        let key_name: String = key.get_ref().chars().take(40).collect();
        let what = format!(
            "unknown key `{key_name}`; the keys of {kind} are: kind, attachments, {}",
            known.join(", ")
        );
        Err(self.at(key.span().start, what))
    }

    fn attach(&self, wanted: Wanted, read: &mut ReadAttachment<'_>) -> Result<Attachment, MessageFileError> {
        let (path, name, media_type) = match wanted {
            Wanted::Path(path) => (path, None, None),
            Wanted::Table(table) => (table.path, table.name, table.media_type),
        };
        let bytes = read(&path).map_err(|why| MessageFileError::Attachment {
            file: self.name.to_owned(),
            path: path.clone(),
            why,
        })?;
        let name = name.unwrap_or_else(|| path.rsplit(['/', '\\']).next().unwrap_or(&path).to_owned());
        let mut attachment = Attachment::new(name, bytes);
        attachment.media_type = media_type.unwrap_or(attachment.media_type);
        Ok(attachment)
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    fn at(&self, offset: usize, what: String) -> MessageFileError {
        MessageFileError::Syntax { file: self.name.to_owned(), line: self.line(offset), what }
    }

    fn syntax(&self, error: &toml::de::Error) -> MessageFileError {
        self.at(error.span().map_or(0, |span| span.start), error.message().to_owned())
    }

    fn invalid(&self, error: MessageError) -> MessageFileError {
        MessageFileError::Message { file: self.name.to_owned(), error }
    }
}

struct Section<'a, 'i> {
    file: &'a File<'a>,
    table: Root<'i>,
}

impl Source for Section<'_, '_> {
    type Error = MessageFileError;

    fn read<T: DeserializeOwned>(self) -> Result<T, MessageFileError> {
        T::deserialize(Deserializer::from(self.table)).map_err(|error| self.file.syntax(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::ATTACHMENTS_BYTES_MAX,
        message::{
            Line,
            field::{Known, Status},
            line::said,
            occurrence::Occurrence,
            report::Stage,
            scanner::scan,
        },
    };

    macro_rules! example {
        ($name:literal, $kind:ident) => {
            ($name, include_str!(concat!("../../../docs/examples/", $name)), Kind::$kind)
        };
    }

    const EXAMPLES: [(&str, &str, Kind); 15] = [
        example!("report-first.toml", Report),
        example!("report-followup.toml", Report),
        example!("report-final.toml", Report),
        example!("report-correction.toml", Report),
        example!("phone-note.toml", PhoneNote),
        example!("verify-request.toml", VerifyRequest),
        example!("verify-reply.toml", VerifyReply),
        example!("instruction.toml", Instruction),
        example!("feedback.toml", Feedback),
        example!("assignment.toml", Assignment),
        example!("urge.toml", Urge),
        example!("notify.toml", Notify),
        example!("consult.toml", Consult),
        example!("transfer.toml", Transfer),
        example!("recall.toml", Recall),
    ];

    const MINIMAL: &str = "kind = \"report\"\ntitle = \"火情\"\noccurred_at = \"不明\"\n\
                           what = \"起火\"\nplace = { text = \"方城县\" }\n";

    fn parse(text: &str) -> Result<Message, MessageFileError> {
        Message::from_toml("f.toml", text, &mut |path| match path {
            "照片/a.jpg" | "b.jpg" => Ok(vec![1, 2, 3]),
            "big.bin" => Ok(vec![0; ATTACHMENTS_BYTES_MAX + 1]),
            _ => Err("no such file".into()),
        })
    }

    fn error_of(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_example_is_a_good_message_of_its_kind() {
        for (name, text, kind) in EXAMPLES {
            let message = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(message.kind(), kind, "{name}");
            assert_eq!(scan(&message), vec![], "{name}");
            assert!(message.lines().len() > 4, "{name}");
        }
    }

    #[test]
    fn the_first_report_says_what_is_not_known() {
        let message = parse(EXAMPLES[0].1).unwrap();
        let Content::Report(report) = &message.content else { panic!("a report") };
        assert_eq!(report.stage, Stage::First);
        assert!(
            matches!(report.occurred_at, Some(Occurrence::About(at)) if at.to_string() == "2026-11-22 02:31:00")
        );
        let casualties = report.casualties.unwrap();
        assert_eq!((casualties.dead, casualties.serious), (Some(Known::Unknown), Some(Known::Value(2))));
        assert_eq!(message.missing(), Vec::<&str>::new(), "the example of a first report is complete");
        assert_eq!(message.heading.marking, Marking::Internal);
        assert_eq!(message.heading.signed_by.as_deref(), Some("陈建国"));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = error_of(&format!("{MINIMAL}\nserverity = \"major\"\n"));
        assert!(error.starts_with("f.toml, line 7: unknown key `serverity`"), "{error}");
        assert!(error.contains("severity"), "the right key is in the list: {error}");
        let nested = error_of(&format!("{MINIMAL}\n[contact]\nname = \"张\"\nfax = \"1\"\n"));
        assert!(nested.starts_with("f.toml, line 9: ") && nested.contains("fax"), "{nested}");
        let foreign = error_of("kind = \"recall\"\ntitle = \"a\"\nreason = \"b\"\nseverity = \"major\"\n");
        assert!(
            foreign.starts_with("f.toml, line 4: unknown key `severity`; the keys of recall are"),
            "{foreign}"
        );
    }

    #[test]
    fn a_wrong_value_is_an_error_with_its_line_and_the_right_words() {
        let error = error_of(&format!("{MINIMAL}severity = \"huge\"\n"));
        assert!(error.starts_with("f.toml, line 6: ") && error.contains("serious 较大"), "{error}");
        let error = error_of(&format!("{MINIMAL}\n\n[casualties]\ndead = -1\n"));
        assert!(error.starts_with("f.toml, line 9: ") && error.contains("不明"), "{error}");
        let error = error_of("kind = \"report\"\n= 5\n");
        assert!(error.starts_with("f.toml, line 2: "), "{error}");
        let error = error_of("title = \"a\"\nkind = \"gossip\"\n");
        assert!(error.starts_with("f.toml, line 2: \"gossip\" is not a kind of message"), "{error}");
        assert!(error_of("title = \"a\"\n").contains("kind = \"report\""));
    }

    #[test]
    fn each_missing_required_element_is_named() {
        for key in ["title", "occurred_at", "what", "place"] {
            let without: String =
                MINIMAL.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
            let error = error_of(&without);
            assert!(error.contains(key) && error.contains("is missing and is required"), "{error}");
        }
        assert!(parse(MINIMAL).is_ok());
    }

    #[test]
    fn a_state_secret_is_refused_before_anything_else() {
        for word in ["秘密", "机密", "绝密", "top secret"] {
            let error =
                parse(&format!("kind = \"report\"\n\nmarking = \"{word}\"\nnonsense = 1\n")).unwrap_err();
            assert!(matches!(error, MessageFileError::StateSecret { line: 3, .. }), "{error}");
            assert!(error.to_string().contains("本网不得传递国家秘密,请走机要渠道"), "{error}");
        }
    }

    #[test]
    fn attachments_are_read_by_the_caller_and_named_without_directories() {
        let list = "attachments = [\"照片/a.jpg\", { path = \"b.jpg\", name = \"现场.jpg\" }]\n";
        let message = parse(&format!("{list}{MINIMAL}")).unwrap();
        let names: Vec<&str> =
            message.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
        assert_eq!(names, ["a.jpg", "现场.jpg"]);
        assert_eq!(message.attachments[0].media_type, "image/jpeg");
        let missing = error_of(&format!("attachments = [\"c.jpg\"]\n{MINIMAL}"));
        assert!(missing.contains("c.jpg cannot be read (no such file)"), "{missing}");
        let big = error_of(&format!("attachments = [\"big.bin\"]\n{MINIMAL}"));
        assert!(big.contains("big.bin") && big.contains("8388608"), "{big}");
        let wrong = error_of(&format!("attachments = [5]\n{MINIMAL}"));
        assert!(wrong.starts_with("f.toml, line 1: ") && wrong.contains("path"), "{wrong}");
    }

    #[test]
    fn a_file_from_windows_reads_like_any_other() {
        let text = MINIMAL.replace("起火\"", "起火\"\nmeasures = \"\"\"一\n二\"\"\"").replace('\n', "\r\n");
        let Content::Report(report) = parse(&text).unwrap().content else { panic!("a report") };
        assert_eq!(report.measures.as_deref(), Some("一\n二"));
    }

    #[test]
    fn a_file_over_the_limit_is_refused_unread() {
        let text = "#".repeat(FILE_BYTES_MAX + 1);
        assert!(matches!(parse(&text), Err(MessageFileError::TooLarge { .. })));
        let long = format!("{MINIMAL}impact = \"{}\"\n", "长".repeat(30_000));
        assert!(error_of(&long).contains("impact is too long: 90000 bytes, at most 65536"));
    }

    #[test]
    fn heading_keys_are_read_whatever_the_kind() {
        let text =
            "kind = \"urge\"\ntitle = \"a\"\nwhat = \"b\"\nprecedence = \"flash\"\nstatus = \"演练\"\n";
        let message = parse(text).unwrap();
        assert_eq!(message.default_precedence(), topology::Precedence::Flash);
        assert!(message.lines().contains(&Line { element: "status", said: said(&Status::Exercise) }));
    }
}
