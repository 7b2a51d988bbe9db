//! Receipts and evidence (回执) of one message: its way from room to room with stamps, durations and what each clock is worth;
//! the verdict with its clause and both clocks; the check, which exports and recomputes everything; and the file itself.

mod check;
mod way;

use askama::Template;
use axum::{
    Form,
    extract::Path,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use data_encoding::BASE64;
use serde::Deserialize;

use self::{check::Checked, way::Way};
use crate::{
    catalogue::Language,
    cli::evidence::certificate::carrying_page,
    console::{
        page::{Frame, Mark, Visit, day_time, html, remaining, span},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{EvidenceFile, ExplainedDuty, ExplainedRule, Moment, Opened, ReceiptLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "receipts.html")]
struct ReceiptsPage<'a> {
    frame: Frame<'a>,
    id: String,
    /// Title and kind, for those who may read.
    heading: Option<Heading>,
    is_exercise: bool,
    ways: Vec<Way>,
    verdicts: Vec<Verdict>,
    exports: bool,
    checked: Option<Checked>,
}

/// What the message is.
struct Heading {
    kind: String,
    title: String,
    /// 演练 or 测试; empty in earnest.
    exercise: String,
    digest: String,
}

/// One rule's verdict.
struct Verdict {
    who: String,
    says: String,
    clause: String,
    rule: String,
    is_phone: bool,
    state: String,
    class: &'static str,
    shape: &'static str,
    margin: String,
    start: String,
    due: String,
    met: String,
    sent: String,
    proven: String,
    proven_start: String,
    proven_met: String,
    alternative: String,
    cause: String,
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    csrf: String,
}

pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    visit.show(page(&visit, id, None).await)
}

/// The check: an export is made and put through the very verifier that others use.
pub(crate) async fn verify(visit: Visit, Path(id): Path<String>, Form(form): Form<CheckForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        let checked = check::check(&visit, file(&visit, &id).await?).await;
        page(&visit, id.clone(), Some(checked)).await
    };
    visit.show(done.await)
}

/// The evidence file, without texts and personal data.
pub(crate) async fn download(visit: Visit, Path(id): Path<String>) -> Response {
    let answer = async {
        let bytes = file(&visit, &id).await?;
        let mut response = bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        let name = HeaderValue::from_static("attachment; filename=\"evidence.zip\"");
        headers.insert(header::CONTENT_DISPOSITION, name);
        Ok(response)
    };
    visit.show(answer.await)
}

/// The certificate of delivery (送达凭证), for A4: made of an export that has just verified, which it brings along.
pub(crate) async fn certificate(visit: Visit, Path(id): Path<String>) -> Response {
    let answer = async {
        let bytes = file(&visit, &id).await?;
        let trust = visit.console.node.trust.current();
        let (console, language) = (visit.console.clone(), visit.words().catalogue().language());
        let writing = tokio::task::spawn_blocking(move || {
            carrying_page(&id, &bytes, &trust.root, console.words(language).catalogue())
        });
        let page =
            writing.await.map_err(|error| Problem::failed("control_broken").with("detail", error))??;
        paper(page)
    };
    visit.show(answer.await)
}

/// A page of paper with a style of its own, and nothing else that could run or be fetched.
fn paper(page: String) -> Result<Response, Problem> {
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let digest = BASE64.encode(certs::digest(style.map_or("", |(style, _)| style).as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    let broken = |error| Problem::failed("page_broken").with("detail", error);
    let policy = HeaderValue::from_str(&policy).map_err(broken)?;
    let mut response = Html(page).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

async fn file(visit: &Visit, id: &str) -> Result<Vec<u8>, Problem> {
    let export = Request::EvidenceExport { id: id.to_owned(), case: false, text: false, personal: false };
    let file: EvidenceFile = visit.ask(export).await?;
    BASE64
        .decode(file.bytes.as_bytes())
        .map_err(|error| Problem::failed("control_broken").with("detail", error))
}

async fn page(visit: &Visit, id: String, checked: Option<Checked>) -> Result<Response, Problem> {
    let frame = visit.frame("screen-receipts").await?;
    let w = visit.words();
    let receipts: Vec<ReceiptLine> = visit.ask(Request::Receipts { id: id.clone() }).await?;
    let heading = if visit.may(Capability::ReadMessages) { heading(visit, &id).await? } else { None };
    let duties = visit.ask::<Vec<ExplainedDuty>>(Request::RulesExplain { id: id.clone() }).await;
    let duties = match duties {
        Err(problem) if problem.code == "rules_no_case" => Vec::new(),
        other => other?,
    };
    let verdict = |duty: &ExplainedDuty| -> Vec<Verdict> {
        duty.rules.iter().map(|rule| verdict(duty, rule, w)).collect()
    };
    html(&ReceiptsPage {
        id,
        is_exercise: heading.as_ref().is_some_and(|heading| !heading.exercise.is_empty()),
        heading,
        ways: Way::all(&receipts, w),
        verdicts: duties.iter().flat_map(verdict).collect(),
        exports: visit.may(Capability::ExportEvidence),
        checked,
        frame,
    })
}

/// Title and kind; nothing for a message that passed through and is not for this room.
async fn heading(visit: &Visit, id: &str) -> Result<Option<Heading>, Problem> {
    let w = visit.words();
    let opened: Opened = match visit.ask(Request::Show { id: id.to_owned() }).await {
        Err(problem) if problem.code == "envelope_not_for_us" => return Ok(None),
        other => other?,
    };
    Ok(Some(Heading {
        kind: w.word("kind", &opened.kind),
        title: opened.element_text("title").unwrap_or_default(),
        exercise: if opened.status == "actual" { String::new() } else { w.word("status", &opened.status) },
        digest: opened.digest,
    }))
}

fn verdict(duty: &ExplainedDuty, rule: &ExplainedRule, w: &Words) -> Verdict {
    let is_zh = w.catalogue().language() == Language::Chinese;
    let mark = mark(&rule.verdict);
    let margin = match (rule.late_by_ms, rule.margin_ms) {
        (Some(late), _) => w.t1("receipts-late-by", "span", span(late)),
        (None, Some(left)) => w.t1("receipts-left", "span", remaining(left)),
        (None, None) => String::new(),
    };
    Verdict {
        who: format!("{} → {}", w.room(&duty.obliged), w.room(&duty.towards)),
        says: if is_zh { rule.says.clone() } else { rule.says_en.clone() },
        clause: rule.clause.clone(),
        rule: format!("{} · {} v{}", rule.rule, rule.pack, rule.pack_version),
        is_phone: rule.channel == "phone",
        state: w.word("verdict", &rule.verdict),
        class: mark.class(),
        shape: mark.shape(),
        margin,
        start: moment(rule.start.as_ref()),
        due: rule.due.as_deref().map(day_time).unwrap_or_default(),
        met: moment(rule.met.as_ref()),
        sent: rule.sent_verdict.as_deref().map(|word| w.word("verdict", word)).unwrap_or_default(),
        proven: w.word("verdict", &rule.proven_verdict),
        proven_start: moment(rule.proven_start.as_ref()),
        proven_met: moment(rule.proven_met.as_ref()),
        alternative: rule.alternative.as_ref().map_or_else(String::new, |other| {
            let due = other.due.as_deref().map(day_time).unwrap_or_default();
            format!("{} → {due}: {}", moment(Some(&other.start)), w.word("verdict", &other.verdict))
        }),
        cause: rule.cause.as_deref().map(|word| w.word("cause", word)).unwrap_or_default(),
    }
}

fn mark(verdict: &str) -> Mark {
    match verdict {
        "late" | "refused" => Mark::Over,
        "undecidable" | "pending" => Mark::Soon,
        _ => Mark::Calm,
    }
}

/// Between which times something happened; one where both are the same second.
fn moment(moment: Option<&Moment>) -> String {
    let Some(moment) = moment else { return "–".to_owned() };
    let end = |end: &Option<String>| end.as_deref().map_or_else(|| "?".to_owned(), day_time);
    let (earliest, latest) = (end(&moment.earliest), end(&moment.latest));
    if earliest == latest { earliest } else { format!("{earliest} … {latest}") }
}
