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
        view::{CallLine, Noted, Room, RoomLine},
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
}

/// A code to be read aloud, or a call that has just been paired.
struct Fresh {
    code: String,
    is_out: bool,
    state: String,
    class: &'static str,
    peer: String,
    is_secrecy_warning: bool,
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
    let fresh = calls.iter().rev().find(newest).map(|call| fresh(call, w));
    let rows = calls.iter().rev().take(ROWS_SHOWN).map(|call| row(call, w)).collect();
    let now_ms = frame.now_ms;
    html(&PhonePage {
        handles: visit.may(Capability::HandleMessages),
        rooms: rooms.iter().filter(|line| !line.flows.is_empty()).map(|line| peer(&line.room, w)).collect(),
        about: wanted.about,
        noted: fresh,
        now: local(now_ms),
        rows,
        frame,
    })
}

fn peer(room: &Room, w: &Words) -> Peer {
    Peer {
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

fn fresh(call: &CallLine, w: &Words) -> Fresh {
    Fresh {
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
