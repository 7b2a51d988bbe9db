//! What every page has around it: the strip with room, watch, clock and line, the menu, the three nearest deadlines; and
//! how a page is asked for and answered.

mod alarm;
mod time;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};

use super::{Console, api, caller::language, rights, rights::Capability, session::Caller, words::Words};
use crate::{
    control::{
        request::Request,
        view::{DueLine, Status},
    },
    escape::escaped,
    problem::Problem,
};

pub(crate) use self::{
    alarm::{Alarm, SECOND_PERSON_AFTER_MS},
    time::{clock_time, day_time, exact_time, remaining, span},
};

/// An officer's request for a page.
pub(crate) struct Visit {
    pub(crate) console: Arc<Console>,
    pub(crate) caller: Caller,
    language: crate::catalogue::Language,
    path: String,
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Response;

    /// Whoever has not logged in is led to where that is done; whoever is locked out by time, to the lock.
    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        let is_hand = !parts.headers.contains_key(REFRESH_HEADER);
        let language = language(&parts.headers, parts.uri.query());
        let path = parts.uri.path().to_owned();
        let caller = console.session(&parts.headers, is_hand);
        match caller {
            None => Err(Redirect::to(&login_address(&parts.uri)).into_response()),
            Some(caller) if caller.officer.is_none() => Err(Redirect::to("/locked").into_response()),
            Some(caller) => Ok(Self { console: console.clone(), caller, language, path }),
        }
    }
}

fn login_address(uri: &Uri) -> String {
    if uri.path() == "/" { "/login".to_owned() } else { format!("/login?next={}", uri.path()) }
}

impl Visit {
    pub(crate) fn words(&self) -> &Words {
        self.console.words(self.language)
    }

    /// Asks the node in the officer's name.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<T, Problem> {
        self.console.ask(&self.caller, request).await
    }

    pub(crate) fn may(&self, capability: Capability) -> bool {
        rights::may(self.caller.role, capability)
    }

    /// Refuses who has not this capability, where no request would.
    ///
    /// # Errors
    /// `role_forbids`.
    pub(crate) fn must(&self, capability: Capability) -> Result<(), Problem> {
        if self.may(capability) {
            Ok(())
        } else {
            Err(Problem::policy("role_forbids").with("role", self.caller.role))
        }
    }

    /// The code of this room.
    pub(crate) fn code(&self) -> Option<String> {
        let node = &self.console.node;
        let map = node.trust.current().map.clone();
        map.room(node.config.room).map(|room| room.code().to_string())
    }

    /// The room right above this one, which a report goes to first.
    pub(crate) fn parent(&self) -> Option<String> {
        let node = &self.console.node;
        let map = node.trust.current().map.clone();
        map.room(node.config.room)?.parent.map(|id| id.to_string())
    }

    /// Refuses a form that is not of this session.
    ///
    /// # Errors
    /// `csrf_token_wrong`.
    pub(crate) fn check_form(&self, token: &str) -> Result<(), Problem> {
        if self.caller.owns_token(token) { Ok(()) } else { Err(Problem::policy("csrf_token_wrong")) }
    }

    /// What stands around the page's own part. `title` is a text of the catalogue.
    pub(crate) async fn frame(&self, title: &str) -> Result<Frame<'_>, Problem> {
        let seen = self.console.events.last_id();
        let w = self.words();
        let status: Status = self.ask(Request::Status).await?;
        let due = if self.may(Capability::SeeReceipts) { self.due().await? } else { Vec::new() };
        let mut alarm = if self.may(Capability::ReadMessages) {
            self.console.alarm(self.may(Capability::HandleMessages)).await?
        } else {
            Alarm::default()
        };
        if self.may(Capability::HandleMessages) && alarm.ringing.iter().any(|line| line.muted_ms.is_none()) {
            alarm.silence = Some([self.caller.csrf.clone(), self.path.clone()]);
        }
        let menu = MENU.iter().filter(|item| item.wants.is_none_or(|wants| self.may(wants)));
        Ok(Frame {
            title: w.t(title),
            room: format!("{} {}", status.room.code, w.room(&status.room)),
            me: status.room.id.clone(),
            on_watch: w.list(self.console.sessions.on_watch()),
            officer: format!("{} ({})", self.caller.name, w.word("role", self.caller.role.word())),
            csrf: &self.caller.csrf,
            now_ms: status.clock.now_ms,
            now: clock_time(status.clock.now_ms),
            speed: self.console.node.clock.speed(),
            is_clock_good: status.clock.trusted,
            offset: status.clock.offset_ms.map(|[low, high]| offset(low, high)).unwrap_or_default(),
            line: Line::of(&status, w),
            alarm,
            unacknowledged: status.unacknowledged,
            is_demo: status.demo || self.console.node.clock.is_scaled(),
            menu: menu
                .map(|item| MenuItem {
                    path: item.path,
                    label: w.t(item.label),
                    key: item.key,
                    is_here: item.is_of(&self.path),
                })
                .collect(),
            deadlines: due.iter().take(3).map(|line| Deadline::of(line, w)).collect(),
            path: &self.path,
            seen,
            reads: self.may(Capability::ReadMessages),
            w,
        })
    }

    /// What this room owes, the nearest first.
    pub(crate) async fn due(&self) -> Result<Vec<DueLine>, Problem> {
        let me = self.console.node.config.room.to_string();
        let mut lines: Vec<DueLine> = self.ask(Request::Due { all: false, about: None }).await?;
        lines.retain(|line| line.obliged.id == me && line.remaining_ms.is_some() && line.met_at.is_none());
        lines.sort_by_key(|line| line.remaining_ms);
        Ok(lines)
    }

    /// The page, or why there is none.
    pub(crate) fn show(&self, page: Result<Response, Problem>) -> Response {
        page.unwrap_or_else(|problem| problem_page(&problem, self.words()))
    }
}

/// What stands around every page of somebody who is logged in.
pub(crate) struct Frame<'a> {
    pub(crate) w: &'a Words,
    pub(crate) title: String,
    pub(crate) room: String,
    pub(crate) me: String,
    pub(crate) on_watch: String,
    pub(crate) officer: String,
    pub(crate) csrf: &'a str,
    pub(crate) now_ms: i64,
    pub(crate) now: String,
    pub(crate) speed: u32,
    pub(crate) is_clock_good: bool,
    pub(crate) offset: String,
    pub(crate) line: Option<Line>,
    pub(crate) alarm: Alarm,
    pub(crate) unacknowledged: u64,
    pub(crate) is_demo: bool,
    pub(crate) menu: Vec<MenuItem>,
    pub(crate) deadlines: Vec<Deadline>,
    pub(crate) path: &'a str,
    /// The last event before this page was read.
    pub(crate) seen: String,
    /// Whether messages may be read here; else a link to one leads to its receipts.
    pub(crate) reads: bool,
}

/// The link to the parent.
pub(crate) struct Line {
    pub(crate) room: String,
    pub(crate) is_up: bool,
    pub(crate) word: String,
    pub(crate) since: String,
    pub(crate) lasts_ms: i64,
    pub(crate) lasts: String,
    pub(crate) queued: u64,
    pub(crate) telephone: Option<String>,
    /// Another parent that takes what goes up meanwhile.
    pub(crate) other_way: Option<String>,
}

impl Line {
    fn of(status: &Status, w: &Words) -> Option<Self> {
        let link = status.links.iter().find(|link| link.role == "parent")?;
        let other = status.links.iter().find(|link| link.role == "alternate" && link.state == "up");
        let lasts_ms = status.clock.now_ms.saturating_sub(link.since_ms).max(0);
        Some(Self {
            room: w.room(&link.room),
            is_up: link.state == "up",
            word: w.word("link-state", &link.state),
            since: clock_time(link.since_ms),
            lasts: remaining(lasts_ms),
            lasts_ms,
            queued: link.queued,
            telephone: link.room.telephone.clone(),
            other_way: other.map(|link| w.room(&link.room)),
        })
    }
}

/// A line of the menu.
pub(crate) struct MenuItem {
    pub(crate) path: &'static str,
    pub(crate) label: String,
    /// The key that leads there.
    pub(crate) key: Option<&'static str>,
    pub(crate) is_here: bool,
}

/// One thing that is due.
pub(crate) struct Deadline {
    pub(crate) is_phone: bool,
    pub(crate) what: String,
    pub(crate) subject: String,
    pub(crate) towards: String,
    pub(crate) remaining_ms: i64,
    pub(crate) remaining: String,
    pub(crate) mark: Mark,
}

/// How pressing something is, as a shape, a word and a class; colour says nothing alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Calm,
    Soon,
    Over,
}

impl Mark {
    pub(crate) fn of(remaining_ms: i64) -> Self {
        match remaining_ms {
            ..=-1 => Self::Over,
            0..SOON_MS => Self::Soon,
            _ => Self::Calm,
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Soon => "soon",
            Self::Over => "over",
        }
    }

    pub(crate) const fn shape(self) -> &'static str {
        match self {
            Self::Calm => "●",
            Self::Soon => "▲",
            Self::Over => "■",
        }
    }
}

impl Deadline {
    pub(crate) fn of(line: &DueLine, w: &Words) -> Self {
        let remaining_ms = line.remaining_ms.unwrap_or_default();
        Self {
            is_phone: line.channel == "phone",
            what: w.word("rulekind", &line.kind),
            subject: line.subject.clone(),
            towards: w.room(&line.towards),
            remaining_ms,
            remaining: remaining(remaining_ms),
            mark: Mark::of(remaining_ms),
        }
    }
}

struct Screen {
    path: &'static str,
    label: &'static str,
    key: Option<&'static str>,
    wants: Option<Capability>,
}

impl Screen {
    fn is_of(&self, path: &str) -> bool {
        if self.path == "/" { path == "/" } else { path.starts_with(self.path) }
    }
}

/// The screens that exist, in the order of the menu. One that is not built is not in it.
const MENU: [Screen; 12] = [
    Screen { path: "/", label: "screen-home", key: None, wants: None },
    Screen { path: "/inbox", label: "screen-inbox", key: None, wants: Some(Capability::ReadMessages) },
    Screen {
        path: "/compose",
        label: "screen-compose",
        key: Some("n"),
        wants: Some(Capability::HandleMessages),
    },
    Screen { path: "/cases", label: "screen-cases", key: None, wants: Some(Capability::ReadMessages) },
    Screen { path: "/board", label: "screen-board", key: None, wants: Some(Capability::ReadMessages) },
    Screen { path: "/phone", label: "screen-phone", key: Some("F2"), wants: Some(Capability::ReadMessages) },
    Screen { path: "/topology", label: "screen-topology", key: None, wants: None },
    Screen { path: "/queue", label: "screen-queue", key: None, wants: None },
    Screen { path: "/latency", label: "screen-latency", key: None, wants: Some(Capability::SeeReceipts) },
    Screen { path: "/wall", label: "screen-wall", key: None, wants: None },
    Screen { path: "/admin", label: "screen-admin", key: None, wants: None },
    Screen { path: "/help", label: "screen-help", key: Some("?"), wants: None },
];

/// A whole page. No character of another room's text moves or turns what stands beside it.
pub(crate) fn html(page: &impl Template) -> Result<Response, Problem> {
    let text = page.render().map_err(|error| Problem::failed("page_broken").with("detail", error))?;
    let mut response = escaped(&text).into_response();
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    w: &'a Words,
    code: &'a str,
    what: String,
    why: String,
    remedy: String,
}

/// What went wrong, in the three sentences of the command line.
pub(crate) fn problem_page(problem: &Problem, w: &Words) -> Response {
    let said = w.catalogue().explain_on_page(problem);
    let page = ProblemPage { w, code: &problem.code, what: said.what, why: said.why, remedy: said.remedy };
    let mut response = html(&page).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    *response.status_mut() = api::problem::status(problem);
    response
}

/// `+0.004s ±0.012s` of an offset between two bounds.
pub(crate) fn offset(low: i64, high: i64) -> String {
    let (middle, half) = ((low + high) / 2, (high - low) / 2);
    format!(
        "{}{}.{:03}s ±{}.{:03}s",
        if middle < 0 { "-" } else { "+" },
        middle.abs() / 1000,
        middle.abs() % 1000,
        half / 1000,
        half % 1000
    )
}

/// A page that reads itself again says so: that is nobody's hand.
const REFRESH_HEADER: &str = "x-refresh";
/// From here on a deadline is marked.
const SOON_MS: i64 = 10 * 60 * 1000;
