//! Certificates for a room below, and the chain that goes with each.

use certs::{
    authority::{ISSUING_DAYS, Issued as IssuedCertificate, Issuer, TLS_DAYS, Validity},
    certificate::CertificateFacts,
    digest,
};
use data_encoding::BASE64;
use relay::timestamp::Timestamp;
use rustls::pki_types::CertificateDer;
use topology::{Map, RoomId};

use super::{
    book::{Book, Issued, Purpose},
    refusal::DoorRefusal,
};
use crate::problem::Problem;

/// The chains for one room; their certificates stand in the book.
pub(crate) struct Chains {
    /// Its TLS certificate and the issuing certificates above.
    pub(crate) tls: Vec<CertificateDer<'static>>,
    /// The same for its issuing certificate, where the plan makes it a hub.
    pub(crate) issuing: Option<Vec<CertificateDer<'static>>>,
    /// What the sheet says about it.
    pub(crate) serials: (certs::certificate::Serial, Option<certs::certificate::Serial>),
}

/// What a room asks certificates for.
pub(crate) struct Wanted<'a> {
    /// The room.
    pub(crate) room: RoomId,
    /// The request for its TLS key (PKCS#10).
    pub(crate) tls_request: &'a [u8],
    /// The request for its issuing key.
    pub(crate) issuing_request: &'a [u8],
}

/// Issues what the plan gives the room and enters it into the book. An issuing certificate with more than a year
/// left is handed out again for the same key: the room may not have received it.
pub(crate) fn issue(
    book: &mut Book,
    issuer: &Issuer,
    map: &Map,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Chains, DoorRefusal> {
    book.forget(now.as_ms());
    if book.issued_to(wanted.room, Purpose::Tls).count() >= VALID_MAX {
        return Err(DoorRefusal::RenewalTooOften);
    }
    let dns = map.dns_name(wanted.room).ok_or(DoorRefusal::RenewalForeign)?;
    let validity = Validity::days(now.as_ms(), TLS_DAYS);
    let tls = issuer.issue_tls(&dns, wanted.tls_request, validity).map_err(failed)?;
    book.issued.push(record(wanted.room, Purpose::Tls, &tls));
    let is_hub = !map.children(wanted.room).is_empty();
    let issuing = if is_hub { Some(issuing(book, issuer, &dns, wanted, now)?) } else { None };
    let serials = (tls.serial.clone(), issuing.as_ref().map(|(serial, _)| serial.clone()));
    Ok(Chains { tls: issuer.chain_with(&tls), issuing: issuing.map(|(_, chain)| chain), serials })
}

fn issuing(
    book: &mut Book,
    issuer: &Issuer,
    dns: &str,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(certs::certificate::Serial, Vec<CertificateDer<'static>>), DoorRefusal> {
    let request = digest(wanted.issuing_request);
    let is_good = |der: &CertificateDer<'static>| {
        CertificateFacts::read(der).is_ok_and(|facts| !is_near_its_end(&facts, now.as_ms()))
    };
    let kept = book
        .issued_to(wanted.room, Purpose::Issuing)
        .filter(|issued| issued.request == Some(request))
        .filter_map(|issued| Some((issued.serial.clone(), decoded(issued)?)))
        .find(|(_, der)| is_good(der));
    if let Some((serial, der)) = kept {
        let chain = std::iter::once(der).chain(issuer.chain()).collect();
        return Ok((serial, chain));
    }
    let validity = Validity::days(now.as_ms(), ISSUING_DAYS);
    let issued = issuer.issue_issuing(dns, wanted.issuing_request, validity).map_err(failed)?;
    book.issued.push(Issued {
        certificate: Some(BASE64.encode(&issued.certificate)),
        request: Some(request),
        ..record(wanted.room, Purpose::Issuing, &issued)
    });
    Ok((issued.serial.clone(), issuer.chain_with(&issued)))
}

fn record(room: RoomId, purpose: Purpose, issued: &IssuedCertificate) -> Issued {
    let (serial, not_after_ms) = (issued.serial.clone(), issued.not_after_ms);
    Issued { room, purpose, serial, not_after_ms, certificate: None, request: None }
}

fn decoded(issued: &Issued) -> Option<CertificateDer<'static>> {
    let bytes = BASE64.decode(issued.certificate.as_ref()?.as_bytes()).ok()?;
    Some(CertificateDer::from(bytes))
}

fn failed(error: certs::authority::IssueError) -> DoorRefusal {
    DoorRefusal::Failed(Problem::failed("issue_failed").with("detail", error))
}

/// TLS certificates of one room that are valid at a time: two in good order, many after a bad month.
pub(crate) const VALID_MAX: usize = 64;
/// Whether an issuing certificate is to be issued anew: in its last year, or its last third where its own issuer gave it
/// fewer than three. A new one may end no later; so it is asked for less and less often, not each time.
pub(crate) fn is_near_its_end(facts: &CertificateFacts, now_ms: i64) -> bool {
    let life_ms = facts.not_after_ms.saturating_sub(facts.not_before_ms);
    facts.not_after_ms.saturating_sub(now_ms) <= NEAR_END_MS.min(life_ms / 3)
}

/// A year.
const NEAR_END_MS: i64 = 365 * 24 * 60 * 60 * 1000;
