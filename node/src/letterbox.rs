//! The letterbox: messages are sealed on their way out and opened on their way in, beside the engine and in
//! parallel. What is opened is checked against what the origin committed to, and rests under the storage key.
//! *Against:* a body of other contents than promised, a kind that may not come this way, state secrets, a
//! telephone note in the name of an officer who did not sign it.

use std::sync::Arc;

use certs::{
    cbor,
    seal::{self, ContentKey, SealError, SealingKey, SealingPublic, StorageKey},
    signature::{Digest, Keyring, Suite},
};
use relay::{
    codec,
    envelope::{ENVELOPE_VERSION, EnvelopeBytes, Role, Route, SealedMessage, VerifiedEnvelope},
    envelope_id::EnvelopeKey,
    limits::BODY_BYTES_MAX,
    message::{
        BlockError, Blocks, CaseId, Content, Facts, Kind, Message, MessageError, Salts,
        phone::call::{CallError, CallStatement, SignedCall, VerifiedCall},
        scanner,
    },
    refusal::Refusal,
    step::{CallEntry, InboxEntry, Opened, Submission},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use topology::RoomId;

/// What lists show of a message and the index of cases needs, so that no body is opened for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of the kind.
    pub kind: u16,
    /// The title.
    pub title: String,
    /// Where it belongs; absent in what was stored before this was kept here.
    pub belongs: Option<Belongs>,
}

/// Where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongs {
    /// 事件
    pub case: Option<CaseId>,
    /// 关联文电
    pub relates_to: Vec<EnvelopeKey>,
    /// When its origin made it.
    pub created_at: Timestamp,
}

/// The keys that the letterbox needs.
#[derive(Clone)]
pub struct Letterbox {
    room: RoomId,
    sealing: Arc<SealingKey>,
    storage: Arc<StorageKey>,
}

/// One recipient of a message to be sealed.
#[derive(Debug)]
pub struct Recipient {
    /// Whom it is for.
    pub room: RoomId,
    /// 主送 or 抄送.
    pub role: Role,
    /// The sealing key that the sheets publish for it.
    pub key: SealingPublic,
}

/// Why a message is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealMessageError {
    /// It may not be sent as it is.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Its parts do not fit together.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A recipient's key is of no use.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Too large.
    #[error("the message has {bytes} bytes, {BODY_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Letterbox {
    /// The letterbox of a room.
    pub fn new(room: RoomId, sealing: Arc<SealingKey>, storage: Arc<StorageKey>) -> Self {
        Self { room, sealing, storage }
    }

    /// Seals a message for its recipients. `route` has everything but its version and suite.
    ///
    /// # Errors
    /// [`SealMessageError`].
    pub fn seal(
        &self,
        message: &Message,
        route: Route,
        to: &[Recipient],
        salts: Salts,
    ) -> Result<Submission, SealMessageError> {
        let route = Route { v: ENVELOPE_VERSION, suite: Suite::Ed25519.id(), ..route };
        let blocks = message.to_blocks(salts)?;
        let plain = blocks.encode_padded();
        if plain.len() + 64 > BODY_BYTES_MAX {
            return Err(SealMessageError::TooLarge { bytes: plain.len() });
        }
        let route_bytes = cbor::encode(&route);
        let route_digest = certs::digest(&route_bytes);
        let content_key = ContentKey::random();
        let body = seal::seal_body(&content_key, route_digest.as_bytes(), &plain);
        let mut keys = Vec::with_capacity(to.len());
        for recipient in to {
            let key = seal::wrap(&content_key, recipient.room, &recipient.key, route_digest.as_bytes())?;
            keys.push((recipient.room, recipient.role, key));
        }
        let key = EnvelopeKey { origin: route.origin, id: route.id };
        let summary = self.summary(&key, route.created_at, message);
        Ok(Submission {
            content_key: content_key.protect(&self.storage, &content_context(&key)),
            summary,
            call: self.own_call(&key, message),
            once: None,
            sealed: SealedMessage {
                route,
                route_bytes,
                to: keys,
                body: body.into(),
                commitments: blocks.commitments()?,
            },
        })
    }

    /// Opens an envelope if this room is a recipient on its branch. What an officer signed inside is verified with
    /// `keys`.
    pub fn open(&self, envelope: &VerifiedEnvelope, keys: &dyn Keyring) -> Opened {
        let Some(wrapped) = envelope.bytes().keys.iter().find(|key| key.room == self.room) else {
            return Opened::NotForUs;
        };
        let digest = envelope.route_digest();
        let Ok(content_key) = seal::unwrap(&wrapped.key, self.room, &self.sealing, digest.as_bytes()) else {
            return Opened::Refused(Refusal::CannotOpen);
        };
        let message = match read(&content_key, &digest, envelope.bytes(), &envelope.header().commitments) {
            Ok((message, _)) => message,
            Err(refusal) => return Opened::Refused(refusal),
        };
        if message.heading.status != envelope.route().status {
            return Opened::Refused(Refusal::BodyMismatch);
        }
        if scanner::scan(&message).iter().any(|finding| finding.hard) {
            return Opened::Refused(Refusal::StateSecret);
        }
        if !message.kind().flows().contains(&envelope.route().flow) {
            return Opened::Refused(Refusal::KindNotAllowed);
        }
        let call = match verified_call(envelope, &message, keys) {
            Ok(call) => call,
            Err(refusal) => return Opened::Refused(refusal),
        };
        let key = envelope.key();
        Opened::Entry(InboxEntry {
            kind: message.kind().number(),
            content_key: content_key.protect(&self.storage, &content_context(&key)),
            summary: self.summary(&key, envelope.route().created_at, &message),
            call: call.and_then(|call| self.call_entry(&key, call.statement(), &message)),
        })
    }

    /// A note of this room's own, signed a moment ago.
    fn own_call(&self, key: &EnvelopeKey, message: &Message) -> Option<CallEntry> {
        let statement = signed_call(message)?.peek_unverified()?;
        self.call_entry(key, &statement, message)
    }

    /// What the table of calls keeps; nothing where a room that was not on the telephone gets a copy.
    fn call_entry(
        &self,
        key: &EnvelopeKey,
        statement: &CallStatement,
        message: &Message,
    ) -> Option<CallEntry> {
        let ends = [statement.room, statement.peer];
        let peer = ends.into_iter().find(|end| *end != self.room).filter(|_| ends.contains(&self.room))?;
        Some(CallEntry {
            peer,
            code: statement.code,
            started_at: statement.started_at,
            about: statement.about,
            case: statement.case,
            signed: self.storage.protect(&call_context(key), signed_call(message)?.as_bytes()),
        })
    }

    /// Reads a note out of the table of calls and verifies it again.
    ///
    /// # Errors
    /// [`Refusal`] when the storage key, the bytes or the officer's signature do not hold.
    pub fn read_call(
        &self,
        key: &EnvelopeKey,
        protected: &[u8],
        keys: &dyn Keyring,
    ) -> Result<VerifiedCall, Refusal> {
        let signed = self.storage.reveal(&call_context(key), protected).map_err(|_| Refusal::CannotOpen)?;
        let call = VerifiedCall::verify(&SignedCall::new(signed.to_vec()), keys)
            .map_err(|_| Refusal::CallSignature)?;
        if call.statement().room == key.origin { Ok(call) } else { Err(Refusal::CallMismatch) }
    }

    /// What a message in the store says that a verdict needs.
    ///
    /// # Errors
    /// [`Refusal`] when the storage key or the bytes are not the ones.
    pub fn read_facts(
        &self,
        key: &EnvelopeKey,
        bytes: &EnvelopeBytes,
        content_key: &[u8],
        route_digest: &Digest,
        commitments: &[Digest],
    ) -> Result<Facts, Refusal> {
        let content_key = ContentKey::reveal(&self.storage, &content_context(key), content_key)
            .map_err(|_| Refusal::CannotOpen)?;
        let (_, blocks) = read(&content_key, route_digest, bytes, commitments)?;
        Facts::from_blocks(&blocks).map_err(|_| Refusal::BodyMismatch)
    }

    /// Opens what rests in the store.
    ///
    /// # Errors
    /// [`Refusal`] when the storage key or the bytes are not the ones.
    pub fn read_stored(
        &self,
        key: &EnvelopeKey,
        bytes: &EnvelopeBytes,
        content_key: &[u8],
        route_digest: &Digest,
        commitments: &[Digest],
    ) -> Result<Message, Refusal> {
        let content_key = ContentKey::reveal(&self.storage, &content_context(key), content_key)
            .map_err(|_| Refusal::CannotOpen)?;
        read(&content_key, route_digest, bytes, commitments).map(|(message, _)| message)
    }

    /// The same as blocks with their salts: what evidence keeps of a body.
    ///
    /// # Errors
    /// [`Refusal`] when the storage key or the bytes are not the ones.
    pub fn read_blocks(
        &self,
        key: &EnvelopeKey,
        bytes: &EnvelopeBytes,
        content_key: &[u8],
        route_digest: &Digest,
        commitments: &[Digest],
    ) -> Result<Blocks, Refusal> {
        let content_key = ContentKey::reveal(&self.storage, &content_context(key), content_key)
            .map_err(|_| Refusal::CannotOpen)?;
        read(&content_key, route_digest, bytes, commitments).map(|(_, blocks)| blocks)
    }

    /// The summary that lists show; `None` when it does not open.
    pub fn read_summary(&self, key: &EnvelopeKey, protected: &[u8]) -> Option<Summary> {
        let bytes = self.storage.reveal(&summary_context(key), protected).ok()?;
        let before = || {
            let (kind, title) = codec::decode(&bytes, SUMMARY_BYTES_MAX).ok()?;
            Some(Summary { kind, title, belongs: None })
        };
        codec::decode(&bytes, SUMMARY_BYTES_MAX).ok().or_else(before)
    }

    fn summary(&self, key: &EnvelopeKey, created_at: Timestamp, message: &Message) -> Vec<u8> {
        let title = message.title().chars().take(TITLE_CHARACTERS_MAX).collect();
        let heading = &message.heading;
        let belongs = Belongs { case: heading.case, relates_to: heading.relates_to.clone(), created_at };
        let summary = Summary { kind: message.kind().number(), title, belongs: Some(belongs) };
        self.storage.protect(&summary_context(key), &codec::encode(&summary))
    }
}

const SUMMARY_BYTES_MAX: usize = 4096;
/// Characters of a title in lists: in any script a fraction of the summary's limit.
const TITLE_CHARACTERS_MAX: usize = 500;

fn read(
    content_key: &ContentKey,
    route_digest: &Digest,
    bytes: &EnvelopeBytes,
    commitments: &[Digest],
) -> Result<(Message, Blocks), Refusal> {
    let plain = seal::open_body(content_key, route_digest.as_bytes(), &bytes.body)
        .map_err(|_| Refusal::CannotOpen)?;
    let blocks = Blocks::decode(&plain, BODY_BYTES_MAX).map_err(|_| Refusal::BodyMismatch)?;
    let commitments: &[Digest; 3] = commitments.try_into().map_err(|_| Refusal::BodyMismatch)?;
    blocks.check(commitments).map_err(|_| Refusal::BodyMismatch)?;
    match Message::from_blocks(&blocks) {
        Ok(message) => Ok((message, blocks)),
        Err(BlockError::UnknownKind(unknown)) => Err(Refusal::UnknownKind { number: unknown.number }),
        Err(_) => Err(Refusal::BodyMismatch),
    }
}

fn signed_call(message: &Message) -> Option<&SignedCall> {
    match &message.content {
        Content::PhoneNote(note) => note.call.as_ref(),
        Content::Report(_)
        | Content::VerifyRequest(_)
        | Content::VerifyReply(_)
        | Content::Instruction(_)
        | Content::Feedback(_)
        | Content::Assignment(_)
        | Content::Urge(_)
        | Content::Notify(_)
        | Content::Consult(_)
        | Content::Transfer(_)
        | Content::Recall(_) => None,
    }
}

/// The officer's statement in a telephone note: signed by an officer of the origin, about this very note, which is
/// addressed to the other end.
fn verified_call(
    envelope: &VerifiedEnvelope,
    message: &Message,
    keys: &dyn Keyring,
) -> Result<Option<VerifiedCall>, Refusal> {
    let header = envelope.header();
    let text = header.commitments.get(1).ok_or(Refusal::BodyMismatch)?;
    let call = VerifiedCall::of_note(message, envelope.route().origin, text, keys);
    let call = call.map_err(|error| {
        tracing::warn!(id = %envelope.key().id, %error, "a telephone note is refused");
        match error {
            CallError::OtherNote { .. } => Refusal::CallMismatch,
            CallError::TooLarge
            | CallError::Officer(_)
            | CallError::Malformed
            | CallError::Version { .. }
            | CallError::OtherRoom { .. } => Refusal::CallSignature,
        }
    })?;
    match &call {
        Some(call) if envelope.address(call.statement().peer).is_none() => Err(Refusal::CallMismatch),
        Some(_) | None => Ok(call),
    }
}

fn call_context(key: &EnvelopeKey) -> Vec<u8> {
    [b"call".as_slice(), &key.to_bytes()].concat()
}

fn content_context(key: &EnvelopeKey) -> Vec<u8> {
    [b"content".as_slice(), &key.to_bytes()].concat()
}

fn summary_context(key: &EnvelopeKey) -> Vec<u8> {
    [b"summary".as_slice(), &key.to_bytes()].concat()
}

/// The word of a kind's number; the number itself where it is not known.
pub fn kind_word(number: u16) -> String {
    Kind::from_number(number).map_or_else(|_| format!("kind-{number}"), |kind| kind.word().to_owned())
}
