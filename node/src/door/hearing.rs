//! What is decided at the door: who may come in, who may renew, and the sheet that says so to everybody.

use certs::{
    digest,
    enrolment::{EnrolmentError, Invitation, JoinAnswer, JoinRequest, transcript, verify_renewal},
    identity::PublicKeys,
    peer::Publisher,
    signature::{self, ContentType, Keyring, SignatureError},
};
use relay::timestamp::Timestamp;
use rustls::pki_types::CertificateDer;
use serde_bytes::ByteBuf;
use topology::RoomId;

use super::{
    Inner,
    book::{Book, Claim, Verdict},
    issue::{self, Chains, Wanted},
    message::{self, Reply},
    refusal::DoorRefusal,
    sheet::OwnSheet,
};
use crate::{
    identity::present_chain,
    problem::Problem,
    trust::{Trust, sheet_file},
};

impl Inner {
    /// The certificate that this node shows at the door.
    fn own_certificate(&self) -> Result<CertificateDer<'static>, Problem> {
        let chain = present_chain(&self.directory)?;
        chain.into_iter().next().ok_or_else(|| Problem::failed("certificate_unusable").with("detail", "none"))
    }

    pub(super) fn hear_join(&self, bytes: &[u8], now: Timestamp) -> Result<Reply, DoorRefusal> {
        let malformed = |error: EnrolmentError| DoorRefusal::JoinMalformed(error.to_string());
        let request = JoinRequest::verify(bytes).map_err(malformed)?;
        let trust = self.trust.current();
        let room = request.room;
        if request.network != trust.map.network() || trust.map.parent(room) != Some(self.identity.room) {
            return Err(DoorRefusal::InviteForeign);
        }
        let id = Invitation::id_of_secret(&request.secret);
        let transcript = transcript(&id, &self.own_certificate()?, &request);
        let claim = Claim { id, room, request: digest(bytes), transcript };
        self.change(|book| match book.claim(&claim, now.as_ms()) {
            Ok(Verdict::Wait) => Ok(Ok(Reply::Wait)),
            Ok(Verdict::Admit) => self.admit(book, &request, &trust, now).map(Ok),
            // A wrong try counts, so the book is kept.
            Err(refusal) => Ok(Err(refusal)),
        })?
    }

    fn admit(
        &self,
        book: &mut Book,
        request: &JoinRequest,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Reply, DoorRefusal> {
        let malformed = |error: EnrolmentError| DoorRefusal::JoinMalformed(error.to_string());
        let keys = request.public_keys().map_err(malformed)?;
        check_new(trust, request.room, &keys, now)?;
        let wanted = Wanted {
            room: request.room,
            tls_request: &request.tls_request,
            issuing_request: &request.issuing_request,
        };
        let chains = issue::issue(book, &*self.issuer()?, &trust.map, &wanted, now)?;
        let mut sheet = self.own_sheet()?;
        sheet.publish(request.room, &keys, now);
        self.welcome(book, request.room, &chains, sheet, now)
    }

    pub(super) fn hear_renewal(&self, bytes: &[u8], now: Timestamp) -> Result<Reply, DoorRefusal> {
        let trust = self.trust.current();
        let request = verify_renewal(bytes, trust.map.network(), &*trust.keys).map_err(not_renewed)?;
        let room = request.room;
        check_current(&trust, bytes, now)?;
        if trust.map.parent(room) != Some(self.identity.room) {
            return Err(DoorRefusal::RenewalForeign);
        }
        self.change(|book| {
            // Once more with the book held: the room may have been revoked a moment ago.
            verify_renewal(bytes, trust.map.network(), &*self.trust.current().keys).map_err(not_renewed)?;
            let last = book.renewed_at_ms.get(&room).copied();
            let ahead_ms = now.as_ms().saturating_add(CLOCK_AHEAD_MS);
            if last.is_some_and(|last| request.at_ms <= last) || ahead_ms < request.at_ms {
                let last_ms = last.unwrap_or_default().max(now.as_ms() - 1);
                return Err(DoorRefusal::RenewalTime { last_ms });
            }
            book.renewed_at_ms.insert(room, request.at_ms);
            let (tls_request, issuing_request) = (&request.tls_request, &request.issuing_request);
            let wanted = Wanted { room, tls_request, issuing_request };
            let chains = issue::issue(book, &*self.issuer()?, &trust.map, &wanted, now)?;
            self.welcome(book, room, &chains, self.own_sheet()?, now)
        })
    }

    /// Publishes what the sheet says of the room now and gives it everything it needs.
    fn welcome(
        &self,
        book: &mut Book,
        room: RoomId,
        chains: &Chains,
        mut sheet: OwnSheet,
        now: Timestamp,
    ) -> Result<Reply, DoorRefusal> {
        let entry = sheet.entry(room);
        (entry.tls_serial, entry.issuing_serial) = (Some(chains.serials.0.clone()), chains.serials.1.clone());
        self.publish(book, sheet, &self.trust.current(), now)?;
        let trust = self.trust.current();
        let mut left = message::REPLY_BYTES_MAX - ROOM_FOR_CHAINS;
        left = left.saturating_sub(trust.plan.len());
        let mut sheets = trust.sheets_newer_than(&[]);
        // The nearest to the root come first; what does not fit comes over the link.
        sheets.retain(|sheet| {
            let fits = sheet.len() + SHEET_OVERHEAD <= left;
            left = left.saturating_sub(if fits { sheet.len() + SHEET_OVERHEAD } else { 0 });
            fits
        });
        let answer = JoinAnswer::new(&trust.plan, sheets, &chains.tls, chains.issuing.as_deref());
        tracing::info!(%room, "a room has its certificates");
        Ok(Reply::Welcome(ByteBuf::from(answer.encode())))
    }

    /// What the own sheet says: as it counts under the plan, or, when the plan has moved this hub, as it was
    /// signed last.
    ///
    /// To be asked while the book is held: of two rooms that come at the same time the second must see the sheet with
    /// the first.
    pub(super) fn own_sheet(&self) -> Result<OwnSheet, Problem> {
        let publisher = Publisher::Hub(self.identity.room);
        if let Some(known) = self.trust.current().keys.sheet(publisher) {
            return Ok(OwnSheet::of(known.sheet()));
        }
        let kept = self.directory.read(&sheet_file(publisher)).ok();
        let issuer = self.issuer()?;
        Ok(kept.and_then(|bytes| OwnSheet::read(&bytes, &issuer.public())).unwrap_or_default())
    }

    /// Signs the next sheet, puts it in force here and gives it to whoever spreads it.
    pub(super) fn publish(
        &self,
        book: &mut Book,
        mut sheet: OwnSheet,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Vec<u8>, Problem> {
        sheet.version = sheet.version.max(book.sheet_version);
        book.sheet_version = sheet.version + 1;
        let publisher = Publisher::Hub(self.identity.room);
        let bytes = sheet.sign(&*self.issuer()?, publisher, &trust.map, now)?;
        let refused = |detail: String| Problem::failed("own_sheet_refused").with("detail", detail);
        let taken = self.trust.accept_sheet(&bytes, now).map_err(|error| refused(error.to_string()))?;
        if !taken {
            return Err(refused("a newer one is known".to_owned()));
        }
        Ok(bytes)
    }
}

/// Both keys are new, or both are the room's own in use: an answer that was lost is answered again.
fn check_new(trust: &Trust, room: RoomId, keys: &PublicKeys, now: Timestamp) -> Result<(), DoorRefusal> {
    let known = [keys.signing.key_id(), keys.sealing.key_id()].map(|id| trust.keys.key(&id));
    let in_use = known.map(|key| {
        key.is_some_and(|key| {
            key.room == room && key.revocation.is_none() && key.to_ms.is_none_or(|to| now.as_ms() < to)
        })
    });
    if known.iter().all(Option::is_none) || in_use == [true, true] {
        Ok(())
    } else {
        Err(DoorRefusal::JoinKeyKnown)
    }
}

/// A key that an enrolment has replaced renews nothing: it may be on a machine that was given away.
fn check_current(trust: &Trust, renewal: &[u8], now: Timestamp) -> Result<(), DoorRefusal> {
    let keys: &dyn Keyring = &*trust.keys;
    let verified = signature::verify(renewal, ContentType::Renewal, keys)
        .map_err(|error| DoorRefusal::RenewalMalformed(error.to_string()))?;
    let key = trust.keys.key(&verified.key_id).ok_or(DoorRefusal::RenewalUnknown)?;
    if key.to_ms.is_none_or(|to| now.as_ms() < to) { Ok(()) } else { Err(DoorRefusal::RenewalRevoked) }
}

fn not_renewed(error: EnrolmentError) -> DoorRefusal {
    match error {
        EnrolmentError::Signature(SignatureError::RevokedKey(_)) => DoorRefusal::RenewalRevoked,
        EnrolmentError::Signature(SignatureError::UnknownKey(_)) => DoorRefusal::RenewalUnknown,
        EnrolmentError::OtherRoom { .. } => DoorRefusal::RenewalForeign,
        EnrolmentError::Signature(_)
        | EnrolmentError::Version(_)
        | EnrolmentError::Cbor(_)
        | EnrolmentError::Key(_) => DoorRefusal::RenewalMalformed(error.to_string()),
    }
}

/// How far ahead the clock of a room may be when it renews.
const CLOCK_AHEAD_MS: i64 = 24 * 60 * 60 * 1000;
const ROOM_FOR_CHAINS: usize = 256 << 10;
const SHEET_OVERHEAD: usize = 8;
