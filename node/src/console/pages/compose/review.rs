//! Signing off (审签): a form that is handed in before it leaves (送审), or kept after it has left in a hurry (先报后审), until a
//! head of watch or leader sends it, signed, or gives it back. It never keeps anything back that an officer sends.

use axum::response::{IntoResponse, Redirect, Response};
use certs::officer::OfficerRole;
use relay::message::Kind;

use super::{draft::Draft, kind};
use crate::{
    console::{
        page::{Visit, clock_time},
        words::Words,
    },
    control::{
        request::Request,
        view::{self, DraftLine},
    },
    problem::Problem,
};

/// A form that waits, in words.
pub(crate) struct Review {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) state: String,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) note: Option<String>,
    pub(crate) message: Option<String>,
}

impl Review {
    pub(crate) fn of(line: DraftLine, w: &Words) -> Self {
        Self {
            kind: w.word("kind", &line.kind),
            state: w.word("draft", &line.state),
            at: clock_time(line.at_ms),
            id: line.id,
            title: line.title,
            by: line.by,
            note: line.note,
            message: line.message,
        }
    }
}

/// What stands above the form of a draft that waits; nothing for another form, or where somebody was faster.
pub(super) async fn of(visit: &Visit, draft: &Draft) -> Result<Option<Review>, Problem> {
    let id = draft.one("draft");
    if id.is_empty() {
        return Ok(None);
    }
    match visit.ask::<view::Draft>(Request::DraftShow { id: id.to_owned() }).await {
        Ok(kept) => Ok(Some(Review::of(kept.line, visit.words()))),
        Err(problem) if problem.code == "draft_unknown" => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The form of a draft that waits. What has left already is corrected, which brings the signature; whoever may sign
/// finds the own name in its place.
pub(super) async fn open(visit: &Visit, id: &str) -> Result<Draft, Problem> {
    let kept: view::Draft = visit.ask(Request::DraftShow { id: id.to_owned() }).await?;
    let mut draft = Draft::new(kind(&kept.line.kind)?, kept.fields);
    draft.set("draft", kept.line.id);
    if let Some(message) = kept.line.message {
        draft.set("about", message);
        draft.set("stage", "correction");
    }
    let signs = matches!(visit.caller.role, OfficerRole::HeadOfWatch | OfficerRole::Leader);
    if signs && draft.one("signed_by").is_empty() {
        draft.set("signed_by", visit.caller.name.clone());
    }
    Ok(draft)
}

/// What a draft's own buttons order; nothing where the form is to be looked at or sent.
pub(super) async fn order(visit: &Visit, draft: &Draft, order: &str) -> Result<Option<Response>, Problem> {
    let id = draft.one("draft").to_owned();
    let request = match order {
        "return" => Request::DraftReturn { id, note: draft.one("review_note").to_owned() },
        "drop" => Request::DraftDrop { id },
        _ => return Ok(None),
    };
    visit.ask::<serde_json::Value>(request).await?;
    Ok(Some(home()))
}

/// Keeps a form until it is signed off.
pub(super) async fn keep(visit: &Visit, draft: Draft, message: Option<String>) -> Result<Response, Problem> {
    visit.ask::<DraftLine>(Request::DraftKeep(Box::new(draft.kept(message)))).await?;
    Ok(home())
}

/// After a message has left: what left in a hurry waits for its signature, and a draft that was sent is done. The message
/// is on its way whatever comes of that.
pub(super) async fn settle(visit: &Visit, draft: Draft, in_a_hurry: Option<String>) {
    let id = draft.one("draft").to_owned();
    let done = match in_a_hurry {
        Some(message) if draft.kind == Kind::Report => keep(visit, draft, Some(message)).await.map(drop),
        _ if id.is_empty() => return,
        _ => visit.ask::<serde_json::Value>(Request::DraftDrop { id }).await.map(drop),
    };
    if let Err(problem) = done {
        tracing::warn!(%problem, "what waits to be signed off is not as it should be");
    }
}

fn home() -> Response {
    Redirect::to("/").into_response()
}
