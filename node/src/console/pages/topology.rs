//! The tree (拓扑): every room under its hub, with the state of the links that this node has; and the same links as a table
//! with round trip, queue and the age of what waits.

mod strip;

use askama::Template;
use axum::response::Response;

use self::strip::Strip;
use super::queue::reason;
use crate::{
    console::{
        page::{Frame, Visit, clock_time, html, offset, span},
        words::Words,
    },
    control::{
        request::Request,
        view::{Link, LinkDay, RoomLine, Status},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "topology.html")]
struct TopologyPage<'a> {
    frame: Frame<'a>,
    version: u64,
    links: Vec<LinkRow>,
    tree: Vec<Branch>,
    more: usize,
}

/// One link of this node.
struct LinkRow {
    room: String,
    telephone: String,
    role: String,
    is_up: bool,
    state: String,
    since: String,
    transport: String,
    rtt: String,
    offset: String,
    queued: u64,
    oldest: String,
    reason: String,
    software: String,
    /// Its last day; nothing where none is told.
    day: Option<Strip>,
}

/// A room in the tree, by its depth.
struct Branch {
    depth: usize,
    name: String,
    level: String,
    is_here: bool,
    /// State of our link with it.
    link: Option<(bool, String)>,
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-topology").await?;
    let w = visit.words();
    let status: Status = visit.ask(Request::Status).await?;
    let days: Vec<LinkDay> = visit.ask(Request::LinkDays).await?;
    let rooms: Vec<RoomLine> = visit.ask(Request::Rooms).await?;
    let mut tree = Vec::new();
    for root in rooms.iter().filter(|line| line.parent.is_none()) {
        grow(&mut tree, root, 0, &rooms, &status, w);
    }
    let more = tree.len().saturating_sub(ROOMS_SHOWN);
    tree.truncate(ROOMS_SHOWN);
    html(&TopologyPage {
        version: status.map_version,
        links: status.links.iter().map(|link| row(link, &days, w)).collect(),
        tree,
        more,
        frame,
    })
}

/// A room and everything under it. The map holds no circle, and its depth is that of the administration.
fn grow(
    tree: &mut Vec<Branch>,
    line: &RoomLine,
    depth: usize,
    rooms: &[RoomLine],
    status: &Status,
    w: &Words,
) {
    let link = status.links.iter().find(|link| link.room.id == line.room.id);
    tree.push(Branch {
        depth: depth.min(DEPTH_MAX),
        name: format!("{} {}", line.room.code, w.room(&line.room)),
        level: w.word("level", &line.level),
        is_here: line.room.id == status.room.id,
        link: link.map(|link| (link.state == "up", w.word("link-state", &link.state))),
    });
    if depth < DEPTH_MAX && tree.len() <= ROOMS_SHOWN {
        let below = rooms.iter().filter(|other| other.parent.as_ref() == Some(&line.room.id));
        below.for_each(|other| grow(tree, other, depth + 1, rooms, status, w));
    }
}

fn row(link: &Link, days: &[LinkDay], w: &Words) -> LinkRow {
    LinkRow {
        room: format!("{} {}", link.room.code, w.room(&link.room)),
        telephone: link.room.telephone.clone().unwrap_or_default(),
        role: w.word("link-role", &link.role),
        is_up: link.state == "up",
        state: w.word("link-state", &link.state),
        since: clock_time(link.since_ms),
        transport: link.transport.clone().unwrap_or_default(),
        rtt: link.rtt_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(),
        offset: link.offset_ms.map(|[low, high]| offset(low, high)).unwrap_or_default(),
        queued: link.queued,
        oldest: link.oldest_ms.map(span).unwrap_or_default(),
        reason: link.reason.as_deref().map(|code| reason(code, w)).unwrap_or_default(),
        software: link.software.clone().unwrap_or_default(),
        day: days.iter().find(|day| day.room.id == link.room.id).map(|day| Strip::of(day, w)),
    }
}

/// A province has two hundred rooms; with its townships three thousand, of which one page shows so many.
const ROOMS_SHOWN: usize = 500;
const DEPTH_MAX: usize = 8;
