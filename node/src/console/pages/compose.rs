//! Composing (起草): the form of a kind, whom it goes to, and beside it what applies: the limits and when they run out, the
//! elements that are missing (which keep nothing back), the marking scanner (which does), and the paper as it will print.
//!
//! Everything works by posting the form. With the script the panel beside it is read again while somebody types.

mod addressees;
pub(crate) mod draft;
mod fields;
mod panel;
pub(crate) mod review;

use askama::Template;
use axum::{
    extract::Query,
    response::{IntoResponse, Redirect, Response},
};
use relay::{
    limits::ATTACHMENTS_BYTES_MAX,
    message::{Kind, attachment::ATTACHMENTS_MAX, category::Category},
};
use serde::Deserialize;

use self::{
    addressees::{Group, add_pairs, groups, has_any},
    draft::{ABOUT_FILES, ABOUT_LATENESS, ABOUT_REPEAT, Draft, local},
    fields::{Field, Shape, fields},
    panel::Panel,
    review::Review,
};
use crate::{
    console::{
        page::{Frame, Visit, html},
        posted::Posted,
        rights::Capability,
    },
    control::{
        request::Request,
        view::{Opened, Preview, ReceiptLine, RoomLine, Sent},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "compose.html")]
struct ComposePage<'a> {
    frame: Frame<'a>,
    kinds: Vec<KindLink>,
    kind: &'static str,
    about: String,
    /// 演练 or 测试; empty in earnest.
    exercise: String,
    groups: Vec<Group>,
    inputs: Vec<Input>,
    /// Why it is late, where that was just asked: it stands before everything else.
    reason: Option<Input>,
    draft: Draft,
    /// Names of files that have to be chosen again.
    lost_files: String,
    files_max: usize,
    files_mib_max: usize,
    panel: Option<Panel>,
    review: Option<Review>,
    /// Whether it may leave before it is signed off: a report, which a correction then signs.
    is_fast_possible: bool,
}

/// A kind that can be written.
struct KindLink {
    word: &'static str,
    name: String,
    is_here: bool,
}

/// One element to fill in.
struct Input {
    key: &'static str,
    label: String,
    shape: Shape,
    value: String,
    is_required: bool,
    /// Words and names of a choice.
    choices: Vec<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    about: String,
    /// A form that waits to be signed off.
    #[serde(default)]
    draft: String,
}

/// The empty form of a kind; or one that answers or follows up another message.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let page = async {
        visit.must(Capability::HandleMessages)?;
        if !wanted.draft.is_empty() {
            let draft = review::open(&visit, &wanted.draft).await?;
            return page(&visit, draft, None).await;
        }
        let kind = kind(&wanted.kind)?;
        let draft = begun(&visit, kind, &wanted.about).await?;
        page(&visit, draft, None).await
    };
    visit.show(page.await)
}

/// The form comes back with what applies to it, or is sent.
pub(crate) async fn post(visit: Visit, posted: Posted) -> Response {
    let done = async {
        let Posted { pairs, files } = posted;
        let token = pairs.iter().find(|(name, _)| name == "csrf").map_or("", |(_, value)| value);
        visit.check_form(token)?;
        let word = pairs.iter().find(|(name, _)| name == "kind").map_or("", |(_, value)| value);
        let mut draft = Draft::new(kind(word)?, pairs.clone()).with_files(files);
        let rooms: Vec<RoomLine> = visit.ask(Request::Rooms).await?;
        add_pairs(&mut draft, &rooms);
        let order = draft.one("order").to_owned();
        if let Some(done) = review::order(&visit, &draft, &order).await? {
            return Ok(done);
        }
        if order == "send" || order == "fast" {
            signed_off(&mut draft, order == "fast", visit.console.node.clock.now().as_ms());
            return send(&visit, draft, order == "fast").await;
        }
        let preview = preview(&visit, &draft).await?;
        if order == "review" && preview.is_read && preview.secrecy.is_none() {
            return review::keep(&visit, draft, None).await;
        }
        draft.lose_files();
        page(&visit, draft, Some(preview)).await
    };
    visit.show(done.await)
}

async fn preview(visit: &Visit, draft: &Draft) -> Result<Preview, Problem> {
    let preview: Preview = visit.ask(Request::Preview(Box::new(draft.request()))).await?;
    Ok(Preview { problem: draft.mistake().or(preview.problem), ..preview })
}

fn kind(word: &str) -> Result<Kind, Problem> {
    let word = if word.is_empty() { Kind::Report.word() } else { word };
    let kind = word.parse().ok().filter(|kind: &Kind| *kind != Kind::PhoneNote);
    kind.ok_or_else(|| Problem::usage("kind_unknown").with("kind", word))
}

/// 先报后审: it leaves without a signature, and waits on the first page until a correction brings it.
fn signed_off(draft: &mut Draft, is_fast: bool, now_ms: i64) {
    if is_fast {
        draft.set("signed_by", "");
    } else if !draft.one("signed_by").is_empty() {
        draft.set("signed_off_at", local(now_ms));
    }
}

/// What keeps it back stands on the page with the form as it was; nothing that was typed is lost.
async fn send(visit: &Visit, mut draft: Draft, is_fast: bool) -> Result<Response, Problem> {
    let lost = draft.lost_files();
    let sent = if let Some(mistake) = draft.mistake() {
        Err(mistake)
    } else if lost.is_empty() || draft.was_asked(ABOUT_FILES) {
        visit.ask::<Sent>(Request::Send(Box::new(draft.request()))).await
    } else {
        Err(Problem::usage("files_not_chosen").with("names", lost))
    };
    match sent {
        Ok(sent) => {
            review::settle(visit, draft, is_fast.then(|| sent.id.clone())).await;
            Ok(Redirect::to(&format!("/messages/{}?sent=1", sent.id)).into_response())
        }
        Err(problem) => {
            let preview = preview(visit, &draft).await?;
            draft.lose_files();
            if let Some(question) = question(&problem) {
                draft.ask(question);
            }
            page(visit, draft, Some(Preview { problem: Some(problem), ..preview })).await
        }
    }
}

/// The code of the question why a report is late, and the element that answers it.
const LATE_REASON_WANTED: &str = "late_reason_wanted";
const LATE_REASON: &str = "late_reason";

/// What is asked once, and keeps nothing back the second time.
fn question(problem: &Problem) -> Option<&'static str> {
    match problem.code.as_str() {
        LATE_REASON_WANTED => Some(ABOUT_LATENESS),
        "sent_just_now" => Some(ABOUT_REPEAT),
        "files_not_chosen" => Some(ABOUT_FILES),
        _ => None,
    }
}

/// A form to begin with.
async fn begun(visit: &Visit, kind: Kind, about: &str) -> Result<Draft, Problem> {
    let now = visit.console.node.clock.now().as_ms();
    let mut draft = if about.is_empty() {
        let mut draft = Draft::new(kind, Vec::new());
        draft.set("learned_at", local(now));
        if kind == Kind::Report {
            visit.parent().iter().for_each(|parent| draft.choose(parent, "action"));
        }
        draft
    } else {
        about_another(visit, kind, visit.ask(Request::Show { id: about.to_owned() }).await?).await?
    };
    draft.set("composed_at", local(now));
    draft.set("drafted_by", visit.caller.name.clone());
    Ok(draft)
}

/// What answers or follows up a message goes where that one came from or went to, and a report goes up: another room's is
/// passed on as this room's own (转报), and a verification that proved true becomes a first report. Each begins with what
/// that one says.
async fn about_another(visit: &Visit, kind: Kind, opened: Opened) -> Result<Draft, Problem> {
    let is_own = opened.origin.id == visit.console.node.config.room.to_string();
    let is_report = kind == Kind::Report;
    let is_reply = opened.kind == Kind::VerifyReply.word();
    let begins_with_it = opened.kind == kind.word() || (is_report && TELLS.contains(&opened.kind.as_str()));
    let mut draft =
        if begins_with_it { Draft::of_message(kind, &opened.message) } else { Draft::new(kind, Vec::new()) };
    if opened.kind == kind.word() && is_own {
        draft.set("stage", "followup");
        draft.set("stage_no", (draft.one("stage_no").parse().unwrap_or(0_u32) + 1).to_string());
    } else if is_report {
        // Of what a room answers it knew when it was asked.
        let told = opened.relates_to.first().filter(|_| is_own && is_reply).unwrap_or(&opened.id);
        draft.set("learned_at", local(came(visit, told).await.unwrap_or(opened.created_at_ms)));
        draft.set("late_reason", "");
    }
    if is_own && !(is_report && is_reply) {
        opened.to.iter().for_each(|(room, role)| draft.choose(&room.id, role));
    } else if is_report {
        visit.parent().iter().for_each(|parent| draft.choose(parent, "action"));
    } else {
        draft.choose(&opened.origin.id, "action");
    }
    draft.set("about", opened.id);
    Ok(draft)
}

/// When a message was delivered to this room, if that is known: a form begins without it too.
async fn came(visit: &Visit, id: &str) -> Option<i64> {
    let receipts: Vec<ReceiptLine> = visit.ask(Request::Receipts { id: id.to_owned() }).await.ok()?;
    let here = visit.code();
    let is_delivery =
        |line: &&ReceiptLine| line.event == "delivered" && Some(&line.recipient) == here.as_ref();
    receipts.iter().find(is_delivery).map(|line| line.at_ms)
}

/// Kinds besides reports that tell of an event.
const TELLS: [&str; 3] = [Kind::PhoneNote.word(), Kind::VerifyRequest.word(), Kind::VerifyReply.word()];

async fn page(visit: &Visit, draft: Draft, preview: Option<Preview>) -> Result<Response, Problem> {
    let problem = preview.as_ref().and_then(|preview| preview.problem.as_ref());
    let is_why_asked = problem.is_some_and(|problem| problem.code == LATE_REASON_WANTED);
    let (asked, others): (Vec<&Field>, Vec<&Field>) =
        fields(draft.kind).iter().partition(|field| is_why_asked && field.key == LATE_REASON);
    let frame = visit.frame("screen-compose").await?;
    let w = visit.words();
    let rooms: Vec<RoomLine> = visit.ask(Request::Rooms).await?;
    let writable = Kind::ALL.into_iter().filter(|kind| !fields(*kind).is_empty() && has_any(*kind, &rooms));
    html(&ComposePage {
        kinds: writable
            .map(|kind| KindLink {
                word: kind.word(),
                name: w.word("kind", kind.word()),
                is_here: kind == draft.kind,
            })
            .collect(),
        kind: draft.kind.word(),
        about: draft.one("about").to_owned(),
        exercise: match draft.one("status") {
            "" | "actual" => String::new(),
            status => w.word("status", status),
        },
        groups: groups(draft.kind, &rooms, &draft, w),
        inputs: others.into_iter().map(|field| input(field, &draft, visit)).collect(),
        reason: asked.first().map(|field| input(field, &draft, visit)),
        lost_files: draft.lost_files(),
        review: review::of(visit, &draft).await?,
        is_fast_possible: draft.kind == Kind::Report,
        files_max: ATTACHMENTS_MAX,
        files_mib_max: ATTACHMENTS_BYTES_MAX >> 20,
        panel: preview.map(|preview| Panel::of(preview, draft.kind.word(), w)),
        draft,
        frame,
    })
}

fn input(field: &Field, draft: &Draft, visit: &Visit) -> Input {
    let kind = draft.kind.word();
    let w = visit.words();
    Input {
        key: field.key,
        label: w.catalogue().element(kind, field.key),
        shape: field.shape,
        value: draft.one(field.key).to_owned(),
        is_required: field.is_required,
        choices: match field.shape {
            Shape::Choice(group, words) => {
                words.iter().map(|word| ((*word).to_owned(), w.word(group, word))).collect()
            }
            Shape::Category => {
                Category::KEYS.iter().map(|(key, _)| ((*key).to_owned(), w.word("category", key))).collect()
            }
            Shape::Line | Shape::Text | Shape::Time | Shape::Count | Shape::Number | Shape::Flag => {
                Vec::new()
            }
        },
    }
}
