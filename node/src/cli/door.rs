//! The parent's side of joining: `invite`.

use super::{
    arguments::InviteArguments,
    moment::beijing,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::Request,
        view::{Invited, Joining},
    },
    problem::Problem,
};

pub(crate) async fn invite(session: &mut Session, arguments: InviteArguments) -> Outcome {
    if arguments.pending {
        let rooms: Vec<Joining> = session.ask(&Request::InvitePending).await?;
        session.screen.result(&rooms, |rooms, catalogue| render_pending(rooms, catalogue));
    } else if !arguments.confirm.is_empty() {
        let words = arguments.confirm.join(" ");
        let joining: Joining = session.ask(&Request::InviteConfirm { words }).await?;
        session.screen.result(&joining, |joining, catalogue| {
            catalogue.text("invite-confirmed", &[("room", &named(&joining.room, catalogue))])
        });
    } else {
        let room = arguments.room.ok_or_else(|| Problem::usage("usage_missing").with("argument", "ROOM"))?;
        let wanted =
            Request::Invite { room, ttl_s: arguments.ttl.as_secs(), trust_token: arguments.trust_token };
        let invited: Invited = session.ask(&wanted).await?;
        session.screen.result(&invited, render_invited);
    }
    Ok(0)
}

fn render_invited(invited: &Invited, catalogue: &Catalogue) -> String {
    let room = named(&invited.room, catalogue);
    let until = beijing(invited.expires_at_ms);
    let heading = catalogue.text("invite-heading", &[("room", &room), ("until", &until)]);
    let next = catalogue.text("invite-next", &[]);
    format!("{heading}\n{next}\n    yichuan join {} --dir DIR", invited.token)
}

fn render_pending(rooms: &[Joining], catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["room", "state", "words"]);
    for joining in rooms {
        let state = catalogue.word("joining", &joining.state);
        grid.row(&[&named(&joining.room, catalogue), &state, &joining.words]);
    }
    grid.text(catalogue)
}
