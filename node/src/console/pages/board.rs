//! The verification board (核报): one row for each room that was asked, with two bars, the call and the written answer, both
//! from the stamp at which the request was delivered there.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;

use crate::{
    console::{
        page::{Frame, Mark, Visit, clock_time, html, remaining},
        words::Words,
    },
    control::{
        request::Request,
        view::{DueLine, Recipient, SentLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage<'a> {
    frame: Frame<'a>,
    requests: Vec<Asked>,
}

/// One request.
struct Asked {
    id: String,
    title: String,
    exercise: String,
    sent: String,
    /// Sorted by what is left.
    rows: Vec<Row>,
}

/// One room that was asked.
struct Row {
    room: String,
    /// 抄送; empty where the room was asked itself.
    copy: String,
    telephone: String,
    delivery: String,
    is_unacknowledged: bool,
    phone: Option<Bar>,
    written: Option<Bar>,
    rank: i64,
}

/// One limit of one room.
struct Bar {
    mark: Mark,
    state: String,
    is_met: bool,
    /// Seconds that have passed, of so many.
    passed_s: i64,
    limit_s: i64,
    left_ms: i64,
    left: String,
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-board").await?;
    let w = visit.words();
    let sent: Vec<SentLine> = visit.ask(Request::Outbox { newest: Some(LOOKED_AT), before: None }).await?;
    let mut requests = Vec::new();
    for line in sent.iter().rev().filter(|line| line.kind == "verify.request").take(REQUESTS_SHOWN) {
        let mut due: Vec<DueLine> =
            visit.ask(Request::Due { all: true, about: Some(line.id.clone()) }).await?;
        due.retain(|due| due.kind == "verify.reply" && due.towards.id == frame.me && due.subject == line.id);
        requests.push(request(line, &due, frame.now_ms, w));
    }
    html(&BoardPage { frame, requests })
}

fn request(line: &SentLine, due: &[DueLine], now_ms: i64, w: &Words) -> Asked {
    let row = |recipient: &Recipient| {
        let (room, (group, known)) = (&recipient.room, recipient.known());
        let lines = || due.iter().filter(|due| due.obliged.id == room.id && due.due.is_some());
        let bar = |is_phone: bool| {
            let mut own = lines().filter(|due| (due.channel == "phone") == is_phone);
            own.next().map(|due| Bar::of(due, now_ms, w))
        };
        let (phone, written) = (bar(true), bar(false));
        let open = [&phone, &written].into_iter().flatten().filter(|bar| !bar.is_met);
        Row {
            rank: open.map(|bar| bar.left_ms).min().unwrap_or(i64::MAX),
            room: w.room(room),
            copy: if recipient.role == "info" { w.word("address", "info") } else { String::new() },
            telephone: room.telephone.clone().unwrap_or_default(),
            delivery: w.word(group, known),
            is_unacknowledged: recipient.owes_acknowledgement,
            phone,
            written,
        }
    };
    let mut rows: Vec<Row> = line.recipients.iter().map(row).collect();
    rows.sort_by_key(|row| row.rank);
    Asked {
        id: line.id.clone(),
        title: line.title.clone(),
        exercise: if line.status == "actual" { String::new() } else { w.word("status", &line.status) },
        sent: clock_time(line.accepted_at_ms),
        rows,
    }
}

impl Bar {
    fn of(line: &DueLine, now_ms: i64, w: &Words) -> Self {
        let ms = |text: &Option<String>| {
            text.as_deref().and_then(|text| text.parse().ok()).map(Timestamp::as_millisecond)
        };
        let (start, due) = (ms(&line.start).unwrap_or(now_ms), ms(&line.due).unwrap_or(now_ms));
        let until = ms(&line.met_at).unwrap_or(now_ms);
        let is_met = line.met_at.is_some();
        let left_ms = due - until;
        let mark = if left_ms < 0 {
            Mark::Over
        } else if is_met {
            Mark::Calm
        } else {
            Mark::of(left_ms)
        };
        Self {
            mark,
            state: w.word("duty", &line.state),
            is_met,
            passed_s: (until - start).clamp(0, due - start) / 1000,
            limit_s: ((due - start) / 1000).max(1),
            left_ms,
            left: remaining(left_ms),
        }
    }
}

/// The newest messages that requests are looked for in.
const LOOKED_AT: u64 = 2_000;
/// The newest requests.
const REQUESTS_SHOWN: usize = 30;
