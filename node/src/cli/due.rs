//! `inbox --due`: what this room owes and is owed, and how much time is left. Exit code 5 when something is overdue.

use super::{
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
    let lines: Vec<DueLine> = session.ask(&Request::Due { all }).await?;
    session.screen.result(&lines, |lines, catalogue| render(lines, catalogue));
    let is_overdue = |line: &DueLine| line.remaining_ms.is_some_and(|left| left < 0);
    Ok(if lines.iter().any(is_overdue) { EXIT_OVERDUE } else { 0 })
}

fn render(lines: &[DueLine], catalogue: &Catalogue) -> String {
    let columns = ["rule", "kind", "force", "obliged", "towards", "due", "left", "state", "cause", "id"];
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
            &line.rule,
            &kind,
            &catalogue.word("force", &line.force),
            &named(&line.obliged, catalogue),
            &named(&line.towards, catalogue),
            &line.due.clone().unwrap_or_else(dash),
            &left,
            &catalogue.word("duty", &line.state),
            &line.cause.as_ref().map_or_else(dash, |cause| catalogue.word("cause", cause)),
            &line.subject,
        ]);
    }
    grid.text(catalogue)
}
