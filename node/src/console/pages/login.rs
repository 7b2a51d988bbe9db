//! Log-in, lock and log-out.

use std::{net::SocketAddr, sync::Arc};

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    clock::Clock,
    console::{
        Console, api,
        caller::{cookie, language},
        page::{Alarm, html, problem_page},
        rights::{self, Capability},
        session::LIFETIME,
        words::Words,
    },
    control,
    problem::Problem,
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    w: &'a Words,
    room: String,
    /// Where to go afterwards.
    next: &'a str,
    /// Who has to unlock; empty for a log-in.
    officer: &'a str,
    /// Messages that nobody has acknowledged: seen while locked.
    waiting: Option<u64>,
    /// What rings, seen and heard while locked.
    alarm: Option<Alarm>,
    now_ms: i64,
    speed: u32,
    problem: Option<[String; 3]>,
    is_demo: bool,
    path: &'a str,
}

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct LoginForm {
    officer: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct LogoutForm {
    csrf: String,
}

/// The form.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    RawQuery(query): RawQuery,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let w = console.words(language(&headers, query.as_deref()));
    form(&console, w, own_path(&wanted.next), "", (None, None), None)
}

/// What a session shows that nobody has touched for a while: counts, and the way back in.
pub(crate) async fn locked(
    State(console): State<Arc<Console>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let w = console.words(language(&headers, query.as_deref()));
    let Some(caller) = console.session(&headers, false) else {
        return Redirect::to("/login").into_response();
    };
    if caller.officer.is_some() {
        return Redirect::to("/").into_response();
    }
    let waiting = console.node.reader.totals().await.ok().map(|totals| totals.unacknowledged);
    let alarm = if rights::may(caller.role, Capability::ReadMessages) {
        console.alarm(false).await.ok()
    } else {
        None
    };
    form(&console, w, "/", &caller.name, (waiting, alarm), None)
}

/// Begins a session under a new id, whatever id the browser brings.
pub(crate) async fn log_in(
    State(console): State<Arc<Console>>,
    Extension(client): Extension<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(given): Form<LoginForm>,
) -> Response {
    let w = console.words(language(&headers, query.as_deref()));
    let next = own_path(&given.next);
    let begun = async {
        let officer = console.log_in(client, given.officer.trim().to_owned(), given.password).await?;
        if let Some(old) = cookie(&headers, &console.cookie) {
            console.sessions.end(old);
        }
        tracing::info!(officer = officer.id, "an officer has logged in");
        console.sessions.begin(officer, Clock::instant())
    };
    match begun.await {
        Ok(id) => with_cookie(&console, &id, LIFETIME.as_secs(), next),
        Err(problem) => form(&console, w, next, "", (None, None), Some(&problem)),
    }
}

/// Ends a session.
pub(crate) async fn log_out(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Form(given): Form<LogoutForm>,
) -> Response {
    match console.session(&headers, false) {
        Some(caller) if !caller.owns_token(&given.csrf) => {
            problem_page(&Problem::policy("csrf_token_wrong"), console.words(language(&headers, None)))
        }
        Some(_) | None => {
            if let Some(id) = cookie(&headers, &console.cookie) {
                console.sessions.end(id);
            }
            with_cookie(&console, "", 0, "/login")
        }
    }
}

fn form(
    console: &Console,
    w: &Words,
    next: &str,
    officer: &str,
    (waiting, alarm): (Option<u64>, Option<Alarm>),
    problem: Option<&Problem>,
) -> Response {
    let map = console.node.trust.current().map.clone();
    let room = control::named_room(&map, console.node.config.room);
    let page = LoginPage {
        w,
        room: format!("{} {}", room.code, w.room(&room)),
        next,
        officer,
        waiting,
        alarm,
        now_ms: console.node.clock.now().as_ms(),
        speed: console.node.clock.speed(),
        problem: problem.map(|problem| {
            let said = w.catalogue().explain_on_page(problem);
            [said.what, said.why, said.remedy]
        }),
        is_demo: map.is_demo(),
        path: "/login",
    };
    let mut response = html(&page).unwrap_or_else(|problem| problem_page(&problem, w));
    if let Some(problem) = problem {
        *response.status_mut() = api::problem::status(problem);
    }
    response
}

/// A path of this console; anything else would lead an officer away.
pub(super) fn own_path(next: &str) -> &str {
    let is_own =
        next.starts_with('/') && next.bytes().all(|c| c.is_ascii_alphanumeric() || b"/-_".contains(&c));
    if is_own && !next.starts_with("//") { next } else { "/" }
}

fn with_cookie(console: &Console, id: &str, seconds: u64, next: &str) -> Response {
    let secure = if console.is_tls { "; Secure" } else { "" };
    let text =
        format!("{}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", console.cookie);
    let mut response = Redirect::to(next).into_response();
    match HeaderValue::from_str(&text) {
        Ok(value) => {
            response.headers_mut().append(header::SET_COOKIE, value);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_led_away_after_logging_in() {
        assert_eq!(own_path("/messages/01-a"), "/messages/01-a");
        for path in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a?b", "/a\r\nb"] {
            assert_eq!(own_path(path), "/", "{path}");
        }
    }
}
