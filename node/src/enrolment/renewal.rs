//! Renewal (续期): the room asks its parent for new certificates and proves itself with its signing key, so that one that
//! was away for months recovers by itself. The new TLS certificate is swapped in while the node runs.

use std::time::Duration;

use certs::{
    certificate::CertificateFacts,
    enrolment::{JoinAnswer, Joined as Answer, sign_renewal},
    identity::{RoomKeys, TlsKey},
    peer::peer_room,
};
use rustls::pki_types::CertificateDer;
use tokio::{sync::watch, time::Instant};
use topology::{Map, RoomId};

use super::{
    parent::{Parent, not_renewed},
    taken,
};
use crate::{
    clock::Clock,
    directory::Directory,
    door::{is_near_its_end, message::Knock, refusal::LAST_MS},
    identity::Identity,
    problem::Problem,
    tls::TlsBook,
    trust::{Trust, TrustBook},
};

/// A certificate that was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Its serial number in hex.
    pub serial: String,
    /// Its end.
    pub not_after_ms: i64,
}

/// Renews the TLS certificate, and the issuing certificate of a hub, now.
///
/// # Errors
/// `renew_by_authority` at the root hub, `room_not_on_map`, `parent_unreachable` and its like, `renewal_revoked` and
/// the parent's other refusals, `answer_refused`. The old certificate stays in use then.
pub async fn renew(
    identity: &Identity,
    directory: &Directory,
    trust: &TrustBook,
    tls: &TlsBook,
) -> Result<Renewed, Problem> {
    let _alone = identity.renewing.lock().await;
    let known = trust.current();
    let keys = identity.keys_with(TlsKey::generate());
    let answer = ask(identity.room, &keys, &known).await?;
    take_documents(trust, &answer);
    identity.renewed(directory, &keys.tls, &answer.tls_chain, answer.issuing_chain.as_deref())?;
    tls.own()
        .swap(answer.tls_chain.clone(), &keys.tls)
        .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))?;
    tls.renewed();
    let facts = facts(&answer.tls_chain)?;
    tracing::info!(serial = %facts.serial, "the certificate is renewed");
    Ok(Renewed { serial: facts.serial.to_string(), not_after_ms: facts.not_after_ms })
}

/// Asks the parent; where it says that the time of the request is wrong, once more with the time that it wants.
async fn ask(room: RoomId, keys: &RoomKeys, known: &Trust) -> Result<Answer, Problem> {
    let map = &known.map;
    let off_map = || Problem::failed("room_not_on_map").with("room", room);
    map.room(room).ok_or_else(off_map)?;
    let hub = map.parent(room).ok_or_else(|| Problem::failed("renew_by_authority"))?;
    let address = map.room(hub).and_then(|hub| hub.address.as_deref()).ok_or_else(off_map)?;
    let dns = map.dns_name(hub).ok_or_else(off_map)?;
    let parent = Parent::new(address, &dns, &known.root, &known.keys.crls())
        .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))?;
    let mut at_ms = Clock::wall().as_ms();
    let mut corrected = false;
    loop {
        let knock = Knock::Renew(sign_renewal(keys, map.network(), room, at_ms).into());
        let answered = parent.knock(&knock).await.map_err(|error| not_renewed(&error, address))?;
        if !is_parent(map, hub, &answered.chain) {
            return Err(Problem::failed("parent_not_verified").with("address", address).with("detail", hub));
        }
        match taken(answered.reply) {
            Ok(Some(bytes)) => return verify(room, keys, &bytes, known),
            Ok(None) => return Err(Problem::failed("parent_not_understood").with("address", address)),
            Err(problem) if problem.code == "renewal_time" && !corrected => {
                corrected = true;
                let last: Option<i64> = problem.details.get(LAST_MS).and_then(|last| last.parse().ok());
                at_ms = last.ok_or(problem)?.saturating_add(1);
            }
            Err(problem) => return Err(problem),
        }
    }
}

fn is_parent(map: &Map, hub: RoomId, chain: &[CertificateDer<'static>]) -> bool {
    peer_room(map, chain).is_ok_and(|peer| peer.room == hub)
}

fn verify(room: RoomId, keys: &RoomKeys, bytes: &[u8], known: &Trust) -> Result<Answer, Problem> {
    JoinAnswer::decode(bytes)
        .and_then(|answer| answer.verify(&known.root, room, keys, Clock::wall().as_ms()))
        .map_err(|error| Problem::failed("answer_refused").with("detail", error))
}

/// A room that was away learns the plan and the sheets of today before its first link.
fn take_documents(trust: &TrustBook, answer: &Answer) {
    let now = Clock::wall();
    let plan = trust.accept_plan(&answer.plan.bytes, now);
    let sheets = answer.sheets.iter().map(|sheet| trust.accept_sheet(sheet.bytes(), now));
    for error in std::iter::once(plan).chain(sheets).filter_map(Result::err) {
        tracing::warn!(%error, "a plan or sheet from the parent does not count");
    }
}

/// Renews in time for as long as it runs: when a third of the certificate's life is left, when it has expired, and when the
/// plan has made the room a hub or moved it.
pub async fn renew_in_time(identity: &Identity, directory: &Directory, trust: &TrustBook, tls: &TlsBook) {
    let mut changes = trust.changes();
    let mut pause = RETRY_FIRST;
    loop {
        let wait = match is_due(identity, trust, tls) {
            false => LOOK_EVERY,
            true => match renew(identity, directory, trust, tls).await {
                Ok(_) => {
                    pause = RETRY_FIRST;
                    LOOK_EVERY
                }
                Err(problem) => {
                    tracing::error!(%problem, "the certificate cannot be renewed");
                    {
                        let present = pause;
                        pause = (present * 2).min(LOOK_EVERY);
                        present
                    }
                }
            },
        };
        let was_due = is_due(identity, trust, tls);
        let newly_due = async {
            while was_due || !is_due(identity, trust, tls) {
                wait_for_change(&mut changes).await;
            }
        };
        // Nothing more to do when the time is over: the loop looks again.
        let _ = tokio::time::timeout_at(deadline(wait), newly_due).await;
    }
}

fn deadline(wait: Duration) -> Instant {
    Instant::from_std(Clock::instant() + wait)
}

async fn wait_for_change(changes: &mut watch::Receiver<std::sync::Arc<Trust>>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn is_due(identity: &Identity, trust: &TrustBook, tls: &TlsBook) -> bool {
    let now_ms = Clock::wall().as_ms();
    let map = &trust.current().map;
    let chain = tls.own().chain();
    let ends = facts(&chain).is_ok_and(|facts| in_last_third(&facts, now_ms));
    let moved = !peer_room(map, &chain).is_ok_and(|peer| peer.room == identity.room);
    let is_hub = !map.children(identity.room).is_empty();
    let cannot_issue = identity.issuer().is_none_or(|issuer| {
        let facts = CertificateFacts::read(issuer.certificate());
        !facts.is_ok_and(|facts| !is_near_its_end(&facts, now_ms))
    });
    ends || moved || (is_hub && cannot_issue)
}

fn in_last_third(facts: &CertificateFacts, now_ms: i64) -> bool {
    let life_ms = facts.not_after_ms - facts.not_before_ms;
    facts.not_after_ms - now_ms < life_ms / 3
}

fn facts(chain: &[CertificateDer<'static>]) -> Result<CertificateFacts, Problem> {
    let own = chain.first().map_or(&[][..], AsRef::as_ref);
    CertificateFacts::read(own).map_err(|error| Problem::failed("certificate_unusable").with("detail", error))
}

const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
const RETRY_FIRST: Duration = Duration::from_secs(2);
