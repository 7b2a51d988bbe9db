//! Officers: `officer add|ls|disable`.

use std::path::PathBuf;

use super::{
    arguments::OfficerVerb,
    moment::beijing,
    password::new_password,
    session::{Outcome, Session},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{request::Request, view::Officer},
};

pub(crate) async fn officer(session: &mut Session, verb: OfficerVerb) -> Outcome {
    match verb {
        OfficerVerb::Add { name, role, password_file } => add(session, name, role, password_file).await,
        OfficerVerb::Ls => {
            let officers: Vec<Officer> = session.ask(&Request::OfficerList).await?;
            session.screen.result(&officers, |officers, catalogue| render(officers, catalogue));
            Ok(0)
        }
        OfficerVerb::Disable { officer } => {
            let wanted = Request::OfficerDisable { officer: officer.clone() };
            session.order(&wanted, "officer-disabled", &[("officer", &officer)]).await
        }
    }
}

async fn add(session: &mut Session, name: String, role: String, file: Option<PathBuf>) -> Outcome {
    let password = new_password(&session.screen, &name, file.as_deref())?.to_string();
    let officer: Officer = session.ask(&Request::OfficerAdd { name, role, password }).await?;
    session.screen.result(&officer, |officer, catalogue| {
        let role = catalogue.word("role", &officer.role);
        catalogue.text("officer-added", &[("officer", &officer.name), ("role", &role), ("id", &officer.id)])
    });
    Ok(0)
}

fn render(officers: &[Officer], catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["officer", "role", "state", "since", "id"]);
    for officer in officers {
        let state = if officer.disabled { "officer-state-disabled" } else { "officer-state-active" };
        grid.row(&[
            &officer.name,
            &catalogue.word("role", &officer.role),
            &catalogue.text(state, &[]),
            &beijing(officer.since_ms),
            &officer.id,
        ]);
    }
    grid.text(catalogue)
}
