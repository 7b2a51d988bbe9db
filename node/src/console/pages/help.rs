//! Help (帮助): the first ten minutes, step by step, and the keys. Each step leads to the screen that it is about.

use askama::Template;
use axum::response::Response;

use crate::{
    console::page::{Frame, Visit, html},
    problem::Problem,
};

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    frame: Frame<'a>,
    steps: [(&'static str, &'static str); 8],
    keys: [(&'static str, &'static str); 11],
    marks: [(&'static str, &'static str); 8],
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    html(&HelpPage { frame: visit.frame("screen-help").await?, steps: STEPS, keys: KEYS, marks: MARKS })
}

/// Text and screen.
const STEPS: [(&str, &str); 8] = [
    ("help-step-compose", "/compose"),
    ("help-step-acknowledge", "/inbox"),
    ("help-step-verify-request", "/board"),
    ("help-step-phone", "/phone"),
    ("help-step-outage", "/topology"),
    ("help-step-evidence", "/cases"),
    ("help-step-late", "/latency"),
    ("help-step-clause", "/cases"),
];

const KEYS: [(&str, &str); 11] = [
    ("j", "help-key-down"),
    ("k", "help-key-up"),
    ("Enter", "help-key-open"),
    ("a", "console-acknowledge"),
    ("r", "help-key-reply"),
    ("f", "help-key-first"),
    ("n", "help-key-new"),
    ("/", "help-key-find"),
    ("F2", "help-key-phone"),
    ("?", "help-key-help"),
    ("Tab", "help-key-tab"),
];

/// The marks of a receipt, with the word of the event.
const MARKS: [(&str, &str); 8] = [
    ("t5", "accepted"),
    ("t6 t7", "custody"),
    ("t8", "delivered"),
    ("t9", "alerted"),
    ("t10", "acknowledged"),
    ("t11", "opened"),
    ("t12", "disposed"),
    ("?", "unconfirmed"),
];
