//! What waits: `queue ls|show|retry`.

use super::{
    arguments::QueueVerb,
    moment::beijing,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::Request,
        view::{QueueEntry, QueueLine},
    },
};

pub(crate) async fn queue(session: &mut Session, verb: QueueVerb) -> Outcome {
    match verb {
        QueueVerb::Ls => {
            let lines: Vec<QueueLine> = session.ask(&Request::QueueList).await?;
            session.screen.result(&lines, |lines, catalogue| render_lines(lines, catalogue));
            Ok(0)
        }
        QueueVerb::Show { id } => {
            let entry: QueueEntry = session.ask(&Request::QueueShow { id }).await?;
            session.screen.result(&entry, render_entry);
            Ok(0)
        }
        QueueVerb::Retry { id } => {
            session.order(&Request::QueueRetry { id: id.clone() }, "queue-retried", &[("id", &id)]).await
        }
    }
}

fn render_lines(lines: &[QueueLine], catalogue: &Catalogue) -> String {
    let columns = ["neighbour", "precedence", "since", "from", "bytes", "id"];
    let mut grid = Grid::new(catalogue, &columns).right(4);
    for line in lines {
        grid.row(&[
            &named(&line.neighbour, catalogue),
            &catalogue.word("precedence", &line.precedence),
            &beijing(line.since_ms),
            &named(&line.origin, catalogue),
            &line.size_bytes.to_string(),
            &line.id,
        ]);
    }
    grid.text(catalogue)
}

fn render_entry(entry: &QueueEntry, catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["to", "state", "neighbour", "attempts", "resend"]).right(3);
    for way in &entry.ways {
        let state = match &way.outcome {
            Some(outcome) => catalogue.word("event", outcome),
            None => catalogue.word("way", &way.state),
        };
        let neighbour = way.neighbour.as_ref().map_or_else(|| "—".to_owned(), |room| named(room, catalogue));
        let resend = way.resend_at_ms.map_or_else(|| "—".to_owned(), beijing);
        grid.row(&[
            &named(&way.recipient, catalogue),
            &state,
            &neighbour,
            &way.attempts.to_string(),
            &resend,
        ]);
    }
    let heading = catalogue.text(
        "queue-heading",
        &[
            ("id", &entry.id),
            ("origin", &named(&entry.origin, catalogue)),
            ("precedence", &catalogue.word("precedence", &entry.precedence)),
            ("expires", &beijing(entry.expires_at_ms)),
        ],
    );
    format!("{heading}\n{}", grid.text(catalogue))
}
