//! The account on the screen: per message the chain with its intervals, then per rule the verdict by both grades.

use super::account::{Event, Message, Outage, Room, Silent, Span, Told, Verdict};
use crate::{
    catalogue::{Catalogue, Language},
    cli::{
        moment::beijing,
        rules::{time, witness},
        table::Grid,
    },
};

pub(super) fn render(told: &Told, catalogue: &Catalogue) -> String {
    let mut text = heading(told, catalogue);
    if let Some(silent) = &told.silence {
        text.push_str("\n\n");
        text.push_str(&silence(silent, &told.exporter, catalogue));
    }
    if !told.lines.is_empty() {
        text.push_str("\n\n");
        text.push_str(&lines(&told.lines, catalogue));
    }
    if told.silence.is_some() {
        return text;
    }
    for message in &told.messages {
        text.push_str("\n\n");
        text.push_str(&chain(message, catalogue));
    }
    text.push_str("\n\n");
    text.push_str(&verdicts(&told.verdicts, catalogue));
    text
}

fn heading(told: &Told, catalogue: &Catalogue) -> String {
    let exporter = named(&told.exporter, catalogue);
    let as_of = told.as_of.as_deref().map_or_else(|| catalogue.text("evidence-undated", &[]), time);
    let values = [
        ("network", told.network.as_str()),
        ("exporter", &exporter),
        ("at", &time(&told.exported_at)),
        ("as_of", &as_of),
    ];
    catalogue.text("evidence-valid", &values)
}

fn silence(silent: &Silent, exporter: &Room, catalogue: &Catalogue) -> String {
    let count = |number: u64| number.to_string();
    let values = [
        ("room", named(&silent.room, catalogue)),
        ("exporter", named(exporter, catalogue)),
        ("from", time(&silent.from)),
        ("to", time(&silent.to)),
        ("first", count(silent.first_leaf)),
        ("last", count(silent.last_leaf)),
        ("head", time(&silent.head_dated)),
        ("after", time(&silent.next_head_after)),
        ("dated", time(&silent.next_head_dated)),
        ("own", count(silent.own_receipts)),
        ("taken", count(silent.taken_for_room)),
        ("receipts", count(silent.receipts_of_room)),
        ("heads", count(silent.heads_of_room)),
        ("starts", count(silent.starts)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    catalogue.text("evidence-silence", &values)
}

fn lines(outages: &[Outage], catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["said-by", "other-end", "down", "up", "proven", "grade"]);
    for outage in outages {
        let open = || catalogue.text("evidence-open", &[]);
        let proven = [&outage.down_after, &outage.dated].map(|at| at.as_deref().map_or_else(open, time));
        grid.row(&[
            &named(&outage.by, catalogue),
            &named(&outage.other_end, catalogue),
            &time(&outage.down_at),
            &time(&outage.up_at),
            &proven.join(" .. "),
            &catalogue.word("cause", outage.grade),
        ]);
    }
    format!("{}\n{}", catalogue.text("evidence-lines", &[]), grid.text(catalogue))
}

fn chain(message: &Message, catalogue: &Catalogue) -> String {
    let kind = catalogue.word("kind", &message.kind);
    let status = catalogue.word("status", &message.status);
    let origin = named(&message.origin, catalogue);
    let title = message.title.clone().unwrap_or_default();
    let values = [
        ("id", message.id.as_str()),
        ("kind", &kind),
        ("status", &status),
        ("origin", &origin),
        ("title", &title),
    ];
    let mut grid =
        Grid::new(catalogue, &["event", "room", "recipient", "proven", "attested", "officer", "note"]);
    for event in &message.events {
        let attested = event.attested.as_ref().map(|span| interval(span, catalogue));
        let by = event.attested_by.as_ref().map(|room| room.code.clone());
        let attested = match (attested, by) {
            (Some(span), Some(by)) => format!("{span} ({by})"),
            (_, _) => "—".to_owned(),
        };
        grid.row(&[
            &catalogue.word("event", &event.event),
            &named(&event.issuer, catalogue),
            &event.recipient.code,
            &interval(&event.proven, catalogue),
            &attested,
            event.officer.as_deref().unwrap_or("—"),
            &note(event, catalogue),
        ]);
    }
    format!("{}\n{}", catalogue.text("evidence-message", &values), grid.text(catalogue))
}

pub(super) fn note(event: &Event, catalogue: &Catalogue) -> String {
    let contradiction = event.contradicted.then(|| catalogue.text("evidence-contradicted", &[]));
    let missing = event
        .proven
        .missing
        .as_ref()
        .map(|what| catalogue.text("evidence-missing", &[("what", &witness(what, catalogue))]));
    [contradiction, missing, event.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn interval(span: &Span, catalogue: &Catalogue) -> String {
    let [earliest, latest] = span.ms.map(|end| end.map(beijing));
    let open = || catalogue.text("evidence-open", &[]);
    match (earliest, latest) {
        (Some(earliest), Some(latest)) if earliest == latest => earliest,
        (earliest, latest) => {
            format!("{} .. {}", earliest.unwrap_or_else(open), latest.unwrap_or_else(open))
        }
    }
}

fn verdicts(verdicts: &[Verdict], catalogue: &Catalogue) -> String {
    if verdicts.is_empty() {
        return catalogue.text("evidence-no-rule", &[]);
    }
    let columns = [
        "rule", "obliged", "towards", "start", "due", "met", "verdict", "proven", "margin", "cause", "clause",
    ];
    let mut grid = Grid::new(catalogue, &columns);
    for verdict in verdicts {
        let finding = &verdict.finding;
        let time =
            |at: Option<relay::timestamp::Timestamp>| at.map_or("—".to_owned(), |at| beijing(at.as_ms()));
        let word = |word: &str| catalogue.word("verdict", word);
        let cause = finding.cause.map_or("—".to_owned(), |cause| catalogue.word("cause", cause.word()));
        grid.row(&[
            &finding.rule,
            &verdict.obliged.code,
            &verdict.towards.code,
            &time(finding.started_at()),
            &time(finding.due_at()),
            &time(finding.met_at()),
            &word(finding.verdict.word()),
            &word(&verdict.proven_verdict),
            &margin(verdict),
            &cause,
            &finding.clause,
        ]);
    }
    grid.text(catalogue)
}

/// How much was left, or by how much it was late.
fn margin(verdict: &Verdict) -> String {
    let (Some(due), Some(met)) = (verdict.finding.due_at(), verdict.finding.met_at()) else {
        return "—".to_owned();
    };
    let ms = due.as_ms().saturating_sub(met.as_ms());
    let (sign, seconds) = (if ms < 0 { "-" } else { "+" }, ms.unsigned_abs() / 1000);
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

pub(super) fn named(room: &Room, catalogue: &Catalogue) -> String {
    let name = match catalogue.language() {
        Language::English if !room.name_en.is_empty() => &room.name_en,
        Language::Chinese | Language::English => &room.name,
    };
    format!("{} {name}", room.code)
}
