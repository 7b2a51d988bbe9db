//! What an officer signs about a telephone call: who rang whom, over which line, when, under which code, about what.
//! It stands in the facts of the note, so that a verdict needs neither its text nor a name; the text is bound by the
//! commitment that the envelope's header makes to it.
//!
//! A [`VerifiedCall`] was signed by an officer of the room that it names. The times in it are declared.
//! *Against:* a note in the name of an officer who wrote none, a note moved into another envelope, one that was changed
//! by its own room after the officer signed it.

use certs::{
    Digest, cbor, digest,
    officer::{self, OfficerError, OfficerRole},
    signature::{self, ContentType, Keyring},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use topology::RoomId;

use super::{Direction, PhoneLine, PhoneNote, code::CallCode};
use crate::{
    envelope_id::EnvelopeKey,
    message::{CaseId, Content, DeclaredTime, Message, Part, block::SALT_LEN, field::Status},
};

/// The signed statement. Absent values are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatement {
    /// The version, [`CALL_VERSION`].
    pub v: u16,
    /// 事件
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// 对口令
    pub code: CallCode,
    /// 电话类型
    pub line: PhoneLine,
    /// The room at the other end.
    pub peer: RoomId,
    /// The officer's room.
    pub room: RoomId,
    /// What was said: the commitment to the note's text block.
    pub text: Digest,
    /// The message that the call was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<EnvelopeKey>,
    /// A drill is no call in earnest.
    pub status: Status,
    /// 通话结束, as this officer declares it (t2)
    pub ended_at: DeclaredTime,
    /// 来去, as this room saw it
    pub direction: Direction,
    /// 敏感事项
    pub sensitive: bool,
    /// 通话开始, as this officer declares it
    pub started_at: DeclaredTime,
}

/// The version of the statement that this program writes.
pub const CALL_VERSION: u16 = 1;
/// The most bytes of a signed statement with its certificate.
pub const CALL_BYTES_MAX: usize = 4096;

impl CallStatement {
    /// The bytes that the officer signs.
    pub fn payload(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// The room that rang.
    pub const fn caller(&self) -> RoomId {
        match self.direction {
            Direction::Out => self.room,
            Direction::In => self.peer,
        }
    }

    /// The room that was rung.
    pub const fn callee(&self) -> RoomId {
        match self.direction {
            Direction::Out => self.peer,
            Direction::In => self.room,
        }
    }

    /// A sensitive matter on an ordinary telephone (DOMAIN finding 9): it is told, and never held back.
    pub fn wants_warning(&self) -> bool {
        self.sensitive && self.line == PhoneLine::Ordinary
    }
}

/// An officer's COSE_Sign1 over a [`CallStatement`], with the officer's certificate attached. Not yet verified.
///
/// In a message file it has no place: an officer signs at the node. In JSON it is hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCall(Vec<u8>);

impl SignedCall {
    /// Wraps signed bytes.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The signed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it says, whoever said it: for a note that this room itself is about to send.
    pub fn peek_unverified(&self) -> Option<CallStatement> {
        let payload = signature::peek_payload_unverified(&self.0, ContentType::PhoneCall).ok()?;
        cbor::decode(&payload, CALL_BYTES_MAX).ok()
    }
}

impl Serialize for SignedCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            serializer.serialize_str(&hex)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for SignedCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(serde::de::Error::custom(
                "an officer signs a call at the node: use phone out or phone in",
            ));
        }
        Ok(Self(serde_bytes::ByteBuf::deserialize(deserializer)?.into_vec()))
    }
}

/// A statement that an officer of its room signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCall {
    statement: CallStatement,
    officer: String,
    name: String,
    role: OfficerRole,
    digest: Digest,
}

impl VerifiedCall {
    /// Verifies a signed statement.
    ///
    /// # Errors
    /// [`CallError`] when it was not signed by an officer of the room that it names, or makes no sense.
    pub fn verify(signed: &SignedCall, keys: &dyn Keyring) -> Result<Self, CallError> {
        if signed.0.len() > CALL_BYTES_MAX {
            return Err(CallError::TooLarge);
        }
        let act = officer::verify_as(&signed.0, ContentType::PhoneCall, keys)?;
        let statement: CallStatement =
            cbor::decode(&act.payload, CALL_BYTES_MAX).map_err(|_| CallError::Malformed)?;
        if statement.v != CALL_VERSION {
            return Err(CallError::Version { v: statement.v });
        }
        if act.room != statement.room {
            return Err(CallError::OtherRoom { named: statement.room, officer: act.room });
        }
        if statement.peer == statement.room || statement.ended_at < statement.started_at {
            return Err(CallError::Malformed);
        }
        let digest = digest(&signed.0);
        Ok(Self { statement, officer: act.officer, name: act.name, role: act.role, digest })
    }

    /// Verifies the statement in a telephone note, and that the note is what its officer signed. `text` is the
    /// header's commitment to the text block. `None` for a note that no officer signed: it is paper, and no more.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn of_note(
        message: &Message,
        origin: RoomId,
        text: &Digest,
        keys: &dyn Keyring,
    ) -> Result<Option<Self>, CallError> {
        let Content::PhoneNote(note) = &message.content else { return Ok(None) };
        let Some(signed) = &note.call else { return Ok(None) };
        let call = Self::verify(signed, keys)?;
        let said = &call.statement;
        let same = [
            ("room", said.room == origin),
            ("text", said.text == *text),
            ("case", said.case == message.heading.case),
            ("about", said.about.as_ref() == message.heading.relates_to.first()),
            ("status", said.status == message.heading.status),
        ];
        let other = same.into_iter().chain(same_elements(said, note)).find(|(_, is_same)| !is_same);
        other.map_or(Ok(Some(call)), |(key, _)| Err(CallError::OtherNote { key }))
    }

    /// What was signed.
    pub fn statement(&self) -> &CallStatement {
        &self.statement
    }

    /// The officer's log-in name.
    pub fn officer(&self) -> &str {
        &self.officer
    }

    /// The officer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// In which capacity.
    pub fn role(&self) -> OfficerRole {
        self.role
    }

    /// SHA-256 of the signed bytes: the same statement in a second envelope is the same statement.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn same_elements(said: &CallStatement, note: &PhoneNote) -> [(&'static str, bool); 6] {
    [
        ("pairing_code", note.pairing_code.as_deref() == Some(said.code.as_str())),
        ("phone", note.phone == Some(said.line)),
        ("direction", note.direction == Some(said.direction)),
        ("started_at", note.started_at == Some(said.started_at)),
        ("ended_at", note.ended_at == Some(said.ended_at)),
        ("sensitive", note.sensitive == said.sensitive),
    ]
}

impl Message {
    /// The commitment that the header will make to the text of this message under this salt.
    pub fn text_commitment(&self, salt: [u8; SALT_LEN]) -> Digest {
        self.block(Part::Text, salt).commitment()
    }
}

/// Why a telephone note does not count as signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Over [`CALL_BYTES_MAX`].
    #[error("the signed statement about the call is larger than one may be")]
    TooLarge,
    /// The officer's signature or certificate does not hold.
    #[error(transparent)]
    Officer(#[from] OfficerError),
    /// Signed, but no statement about a call.
    #[error("the signed statement about the call does not decode or makes no sense")]
    Malformed,
    /// A later form.
    #[error("version {v} of the statement about a call is not known here: this node must be upgraded")]
    Version {
        /// The version.
        v: u16,
    },
    /// An officer of another room.
    #[error("an officer of {officer} signed a call of {named}")]
    OtherRoom {
        /// What the statement says.
        named: RoomId,
        /// Whose officer signed.
        officer: RoomId,
    },
    /// The note says something else than its officer signed.
    #[error("the note's {key} is not what its officer signed")]
    OtherNote {
        /// Which element.
        key: &'static str,
    },
}

#[cfg(test)]
mod tests;
