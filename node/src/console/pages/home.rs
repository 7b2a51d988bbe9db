//! Today (今日): what is due, what nobody has acknowledged, what waits for others, and how the node is.

use askama::Template;
use axum::response::Response;

use super::{compose::review::Review, inbox::Row};
use crate::{
    console::{
        page::{Deadline, Frame, SECOND_PERSON_AFTER_MS, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{Check, DraftLine, InboxLine, Outage, Recipient, SentLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    reads: bool,
    due: Vec<Deadline>,
    drafts: Vec<Review>,
    unacknowledged: Vec<Row>,
    waiting: Vec<Waiting>,
    outages: Vec<Over>,
    checks: Vec<Said>,
}

/// A message of this room that a recipient has not acknowledged.
struct Waiting {
    id: String,
    title: String,
    to: String,
    state: String,
    sent: String,
    /// The duty telephone, where it is urgent and nobody has acknowledged it for minutes.
    call: Option<String>,
}

/// An outage of the last day.
struct Over {
    room: String,
    from: String,
    to: String,
    went: Vec<Left>,
}

/// A message that had waited for the line.
struct Left {
    id: String,
    title: String,
    written: String,
    left: String,
    is_late: bool,
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
    let (mut unacknowledged, mut waiting, mut outages) = (Vec::new(), Vec::new(), Vec::new());
    if reads {
        let lines: Vec<InboxLine> =
            visit.ask(Request::Inbox { all: false, newest: None, before: None }).await?;
        unacknowledged = Row::sorted(lines, &due, w);
        unacknowledged.truncate(LINES_SHOWN);
        let sent: Vec<SentLine> =
            visit.ask(Request::Outbox { newest: Some(SENT_LOOKED_AT), before: None }).await?;
        let over: Vec<Outage> = visit.ask(Request::Outages).await?;
        let recent = over.into_iter().filter(|outage| frame.now_ms - outage.up_at_ms < DAY_MS);
        outages = recent.map(|outage| is_over(outage, w)).collect();
        waiting = sent
            .iter()
            .rev()
            .flat_map(|line| not_acknowledged(line, frame.now_ms, w))
            .take(LINES_SHOWN)
            .collect();
    }
    let drafts = if visit.may(Capability::HandleMessages) {
        let lines: Vec<DraftLine> = visit.ask(Request::DraftList).await?;
        lines.into_iter().map(|line| Review::of(line, w)).collect()
    } else {
        Vec::new()
    };
    let checks: Vec<Check> = visit.ask(Request::Doctor { kept: true }).await?;
    html(&HomePage {
        frame,
        reads,
        drafts,
        due: due.iter().take(LINES_SHOWN).map(|line| Deadline::of(line, w)).collect(),
        unacknowledged,
        waiting,
        outages,
        checks: checks.iter().filter(|check| check.state != "ok").map(|check| said(check, w)).collect(),
    })
}

fn is_over(outage: Outage, w: &Words) -> Over {
    Over {
        room: w.room(&outage.room),
        from: clock_time(outage.down_at_ms),
        to: clock_time(outage.up_at_ms),
        went: outage
            .went
            .into_iter()
            .take(LINES_SHOWN)
            .map(|went| Left {
                id: went.id,
                title: went.title,
                written: clock_time(went.accepted_at_ms),
                left: clock_time(went.left_at_ms),
                is_late: went.is_late,
            })
            .collect(),
    }
}

fn not_acknowledged(line: &SentLine, now_ms: i64, w: &Words) -> Vec<Waiting> {
    let is_pressing = ["flash", "immediate"].contains(&line.precedence.as_str())
        && now_ms - line.accepted_at_ms >= SECOND_PERSON_AFTER_MS;
    let open = line.recipients.iter().filter(|recipient| recipient.owes_acknowledgement);
    open.map(|Recipient { room, state, .. }| Waiting {
        id: line.id.clone(),
        title: line.title.clone(),
        to: w.room(room),
        state: w.word("delivery", state),
        sent: clock_time(line.accepted_at_ms),
        call: room.telephone.clone().filter(|_| is_pressing),
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

/// The newest messages of this room that somebody may still have to acknowledge.
const SENT_LOOKED_AT: u64 = 500;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// What a person takes in; the lists themselves have all.
const LINES_SHOWN: usize = 12;
