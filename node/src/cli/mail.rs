//! Writing: `send`, `request`, `instruct`, `reply`, `transfer`, `recall`. A message is read and checked here, before
//! the node is asked, so that a mistake is told with file and line even when no node runs.

use std::{
    io::{BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use relay::message::{Kind, Message};

use super::{
    arguments::{
        InstructArguments, Marks, RecallArguments, ReplyArguments, RequestArguments, SendArguments, Text,
        TransferArguments,
    },
    session::{Outcome, Session, named},
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::{Request, SendRequest},
        view::{Opened, Sent, Status},
    },
    problem::Problem,
};

pub(crate) async fn send(session: &mut Session, arguments: SendArguments) -> Outcome {
    let mut wanted = compose(arguments.kind, &arguments.text)?;
    wanted.to = arguments.to;
    wanted.cc = arguments.cc;
    wanted.skip_level = arguments.skip_level;
    wanted.relates_to = arguments.relates_to;
    wanted.written = arguments.written;
    wanted.late_reason = arguments.late_reason;
    wanted.asks_late_reason = !session.screen.is_json() && std::io::stdin().is_terminal();
    let wanted = marked(wanted, &arguments.marks);
    match post(session, wanted.clone()).await {
        Err(problem) if problem.code == "late_reason_wanted" => {
            let late_reason = ask_for_reason(session, &problem);
            post(session, SendRequest { late_reason, asks_late_reason: false, ..wanted }).await
        }
        outcome => outcome,
    }
}

/// Asks once why a report is late. An empty line sends it as well.
fn ask_for_reason(session: &mut Session, problem: &Problem) -> Option<String> {
    let value = |key: &str| problem.details.get(key).map(String::as_str).unwrap_or_default();
    let values = [("rule", value("rule")), ("due", value("due"))];
    let prompt = session.screen.catalogue().text("late-reason-prompt", &values);
    session.screen.remark(&prompt);
    let mut typed = String::new();
    // Who does not answer has still sent a report.
    let _ = std::io::stdin().lock().read_line(&mut typed);
    Some(typed.trim().to_owned()).filter(|reason| !reason.is_empty())
}

pub(crate) async fn request(session: &mut Session, arguments: RequestArguments) -> Outcome {
    let (to, text) = rooms_and_text(arguments.rooms_and_text)?;
    let mut wanted = compose_text(Kind::VerifyRequest, text)?;
    wanted.to = to;
    wanted.cc = arguments.cc;
    wanted.written = arguments.written;
    post(session, marked(wanted, &arguments.marks)).await
}

pub(crate) async fn instruct(session: &mut Session, arguments: InstructArguments) -> Outcome {
    let (to, text) = rooms_and_text(arguments.rooms_and_text)?;
    let mut wanted = compose_text(Kind::Instruction, text)?;
    wanted.to = to;
    wanted.cc = arguments.cc;
    post(session, marked(wanted, &arguments.marks)).await
}

/// Answers the origin with the kind that answers its kind.
pub(crate) async fn reply(session: &mut Session, arguments: ReplyArguments) -> Outcome {
    let opened: Opened = session.ask(&Request::Show { id: arguments.id }).await?;
    let mut wanted = compose(answer_to(&opened.kind)?, &arguments.text)?;
    wanted.to = vec![opened.origin.id];
    wanted.relates_to = Some(opened.id);
    post(session, marked(wanted, &arguments.marks)).await
}

fn answer_to(kind: &str) -> Result<Kind, Problem> {
    let asked: Option<Kind> = kind.parse().ok();
    asked.and_then(Kind::answered_by).ok_or_else(|| Problem::failed("reply_kind").with("kind", kind))
}

/// Hands a message over to the room whose business it is, with its text and the reason.
pub(crate) async fn transfer(session: &mut Session, arguments: TransferArguments) -> Outcome {
    let opened: Opened = session.ask(&Request::Show { id: arguments.id }).await?;
    let element = |key: &str| opened.message.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let (title, what) = (element("title"), element("what"));
    let mut file = toml::Table::new();
    for (key, value) in [
        ("kind", Kind::Transfer.word()),
        ("title", if title.is_empty() { &opened.id } else { title }),
        ("what", if what.is_empty() { &opened.id } else { what }),
        ("reason", &arguments.reason),
    ] {
        file.insert(key.to_owned(), value.into());
    }
    let mut wanted = compose_file(Kind::Transfer, "transfer", file.to_string(), Path::new("."))?;
    wanted.to = vec![arguments.room];
    wanted.relates_to = Some(opened.id.clone());
    post(session, wanted).await
}

/// Calls a message of this room back from everybody who got it. It is struck through there, never erased.
pub(crate) async fn recall(session: &mut Session, arguments: RecallArguments) -> Outcome {
    let status: Status = session.ask(&Request::Status).await?;
    let opened: Opened = session.ask(&Request::Show { id: arguments.id }).await?;
    if opened.origin.id != status.room.id {
        return Err(Problem::policy("recall_foreign")
            .with("id", opened.id)
            .with("origin", opened.origin.name));
    }
    let reason = arguments.reason.unwrap_or_else(|| REASON_NOT_GIVEN.to_owned());
    let mut wanted = compose_text(Kind::Recall, reason)?;
    wanted.to = opened.to.into_iter().map(|(room, _)| room.id).collect();
    wanted.relates_to = Some(opened.id);
    post(session, wanted).await
}

async fn post(session: &mut Session, wanted: SendRequest) -> Outcome {
    let sent: Sent = session.ask(&Request::Send(Box::new(wanted))).await?;
    session.screen.result(&sent, render_sent);
    Ok(0)
}

fn render_sent(sent: &Sent, catalogue: &Catalogue) -> String {
    let mut lines = vec![catalogue.text("sent", &[("id", &sent.id)])];
    for room in &sent.copied_to {
        lines.push(catalogue.text("sent-copied", &[("room", &named(room, catalogue))]));
    }
    if !sent.missing.is_empty() {
        let names: Vec<String> = sent.missing.iter().map(|key| catalogue.element(&sent.kind, key)).collect();
        lines.push(catalogue.text("sent-missing", &[("elements", &catalogue.list(&names))]));
    }
    lines.push(catalogue.text("sent-next", &[("id", &sent.id)]));
    lines.join("\n")
}

fn rooms_and_text(mut words: Vec<String>) -> Result<(Vec<String>, String), Problem> {
    let text = words.pop().filter(|_| !words.is_empty());
    let text = text.ok_or_else(|| Problem::usage("usage_few").with("argument", "ROOM... TEXT"))?;
    Ok((words, text))
}

fn marked(mut wanted: SendRequest, marks: &Marks) -> SendRequest {
    wanted.precedence = marks.precedence.map(|precedence| precedence.word().to_owned());
    wanted.status = status_word(marks);
    wanted.expires_in_s = marks.expires_in.map(|span| span.as_secs());
    wanted
}

/// `exercise` or `test`; nothing for the real thing, or what a message file says.
pub(super) fn status_word(marks: &Marks) -> Option<String> {
    let status = match (marks.exercise, marks.test) {
        (true, _) => Some("exercise"),
        (false, true) => Some("test"),
        (false, false) => None,
    };
    status.map(str::to_owned)
}

fn compose(kind: Kind, text: &Text) -> Result<SendRequest, Problem> {
    match (&text.file, &text.text) {
        (Some(path), _) => {
            let content = read_text(path)?;
            let directory = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
            compose_file(kind, &path.display().to_string(), content, &directory)
        }
        (None, Some(text)) => compose_text(kind, text.clone()),
        (None, None) => Err(Problem::usage("usage_missing").with("argument", "--file, --text")),
    }
}

fn compose_text(kind: Kind, text: String) -> Result<SendRequest, Problem> {
    Message::new_text(kind, &text)?;
    Ok(SendRequest { kind: kind.word().to_owned(), text: Some(text), ..SendRequest::default() })
}

/// Reads a message file and every file that it attaches, paths counted from the message file.
fn compose_file(kind: Kind, name: &str, content: String, directory: &Path) -> Result<SendRequest, Problem> {
    let mut attachments = Vec::new();
    let mut attach = |path: &str| -> Result<Vec<u8>, String> {
        let bytes = std::fs::read(directory.join(path)).map_err(|error| error.to_string())?;
        attachments.push((path.to_owned(), BASE64.encode(&bytes)));
        Ok(bytes)
    };
    let message = Message::from_toml(name, &content, &mut attach)?;
    if message.kind() != kind {
        return Err(Problem::usage("kind_of_file")
            .with("kind", kind)
            .with("found", message.kind())
            .with("detail", name));
    }
    Ok(SendRequest {
        kind: kind.word().to_owned(),
        file: Some(content),
        file_name: Some(name.to_owned()),
        attachments,
        ..SendRequest::default()
    })
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().take(STDIN_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| Problem::failed("read_failed").with("path", path.display()).with("detail", error))
}

/// More than any message file may have; the message's own limit is judged afterwards.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What is sent and read at the other end, so in the network's language.
const REASON_NOT_GIVEN: &str = "发文单位撤回,未注明理由";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_is_answered_by_its_own_kind() {
        assert_eq!(answer_to("verify.request"), Ok(Kind::VerifyReply));
        for kind in ["instruction", "assignment", "urge"] {
            assert_eq!(answer_to(kind), Ok(Kind::Feedback));
        }
        assert_eq!(answer_to("report").unwrap_err().code, "reply_kind");
    }

    #[test]
    fn the_last_word_of_a_request_is_its_text() {
        let words = ["410100", "411300", "请核实"].map(str::to_owned).to_vec();
        assert_eq!(rooms_and_text(words).unwrap(), (vec!["410100".into(), "411300".into()], "请核实".into()));
        assert_eq!(rooms_and_text(vec!["请核实".into()]).unwrap_err().code, "usage_few");
    }

    #[test]
    fn a_message_file_brings_the_files_that_it_attaches() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("图.jpg"), b"jpg").unwrap();
        let file = place.path().join("notify.toml");
        std::fs::write(
            &file,
            "kind = \"notify\"\ntitle = \"通报\"\nwhat = \"内容\"\nattachments = [\"图.jpg\"]\n",
        )
        .unwrap();
        let text = Text { file: Some(file), text: None };
        let wanted = compose(Kind::Notify, &text).unwrap();
        assert_eq!(wanted.attachments, vec![("图.jpg".to_owned(), BASE64.encode(b"jpg"))]);
        assert!(wanted.file.is_some() && wanted.text.is_none());
        let problem = compose(Kind::Report, &text).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("kind_of_file", 2));
    }

    #[test]
    fn a_mistake_is_told_before_any_node_is_asked() {
        let here = Path::new(".");
        let code =
            |content: &str| compose_file(Kind::Notify, "a.toml", content.to_owned(), here).unwrap_err();
        let problem = code("kind = \"notify\"\ncolour = 1\n");
        assert_eq!((problem.code.as_str(), problem.details["line"].as_str()), ("message_syntax", "2"));
        let problem = code("kind = \"notify\"\nmarking = \"机密\"\n");
        assert_eq!((problem.code.as_str(), problem.exit), ("state_secret", 4));
        let problem = code("kind = \"notify\"\ntitle = \"a\"\nwhat = \"b\"\nattachments = [\"none.jpg\"]\n");
        assert_eq!(problem.code, "attachment_unreadable");
        assert_eq!(compose_text(Kind::PhoneNote, "a".into()).unwrap_err().code, "message_needs_file");
    }

    #[test]
    fn exercise_precedence_and_life_are_said_in_the_networks_words() {
        let marks = Marks {
            precedence: Some(topology::Precedence::Flash),
            exercise: true,
            test: false,
            expires_in: Some(std::time::Duration::from_secs(7_200)),
        };
        let wanted = marked(SendRequest::default(), &marks);
        assert_eq!(wanted.precedence.as_deref(), Some("flash"));
        assert_eq!(wanted.status.as_deref(), Some("exercise"));
        assert_eq!(wanted.expires_in_s, Some(7_200));
        assert_eq!(marked(SendRequest::default(), &Marks::default()), SendRequest::default());
    }
}
