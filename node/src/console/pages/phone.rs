//! Telephone notes (电话记录): the caller's note draws a code of three characters, which is read aloud; the other end's note
//! names it, and the two are one call that both have signed. What only one end has noted counts for nothing.

use askama::Template;
use axum::{
    Form,
    extract::Query,
    response::{IntoResponse, Redirect, Response},
};
use relay::message::DeclaredTime;
use serde::Deserialize;

use super::compose::draft::local;
use crate::{
    console::{
        page::{Frame, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::{PhoneRequest, Request},
        view::{CallLine, Noted, Opened, Room, RoomLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "phone.html")]
struct PhonePage<'a> {
    frame: Frame<'a>,
    handles: bool,
    rooms: Vec<Peer>,
    about: String,
    /// The note that was made just now: its code, whose end it was, the other end.
    noted: Option<Fresh>,
    now: String,
    rows: Vec<Row>,
}

/// A room that can be rung, with its number.
struct Peer {
    id: String,
    name: String,
    telephone: String,
    /// The other end of the message that the call is about.
    is_chosen: bool,
}

/// A code to be read aloud, or a call that has just been paired.
struct Fresh {
    code: String,
    is_out: bool,
    state: String,
    class: &'static str,
    peer: String,
    is_secrecy_warning: bool,
    /// The note of a call to the room above that is about nothing yet: the written report follows it.
    opens: Option<String>,
}

/// One call.
struct Row {
    state: String,
    class: &'static str,
    shape: &'static str,
    exercise: String,
    conflicts: String,
    code: String,
    direction: String,
    peer: String,
    line: String,
    started: String,
    ended: String,
    officers: String,
    about: String,
    is_secrecy_warning: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    about: String,
    #[serde(default)]
    code: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NoteForm {
    csrf: String,
    direction: String,
    room: String,
    #[serde(default)]
    code: String,
    line: String,
    text: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    started_at: String,
    #[serde(default)]
    sensitive: Option<String>,
    #[serde(default)]
    status: String,
}

pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    visit.show(page(&visit, wanted).await)
}

/// Signed in the name of the officer who is logged in.
pub(crate) async fn note(visit: Visit, Form(form): Form<NoteForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let wrong = |error: &dyn std::fmt::Display| Problem::usage("call_times").with("detail", error);
        let started = some(&form.started_at).map(|text| text.parse::<DeclaredTime>());
        let request = PhoneRequest {
            direction: form.direction,
            room: form.room,
            code: some(&form.code),
            line: form.line,
            about: some(&form.about),
            text: form.text,
            sensitive: form.sensitive.is_some(),
            started_at_ms: started.transpose().map_err(|error| wrong(&error))?.map(DeclaredTime::as_ms),
            status: some(&form.status),
            officer: visit.caller.name.clone(),
            ..PhoneRequest::default()
        };
        let noted: Noted = visit.ask(Request::PhoneNote(Box::new(request))).await?;
        Ok(Redirect::to(&format!("/phone?code={}", noted.code)).into_response())
    };
    visit.show(done.await)
}

async fn page(visit: &Visit, wanted: Wanted) -> Result<Response, Problem> {
    let frame = visit.frame("screen-phone").await?;
    let w = visit.words();
    let calls: Vec<CallLine> = visit.ask(Request::Calls).await?;
    let rooms: Vec<RoomLine> = visit.ask(Request::Rooms).await?;
    let newest = |call: &&CallLine| call.code == wanted.code;
    let fresh = calls.iter().rev().find(newest).map(|call| fresh(call, visit.parent(), w));
    let other_end = other_end(visit, &wanted.about, &frame.me).await?;
    let rows = calls.iter().rev().take(ROWS_SHOWN).map(|call| row(call, w)).collect();
    let now_ms = frame.now_ms;
    html(&PhonePage {
        handles: visit.may(Capability::HandleMessages),
        rooms: rooms
            .iter()
            .filter(|line| !line.flows.is_empty())
            .map(|line| peer(&line.room, &other_end, w))
            .collect(),
        about: wanted.about,
        noted: fresh,
        now: local(now_ms),
        rows,
        frame,
    })
}

/// Whom a call about a message is with: whoever it came from, or went to.
async fn other_end(visit: &Visit, about: &str, me: &str) -> Result<String, Problem> {
    if about.is_empty() {
        return Ok(String::new());
    }
    let opened: Opened = visit.ask(Request::Show { id: about.to_owned() }).await?;
    let to = opened.to.first().filter(|_| opened.origin.id == me).map(|(room, _)| room.id.clone());
    Ok(to.unwrap_or(opened.origin.id))
}

fn peer(room: &Room, other_end: &str, w: &Words) -> Peer {
    Peer {
        is_chosen: room.id == other_end,
        id: room.id.clone(),
        name: format!("{} {}", room.code, w.room(room)),
        telephone: room.telephone.clone().unwrap_or_default(),
    }
}

fn class(state: &str) -> (&'static str, &'static str) {
    match state {
        "paired" => ("calm", "●"),
        "conflicting" => ("over", "■"),
        _ => ("soon", "▲"),
    }
}

fn fresh(call: &CallLine, parent: Option<String>, w: &Words) -> Fresh {
    let is_report = call.direction == "out" && parent.is_some_and(|parent| parent == call.peer.id);
    let own = call.notes.iter().find(|note| note.room.id != call.peer.id);
    Fresh {
        opens: own.filter(|_| is_report && call.about.is_none()).map(|note| note.id.clone()),
        code: call.code.chars().map(String::from).collect::<Vec<_>>().join(" "),
        is_out: call.direction == "out" && call.state == "claimed",
        state: w.word("call", &call.state),
        class: class(&call.state).0,
        peer: w.room(&call.peer),
        is_secrecy_warning: call.secrecy_warning,
    }
}

fn row(call: &CallLine, w: &Words) -> Row {
    let officers = call.notes.iter().map(|note| format!("{} {}", note.room.code, note.officer));
    let (class, shape) = class(&call.state);
    Row {
        state: w.word("call", &call.state),
        class,
        shape,
        exercise: if call.status == "actual" { String::new() } else { w.word("status", &call.status) },
        conflicts: call.conflicts.join(", "),
        code: call.code.clone(),
        direction: w.word("direction", &call.direction),
        peer: w.room(&call.peer),
        line: call.line.as_deref().map_or_else(|| "–".to_owned(), |line| w.word("phone-line", line)),
        started: clock_time(call.started_at_ms),
        ended: clock_time(call.ended_at_ms),
        officers: officers.collect::<Vec<_>>().join(", "),
        about: call.about.clone().unwrap_or_default(),
        is_secrecy_warning: call.secrecy_warning,
    }
}

/// One page of the list.
const ROWS_SHOWN: usize = 100;
