//! Incidents (事件): the list of cases, and the page of one: its facts with every value that they had and who changed it, one
//! timeline of messages, calls and receipts with a lane for each room, and who owes whom.

mod facts;
mod timeline;

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::Path, response::Response};

use self::{facts::Fact, timeline::Timeline};
use crate::{
    console::{
        page::{Frame, Mark, Visit, clock_time, html, remaining},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{CallLine, CaseLine, DueLine, InboxLine, Opened, ReceiptLine, SentLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
    more: usize,
}

/// One case of the list.
struct Row {
    id: String,
    title: String,
    kind: String,
    exercise: String,
    from: String,
    count: usize,
    newest: String,
    nearest: Option<(i64, String, Mark)>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage<'a> {
    frame: Frame<'a>,
    title: String,
    exercise: String,
    facts: Vec<Fact>,
    timeline: Timeline,
    /// What this room owes, and what it is owed.
    owed: [Vec<Owed>; 2],
    more: usize,
    newest: String,
    /// The report that is written next: about which message, with the text of its button.
    next: Option<(String, &'static str)>,
    handles: bool,
}

/// One duty of the case.
struct Owed {
    is_phone: bool,
    what: String,
    who: String,
    subject: String,
    state: String,
    due: String,
    left: Option<(i64, String)>,
    mark: Mark,
}

pub(crate) async fn list(visit: Visit) -> Response {
    visit.show(list_page(&visit).await)
}

pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    visit.show(case_page(&visit, &id).await)
}

/// What lists know of a message.
struct Known {
    title: String,
    kind: String,
    status: String,
    from: String,
    at_ms: i64,
}

async fn list_page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-cases").await?;
    let w = visit.words();
    let known = known(visit).await?;
    let due: Vec<DueLine> = visit.ask(Request::Due { all: false, about: None }).await?;
    let cases: Vec<CaseLine> = visit.ask(Request::Cases).await?;
    let rows: Vec<Row> = cases.iter().filter_map(|case| row(case, &known, &due, w)).collect();
    let more = rows.len().saturating_sub(ROWS_SHOWN);
    html(&CasesPage { frame, rows: rows.into_iter().take(ROWS_SHOWN).collect(), more })
}

/// Everything in the inbox and the outbox by its id.
async fn known(visit: &Visit) -> Result<BTreeMap<String, Known>, Problem> {
    let w = visit.words();
    let inbox: Vec<InboxLine> =
        visit.ask(Request::Inbox { all: true, newest: Some(LOOKED_AT), before: None }).await?;
    let sent: Vec<SentLine> = visit.ask(Request::Outbox { newest: Some(LOOKED_AT), before: None }).await?;
    let received = inbox.into_iter().map(|line| {
        let (from, at_ms) = (w.room(&line.origin), line.delivered_at_ms);
        (line.id, Known { title: line.title, kind: line.kind, status: line.status, from, at_ms })
    });
    let mine = sent.into_iter().map(|line| {
        let (from, at_ms) = (w.t("cases-own"), line.accepted_at_ms);
        (line.id, Known { title: line.title, kind: line.kind, status: line.status, from, at_ms })
    });
    Ok(received.chain(mine).collect())
}

fn row(case: &CaseLine, known: &BTreeMap<String, Known>, due: &[DueLine], w: &Words) -> Option<Row> {
    let of_case: Vec<(&String, &Known)> =
        case.messages.iter().filter_map(|id| known.get_key_value(id)).collect();
    // The newest stand first by when they were written: what came in first may be an answer that overtook it.
    let (id, first) = of_case.last()?;
    let newest = of_case.iter().map(|(_, known)| known.at_ms).max()?;
    let own = due.iter().filter(|line| case.messages.contains(&line.subject));
    let nearest = own.filter_map(|line| line.remaining_ms).min();
    Some(Row {
        id: (*id).clone(),
        title: first.title.clone(),
        kind: w.word("kind", &first.kind),
        exercise: exercise(&first.status, w),
        from: first.from.clone(),
        count: of_case.len(),
        newest: clock_time(newest),
        nearest: nearest.map(|ms| (ms, remaining(ms), Mark::of(ms))),
    })
}

fn exercise(status: &str, w: &Words) -> String {
    if status == "actual" { String::new() } else { w.word("status", status) }
}

async fn case_page(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let frame = visit.frame("screen-case").await?;
    let w = visit.words();
    let cases: Vec<CaseLine> = visit.ask(Request::Cases).await?;
    let case = cases.into_iter().find(|case| case.messages.iter().any(|other| other == id));
    let case = case.ok_or_else(|| Problem::failed("envelope_unknown").with("id", id))?;
    let mut members: Vec<(Opened, Vec<ReceiptLine>)> = Vec::new();
    for id in case.messages.iter().take(MESSAGES_SHOWN) {
        let opened: Opened = visit.ask(Request::Show { id: id.clone() }).await?;
        let receipts = visit.ask(Request::Receipts { id: id.clone() }).await?;
        members.push((opened, receipts));
    }
    members.sort_by_key(|(opened, _)| opened.created_at_ms);
    let mut calls: Vec<CallLine> = visit.ask(Request::Calls).await?;
    let is_of_case = |call: &CallLine| {
        let is_about = call.about.as_ref().is_some_and(|about| case.messages.contains(about));
        is_about || (call.case.is_some() && call.case == case.case)
    };
    calls.retain(is_of_case);
    let about = Some(id.to_owned());
    let mut due: Vec<DueLine> = visit.ask(Request::Due { all: true, about }).await?;
    due.retain(|line| case.messages.contains(&line.subject));
    let (mine, theirs): (Vec<&DueLine>, Vec<&DueLine>) = due
        .iter()
        .filter(|line| line.obliged.id == frame.me || line.towards.id == frame.me)
        .partition(|line| line.obliged.id == frame.me);
    let title = members.first().map(|(opened, _)| facts::title(opened)).unwrap_or_default();
    html(&CasePage {
        title,
        exercise: members.first().map(|(opened, _)| exercise(&opened.status, w)).unwrap_or_default(),
        facts: facts::facts(members.iter().map(|(opened, _)| opened), w),
        timeline: Timeline::of(&members, &calls, w),
        owed: [mine, theirs].map(|lines| lines.into_iter().map(|line| owed(line, w)).collect()),
        more: case.messages.len().saturating_sub(MESSAGES_SHOWN),
        newest: case.messages.first().cloned().unwrap_or_default(),
        next: next_report(members.iter().map(|(opened, _)| opened), &frame.me, visit.parent().is_some()),
        handles: visit.may(Capability::HandleMessages),
        frame,
    })
}

/// A room follows up its own newest report; one that has none passes on what it was told.
fn next_report<'a>(
    members: impl DoubleEndedIterator<Item = &'a Opened>,
    me: &str,
    has_parent: bool,
) -> Option<(String, &'static str)> {
    let reports: Vec<&Opened> = members.rev().filter(|opened| opened.kind == "report").collect();
    let own = reports.iter().find(|opened| opened.origin.id == me).map(|own| (own, "message-followup"));
    let told = reports.first().filter(|_| has_parent).map(|told| (told, "message-pass-on"));
    own.or(told).map(|(opened, label)| (opened.id.clone(), label))
}

fn owed(line: &DueLine, w: &Words) -> Owed {
    let mark = match line.state.as_str() {
        "breached" => Mark::Over,
        "met" => Mark::Calm,
        _ => line.remaining_ms.map_or(Mark::Calm, Mark::of),
    };
    Owed {
        is_phone: line.channel == "phone",
        what: w.word("rulekind", &line.kind),
        who: format!("{} → {}", w.room(&line.obliged), w.room(&line.towards)),
        subject: line.subject.clone(),
        state: w.word("duty", &line.state),
        due: line.due.as_deref().map(crate::console::page::day_time).unwrap_or_default(),
        left: line.remaining_ms.map(|ms| (ms, remaining(ms))),
        mark,
    }
}

/// The newest messages that titles are looked for in.
const LOOKED_AT: u64 = 2_000;
/// One page of the list.
const ROWS_SHOWN: usize = 100;
/// The newest messages of a case that its page opens.
const MESSAGES_SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn an_incident_has_the_name_of_its_first_message_whichever_came_first() {
        let case = CaseLine { case: None, messages: ["third", "second", "first"].map(String::from).to_vec() };
        for times in [[7, 7, 7], [5, 6, 7]] {
            let known = case.messages.iter().zip(times).map(|(id, at_ms)| {
                let [title, kind, status, from] = [id, "report", "actual", "A"].map(String::from);
                (id.clone(), Known { title, kind, status, from, at_ms })
            });
            let row = row(&case, &known.collect(), &[], &Words::new(Language::English)).unwrap();
            assert_eq!((row.id.as_str(), row.title.as_str(), row.count), ("first", "first", 3));
        }
    }
}
