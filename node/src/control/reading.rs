//! Answers that only read: the store beside the writer, the registry, the trust book.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use certs::certificate::CertificateFacts;
use relay::{
    envelope::{Role, VerifiedEnvelope},
    envelope_id::{EnvelopeId, EnvelopeKey},
    limits::CLOCK_TRUSTED_MS,
    message::Message,
    receipt::Event,
    record::Delivery,
    step::StorageLevel,
};
use topology::{Flow, Map, RelationKind, Room, RoomId, policy};

use super::view;
use crate::{
    clock::Clock,
    daemon::Node,
    letterbox::kind_word,
    link::registry::LinkState,
    problem::Problem,
    store::sqlite::{InboxFilter, KeptEnvelope},
};

pub(super) const LINES_MAX: usize = 10_000;
/// Missing numbers that a line of the inbox names.
const MISSING_SHOWN: usize = 100;

/// A room as people see it; one that left the map keeps its id.
pub(super) fn room(map: &Map, id: RoomId) -> view::Room {
    match map.room(id) {
        Some(room) => view::Room {
            id: id.to_string(),
            code: room.code().to_string(),
            name: room.name().zh.clone(),
            name_en: room.name().english().to_owned(),
            telephone: room.telephone.clone(),
        },
        None => view::Room {
            id: id.to_string(),
            code: id.to_string(),
            name: id.to_string(),
            name_en: id.to_string(),
            telephone: None,
        },
    }
}

/// Every room of the map, and how this one may write to it.
pub(super) fn rooms(node: &Node) -> Vec<view::RoomLine> {
    let map = node.trust.current().map.clone();
    let me = node.config.room;
    let flows = |to: RoomId| -> Vec<String> {
        let allowed = |flow: &Flow| policy::check(&map, *flow, me, to).is_ok();
        let flows = [Flow::Up, Flow::Down, Flow::Lateral].into_iter().filter(allowed);
        flows.map(|flow| flow.word().to_owned()).collect()
    };
    let party = |known: &Room| {
        let beside = known.relations.iter().filter(|relation| relation.kind == RelationKind::PartyCommittee);
        beside.map(|relation| relation.room.to_string()).collect()
    };
    map.rooms()
        .map(|known| view::RoomLine {
            room: room(&map, known.id),
            level: known.level.word().to_owned(),
            parent: map.parent(known.id).map(|id| id.to_string()),
            flows: flows(known.id),
            party: party(known),
        })
        .collect()
}

/// The room that a person named.
pub(super) fn resolve(node: &Node, text: &str) -> Result<RoomId, Problem> {
    let map = node.trust.current().map.clone();
    map.resolve(text).map_err(|error| {
        let code = match error {
            topology::ResolveError::Ambiguous { .. } => "room_ambiguous",
            topology::ResolveError::Unknown { .. } => "room_unknown",
        };
        Problem::usage(code).with("room", text).with("detail", error)
    })
}

/// The envelope that a person named by its id or the beginning of it.
pub(super) async fn find(node: &Node, text: &str) -> Result<EnvelopeKey, Problem> {
    let found = match text.parse::<EnvelopeId>() {
        Ok(id) => node.reader.find_by_id(id).await?,
        Err(_) => node.reader.find_by_prefix(text).await?,
    };
    match found.as_slice() {
        [] => Err(Problem::failed("envelope_unknown").with("id", text)),
        [key] => Ok(*key),
        [..] => Err(Problem::usage("envelope_ambiguous").with("id", text).with("count", found.len())),
    }
}

pub(super) async fn status(node: &Node) -> Result<view::Status, Problem> {
    let trust = node.trust.current();
    let disk = node.reader.disk_use().await?;
    let totals = node.reader.totals().await?;
    let links = links(node, &trust.map).await?;
    let log = super::log::state(node, &trust.map, &links).await?;
    let free = crate::store::reserve::free_space(node.directory.root()).unwrap_or(0);
    Ok(view::Status {
        room: room(&trust.map, node.config.room),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        console: node.console.get().cloned(),
        network: trust.map.network().to_owned(),
        map_version: trust.map.version(),
        demo: trust.map.is_demo(),
        pid: std::process::id(),
        started_at_ms: node.started_at.as_ms(),
        links,
        clock: clock(node, &trust.map),
        certificates: certificates(node),
        disk: view::Disk {
            level: level_word(*node.storage.borrow()).to_owned(),
            free_bytes: free,
            database_bytes: disk.database_bytes + disk.log_bytes,
        },
        unacknowledged: totals.unacknowledged,
        log,
        duties: duties(node),
    })
}

fn duties(node: &Node) -> view::DutyState {
    let standing = node.cases.standing();
    view::DutyState {
        open: standing.open,
        warned: standing.warned,
        alarms: standing.alarms,
        role: standing.furthest.map(|stage| stage.role().word().to_owned()),
    }
}

fn level_word(level: StorageLevel) -> &'static str {
    match level {
        StorageLevel::Normal => "normal",
        StorageLevel::Low => "low",
        StorageLevel::Critical => "critical",
    }
}

async fn links(node: &Node, map: &Map) -> Result<Vec<view::Link>, Problem> {
    let me = node.config.room;
    let mut queues: BTreeMap<RoomId, (u64, i64)> = BTreeMap::new();
    for total in node.reader.queue_summary().await? {
        let queue = queues.entry(total.neighbour).or_insert((0, i64::MAX));
        *queue = (queue.0 + total.envelopes, queue.1.min(total.oldest.as_ms()));
    }
    let states = node.registry().states();
    let alternate = |id: &RoomId| map.parent(me) != Some(*id);
    let above = map.links(me).into_iter().map(|id| (id, if alternate(&id) { "alternate" } else { "parent" }));
    let below = map.rooms().map(|room| room.id).filter(|id| map.may_dial(me, *id)).map(|id| (id, "child"));
    let now = node.clock.now().as_ms();
    Ok(above
        .chain(below)
        .map(|(id, role)| {
            let state = states.get(&id).cloned().unwrap_or_default();
            let (queued, oldest) = queues.get(&id).copied().unwrap_or((0, now));
            link(node, map, id, role, state, queued, (queued > 0).then_some(now - oldest))
        })
        .collect())
}

fn link(
    node: &Node,
    map: &Map,
    id: RoomId,
    role: &str,
    state: LinkState,
    queued: u64,
    oldest_ms: Option<i64>,
) -> view::Link {
    let word = match (state.up, node.registry().is_cut(id), role) {
        (true, _, _) => "up",
        (false, true, _) => "cut",
        (false, false, "parent") if state.reason.is_none() => "connecting",
        (false, false, _) => "down",
    };
    view::Link {
        room: room(map, id),
        role: role.to_owned(),
        state: word.to_owned(),
        transport: state.up.then(|| "quic".to_owned()),
        rtt_ms: state.rtt_ms,
        offset_ms: state.offset.map(|offset| [offset.offset_lo, offset.offset_hi]),
        queued,
        oldest_ms,
        since_ms: state.since.as_ms(),
        reason: state.reason,
        software: state.software,
    }
}

fn clock(node: &Node, map: &Map) -> view::ClockState {
    let states = node.registry().states();
    let offset = map.links(node.config.room).iter().find_map(|hub| states.get(hub)?.offset);
    let is_reference = map.root() == node.config.room;
    let close = |ms: i64| ms.abs() <= CLOCK_TRUSTED_MS;
    view::ClockState {
        now_ms: node.clock.now().as_ms(),
        is_reference,
        offset_ms: offset.map(|offset| [offset.offset_lo, offset.offset_hi]),
        trusted: is_reference || offset.is_some_and(|o| close(o.offset_lo) && close(o.offset_hi)),
    }
}

fn certificates(node: &Node) -> view::CertificateState {
    let facts = |der: &[u8]| CertificateFacts::read(der).ok();
    let tls = node.tls.own().chain().first().and_then(|der| facts(der));
    let issuing = node.identity.issuer().and_then(|issuer| facts(issuer.certificate()));
    let not_after = tls.map_or(0, |facts| facts.not_after_ms);
    view::CertificateState {
        tls_not_after_ms: not_after,
        tls_days_left: days_left(not_after),
        issuing_not_after_ms: issuing.map(|facts| facts.not_after_ms),
        sheets: node.trust.current().sheet_versions().len() as u64,
    }
}

/// Whole days until an instant.
pub(super) fn days_left(at_ms: i64) -> i64 {
    (at_ms - Clock::wall().as_ms()).div_euclid(24 * 3600 * 1000)
}

/// `kept`: what the last reading of the whole database found will do.
pub(super) async fn doctor(node: &Node, kept: bool) -> Result<Vec<view::Check>, Problem> {
    let status = status(node).await?;
    let totals = node.reader.totals().await?;
    let check = |code: &str, good: bool, warning: bool, details: &[(&str, String)]| view::Check {
        code: code.to_owned(),
        state: if good {
            "ok"
        } else if warning {
            "warning"
        } else {
            "failed"
        }
        .to_owned(),
        details: details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    let days = status.certificates.tls_days_left;
    let integrity = &node.integrity;
    let found = if kept { integrity.last(node).await? } else { integrity.anew(node).await? };
    let minutes = (Clock::wall().as_ms() - found.at.as_ms()) / 60_000;
    let mut checks = vec![
        check(
            "doctor_database",
            found.damage.is_empty(),
            false,
            &[("detail", found.damage.join("; ")), ("minutes", minutes.to_string())],
        ),
        check(
            "doctor_quarantine",
            totals.quarantined == 0,
            false,
            &[("count", totals.quarantined.to_string())],
        ),
        check(
            "doctor_disk",
            status.disk.level == "normal",
            status.disk.level == "low",
            &[("free_mib", (status.disk.free_bytes / 1024 / 1024).to_string())],
        ),
        check("doctor_certificate", days >= 14, days >= 0, &[("days", days.to_string())]),
        check(
            "doctor_clock",
            status.clock.trusted,
            true,
            &[(
                "offset",
                status.clock.offset_ms.map_or_else(|| "-".to_owned(), |[lo, hi]| format!("{lo} .. {hi}")),
            )],
        ),
    ];
    let stale = node.trust.current().keys.stale_lists(Clock::wall().as_ms()).count();
    checks.push(check("doctor_revocation", stale == 0, true, &[("count", stale.to_string())]));
    checks.extend(super::log::checks(&status.log));
    let trust = node.trust.current();
    let missing = trust.rules.missing(&trust.map);
    checks.push(check(
        "doctor_rules",
        missing.is_empty(),
        true,
        &[("missing", if missing.is_empty() { "0".to_owned() } else { missing.join(", ") })],
    ));
    for link in &status.links {
        let up = link.state == "up";
        // A child that is away is its own alarm; a parent that is away is ours.
        let optional = link.role != "parent";
        checks.push(check(
            "doctor_link",
            up,
            optional,
            &[
                ("room", format!("{} {}", link.room.code, link.room.name)),
                ("state", link.state.clone()),
                ("telephone", link.room.telephone.clone().unwrap_or_else(|| "-".to_owned())),
            ],
        ));
    }
    Ok(checks)
}

pub(super) async fn inbox(
    node: &Node,
    all: bool,
    newest: Option<u64>,
    before: Option<String>,
) -> Result<Vec<view::InboxLine>, Problem> {
    let map = node.trust.current().map.clone();
    let before = match before {
        Some(id) => {
            let key = find(node, &id).await?;
            let line = node.reader.inbox_line(key).await?;
            Some(line.ok_or_else(|| Problem::failed("not_in_inbox").with("id", key.id))?)
        }
        None => None,
    };
    let filter = InboxFilter { unacknowledged: !all, urgent: false, before, count: count(newest) };
    let mut lines = Vec::new();
    for line in node.reader.inbox(filter).await? {
        let record = &line.record;
        let summary = node.letterbox().read_summary(&record.key, &line.summary);
        let role = record.delivery(node.config.room).map_or("info", |delivery| role_word(delivery.role));
        lines.push(view::InboxLine {
            id: record.key.id.to_string(),
            kind: kind_word(line.kind),
            precedence: record.precedence.word().to_owned(),
            status: record.status.word().to_owned(),
            role: role.to_owned(),
            origin: room(&map, record.key.origin),
            title: summary.map(|summary| summary.title).unwrap_or_default(),
            delivered_at_ms: line.delivered_at.as_ms(),
            acknowledged: line.acknowledged,
            nr: line.nr,
            missing_nr: (line.nr_before + 1..line.nr).take(MISSING_SHOWN).collect(),
        });
    }
    lines.reverse();
    Ok(lines)
}

/// How many lines are wanted.
fn count(newest: Option<u64>) -> usize {
    newest.and_then(|count| usize::try_from(count).ok()).unwrap_or(LINES_MAX).min(LINES_MAX)
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Action => "action",
        Role::Info => "info",
    }
}

pub(super) async fn sent(
    node: &Node,
    newest: Option<u64>,
    before: Option<String>,
) -> Result<Vec<view::SentLine>, Problem> {
    let map = node.trust.current().map.clone();
    let before = match before {
        Some(id) => {
            let key = find(node, &id).await?;
            let kept = node.reader.envelope(key).await?;
            kept.map(|kept| (kept.record.received_at, key))
        }
        None => None,
    };
    let mut lines = Vec::new();
    for line in node.reader.sent(before, count(newest)).await? {
        let record = &line.record;
        let summary = line.summary.and_then(|bytes| node.letterbox().read_summary(&record.key, &bytes));
        lines.push(view::SentLine {
            id: record.key.id.to_string(),
            kind: summary.as_ref().map(|s| kind_word(s.kind)).unwrap_or_default(),
            precedence: record.precedence.word().to_owned(),
            status: record.status.word().to_owned(),
            title: summary.map(|s| s.title).unwrap_or_default(),
            accepted_at_ms: record.received_at.as_ms(),
            recipients: record.deliveries.iter().map(|delivery| recipient(&map, delivery)).collect(),
        });
    }
    lines.reverse();
    Ok(lines)
}

fn recipient(map: &Map, delivery: &Delivery) -> view::Recipient {
    view::Recipient {
        room: room(map, delivery.recipient),
        role: role_word(delivery.role).to_owned(),
        state: known_of(delivery),
        owes_acknowledgement: delivery.owes_acknowledgement(),
    }
}

/// What is known of one recipient, in one word; what is not known is never called delivered.
fn known_of(delivery: &Delivery) -> String {
    let has = |event| delivery.receipts.iter().any(|noted| noted.event == event);
    if has(Event::Acknowledged) {
        return Event::Acknowledged.word().to_owned();
    }
    match delivery.outcome {
        Some(outcome) => outcome.word(),
        None if delivery.unconfirmed => Event::Unconfirmed.word(),
        None if has(Event::Custody) => Event::Custody.word(),
        None => "queued",
    }
    .to_owned()
}

pub(super) async fn show(node: &Node, id: &str) -> Result<view::Opened, Problem> {
    let key = find(node, id).await?;
    let (kept, envelope) = kept_envelope(node, key).await?;
    let message = open(node, &kept, &envelope)?;
    let map = node.trust.current().map.clone();
    let to = envelope.header().to.iter();
    Ok(view::Opened {
        id: key.id.to_string(),
        kind: message.kind().word().to_owned(),
        precedence: kept.record.precedence.word().to_owned(),
        status: kept.record.status.word().to_owned(),
        origin: room(&map, key.origin),
        to: to.map(|address| (room(&map, address.room), role_word(address.role).to_owned())).collect(),
        relates_to: message.heading.relates_to.iter().map(|key| key.id.to_string()).collect(),
        created_at_ms: kept.record.created_at.as_ms(),
        received_at_ms: kept.record.received_at.as_ms(),
        expires_at_ms: kept.record.expires_at.as_ms(),
        elements: message.lines().into_iter().map(Into::into).collect(),
        message: serde_json::to_value(&message.content).unwrap_or_default(),
        attachments: message
            .attachments
            .iter()
            .map(|file| (file.name.clone(), file.media_type.clone(), file.bytes.len() as u64))
            .collect(),
        digest: envelope.digest().to_string(),
    })
}

/// An envelope from the store, verified again before anything of it is shown.
pub(super) async fn kept_envelope(
    node: &Node,
    key: EnvelopeKey,
) -> Result<(KeptEnvelope, VerifiedEnvelope), Problem> {
    let kept = node
        .reader
        .envelope(key)
        .await?
        .ok_or_else(|| Problem::failed("envelope_unknown").with("id", key.id))?;
    if kept.is_pruned && kept.content_key.is_some() {
        return Err(Problem::failed("envelope_past_log_book").with("id", key.id));
    }
    if kept.content_key.is_none() {
        return Err(Problem::policy("envelope_not_for_us").with("id", key.id));
    }
    let trust = node.trust.current();
    let envelope =
        VerifiedEnvelope::verify(kept.bytes.clone(), trust.map.network(), &trust.keys.archive())
            .map_err(|error| Problem::failed("envelope_damaged").with("id", key.id).with("detail", error))?;
    Ok((kept, envelope))
}

/// Opens what this room may read.
pub(super) fn open(
    node: &Node,
    kept: &KeptEnvelope,
    envelope: &VerifiedEnvelope,
) -> Result<Message, Problem> {
    let content_key = kept.content_key.as_deref().unwrap_or_default();
    let commitments = &envelope.header().commitments;
    let digest = envelope.route_digest();
    node.letterbox().read_stored(&kept.record.key, &kept.bytes, content_key, &digest, commitments).map_err(
        |error| Problem::failed("envelope_damaged").with("id", kept.record.key.id).with("detail", error),
    )
}

pub(super) fn progress(node: &Node) -> view::Progress {
    view::Progress { accepted: node.accepted.load(Ordering::Relaxed), delivered: node.registry().delivered() }
}

pub(super) fn map(node: &Node) -> view::MapText {
    let map = node.trust.current().map.clone();
    view::MapText { version: map.version(), toml: topology::map_file::write(&map) }
}
