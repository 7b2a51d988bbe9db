//! `receipts ID`, the operator's view: for each recipient what is proved, by whom, at what time, and where the time
//! went. What is not known is said to be not known: queued and in custody are never called delivered.

use std::time::Duration;

use relay::receipt::Event;

use super::{
    arguments::AwaitArguments,
    moment::{beijing, offset},
    session::{Outcome, Session},
    span::show_span,
    table::Grid,
};
use crate::{
    catalogue::{Catalogue, Language},
    control::{request::Request, view::ReceiptLine},
    problem::Problem,
};

pub(crate) async fn receipts(session: &mut Session, id: String) -> Outcome {
    let lines: Vec<ReceiptLine> = session.ask(&Request::Receipts { id }).await?;
    session.screen.result(&lines, |lines, catalogue| render(lines, catalogue));
    Ok(0)
}

/// Waits for a receipt: for scripts that go on only when a message has come so far.
pub(crate) async fn wait(session: &mut Session, arguments: AwaitArguments) -> Outcome {
    let timeout_ms = u64::try_from(arguments.timeout.as_millis()).unwrap_or(u64::MAX);
    let (id, event) = (arguments.id, arguments.event);
    let wanted = Request::Await { id: id.clone(), event: event.clone(), timeout_ms };
    let patience = arguments.timeout.saturating_add(Duration::from_secs(5));
    let _: serde_json::Value = session.ask_patiently(&wanted, patience).await?;
    let name = session.screen.catalogue().word("event", &event);
    session.screen.done("await-done", &[("id", &id), ("event", &name)]);
    Ok(0)
}

/// The receipts of one message as a page, one part for each recipient.
pub fn render(lines: &[ReceiptLine], catalogue: &Catalogue) -> String {
    let mut parts: Vec<(&str, Vec<&ReceiptLine>)> = Vec::new();
    for line in lines {
        match parts.iter_mut().find(|(recipient, _)| *recipient == line.recipient) {
            Some((_, part)) => part.push(line),
            None => parts.push((&line.recipient, vec![line])),
        }
    }
    if parts.is_empty() {
        return catalogue.text("nothing", &[]);
    }
    let parts: Vec<String> = parts.iter().map(|(_, part)| render_part(part, catalogue)).collect();
    parts.join("\n\n")
}

fn render_part(lines: &[&ReceiptLine], catalogue: &Catalogue) -> String {
    let columns = ["mark", "event", "room", "time", "offset", "officer", "spent", "note"];
    let mut grid = Grid::new(catalogue, &columns).right(6);
    for (index, line) in lines.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| lines[index]);
        grid.row(&[
            mark(line),
            &event_name(line, catalogue),
            &format!("{} {}", line.issuer, issuer(line, catalogue)),
            &beijing(line.at_ms),
            &offset(line.offset_ms),
            &officer(line, catalogue),
            &spent(line, before, catalogue),
            &note(line, catalogue),
        ]);
    }
    let first = lines[0];
    let name = catalogue.either(&first.recipient_name, &first.recipient_name_en);
    let recipient = format!("{} {name}", first.recipient);
    let state = conclusion(lines, catalogue);
    let heading = catalogue.text("receipts-heading", &[("recipient", &recipient), ("state", &state)]);
    let summary = totals(lines, catalogue);
    format!("{heading}\n{}{summary}", grid.text(catalogue))
}

fn issuer<'a>(line: &'a ReceiptLine, catalogue: &Catalogue) -> &'a str {
    catalogue.either(&line.issuer_name, &line.issuer_name_en)
}

/// The mark of the time model; negative evidence has none and is crossed, what is unknown is questioned.
fn mark(line: &ReceiptLine) -> &str {
    match event(line) {
        Some(Event::Refused | Event::Failed | Event::Expired | Event::Collision) => "✗",
        Some(Event::Unconfirmed) => "?",
        Some(
            Event::Accepted
            | Event::Custody
            | Event::Delivered
            | Event::Alerted
            | Event::Acknowledged
            | Event::Opened
            | Event::Disposed
            | Event::Returned
            | Event::Lost
            | Event::Handed,
        )
        | None => &line.mark,
    }
}

fn event(line: &ReceiptLine) -> Option<Event> {
    Event::ALL.into_iter().find(|event| event.word() == line.event)
}

/// Both names, the reader's first.
fn event_name(line: &ReceiptLine, catalogue: &Catalogue) -> String {
    match (event(line), catalogue.language()) {
        (None, _) => line.event.clone(),
        (Some(event), Language::Chinese) => format!("{} {}", event.chinese(), event.word()),
        (Some(event), Language::English) => format!("{} {}", event.word(), event.chinese()),
    }
}

fn officer(line: &ReceiptLine, catalogue: &Catalogue) -> String {
    let Some(name) = &line.officer else { return "—".to_owned() };
    match &line.officer_role {
        Some(role) => format!("{name} ({})", catalogue.word("role", role)),
        None => name.clone(),
    }
}

/// How long it took since the step before, and whose time it was: a hop's or a desk's.
fn spent(line: &ReceiptLine, before: Option<&ReceiptLine>, catalogue: &Catalogue) -> String {
    let (Some(ms), Some(before)) = (line.spent_ms, before) else { return "—".to_owned() };
    let place = if line.issuer == before.issuer {
        catalogue.text("spent-desk", &[("room", &line.issuer)])
    } else {
        format!("{}→{}", before.issuer, line.issuer)
    };
    format!("{place} {}", show_span(ms))
}

fn note(line: &ReceiptLine, catalogue: &Catalogue) -> String {
    let mut notes = Vec::new();
    let is_deed = matches!(
        event(line),
        Some(Event::Alerted | Event::Acknowledged | Event::Opened | Event::Disposed | Event::Returned)
    );
    if line.supplement && !is_deed {
        notes.push(catalogue.text("note-supplement", &[]));
    }
    // The code of an officer's own reason is the event itself; the words follow.
    if let Some(code) = line.reason.as_ref().filter(|code| **code != line.event) {
        notes.push(reason(code, catalogue));
    }
    notes.extend(line.reason_text.clone());
    notes.join("; ")
}

/// A reason code in words, and the code itself for whoever looks it up.
fn reason(code: &str, catalogue: &Catalogue) -> String {
    let explanation = catalogue.explain(&Problem::failed(code));
    format!("{} [{code}]", explanation.what)
}

/// What is proved for this recipient, and not more.
fn conclusion(lines: &[&ReceiptLine], catalogue: &Catalogue) -> String {
    let last =
        |wanted: Event| lines.iter().rev().find(|line| event(line) == Some(wanted) && !line.supplement);
    let ends = [Event::Refused, Event::Failed, Event::Expired, Event::Collision];
    if let Some(line) = ends.into_iter().find_map(last) {
        return catalogue.text("state-ended", &[("event", &event_name(line, catalogue))]);
    }
    let known = |event: Event| lines.iter().any(|line| self::event(line) == Some(event));
    if last(Event::Delivered).is_some() {
        let steps = [
            (Event::Returned, "state-returned"),
            (Event::Disposed, "state-disposed"),
            (Event::Acknowledged, "state-acknowledged"),
            (Event::Delivered, "state-delivered"),
        ];
        let id = steps.into_iter().find(|(event, _)| known(*event)).map_or("state-delivered", |(_, id)| id);
        return catalogue.text(id, &[]);
    }
    match (last(Event::Unconfirmed), last(Event::Custody)) {
        (Some(line), _) => catalogue.text("state-unconfirmed", &[("room", issuer(line, catalogue))]),
        (None, Some(line)) => catalogue.text("state-custody", &[("room", issuer(line, catalogue))]),
        (None, None) => catalogue.text("state-accepted", &[]),
    }
}

/// From queue to delivery and from delivery to signature, where both ends are known.
fn totals(lines: &[&ReceiptLine], catalogue: &Catalogue) -> String {
    let at = |wanted: Event| lines.iter().find(|line| event(line) == Some(wanted)).map(|line| line.at_ms);
    let spans = [
        ("total-delivery", at(Event::Accepted), at(Event::Delivered)),
        ("total-acknowledgement", at(Event::Delivered), at(Event::Acknowledged)),
    ];
    let total = |(id, from, to): (&str, Option<i64>, Option<i64>)| {
        let span = show_span(to?.saturating_sub(from?));
        Some(catalogue.text(id, &[("span", &span)]))
    };
    let totals: Vec<String> = spans.into_iter().filter_map(total).collect();
    if totals.is_empty() { String::new() } else { format!("\n{}", totals.join("  ")) }
}

#[cfg(test)]
mod tests;
