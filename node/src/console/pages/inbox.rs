//! The inbox (收件): what has come, unacknowledged and urgent first, then by what is due.

use askama::Template;
use axum::{extract::Query, response::Response};
use serde::Deserialize;

use crate::{
    console::{
        page::{Deadline, Frame, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{DueLine, InboxLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
    more: usize,
    /// The message before which the next page begins.
    older: Option<String>,
    all: bool,
    handles: bool,
}

/// One message of the list.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) precedence: String,
    pub(crate) is_urgent: bool,
    pub(crate) kind: String,
    pub(crate) title: String,
    /// 演练 or 测试; empty in earnest.
    pub(crate) exercise: String,
    pub(crate) from: String,
    pub(crate) delivered: String,
    pub(crate) is_acknowledged: bool,
    pub(crate) phone: Option<Deadline>,
    pub(crate) written: Option<Deadline>,
    /// Numbers from the same room that have not come.
    pub(crate) missing: String,
    rank: (bool, usize, i64),
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    all: Option<String>,
    #[serde(default)]
    before: Option<String>,
}

pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    visit.show(page(&visit, wanted).await)
}

/// What is open is shown by its urgency, wherever it stands; all that has come, page by page.
async fn page(visit: &Visit, Wanted { all, before }: Wanted) -> Result<Response, Problem> {
    let frame = visit.frame("screen-inbox").await?;
    let all = all.is_some();
    let newest = all.then_some(ROWS_SHOWN as u64 + 1);
    let mut lines: Vec<InboxLine> = visit.ask(Request::Inbox { all, newest, before }).await?;
    let has_older = all && lines.len() > ROWS_SHOWN;
    if has_older {
        lines.remove(0);
    }
    let older = lines.first().filter(|_| has_older).map(|line| line.id.clone());
    let mut rows = Row::sorted(lines, &visit.due().await?, visit.words());
    let more = rows.len().saturating_sub(ROWS_SHOWN);
    rows.truncate(ROWS_SHOWN);
    html(&InboxPage { frame, rows, more, older, all, handles: visit.may(Capability::HandleMessages) })
}

impl Row {
    /// Unacknowledged 特提 first, then what is due, then the newest.
    pub(crate) fn sorted(lines: Vec<InboxLine>, due: &[DueLine], w: &Words) -> Vec<Self> {
        let mut rows: Vec<Self> = lines.into_iter().map(|line| Self::of(line, due, w)).collect();
        rows.sort_by_key(|row| row.rank);
        rows
    }

    fn of(line: InboxLine, due: &[DueLine], w: &Words) -> Self {
        let nearest = |is_phone: bool| {
            let mut own = due.iter().filter(|due| due.subject == line.id);
            own.find(|due| (due.channel == "phone") == is_phone).map(|due| Deadline::of(due, w))
        };
        let (phone, written) = (nearest(true), nearest(false));
        let left = [&phone, &written].into_iter().flatten().map(|due| due.remaining_ms).min();
        let urgency =
            PRECEDENCES.iter().position(|word| *word == line.precedence).unwrap_or(PRECEDENCES.len());
        let exercise = if line.status == "actual" { String::new() } else { w.word("status", &line.status) };
        Self {
            rank: (line.acknowledged, urgency, left.unwrap_or(i64::MAX - line.delivered_at_ms)),
            precedence: w.word("precedence", &line.precedence),
            is_urgent: urgency < 2,
            kind: w.word("kind", &line.kind),
            title: line.title,
            exercise,
            from: w.room(&line.origin),
            delivered: clock_time(line.delivered_at_ms),
            is_acknowledged: line.acknowledged,
            phone,
            written,
            missing: line.missing_nr.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            id: line.id,
        }
    }
}

/// The most urgent first.
const PRECEDENCES: [&str; 4] = ["flash", "immediate", "priority", "routine"];
/// One page of the list.
const ROWS_SHOWN: usize = 100;
