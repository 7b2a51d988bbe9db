//! `inbox --due`: what this room owes and is owed and is not met, what runs out first first. With `--all` also what was met,
//! in time or late, what an officer has taken notice of, and what has no number. Exit code 5 when something is overdue.

use super::{
    moment::beijing,
    rules::span,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{request::Request, view::DueLine},
    problem::EXIT_OVERDUE,
};

pub(crate) async fn due(session: &mut Session, all: bool) -> Outcome {
    let lines: Vec<DueLine> = session.ask(&Request::Due { all, about: None }).await?;
    session.screen.result(&lines, |lines, catalogue| render(lines, catalogue));
    let is_overdue = |line: &DueLine| line.remaining_ms.is_some_and(|left| left < 0);
    Ok(if lines.iter().any(is_overdue) { EXIT_OVERDUE } else { 0 })
}

fn render(lines: &[DueLine], catalogue: &Catalogue) -> String {
    let columns =
        ["due", "left", "state", "rule", "kind", "force", "obliged", "towards", "cause", "role", "id"];
    let mut grid = Grid::new(catalogue, &columns);
    for line in lines {
        let dash = || "—".to_owned();
        let left = line.remaining_ms.map_or_else(dash, |left| {
            let sign = if left < 0 { "-" } else { "" };
            format!("{sign}{}", span(left))
        });
        let kind = catalogue.word("rulekind", &line.kind);
        let kind = match line.status.as_str() {
            "actual" => kind,
            status => format!("【{}】{kind}", catalogue.word("status", status)),
        };
        grid.row(&[
            &line.due.as_deref().map_or_else(dash, shown),
            &left,
            &state(line, catalogue),
            &line.rule,
            &kind,
            &catalogue.word("force", &line.force),
            &named(&line.obliged, catalogue),
            &named(&line.towards, catalogue),
            &line.cause.as_ref().map_or_else(dash, |cause| catalogue.word("cause", cause)),
            &line.role.as_ref().map_or_else(dash, |role| catalogue.word("role", role)),
            &line.subject,
        ]);
    }
    grid.text(catalogue)
}

/// As every other time is shown.
fn shown(text: &str) -> String {
    text.parse::<jiff::Timestamp>().map_or_else(|_| text.to_owned(), |at| beijing(at.as_millisecond()))
}

/// How far its timer has come; how it ended.
fn state(line: &DueLine, catalogue: &Catalogue) -> String {
    match &line.stage {
        Some(_) if line.acknowledged => catalogue.text("duty-acknowledged", &[]),
        Some(stage) => catalogue.word("stage", stage),
        None => catalogue.word("duty", &line.state),
    }
}
