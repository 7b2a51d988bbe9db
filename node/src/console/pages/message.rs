//! One message: what it says, what has happened to it, and the one-key 签收.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use data_encoding::BASE64;
use relay::message::Kind;
use serde::Deserialize;

use crate::{
    console::{
        page::{Frame, Visit, clock_time, html, remaining, span},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{AttachmentFile, Opened, ReceiptLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    opened: Opened,
    kind: String,
    precedence: String,
    /// 演练 or 测试; empty in earnest.
    exercise: String,
    from: String,
    to: String,
    created: String,
    /// That it is dated after it came; empty when it is not.
    ahead: String,
    lines: Vec<(String, String)>,
    receipts: Vec<Receipt>,
    can_acknowledge: bool,
    /// It was sent from the form just now.
    is_sent_now: bool,
    /// Whether somebody may note a call about it.
    handles: bool,
    /// The kind that answers it.
    reply: Option<&'static str>,
    /// What else can be written about it.
    next: Vec<Next>,
}

/// A kind that can be written about a message.
struct Next {
    kind: &'static str,
    /// The text of its button.
    label: &'static str,
    /// The key that presses it.
    key: Option<&'static str>,
}

/// One receipt as a line.
struct Receipt {
    mark: String,
    event: String,
    recipient: String,
    issuer: String,
    at: String,
    officer: String,
    spent: String,
    reason: String,
}

#[derive(Deserialize)]
pub(crate) struct OrderForm {
    csrf: String,
    #[serde(default)]
    back: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Came {
    #[serde(default)]
    sent: Option<String>,
}

pub(crate) async fn show(visit: Visit, Path(id): Path<String>, Query(came): Query<Came>) -> Response {
    visit.show(page(&visit, id, came.sent.is_some()).await)
}

/// One-key 签收, signed in the name of the officer who is logged in.
pub(crate) async fn acknowledge(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<OrderForm>,
) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        let deed = Request::Deed {
            id: id.clone(),
            event: "acknowledged".to_owned(),
            officer: String::new(),
            password: String::new(),
            reason: None,
        };
        visit.ask::<serde_json::Value>(deed).await?;
        let place = if form.back == "inbox" { "/inbox".to_owned() } else { format!("/messages/{id}") };
        Ok(Redirect::to(&place).into_response())
    };
    visit.show(done.await)
}

/// The attachment of this number. It is kept as a file and never shown by the browser: nobody here has made it.
pub(crate) async fn attachment(visit: Visit, Path((id, number)): Path<(String, usize)>) -> Response {
    let answer = async {
        let opened: Opened = visit.ask(Request::Show { id: id.clone() }).await?;
        let unknown = || Problem::failed("attachment_unknown").with("id", &id).with("name", number);
        let (name, ..) = opened.attachments.into_iter().nth(number).ok_or_else(unknown)?;
        let file: AttachmentFile = visit.ask(Request::Attachment { id: id.clone(), name }).await?;
        let broken = |error: &dyn std::fmt::Display| Problem::failed("control_broken").with("detail", error);
        let bytes = BASE64.decode(file.bytes.as_bytes()).map_err(|error| broken(&error))?;
        let kept = format!("attachment; filename*=UTF-8''{}", percent(&file.name));
        let kept = HeaderValue::from_str(&kept).map_err(|error| broken(&error))?;
        let media_type = HeaderValue::from_static("application/octet-stream");
        Ok(([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, kept)], bytes).into_response())
    };
    visit.show(answer.await)
}

/// A name in a header (RFC 8187).
fn percent(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

async fn page(visit: &Visit, id: String, is_sent_now: bool) -> Result<Response, Problem> {
    let frame = visit.frame("screen-message").await?;
    let w = visit.words();
    let opened: Opened = visit.ask(Request::Show { id: id.clone() }).await?;
    let receipts: Vec<ReceiptLine> = visit.ask(Request::Receipts { id }).await?;
    let is_here = opened.to.iter().any(|(room, _)| room.id == frame.me);
    let me = opened.to.iter().find(|(room, _)| room.id == frame.me).map(|(room, _)| room.code.clone());
    let is_acknowledged = receipts
        .iter()
        .any(|receipt| receipt.event == "acknowledged" && Some(&receipt.recipient) == me.as_ref());
    html(&MessagePage {
        kind: w.word("kind", &opened.kind),
        precedence: w.word("precedence", &opened.precedence),
        exercise: if opened.status == "actual" { String::new() } else { w.word("status", &opened.status) },
        from: w.room(&opened.origin),
        to: w.list(
            opened.to.iter().map(|(room, role)| format!("{} ({})", w.room(room), w.word("address", role))),
        ),
        created: clock_time(opened.created_at_ms),
        ahead: opened
            .dated_ahead_ms()
            .map_or_else(String::new, |ahead| w.t1("dated-ahead", "span", span(ahead))),
        lines: w.elements(&opened.kind, &opened.elements),
        receipts: receipts.into_iter().map(|line| receipt(line, w)).collect(),
        can_acknowledge: is_here && !is_acknowledged && visit.may(Capability::HandleMessages),
        is_sent_now,
        handles: visit.may(Capability::HandleMessages),
        reply: reply(&opened.kind).filter(|_| is_here && visit.may(Capability::HandleMessages)),
        next: if visit.may(Capability::HandleMessages) {
            next(&opened.kind, is_here, visit.parent().is_some())
        } else {
            Vec::new()
        },
        opened,
        frame,
    })
}

/// The word of the kind that answers a message of this kind.
pub(super) fn reply(kind: &str) -> Option<&'static str> {
    let asked: Kind = kind.parse().ok()?;
    asked.answered_by().map(Kind::word)
}

/// What is usually written about a message besides an answer: a follow-up, the same event to those above, or the first
/// report of an event of which a verification has told.
fn next(kind: &str, is_here: bool, has_parent: bool) -> Vec<Next> {
    let button = |kind, label| Next { kind, label, key: None };
    let first = Next { key: Some("f"), ..button("report", "message-first-report") };
    let recall = button("recall", "message-recall");
    let mut all = match (kind, is_here) {
        ("report", false) => vec![button("report", "message-followup"), recall],
        ("report", true) => vec![
            button("report", "message-pass-on"),
            button("verify.request", "message-ask"),
            button("instruction", "message-instruct"),
        ],
        ("verify.request", true) => vec![first],
        ("verify.reply", false) => vec![first, recall],
        (_, false) => vec![recall],
        (_, true) => Vec::new(),
    };
    // The root of the tree reports to nobody.
    all.retain(|next| has_parent || next.kind != "report");
    all
}

fn receipt(line: ReceiptLine, w: &Words) -> Receipt {
    let (recipient, issuer) = (w.recipient(&line), w.issuer(&line));
    let role = line.officer_role.map(|role| format!(" ({})", w.word("role", &role))).unwrap_or_default();
    Receipt {
        mark: line.mark,
        event: w.word("event", &line.event),
        recipient,
        issuer,
        at: clock_time(line.at_ms),
        officer: line.officer.map(|name| format!("{name}{role}")).unwrap_or_default(),
        spent: line.spent_ms.map(remaining).unwrap_or_default(),
        reason: [line.reason, line.reason_text].into_iter().flatten().collect::<Vec<_>>().join(": "),
    }
}
