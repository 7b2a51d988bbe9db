//! The wall board (大屏): what runs and how the lines are, to be read from three metres. It shows counts, rooms and clocks, no
//! title, no text and no person, and says how old its data is. A session that has locked itself may show it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Redirect, Response},
};
use serde::de::DeserializeOwned;

use crate::{
    console::{
        Console,
        caller::language,
        page::{Deadline, clock_time, html, problem_page},
        rights::{self, Capability},
        session::Caller,
        words::Words,
    },
    control::{
        self,
        request::Request,
        view::{DueLine, QueueLine, Status},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage<'a> {
    w: &'a Words,
    room: String,
    now: String,
    is_demo: bool,
    unacknowledged: u64,
    queued: u64,
    urgent_queued: usize,
    due: Vec<(String, Deadline)>,
    more: usize,
    links: Vec<(bool, String, String, u64)>,
}

pub(crate) async fn show(State(console): State<Arc<Console>>, uri: Uri, headers: HeaderMap) -> Response {
    let w = console.words(language(&headers, uri.query()));
    let Some(caller) = console.session(&headers, false) else {
        return Redirect::to("/login?next=/wall").into_response();
    };
    page(&console, &caller, w).await.unwrap_or_else(|problem| problem_page(&problem, w))
}

async fn page(console: &Console, caller: &Caller, w: &Words) -> Result<Response, Problem> {
    let status: Status = ask(console, caller, Request::Status).await?;
    let queue: Vec<QueueLine> = ask(console, caller, Request::QueueList).await?;
    let due: Vec<DueLine> = match rights::may(caller.role, Capability::SeeReceipts) {
        true => ask(console, caller, Request::Due { all: false, about: None }).await?,
        false => Vec::new(),
    };
    let running: Vec<(String, Deadline)> = due
        .iter()
        .filter(|line| line.remaining_ms.is_some() && line.met_at.is_none())
        .map(|line| (w.room(&line.obliged), Deadline::of(line, w)))
        .collect();
    let is_urgent = |line: &&QueueLine| matches!(line.precedence.as_str(), "flash" | "immediate");
    html(&WallPage {
        w,
        room: w.room(&status.room),
        now: clock_time(status.clock.now_ms),
        is_demo: status.demo || console.node.clock.is_scaled(),
        unacknowledged: status.unacknowledged,
        queued: status.links.iter().map(|link| link.queued).sum(),
        urgent_queued: queue.iter().filter(is_urgent).count(),
        more: running.len().saturating_sub(CLOCKS_SHOWN),
        due: running.into_iter().take(CLOCKS_SHOWN).collect(),
        links: status
            .links
            .iter()
            .map(|link| {
                let is_up = link.state == "up";
                (is_up, w.room(&link.room), w.word("link-state", &link.state), link.queued)
            })
            .collect(),
    })
}

/// Nobody signs anything here, so that no unlocked key is wanted.
async fn ask<T: DeserializeOwned>(
    console: &Console,
    caller: &Caller,
    request: Request,
) -> Result<T, Problem> {
    rights::check(caller.role, &request)?;
    let value = control::dispatch(&console.node, request, None).await?;
    serde_json::from_value(value).map_err(|error| Problem::failed("control_broken").with("detail", error))
}

/// What is legible from three metres on one screen.
const CLOCKS_SHOWN: usize = 10;
