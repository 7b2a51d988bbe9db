//! Latency (时延): for each message a bar of what its time went on, from when it was learned to when somebody signed for it;
//! and the rooms side by side. Times of the network are those of the receipts; what people declared is marked as such.

mod chart;

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use relay::message::DeclaredTime;

use self::chart::{Bar, bars};
use crate::{
    console::{
        page::{Frame, Visit, html, span},
        rights::Capability,
    },
    control::{
        request::Request,
        view::{CaseLine, Opened, ReceiptLine},
    },
    problem::Problem,
};

#[derive(Template)]
#[template(path = "latency.html")]
struct LatencyPage<'a> {
    frame: Frame<'a>,
    parts: Vec<(String, String)>,
    messages: Vec<Row>,
    message_chart: String,
    rooms: Vec<RoomRow>,
    room_chart: String,
}

/// One message on its way to one room.
struct Row {
    id: String,
    label: String,
    parts_ms: [i64; PARTS.len()],
    parts: Vec<String>,
}

/// All messages to one room.
struct RoomRow {
    room: String,
    count: usize,
    /// Median and the time within which nineteen of twenty were there.
    delivery: [String; 2],
    desk: [String; 2],
}

pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    let frame = visit.frame("screen-latency").await?;
    let w = visit.words();
    let cases: Vec<CaseLine> = visit.ask(Request::Cases).await?;
    let mut rows = Vec::new();
    for id in cases.iter().flat_map(|case| &case.messages).take(MESSAGES_READ) {
        rows.extend(rows_of(visit, id).await?);
    }
    let names: Vec<String> = PARTS.iter().map(|part| w.t(part)).collect();
    let bar = |row: &Row| Bar { label: row.label.clone(), parts_ms: row.parts_ms.to_vec() };
    let shown: Vec<Bar> = rows.iter().take(BARS_SHOWN).map(bar).collect();
    let (rooms, room_bars) = compared(&rows);
    html(&LatencyPage {
        message_chart: bars(&shown)?,
        room_chart: bars(&room_bars)?,
        parts: names.into_iter().zip(chart::COLOURS_CSS.map(str::to_owned)).collect(),
        messages: rows.into_iter().take(BARS_SHOWN).collect(),
        rooms,
        frame,
    })
}

/// One row for each recipient that has it.
async fn rows_of(visit: &Visit, id: &str) -> Result<Vec<Row>, Problem> {
    let receipts: Vec<ReceiptLine> = visit.ask(Request::Receipts { id: id.to_owned() }).await?;
    let declared = declared(visit, id).await?;
    let mut by_recipient: BTreeMap<String, BTreeMap<&str, i64>> = BTreeMap::new();
    for line in &receipts {
        let way = by_recipient.entry(visit.words().recipient(line)).or_default();
        way.entry(&line.event).or_insert(line.at_ms);
    }
    let row = |(label, at): (String, BTreeMap<&str, i64>)| {
        let delivered = *at.get("delivered")?;
        let accepted = at.get("accepted").copied();
        let begun = accepted.or(at.get("custody").copied()).unwrap_or(delivered);
        let [learned, composed, signed] = declared;
        let between =
            |from: Option<i64>, to: Option<i64>| from.zip(to).map_or(0, |(from, to)| (to - from).max(0));
        let parts_ms = [
            between(learned, composed),
            between(composed, signed.or(accepted)),
            between(signed, accepted),
            between(accepted, at.get("custody").copied()),
            delivered - at.get("custody").copied().unwrap_or(begun).min(delivered),
            between(Some(delivered), at.get("acknowledged").copied()),
        ];
        Some(Row {
            id: id.to_owned(),
            label,
            parts: parts_ms.iter().map(|ms| told(Some(*ms))).collect(),
            parts_ms,
        })
    };
    Ok(by_recipient.into_iter().filter_map(row).collect())
}

/// When it was learned, drafted and signed off, as its officers say; nothing for those who may not read it.
async fn declared(visit: &Visit, id: &str) -> Result<[Option<i64>; 3], Problem> {
    if !visit.may(Capability::ReadMessages) {
        return Ok([None; 3]);
    }
    let opened: Opened = visit.ask(Request::Show { id: id.to_owned() }).await?;
    let time = |key: &str| opened.element_text(key)?.parse::<DeclaredTime>().ok().map(DeclaredTime::as_ms);
    Ok(["learned_at", "composed_at", "signed_off_at"].map(time))
}

/// The rooms side by side: the median of each part that is the network's or the desk's.
fn compared(rows: &[Row]) -> (Vec<RoomRow>, Vec<Bar>) {
    let mut by_room: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_room.entry(&row.label).or_default().push(row);
    }
    let of = |(room, rows): (&str, Vec<&Row>)| {
        let column = |parts: &[usize]| {
            let sum = |row: &&Row| parts.iter().map(|part| row.parts_ms[*part]).sum::<i64>();
            let mut all: Vec<i64> = rows.iter().map(sum).filter(|ms| *ms > 0).collect();
            all.sort_unstable();
            [50, 95]
                .map(|percent| all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied())
        };
        let (delivery, desk) = (column(&NETWORK), column(&[DESK]));
        let median = |part: usize| column(&[part])[0].unwrap_or(0);
        let row = RoomRow {
            room: room.to_owned(),
            count: rows.len(),
            delivery: delivery.map(told),
            desk: desk.map(told),
        };
        (row, Bar { label: room.to_owned(), parts_ms: (0..PARTS.len()).map(median).collect() })
    };
    by_room.into_iter().map(of).unzip()
}

/// How long; a dash where it has not happened, or nobody here can tell.
fn told(ms: Option<i64>) -> String {
    ms.filter(|ms| *ms > 0).map_or_else(|| "–".to_owned(), span)
}

/// What time goes on, in order.
const PARTS: [&str; 6] = [
    "latency-drafted",
    "latency-signed",
    "latency-handed-in",
    "latency-queued",
    "latency-hops",
    "latency-desk",
];
/// Those of the network, and that of the recipient's desk.
const NETWORK: [usize; 2] = [3, 4];
const DESK: usize = 5;
/// The newest messages that are looked through, and the bars of one chart.
const MESSAGES_READ: usize = 120;
const BARS_SHOWN: usize = 24;
