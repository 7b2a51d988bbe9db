//! `rules ls` with a node: the packs and calendars in force there, who signed them, and what is missing.

use super::show::in_language;
use crate::{
    catalogue::Catalogue,
    cli::{
        session::{Outcome, Session, named},
        table::Grid,
    },
    control::{request::Request, view::RulesInForce},
};

pub(super) async fn list(session: &mut Session) -> Outcome {
    let rules: RulesInForce = session.ask(&Request::RulesList).await?;
    session.screen.result(&rules, render);
    Ok(0)
}

fn render(rules: &RulesInForce, catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["name", "version", "effective", "issuer", "digest", "title"]);
    for pack in &rules.packs {
        grid.row(&[
            &pack.name,
            &pack.version.to_string(),
            &first(&pack.effective, 10),
            &named(&pack.issuer, catalogue),
            &first(&pack.digest, 16),
            in_language(catalogue, &pack.title, &pack.title_en),
        ]);
    }
    for year in &rules.calendars {
        let number = year.year.to_string();
        let issuer = named(&year.issuer, catalogue);
        grid.row(&[&number, "—", "—", &issuer, &first(&year.digest, 16), &year.source]);
    }
    let mut text = grid.text(catalogue);
    if !rules.missing.is_empty() {
        let missing = rules.missing.join(", ");
        text.push_str(&format!("\n{}", catalogue.text("rules-missing", &[("missing", &missing)])));
    }
    text
}

fn first(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
