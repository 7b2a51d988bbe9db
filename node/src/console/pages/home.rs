//! Today (今日): what is due, what nobody has acknowledged, what waits for others, and how the node is.

use askama::Template;
use axum::response::Response;

use super::inbox::Row;
use crate::{
    console::{
        page::{Deadline, Frame, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{Check, InboxLine, SentLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    reads: bool,
    due: Vec<Deadline>,
    unacknowledged: Vec<Row>,
    waiting: Vec<Waiting>,
    checks: Vec<Said>,
}

/// A message of this room that a recipient has not acknowledged.
struct Waiting {
    id: String,
    title: String,
    to: String,
    state: String,
    sent: String,
}

/// A check that is not well.
struct Said {
    shape: &'static str,
    class: &'static str,
    text: String,
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-home").await?;
    let w = visit.words();
    let reads = visit.may(Capability::ReadMessages);
    let due = if visit.may(Capability::SeeReceipts) { visit.due().await? } else { Vec::new() };
    let (mut unacknowledged, mut waiting) = (Vec::new(), Vec::new());
    if reads {
        let lines: Vec<InboxLine> = visit.ask(Request::Inbox { all: false }).await?;
        unacknowledged = Row::sorted(lines, &due, w);
        unacknowledged.truncate(LINES_SHOWN);
        let sent: Vec<SentLine> = visit.ask(Request::Outbox).await?;
        waiting = sent.iter().rev().flat_map(|line| not_acknowledged(line, w)).take(LINES_SHOWN).collect();
    }
    let checks: Vec<Check> = visit.ask(Request::Doctor).await?;
    html(&HomePage {
        frame,
        reads,
        due: due.iter().take(LINES_SHOWN).map(|line| Deadline::of(line, w)).collect(),
        unacknowledged,
        waiting,
        checks: checks.iter().filter(|check| check.state != "ok").map(|check| said(check, w)).collect(),
    })
}

fn not_acknowledged(line: &SentLine, w: &Words) -> Vec<Waiting> {
    let open = line.recipients.iter().filter(|(_, state)| state != "acknowledged");
    open.map(|(room, state)| Waiting {
        id: line.id.clone(),
        title: line.title.clone(),
        to: w.room(room),
        state: w.word("delivery", state),
        sent: clock_time(line.accepted_at_ms),
    })
    .collect()
}

fn said(check: &Check, w: &Words) -> Said {
    let state = check.details.get("state").map(|state| w.word("link-state", state));
    let mut values: Vec<(&str, &str)> = check.details.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if let Some(state) = &state {
        values.retain(|(name, _)| *name != "state");
        values.push(("state", state));
    }
    let is_warning = check.state == "warning";
    Said {
        shape: if is_warning { "▲" } else { "■" },
        class: if is_warning { "soon" } else { "over" },
        text: w.catalogue().text(&check.code.replace('_', "-"), &values),
    }
}

/// What a person takes in; the lists themselves have all.
const LINES_SHOWN: usize = 12;
