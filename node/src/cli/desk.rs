//! The duty desk: `inbox`, `outbox`, `show`, `ack`, `return`.

use super::{
    arguments::{AckArguments, ByOfficer, ReturnArguments},
    moment::beijing,
    password::read_password,
    rules::span,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::Request,
        view::{InboxLine, Opened, SentLine},
    },
    escape::one_line,
};

pub(crate) async fn inbox(session: &mut Session, all: bool) -> Outcome {
    let lines: Vec<InboxLine> = session.ask(&Request::Inbox { all, newest: None, before: None }).await?;
    session.screen.result(&lines, |lines, catalogue| render_inbox(lines, catalogue));
    Ok(0)
}

fn render_inbox(lines: &[InboxLine], catalogue: &Catalogue) -> String {
    let columns = ["precedence", "kind", "title", "from", "delivered", "state", "id"];
    let mut grid = Grid::new(catalogue, &columns);
    for line in lines {
        let state = if line.acknowledged { "desk-acknowledged" } else { "desk-open" };
        grid.row(&[
            &catalogue.word("precedence", &line.precedence),
            &catalogue.word("kind", &line.kind),
            &title(&line.status, &line.title, catalogue),
            &named(&line.origin, catalogue),
            &beijing(line.delivered_at_ms),
            &catalogue.text(state, &[]),
            &line.id,
        ]);
    }
    let mut text = grid.text(catalogue);
    for line in lines.iter().filter(|line| !line.missing_nr.is_empty()) {
        let numbers: Vec<String> = line.missing_nr.iter().map(u64::to_string).collect();
        let origin = one_line(&named(&line.origin, catalogue));
        text.push('\n');
        text.push_str(&catalogue.text("inbox-gap", &[("room", &origin), ("numbers", &numbers.join(", "))]));
    }
    text
}

/// An exercise or a test is never taken for the real thing.
fn title(status: &str, title: &str, catalogue: &Catalogue) -> String {
    if status == "actual" {
        title.to_owned()
    } else {
        format!("【{}】{title}", catalogue.word("status", status))
    }
}

pub(crate) async fn outbox(session: &mut Session) -> Outcome {
    let lines: Vec<SentLine> = session.ask(&Request::Outbox { newest: None, before: None }).await?;
    session.screen.result(&lines, |lines, catalogue| render_outbox(lines, catalogue));
    Ok(0)
}

fn render_outbox(lines: &[SentLine], catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["precedence", "kind", "title", "accepted", "to", "state", "id"]);
    for line in lines {
        for (index, recipient) in line.recipients.iter().enumerate() {
            let (group, known) = recipient.known();
            let first = |text: String| if index == 0 { text } else { String::new() };
            grid.row(&[
                &first(catalogue.word("precedence", &line.precedence)),
                &first(catalogue.word("kind", &line.kind)),
                &first(title(&line.status, &line.title, catalogue)),
                &first(beijing(line.accepted_at_ms)),
                &named(&recipient.room, catalogue),
                &catalogue.word(group, known),
                &first(line.id.clone()),
            ]);
        }
    }
    grid.text(catalogue)
}

pub(crate) async fn show(session: &mut Session, id: String) -> Outcome {
    let opened: Opened = session.ask(&Request::Show { id }).await?;
    session.screen.result(&opened, render_opened);
    Ok(0)
}

fn render_opened(opened: &Opened, catalogue: &Catalogue) -> String {
    let mut page: Vec<(String, String)> = Vec::new();
    let mut add = |id: &str, value: String| page.push((catalogue.text(id, &[]), value));
    add("column-id", opened.id.clone());
    add("column-precedence", catalogue.word("precedence", &opened.precedence));
    if opened.status != "actual" {
        add("column-status", format!("【{}】", catalogue.word("status", &opened.status)));
    }
    add("column-from", named(&opened.origin, catalogue));
    for (room, role) in &opened.to {
        add("column-to", format!("{} ({})", named(room, catalogue), catalogue.word("address", role)));
    }
    add("column-created", beijing(opened.created_at_ms));
    add("column-received", beijing(opened.received_at_ms));
    add("column-expires", beijing(opened.expires_at_ms));
    if let Some(ahead) = opened.dated_ahead_ms() {
        add("column-note", catalogue.text("dated-ahead", &[("span", &span(ahead))]));
    }
    for element in &opened.elements {
        page.push((catalogue.element(&opened.kind, &element.key), catalogue.said(&element.said)));
    }
    for (name, media_type, bytes) in &opened.attachments {
        page.push((catalogue.text("column-attachment", &[]), format!("{name}  {media_type}  {bytes} B")));
    }
    page.push((catalogue.text("column-digest", &[]), opened.digest.clone()));
    let lines: Vec<String> = page.iter().map(|(label, value)| labelled(label, value)).collect();
    lines.join("\n")
}

/// A label and its value; further lines of a text are set in, so that none can pass for a label.
fn labelled(label: &str, value: &str) -> String {
    format!("{}: {}", one_line(label), value.replace('\n', "\n    "))
}

pub(crate) async fn ack(session: &mut Session, arguments: AckArguments) -> Outcome {
    let event = arguments.event.word();
    deed(session, arguments.id, event, arguments.by, None).await
}

pub(crate) async fn give_back(session: &mut Session, arguments: ReturnArguments) -> Outcome {
    deed(session, arguments.id, "returned", arguments.by, Some(arguments.reason)).await
}

async fn deed(
    session: &mut Session,
    id: String,
    event: &str,
    by: ByOfficer,
    reason: Option<String>,
) -> Outcome {
    let password = read_password(&session.screen, &by.officer, by.password_file.as_deref())?;
    let wanted = Request::Deed {
        id: id.clone(),
        event: event.to_owned(),
        officer: by.officer.clone(),
        password: password.to_string(),
        reason,
    };
    let name = session.screen.catalogue().word("event", event);
    session.order(&wanted, "deed-done", &[("id", &id), ("event", &name), ("officer", &by.officer)]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;
    use crate::control::view::Room;

    fn room(code: &str, name: &str) -> Room {
        let [id, code, name] = [code, code, name].map(str::to_owned);
        Room { id, code, name, name_en: "Province".to_owned(), telephone: None }
    }

    fn line(status: &str, title: &str) -> InboxLine {
        let [id, kind, precedence] = ["019a", "verify.request", "immediate"].map(str::to_owned);
        InboxLine {
            id,
            kind,
            precedence,
            status: status.to_owned(),
            role: "action".to_owned(),
            origin: room("410000", "省政府总值班室"),
            title: title.to_owned(),
            delivered_at_ms: 0,
            acknowledged: false,
            nr: 3,
            missing_nr: vec![1, 2],
        }
    }

    #[test]
    fn an_exercise_is_marked_and_missing_numbers_are_named() {
        let text = render_inbox(&[line("exercise", "火情")], &Catalogue::new(Language::Chinese));
        for part in
            ["【演练】火情", "特急", "核报通知", "410000 省政府总值班室", "1970-01-01 08:00:00.000", "1, 2"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = render_inbox(&[line("actual", "火情")], &Catalogue::new(Language::English));
        assert!(!text.contains('【') && text.contains("410000 Province"), "{text}");
    }

    #[test]
    fn a_title_cannot_forge_a_line_of_the_list() {
        let text = render_inbox(&[line("actual", "a\n特提 b\u{1b}[2J")], &Catalogue::new(Language::Chinese));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_second_line_of_a_text_cannot_pass_for_a_label() {
        assert_eq!(labelled("内容", "一\n签发人: 假"), "内容: 一\n    签发人: 假");
    }
}
