//! What people do at the node beside sending and reading: sign, invite, revoke, ping, cut and heal.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::rand;
use certs::{cbor, signature::ContentType};
use relay::{
    duty::beijing::rfc3339,
    envelope_id::EnvelopeKey,
    frame::{Frame, Probe},
    receipt::{Event, OfficerDeed, Reason},
    step::{Deed, Input, Notice, Reply},
    timestamp::Timestamp,
};
use serde_bytes::ByteArray;
use tokio::sync::oneshot;

use super::{
    reading::{self, find, resolve, room},
    receipts::receipts,
    view,
};
use crate::{
    clock::{self, Clock, PACE_FILE, SPEED_MAX},
    daemon::Node,
    driver::Job,
    duty, enrolment,
    officers::UnlockedOfficer,
    problem::Problem,
};

pub(super) async fn ping(node: &Arc<Node>, text: &str, timeout_ms: u64) -> Result<view::Trace, Problem> {
    let to = resolve(node, text)?;
    let map = node.trust.current().map.clone();
    let mut nonce = [0; 8];
    rand::fill(&mut nonce).map_err(|_| Problem::failed("no_randomness"))?;
    let me = node.config.room;
    let probe = Probe { nonce: ByteArray::new(nonce), from: me, to, hops: vec![(me, node.clock.now())] };
    let waiting = node.context.probes.expect(nonce);
    let started = Clock::instant();
    let hops = if to == me {
        probe.hops
    } else {
        let name = room(&map, to);
        let unreachable = |code: &str| {
            Problem::unreachable(code)
                .with("room", format!("{} {}", name.code, name.name))
                .with("telephone", name.telephone.clone().unwrap_or_else(|| "-".to_owned()))
        };
        if !node.context.pass(Frame::Probe(probe), to) {
            return Err(unreachable("no_link"));
        }
        let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), waiting.answer()).await;
        answer.ok().flatten().ok_or_else(|| unreachable("no_echo"))?.hops
    };
    Ok(view::Trace {
        rtt_ms: started.elapsed().as_secs_f64() * 1000.0,
        hops: hops
            .into_iter()
            .map(|(id, at)| view::Hop { room: room(&map, id), at_ms: at.as_ms() })
            .collect(),
    })
}

pub(super) async fn deed(
    node: &Arc<Node>,
    id: &str,
    event: &str,
    officer: &UnlockedOfficer,
    reason: Option<String>,
) -> Result<(), Problem> {
    let event = event_of(event)?;
    if !matches!(event, Event::Acknowledged | Event::Opened | Event::Disposed | Event::Returned) {
        return Err(Problem::usage("event_unknown").with("event", event));
    }
    let key = find(node, id).await?;
    let kept = node
        .reader
        .envelope(key)
        .await?
        .ok_or_else(|| Problem::failed("envelope_unknown").with("id", key.id))?;
    let statement = OfficerDeed {
        v: 1,
        at: node.clock.now(),
        event,
        room: node.config.room,
        origin: key.origin,
        envelope_id: key.id,
        envelope_digest: kept.record.digest,
    };
    let payload = cbor::encode(&statement);
    let signed = officer.sign_as(ContentType::OfficerAct, &payload);
    let text = reason.map(|text| text.chars().take(500).collect());
    let reason = (event == Event::Returned).then(|| Reason { code: "returned".to_owned(), text });
    let deed = Deed { key, event, officer: signed.clone(), reason };
    let reply = order(node, Input::Deed(Box::new(deed))).await?;
    node.registry().note_change();
    // Whoever acknowledges a message takes notice of the time limits that are shown with it, also of one's own message.
    let alarms = if event == Event::Acknowledged { duty::acknowledge(node, key, &signed).await? } else { 0 };
    match reply {
        Reply::Done => Ok(()),
        Reply::AlreadyDone | Reply::Unknown if alarms > 0 => Ok(()),
        Reply::AlreadyDone => Err(already_done(node, key, event).await),
        Reply::Unknown | Reply::Accepted { .. } | Reply::OtherEpoch | Reply::Refused(_) => {
            Err(Problem::failed("not_in_inbox").with("id", key.id))
        }
    }
}

/// Two officers reach for the same message: the second is told who was first.
async fn already_done(node: &Node, key: EnvelopeKey, event: Event) -> Problem {
    let problem = Problem::failed("already_done").with("id", key.id).with("event", event);
    let me = room(&node.trust.current().map, node.config.room).code;
    let lines = receipts(node, &key.id.to_string()).await.unwrap_or_default();
    let first = lines.into_iter().find(|line| line.recipient == me && line.event == event.word());
    match first.and_then(|line| Some((line.officer?, line.at_ms))) {
        Some((officer, at_ms)) => {
            problem.with("officer", officer).with("time", rfc3339(Timestamp::from_ms(at_ms)))
        }
        None => problem,
    }
}

/// An open page rang. Where the node rings by itself, only that counts.
pub(super) async fn rang(node: &Node, id: &str) -> Result<(), Problem> {
    let key = find(node, id).await?;
    if node.config.alarm.is_empty() {
        node.registry().tell(Input::Alerted(key)).await;
    }
    Ok(())
}

fn event_of(word: &str) -> Result<Event, Problem> {
    Event::ALL
        .into_iter()
        .find(|event| event.word() == word)
        .ok_or_else(|| Problem::usage("event_unknown").with("event", word))
}

async fn order(node: &Node, input: Input) -> Result<Reply, Problem> {
    let (reply, answer) = oneshot::channel();
    node.registry().job(Job { input, reply: Some(reply) }).await;
    answer.await.map_err(|_| Problem::failed("not_accepted"))
}

pub(super) async fn retry(node: &Node, id: &str) -> Result<(), Problem> {
    let key = find(node, id).await?;
    match order(node, Input::Retry(key)).await? {
        Reply::Done | Reply::AlreadyDone => Ok(()),
        Reply::Unknown | Reply::Accepted { .. } | Reply::OtherEpoch | Reply::Refused(_) => {
            Err(Problem::failed("envelope_unknown").with("id", key.id))
        }
    }
}

/// Waits until a message sent here has a receipt of this event.
pub(super) async fn wait_for(node: &Node, id: &str, event: &str, timeout_ms: u64) -> Result<(), Problem> {
    let wanted = event_of(event)?;
    let mut notices = node.registry().notices();
    let key = find(node, id).await?;
    let arrived = async {
        loop {
            let rows = node.reader.receipts(key).await?;
            if rows.iter().any(|row| row.receipt.event == wanted) {
                return Ok(());
            }
            loop {
                match notices.recv().await {
                    Ok(Notice::Receipt { key: other, event, .. }) if other == key && event == wanted => {
                        return Ok(());
                    }
                    Ok(
                        Notice::Receipt { .. }
                        | Notice::Delivered { .. }
                        | Notice::Duty { .. }
                        | Notice::Tick(_)
                        | Notice::HistoryLost { .. }
                        | Notice::HistoryBroken { .. },
                    ) => {}
                    // Some were missed: look again.
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => break,
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => {
                        return Err(Problem::failed("not_accepted"));
                    }
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_millis(timeout_ms), arrived)
        .await
        .map_err(|_| Problem::unreachable("await_timeout").with("id", key.id).with("event", wanted))?
}

pub(super) fn invite(
    node: &Node,
    text: &str,
    ttl_s: u64,
    trust_token: bool,
) -> Result<view::Invited, Problem> {
    let child = resolve(node, text)?;
    let invited = node.door.invite(child, Duration::from_secs(ttl_s), trust_token, Clock::wall())?;
    let map = node.trust.current().map.clone();
    Ok(view::Invited { room: room(&map, child), token: invited.token, expires_at_ms: invited.expires_at_ms })
}

pub(super) fn pending(node: &Node) -> Vec<view::Joining> {
    let map = node.trust.current().map.clone();
    node.door
        .pending()
        .into_iter()
        .map(|knocking| view::Joining {
            room: room(&map, knocking.room),
            words: knocking.words.join(" "),
            state: "waiting".to_owned(),
        })
        .collect()
}

pub(super) fn confirm(node: &Node, words: &str) -> Result<view::Joining, Problem> {
    let confirmed = node.door.confirm(words)?;
    let map = node.trust.current().map.clone();
    Ok(view::Joining {
        room: room(&map, confirmed.room),
        words: confirmed.words.join(" "),
        state: "confirmed".to_owned(),
    })
}

pub(super) async fn officer_add(
    node: &Node,
    name: String,
    role: String,
    password: String,
) -> Result<view::Officer, Problem> {
    let officers = node.officers.clone();
    let now = node.clock.now();
    let added = tokio::task::spawn_blocking(move || officers.add(&name, &role, &password, now));
    added.await.map_err(|error| Problem::failed("control_broken").with("detail", error))?
}

pub(super) fn officers(node: &Node) -> Vec<view::Officer> {
    node.officers.list()
}

pub(super) fn officer_disable(node: &Node, officer: &str) -> Result<(), Problem> {
    node.officers.disable(officer)
}

pub(super) fn certificates(node: &Node) -> Result<Vec<view::Certificate>, Problem> {
    let map = node.trust.current().map.clone();
    let certificates = node.door.certificates(&node.tls.own().chain())?;
    Ok(certificates
        .into_iter()
        .map(|known| view::Certificate {
            room: room(&map, known.room),
            purpose: known.purpose.to_owned(),
            serial: known.serial,
            not_after_ms: known.not_after_ms,
            days_left: reading::days_left(known.not_after_ms),
            revoked_at_ms: known.revoked_at_ms,
        })
        .collect())
}

pub(super) async fn certificate_renew(node: &Node) -> Result<view::Certificate, Problem> {
    enrolment::renew(&node.identity, &node.directory, &node.trust, &node.tls).await?;
    let mine = node.config.room.to_string();
    certificates(node)?
        .into_iter()
        .find(|certificate| certificate.room.id == mine && certificate.purpose == "tls")
        .ok_or_else(|| Problem::failed("certificate_unusable").with("detail", "the new one is not there"))
}

pub(super) fn revoke(node: &Node, text: &str, reason: &str) -> Result<Vec<view::Certificate>, Problem> {
    let child = resolve(node, text)?;
    node.door.revoke(child, reason, Clock::wall())?;
    let id = child.to_string();
    Ok(certificates(node)?.into_iter().filter(|certificate| certificate.room.id == id).collect())
}

/// Only a throw-away network may cut its own links and move its clocks.
fn demo_only(node: &Node) -> Result<(), Problem> {
    if node.trust.current().map.is_demo() { Ok(()) } else { Err(Problem::policy("demo_only")) }
}

pub(super) fn link(node: &Node, text: &str, cut: bool) -> Result<(), Problem> {
    demo_only(node)?;
    let neighbour = resolve(node, text)?;
    let map = node.trust.current().map.clone();
    let me = node.config.room;
    if !map.links(me).contains(&neighbour) && !map.may_dial(me, neighbour) {
        let name = room(&map, neighbour);
        return Err(Problem::usage("not_a_neighbour").with("room", format!("{} {}", name.code, name.name)));
    }
    node.registry().set_cut(neighbour, cut);
    Ok(())
}

pub(super) fn clock(node: &Node, shift_ms: i64, speed: u32, since_ms: Option<i64>) -> Result<(), Problem> {
    demo_only(node)?;
    let real = Clock::wall().as_ms();
    if !clock::may_be_set(node.clock.now().as_ms(), shift_ms, speed, since_ms.unwrap_or(real), real) {
        return Err(Problem::usage("clock_out_of_range").with("speed", SPEED_MAX));
    }
    node.clock.shift(shift_ms);
    match since_ms {
        Some(since_ms) => node.clock.scale_since(Timestamp::from_ms(since_ms), speed),
        // A shift alone leaves the speed as it is.
        None if speed != 1 || shift_ms == 0 => node.clock.scale(speed),
        None => {}
    }
    let pace = serde_json::to_vec(&node.clock.pace())
        .map_err(|error| Problem::failed("write_failed").with("detail", error))?;
    node.directory.write(PACE_FILE, &pace)
}
