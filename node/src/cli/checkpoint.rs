//! `checkpoint ls`: the heads of logs that are known here.

use super::{
    arguments::CheckpointVerb,
    moment::beijing,
    session::{Outcome, Session},
    table::Grid,
};
use crate::{
    audit::{self, KnownHead},
    catalogue::Catalogue,
};

pub(crate) async fn checkpoint(session: &mut Session, verb: CheckpointVerb) -> Outcome {
    match verb {
        CheckpointVerb::Ls => {
            let heads = audit::heads(&session.dir()?).await?;
            session.screen.result(&heads, |heads, catalogue| render(heads, catalogue));
            Ok(0)
        }
    }
}

fn render(heads: &[KnownHead], catalogue: &Catalogue) -> String {
    let dash = || "—".to_owned();
    let mut grid = Grid::new(catalogue, &["room", "leaves", "leaf", "dated"]).right(1).right(2);
    for head in heads {
        let leaf = head.leaf.map_or_else(dash, |leaf| leaf.to_string());
        let dated = head.dated_at_ms.map_or_else(dash, beijing);
        grid.row(&[&head.room, &head.size.to_string(), &leaf, &dated]);
    }
    grid.text(catalogue)
}
