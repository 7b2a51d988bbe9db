//! `rules judge`: facts in, findings out. Exit code 5 when something is late, undecidable or refused.

use std::path::Path;

use relay::{
    duty::{
        Calendars, Facts, Finding, RulePack, builtin, consider,
        finding::{Flag, Reason, SetAside, Verdict},
        schema::SCHEMA,
    },
    timestamp::Timestamp,
};

use super::{arguments::JudgeArguments, find_pack, read, words};
use crate::{
    catalogue::Catalogue,
    cli::{
        moment::beijing,
        session::{Outcome, Session},
        table::Grid,
    },
    problem::{EXIT_OVERDUE, Problem},
};

pub(super) fn judge(session: &mut Session, arguments: &JudgeArguments) -> Outcome {
    if arguments.schema {
        session.screen.print(SCHEMA);
        return Ok(0);
    }
    let packs = packs(&arguments.pack)?;
    let calendars = calendars(arguments)?;
    let facts = facts(arguments.facts.as_deref().unwrap_or(Path::new("-")))?;
    let judgement = consider(&packs, &calendars, &facts);
    let findings = judgement.findings;
    session.screen.result(&findings, |findings, catalogue| match findings.as_slice() {
        [] => left_out(&judgement.set_aside, catalogue),
        findings => render(findings, catalogue),
    });
    Ok(if findings.iter().any(Finding::is_bad) { EXIT_OVERDUE } else { 0 })
}

/// The packs that were named, and the base of each that has one.
fn packs(names: &[String]) -> Result<Vec<RulePack>, Problem> {
    // A base may be named after the pack that stands on it: whatever reads alone is known to all.
    let alone = names.iter().filter_map(|name| find_pack(name, &builtin::packs()).ok());
    let bases: Vec<RulePack> = alone.chain(builtin::packs()).collect();
    let mut packs: Vec<RulePack> = Vec::new();
    for name in names {
        let pack = find_pack(name, &bases)?;
        let base = pack.base.clone();
        if !packs.contains(&pack) {
            packs.push(pack);
        }
        if let Some(base) = base.filter(|base| !packs.iter().any(|pack| pack.name == *base))
            && let Some(base) = bases.iter().find(|known| known.name == base)
        {
            packs.push(base.clone());
        }
    }
    Ok(packs)
}

fn calendars(arguments: &JudgeArguments) -> Result<Calendars, Problem> {
    let mut calendars = builtin::calendars();
    for file in &arguments.calendar {
        let name = file.display().to_string();
        let read = calendars.read(&name, &read(file)?);
        read.map_err(|error| {
            Problem::usage("rules_calendar_invalid").with("file", &name).with("detail", error)
        })?;
    }
    Ok(calendars)
}

fn facts(file: &Path) -> Result<Facts, Problem> {
    let text = read(file)?;
    serde_json::from_str(&text).map_err(|error| {
        Problem::usage("rules_facts_invalid").with("file", file.display()).with("detail", error)
    })
}

fn render(findings: &[Finding], catalogue: &Catalogue) -> String {
    let columns = ["rule", "force", "start", "due", "met", "verdict", "late", "sent", "cause", "clause"];
    let mut grid = Grid::new(catalogue, &columns);
    for finding in findings {
        grid.row(&row(finding, catalogue).each_ref().map(String::as_str));
    }
    let mut text = grid.text(catalogue);
    for finding in findings.iter().filter(|finding| !finding.flags.is_empty()) {
        text.push_str(&format!("\n\n{}", finding.rule));
        for flag in &finding.flags {
            text.push_str(&format!("\n  {}", told(flag, catalogue)));
        }
    }
    text
}

/// Where no rule applies: which did not, and why; those about another kind of paper in one line.
fn left_out(rules: &[SetAside], catalogue: &Catalogue) -> String {
    let (other, near): (Vec<_>, Vec<_>) =
        rules.iter().partition(|rule| matches!(rule.reason, Reason::OtherKind { .. }));
    let mut lines = vec![catalogue.text("judge-nothing", &[])];
    lines.extend(near.into_iter().map(|rule| {
        let (reason, detail) = words::reason(rule);
        words::set_aside(&rule.rule, &rule.clause, (&reason, &detail), catalogue)
    }));
    if !other.is_empty() {
        let names: Vec<&str> = other.iter().map(|rule| rule.rule.as_str()).collect();
        lines.push(catalogue.text("judge-other-kind", &[("rules", &names.join(", "))]));
    }
    lines.join("\n")
}

fn row(finding: &Finding, catalogue: &Catalogue) -> [String; 10] {
    let dash = || "—".to_owned();
    let time = |at: Option<Timestamp>| at.map_or_else(dash, |at| beijing(at.as_ms()));
    let verdict = |verdict: Verdict| catalogue.word("verdict", verdict.word());
    [
        finding.rule.clone(),
        catalogue.word("force", finding.force.word()),
        time(finding.started_at()),
        time(finding.due_at()),
        time(finding.met_at()),
        verdict(finding.verdict),
        finding.late_by_ms.map_or_else(dash, span),
        finding.sent_verdict.map_or_else(dash, verdict),
        finding.cause.map_or_else(dash, |cause| catalogue.word("cause", cause.word())),
        finding.clause.clone(),
    ]
}

fn told(flag: &Flag, catalogue: &Catalogue) -> String {
    words::flag(&flag.to_string(), catalogue)
}

/// `01:02:03.004`, as long as it takes.
pub(crate) fn span(ms: i64) -> String {
    let (seconds, ms) = (ms.unsigned_abs() / 1_000, ms.unsigned_abs() % 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
