//! Every change of an envelope is found, and nothing else is taken for one.

use certs::{
    cbor::Value,
    seal::WrappedKey,
    signature::{KeyId, PublicKey, SignatureError, SigningKey, Suite},
};

use super::*;
use crate::{
    limits::{HEADER_BYTES_MAX, LIFETIME_MAX, PART_BYTES_MAX, RECIPIENTS_MAX},
    receipt::{Event, Receipt, ReceiptError, VerifiedReceipt},
};

const ORIGIN: RoomId = RoomId::from_bytes([1; 16]);
const OTHER: RoomId = RoomId::from_bytes([2; 16]);
const TO: [RoomId; 2] = [RoomId::from_bytes([3; 16]), RoomId::from_bytes([4; 16])];
const NOW: Timestamp = Timestamp::from_ms(1_795_320_000_000);
