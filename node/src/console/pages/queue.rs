//! The queue (队列): what waits for which neighbour, the most urgent first, with the reason and the one safe thing to do:
//! to try again now.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    console::{
        page::{Frame, Visit, clock_time, html, span},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{Link, QueueEntry, QueueLine, Status, Way},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage<'a> {
    frame: Frame<'a>,
    groups: Vec<Group>,
    operates: bool,
}

/// What waits for one neighbour.
struct Group {
    room: String,
    telephone: String,
    is_up: bool,
    state: String,
    /// Why it waits.
    reason: String,
    count: usize,
    bytes: u64,
    oldest: String,
    rows: Vec<Row>,
    more: usize,
}

/// One envelope.
struct Row {
    id: String,
    precedence: String,
    is_urgent: bool,
    origin: String,
    since: String,
    age: String,
    bytes: u64,
}

#[derive(Template)]
#[template(path = "queued.html")]
struct QueuedPage<'a> {
    frame: Frame<'a>,
    id: String,
    origin: String,
    precedence: String,
    expires: String,
    ways: Vec<[String; 6]>,
    operates: bool,
}

#[derive(Deserialize)]
pub(crate) struct RetryForm {
    csrf: String,
}

pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(list_page(&visit).await)
}

pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    visit.show(entry_page(&visit, id).await)
}

pub(crate) async fn retry(visit: Visit, Path(id): Path<String>, Form(form): Form<RetryForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        visit.ask::<serde_json::Value>(Request::QueueRetry { id: id.clone() }).await?;
        Ok(Redirect::to(&format!("/queue/{id}")).into_response())
    };
    visit.show(done.await)
}

async fn list_page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-queue").await?;
    let w = visit.words();
    let lines: Vec<QueueLine> = visit.ask(Request::QueueList).await?;
    let status: Status = visit.ask(Request::Status).await?;
    let mut by_neighbour: BTreeMap<String, Vec<QueueLine>> = BTreeMap::new();
    for line in lines {
        by_neighbour.entry(line.neighbour.id.clone()).or_default().push(line);
    }
    let group = |lines: Vec<QueueLine>| {
        let link = status
            .links
            .iter()
            .find(|link| lines.first().is_some_and(|line| line.neighbour.id == link.room.id));
        group(&lines, link, frame.now_ms, w)
    };
    let groups = by_neighbour.into_values().map(group).collect();
    html(&QueuePage { groups, operates: visit.may(Capability::Operate), frame })
}

fn group(lines: &[QueueLine], link: Option<&Link>, now_ms: i64, w: &Words) -> Group {
    let neighbour = lines.first().map(|line| &line.neighbour);
    let oldest = lines.iter().map(|line| line.since_ms).min().unwrap_or(now_ms);
    let state = link.map_or("down", |link| link.state.as_str());
    Group {
        room: neighbour.map(|room| w.room(room)).unwrap_or_default(),
        telephone: neighbour.and_then(|room| room.telephone.clone()).unwrap_or_default(),
        is_up: state == "up",
        state: w.word("link-state", state),
        reason: link.and_then(|link| link.reason.as_deref()).map(|code| reason(code, w)).unwrap_or_default(),
        count: lines.len(),
        bytes: lines.iter().map(|line| line.size_bytes).sum(),
        oldest: span(now_ms - oldest),
        rows: lines.iter().take(ROWS_SHOWN).map(|line| row(line, now_ms, w)).collect(),
        more: lines.len().saturating_sub(ROWS_SHOWN),
    }
}

/// A reason of the link in words.
pub(crate) fn reason(code: &str, w: &Words) -> String {
    w.catalogue().explain(&Problem::failed(code)).what
}

fn row(line: &QueueLine, now_ms: i64, w: &Words) -> Row {
    Row {
        id: line.id.clone(),
        precedence: w.word("precedence", &line.precedence),
        is_urgent: matches!(line.precedence.as_str(), "flash" | "immediate"),
        origin: w.room(&line.origin),
        since: clock_time(line.since_ms),
        age: span(now_ms - line.since_ms),
        bytes: line.size_bytes,
    }
}

async fn entry_page(visit: &Visit, id: String) -> Result<Response, Problem> {
    let frame = visit.frame("screen-queue").await?;
    let w = visit.words();
    let entry: QueueEntry = visit.ask(Request::QueueShow { id }).await?;
    html(&QueuedPage {
        origin: w.room(&entry.origin),
        precedence: w.word("precedence", &entry.precedence),
        expires: clock_time(entry.expires_at_ms),
        ways: entry.ways.iter().map(|one| way(one, w)).collect(),
        id: entry.id,
        operates: visit.may(Capability::Operate),
        frame,
    })
}

fn way(one: &Way, w: &Words) -> [String; 6] {
    [
        w.room(&one.recipient),
        w.word("way", &one.state),
        one.neighbour.as_ref().map(|room| w.room(room)).unwrap_or_default(),
        one.attempts.to_string(),
        one.resend_at_ms.map(clock_time).unwrap_or_default(),
        one.outcome.as_deref().map(|word| w.word("event", word)).unwrap_or_default(),
    ]
}

/// What one page shows of one neighbour's queue.
const ROWS_SHOWN: usize = 50;
