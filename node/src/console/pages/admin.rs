//! Administration (管理): rooms and invitations with the six words, certificates by the days that they have left, officers, the
//! rules in force with what a choice would change, and the log. Each part stands there for those who may use it.

mod orders;

use askama::Template;
use axum::response::Response;

pub(crate) use self::orders::{
    accept_loss, confirm, invite, officer_add, officer_disable, renew, revoke, rules_preview,
};
use crate::{
    console::{
        page::{Frame, Mark, Visit, clock_time, html},
        rights::Capability,
        words::Words,
    },
    control::{
        request::Request,
        view::{
            Certificate, Invited, Joining, LogState, Officer, RoomLine, RulesInForce, RulesPreview, Silence,
            Status,
        },
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage<'a> {
    frame: Frame<'a>,
    manages_rooms: bool,
    manages_officers: bool,
    operates: bool,
    audits: bool,
    below: Vec<(String, String)>,
    invited: Option<(String, String, String)>,
    joining: Vec<(String, String, String)>,
    certificates: Vec<CertificateRow>,
    officers: Vec<OfficerRow>,
    roles: Vec<(&'static str, String)>,
    rules: RulesInForce,
    preview: Option<[(String, String); 2]>,
    log: LogRows,
    /// Who silenced the alarm, when, and how many messages rang.
    silences: Vec<(String, String, usize)>,
}

/// One certificate.
struct CertificateRow {
    room: String,
    room_id: String,
    purpose: String,
    until: String,
    days: i64,
    mark: Mark,
    serial: String,
    revoked: String,
    is_own: bool,
}

/// One officer.
struct OfficerRow {
    id: String,
    name: String,
    role: String,
    since: String,
    is_disabled: bool,
}

/// The log in short.
struct LogRows {
    size: u64,
    dated: u64,
    dated_at: String,
    breaks: Vec<String>,
    /// Something was lost and nobody has said that it is known.
    is_loss_open: bool,
}

/// What an order has brought, beside the page itself.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) invited: Option<Invited>,
    pub(crate) preview: Option<RulesPreview>,
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit, News::default()).await)
}

pub(crate) async fn page(visit: &Visit, news: News) -> Result<Response, Problem> {
    let frame = visit.frame("screen-admin").await?;
    let w = visit.words();
    let status: Status = visit.ask(Request::Status).await?;
    let rooms: Vec<RoomLine> = visit.ask(Request::Rooms).await?;
    let joining: Vec<Joining> = visit.ask(Request::InvitePending).await?;
    let mut certificates: Vec<Certificate> = visit.ask(Request::CertificateList).await?;
    certificates.sort_by_key(|certificate| (certificate.revoked_at_ms.is_some(), certificate.days_left));
    let officers: Vec<Officer> = visit.ask(Request::OfficerList).await?;
    let silences: Vec<Silence> = visit.ask(Request::Silences).await?;
    let is_below = |line: &&RoomLine| line.parent.as_ref() == Some(&frame.me);
    let roles = certs::officer::OfficerRole::ALL.map(|role| (role.word(), w.word("role", role.word())));
    html(&AdminPage {
        manages_rooms: visit.may(Capability::ManageRooms),
        manages_officers: visit.may(Capability::ManageOfficers),
        operates: visit.may(Capability::Operate),
        audits: visit.may(Capability::Audit),
        below: rooms
            .iter()
            .filter(is_below)
            .map(|line| (line.room.id.clone(), format!("{} {}", line.room.code, w.room(&line.room))))
            .collect(),
        invited: news
            .invited
            .map(|invited| (w.room(&invited.room), invited.token, clock_time(invited.expires_at_ms))),
        joining: joining
            .into_iter()
            .map(|one| (w.room(&one.room), one.words, w.word("joining", &one.state)))
            .collect(),
        certificates: certificates.iter().map(|one| certificate(one, &frame.me, w)).collect(),
        officers: officers.iter().map(|one| officer(one, w)).collect(),
        roles: roles.to_vec(),
        rules: visit.ask(Request::RulesList).await?,
        preview: news.preview.map(|preview| changes(&preview)),
        log: log(&status.log, w),
        silences: silences
            .into_iter()
            .take(SILENCES_SHOWN)
            .map(|one| (clock_time(one.at_ms), one.name, one.messages.len()))
            .collect(),
        frame,
    })
}

fn certificate(one: &Certificate, me: &str, w: &Words) -> CertificateRow {
    CertificateRow {
        room: w.room(&one.room),
        room_id: one.room.id.clone(),
        purpose: w.word("purpose", &one.purpose),
        until: clock_time(one.not_after_ms),
        days: one.days_left,
        mark: match one.days_left {
            ..3 => Mark::Over,
            3..14 => Mark::Soon,
            _ => Mark::Calm,
        },
        serial: one.serial.clone(),
        revoked: one.revoked_at_ms.map(clock_time).unwrap_or_default(),
        is_own: one.room.id == me,
    }
}

fn officer(one: &Officer, w: &Words) -> OfficerRow {
    OfficerRow {
        id: one.id.clone(),
        name: one.name.clone(),
        role: w.word("role", &one.role),
        since: clock_time(one.since_ms),
        is_disabled: one.disabled,
    }
}

/// What is in force, and what would be.
fn changes(preview: &RulesPreview) -> [(String, String); 2] {
    let years = |years: &[i16]| years.iter().map(i16::to_string).collect::<Vec<_>>().join(", ");
    [
        (preview.packs_now.join(", "), preview.packs.join(", ")),
        (years(&preview.calendars_now), years(&preview.calendars)),
    ]
}

fn log(log: &LogState, w: &Words) -> LogRows {
    let broken = |one: &crate::control::view::HistoryBreak| {
        let id = if one.declared { "status-break-declared" } else { "status-break" };
        w.catalogue().text(id, &[("room", &w.room(&one.room)), ("at", &clock_time(one.at_ms))])
    };
    LogRows {
        size: log.size,
        dated: log.dated_size,
        dated_at: log.dated_at_ms.map(clock_time).unwrap_or_default(),
        breaks: log.breaks.iter().map(broken).collect(),
        is_loss_open: log.loss.as_ref().is_some_and(|loss| loss.accepted_at_ms.is_none()),
    }
}

/// The newest; the API has all.
const SILENCES_SHOWN: usize = 20;
