//! What is said at the door, over one stream of one connection: the room knocks once, the hub replies once.
//!
//! ```text
//! message = length (four bytes, big-endian)  body (bincode, see relay::codec)
//! Knock:  Join(signed request)  Renew(signed request)
//! Reply:  Wait                  nobody has confirmed the six words yet: knock again in a moment
//!         Welcome(answer)       certificates, plan and sheets (CBOR, certs::enrolment::JoinAnswer)
//!         Refused { code, details }
//! ```
//!
//! A room that waits holds no place at the door: it comes back, over another connection if need be, and finds its
//! words still there after a restart of the hub.
//!
//! *Against:* lengths without end, peers that keep a place and say nothing.

use quinn::{RecvStream, SendStream};
use relay::codec::{self, CodecError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

/// What a room says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Knock {
    /// A signed join request.
    Join(ByteBuf),
    /// A signed renewal request.
    Renew(ByteBuf),
}

/// What the hub says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// Not confirmed yet.
    Wait,
    /// Everything that the room needs.
    Welcome(ByteBuf),
    /// Not let in.
    Refused {
        /// A code of the catalogue.
        code: String,
        /// Numbers for its sentences.
        details: Vec<(String, i64)>,
    },
}

/// The most bytes of a knock: two certificate requests and two public keys.
pub(crate) const KNOCK_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a reply.
pub(crate) const REPLY_BYTES_MAX: usize = 15 << 20;

/// Why nothing was understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Connection(String),
    /// Too many bytes.
    #[error("a message of {0} bytes is too large here")]
    TooLarge(usize),
    /// Not a message.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl MessageError {
    pub(crate) fn connection(error: impl std::fmt::Display) -> Self {
        Self::Connection(error.to_string())
    }
}

/// Writes a message and ends the stream.
pub(crate) async fn write<T: Serialize>(stream: &mut SendStream, message: &T) -> Result<(), MessageError> {
    let body = codec::encode(message);
    let length = u32::try_from(body.len()).map_err(|_| MessageError::TooLarge(body.len()))?;
    stream.write_all(&length.to_be_bytes()).await.map_err(MessageError::connection)?;
    stream.write_all(&body).await.map_err(MessageError::connection)?;
    stream.finish().map_err(MessageError::connection)
}

/// Reads a message; its length is judged before anything is allocated.
pub(crate) async fn read<T: Serialize + DeserializeOwned>(
    stream: &mut RecvStream,
    bytes_max: usize,
) -> Result<T, MessageError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.map_err(MessageError::connection)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > bytes_max {
        return Err(MessageError::TooLarge(length));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.map_err(MessageError::connection)?;
    Ok(codec::decode(&body, bytes_max)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_on_the_wire_are_these() {
        assert_eq!(codec::encode(&Knock::Join(ByteBuf::from([9, 8]))), [0, 2, 9, 8]);
        assert_eq!(codec::encode(&Knock::Renew(ByteBuf::from([7]))), [1, 1, 7]);
        assert_eq!(codec::encode(&Reply::Wait), [0]);
        assert_eq!(codec::encode(&Reply::Welcome(ByteBuf::from([5]))), [1, 1, 5]);
        let refused = Reply::Refused { code: "a".into(), details: vec![("m".into(), 3)] };
        assert_eq!(codec::encode(&refused), [2, 1, b'a', 1, 1, b'm', 6]);
        assert_eq!(codec::decode::<Reply>(&[2, 1, b'a', 1, 1, b'm', 6], 64), Ok(refused));
    }

    #[test]
    fn a_kind_that_nobody_knows_and_left_over_bytes_are_errors() {
        assert_eq!(codec::decode::<Knock>(&[2, 1, 7], 64), Err(CodecError::Malformed));
        assert_eq!(codec::decode::<Reply>(&[0, 0], 64), Err(CodecError::LeftOver { bytes: 1 }));
    }
}
