//! The inbox (收件): what has come, unacknowledged and urgent first, then by what is due; and what is looked for in it, by title,
//! room or id. What lists show is encrypted where it is kept, so that looking opens so many of the newest at a time and says so.

use super::message;
use askama::Template;
use axum::{extract::Query, response::Response};
use serde::Deserialize;

use crate::{
    console::{
        page::{Deadline, Frame, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{DueLine, InboxLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
    more: usize,
    /// The message before which the next page begins.
    older: Option<String>,
    all: bool,
    handles: bool,
    /// What is looked for; empty where nothing is.
    query: String,
    /// Somebody has come to look for something and has not said what.
    wants_query: bool,
    query_chars_max: usize,
}

/// One message of the list.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) precedence: String,
    pub(crate) is_urgent: bool,
    pub(crate) kind: String,
    pub(crate) title: String,
    /// 演练 or 测试; empty in earnest.
    pub(crate) exercise: String,
    pub(crate) from: String,
    pub(crate) delivered: String,
    pub(crate) is_acknowledged: bool,
    pub(crate) phone: Option<Deadline>,
    pub(crate) written: Option<Deadline>,
    /// The kind that answers it.
    pub(crate) reply: Option<&'static str>,
    /// Numbers from the same room that have not come.
    pub(crate) missing: String,
    rank: (bool, usize, i64),
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    all: Option<String>,
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    q: Option<String>,
}

pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    visit.show(page(&visit, wanted).await)
}

/// What is open is shown by its urgency, wherever it stands; all that has come, page by page.
async fn page(visit: &Visit, Wanted { all, before, q }: Wanted) -> Result<Response, Problem> {
    let frame = visit.frame("screen-inbox").await?;
    let sought = Sought::parse(q.as_deref().unwrap_or_default());
    let is_search = !sought.query.is_empty();
    let all = all.is_some() || is_search;
    let count = if is_search { LOOKED_AT } else { ROWS_SHOWN };
    let newest = all.then_some(count as u64 + 1);
    let mut lines: Vec<InboxLine> = visit.ask(Request::Inbox { all, newest, before }).await?;
    let has_older = all && lines.len() > count;
    if has_older {
        lines.remove(0);
    }
    let mut older = lines.first().filter(|_| has_older).map(|line| line.id.clone());
    lines.retain(|line| sought.is_in(line));
    if is_search && lines.len() > ROWS_SHOWN {
        lines.drain(..lines.len() - ROWS_SHOWN);
        older = lines.first().map(|line| line.id.clone());
    }
    let mut rows = Row::sorted(lines, &visit.due().await?, visit.words());
    let more = rows.len().saturating_sub(ROWS_SHOWN);
    rows.truncate(ROWS_SHOWN);
    html(&InboxPage {
        frame,
        rows,
        more,
        older,
        all,
        handles: visit.may(Capability::HandleMessages),
        wants_query: q.is_some() && !is_search,
        query: sought.query,
        query_chars_max: QUERY_CHARS_MAX,
    })
}

/// What somebody looks for: words that all stand in the title, in the room's names and code, or in the id; upper or lower case.
struct Sought {
    /// As it was written, at most [`QUERY_CHARS_MAX`] of it.
    query: String,
    words: Vec<String>,
}

impl Sought {
    fn parse(text: &str) -> Self {
        let seen = text.chars().filter(|c| c.is_whitespace() || !topology::is_unseen(*c)).collect::<String>();
        let query: String = seen.trim().chars().take(QUERY_CHARS_MAX).collect();
        let words = query.split_whitespace().map(str::to_lowercase).collect();
        Self { query, words }
    }

    fn is_in(&self, line: &InboxLine) -> bool {
        let from = &line.origin;
        let places = [&line.title, &from.name, &from.name_en, &from.code, &from.id, &line.id];
        let places = places.map(|place| place.to_lowercase());
        self.words.iter().all(|word| places.iter().any(|place| place.contains(word)))
    }
}

impl Row {
    /// Unacknowledged 特提 first, then what is due, then the newest.
    pub(crate) fn sorted(lines: Vec<InboxLine>, due: &[DueLine], w: &Words) -> Vec<Self> {
        let mut rows: Vec<Self> = lines.into_iter().map(|line| Self::of(line, due, w)).collect();
        rows.sort_by_key(|row| row.rank);
        rows
    }

    fn of(line: InboxLine, due: &[DueLine], w: &Words) -> Self {
        let nearest = |is_phone: bool| {
            let mut own = due.iter().filter(|due| due.subject == line.id);
            own.find(|due| (due.channel == "phone") == is_phone).map(|due| Deadline::of(due, w))
        };
        let (phone, written) = (nearest(true), nearest(false));
        let left = [&phone, &written].into_iter().flatten().map(|due| due.remaining_ms).min();
        let urgency =
            PRECEDENCES.iter().position(|word| *word == line.precedence).unwrap_or(PRECEDENCES.len());
        let exercise = if line.status == "actual" { String::new() } else { w.word("status", &line.status) };
        Self {
            rank: (line.acknowledged, urgency, left.unwrap_or(i64::MAX - line.delivered_at_ms)),
            precedence: w.word("precedence", &line.precedence),
            is_urgent: urgency < 2,
            kind: w.word("kind", &line.kind),
            reply: message::reply(&line.kind),
            title: line.title,
            exercise,
            from: w.room(&line.origin),
            delivered: clock_time(line.delivered_at_ms),
            is_acknowledged: line.acknowledged,
            phone,
            written,
            missing: line.missing_nr.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            id: line.id,
        }
    }
}

/// The most urgent first.
const PRECEDENCES: [&str; 4] = ["flash", "immediate", "priority", "routine"];
/// One page of the list.
const ROWS_SHOWN: usize = 100;
/// What one search opens; older ones are looked at when they are asked for.
const LOOKED_AT: usize = 2_000;
/// A title is hardly longer.
const QUERY_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::view::Room;

    #[test]
    fn every_word_is_looked_for_in_title_room_and_id() {
        let origin = Room {
            id: "4A".to_owned(),
            code: "411322".to_owned(),
            name: "方城县".to_owned(),
            name_en: "Fangcheng County".to_owned(),
            telephone: None,
        };
        let line = InboxLine {
            id: "7FQ2".to_owned(),
            kind: "report".to_owned(),
            precedence: "routine".to_owned(),
            status: "test".to_owned(),
            role: "action".to_owned(),
            origin,
            title: "鸭河口水库 Level 12".to_owned(),
            delivered_at_ms: 0,
            acknowledged: false,
            nr: 1,
            missing_nr: Vec::new(),
        };
        let is_found = |query: &str| Sought::parse(query).is_in(&line);
        for query in
            ["水库", " LEVEL  水库 ", "fangcheng 12", "方城", "4113", "7fq2", "4a", "", "水\u{200b}库"]
        {
            assert!(is_found(query), "{query}");
        }
        for query in ["水库 火灾", "report", "411300", "%", "_"] {
            assert!(!is_found(query), "{query}");
        }
        assert_eq!(Sought::parse(&"长".repeat(5_000)).query.chars().count(), QUERY_CHARS_MAX);
    }
}
