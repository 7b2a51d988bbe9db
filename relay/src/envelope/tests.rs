//! Every change of an envelope is found, and nothing else is taken for one.

use std::collections::BTreeMap;

use certs::{
    seal::WrappedKey,
    signature::{KeyId, Keyring, PublicKey, SignatureError, SigningKey, Suite},
};

use super::*;
use crate::{
    frame::{EnvelopeFrame, Frame},
    limits::{FRAME_BYTES_MAX, HEADER_BYTES_MAX, LIFETIME_MAX, PART_BYTES_MAX, RECIPIENTS_MAX},
    receipt::{Event, Receipt, ReceiptError, VerifiedReceipt},
};

const ORIGIN: RoomId = RoomId::from_bytes([1; 16]);
const OTHER: RoomId = RoomId::from_bytes([2; 16]);
const TO: [RoomId; 2] = [RoomId::from_bytes([3; 16]), RoomId::from_bytes([4; 16])];
const NOW: Timestamp = Timestamp::from_ms(1_795_320_000_000);

/// Two rooms with real keys.
struct Rooms {
    keys: BTreeMap<RoomId, SigningKey>,
}

impl Rooms {
    fn new() -> Self {
        Self { keys: [ORIGIN, OTHER].map(|room| (room, SigningKey::generate())).into() }
    }

    fn signer(&self, room: RoomId) -> &SigningKey {
        &self.keys[&room]
    }

    fn verify(&self, bytes: EnvelopeBytes) -> Result<VerifiedEnvelope, EnvelopeError> {
        VerifiedEnvelope::verify(bytes, "henan", self)
    }
}

impl Keyring for Rooms {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        let found = self.keys.iter().find(|(_, pair)| pair.key_id() == *key);
        let (room, pair) = found.ok_or(SignatureError::UnknownKey(*key))?;
        let public: PublicKey = pair.public();
        assert_eq!(suite, public.suite());
        public.verify(message, signature).map(|()| *room)
    }
}

fn wrapped(fill: u8) -> WrappedKey {
    WrappedKey { enc: vec![fill; 32], key_id: KeyId::from_bytes([fill; 16]), ciphertext: vec![fill; 48] }
}

fn route() -> Route {
    Route {
        v: ENVELOPE_VERSION,
        id: EnvelopeId::from_bytes([7; 16]),
        flow: Flow::Up,
        tick: None,
        epoch: Epoch { nonce: serde_bytes::ByteArray::new([8; 8]), counter: 1 },
        suite: 1,
        origin: ORIGIN,
        status: Status::Actual,
        network: "henan".into(),
        created_at: NOW,
        expires_at: Timestamp::from_ms(NOW.as_ms() + 1_000),
        precedence: Precedence::Flash,
        map_version: 1,
    }
}

fn sealed(change: impl FnOnce(&mut Route)) -> SealedMessage {
    let mut route = route();
    change(&mut route);
    SealedMessage {
        route_bytes: cbor::encode(&route),
        route,
        to: vec![(TO[0], Role::Action, wrapped(3)), (TO[1], Role::Info, wrapped(4))],
        body: vec![9; 20].into(),
        commitments: [signature::digest(b"1"), signature::digest(b"2"), signature::digest(b"3")],
    }
}

fn envelope(rooms: &Rooms) -> EnvelopeBytes {
    sealed(|_| ()).sign(rooms.signer(ORIGIN), |_| 1).bytes().clone()
}

/// Signs a header that is not what `SealedMessage` would make.
fn resigned(rooms: &Rooms, change: impl FnOnce(&mut Header)) -> EnvelopeBytes {
    let own = sealed(|_| ()).sign(rooms.signer(ORIGIN), |_| 1);
    let mut header = own.header().clone();
    change(&mut header);
    let signed = signature::sign(rooms.signer(ORIGIN), ContentType::EnvelopeHeader, &cbor::encode(&header));
    EnvelopeBytes { header: signed.into(), ..own.bytes().clone() }
}

#[test]
fn an_unspoilt_envelope_verifies_and_so_does_each_branch_of_it() {
    let rooms = Rooms::new();
    let own = sealed(|_| ()).sign(rooms.signer(ORIGIN), |room| if room == TO[0] { 5 } else { 6 });
    let verified = rooms.verify(own.bytes().clone()).unwrap();
    assert_eq!(
        (verified.digest(), verified.key(), verified.recipients()),
        (own.digest(), own.key(), TO.to_vec())
    );
    assert_eq!(verified.address(TO[1]).map(|to| (to.nr, to.role)), Some((6, Role::Info)));
    let branch = rooms.verify(own.bytes().branch(&TO[1..])).unwrap();
    assert_eq!((branch.digest(), branch.recipients()), (own.digest(), vec![TO[1]]));
    assert_eq!(peek_key(&own.bytes().header), Some(own.key()));
}

#[test]
fn every_bit_of_an_envelope_counts() {
    let rooms = Rooms::new();
    let bytes = envelope(&rooms);
    let whole = Frame::Envelope(EnvelopeFrame {
        header: ByteBuf::from(bytes.header.to_vec()),
        keys: bytes.keys.clone(),
        body_len: bytes.body.len() as u64,
        body: ByteBuf::from(bytes.body.to_vec()),
    })
    .encode()
    .split_off(4);
    assert!(take(&rooms, &whole), "the unspoilt control");
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1 << bit;
            assert!(!take(&rooms, &spoilt), "bit {bit} of byte {at} of {}", whole.len());
        }
    }
}

/// Whether a link takes these bytes for an envelope.
fn take(rooms: &Rooms, bytes: &[u8]) -> bool {
    let Ok(Frame::Envelope(frame)) = Frame::decode(bytes) else { return false };
    let (header, keys, body) = (frame.header.into_vec().into(), frame.keys, frame.body.into_vec());
    let is_whole = frame.body_len == body.len() as u64;
    is_whole && rooms.verify(EnvelopeBytes { header, keys, body: body.into() }).is_ok()
}

#[test]
fn a_header_that_is_cut_short_or_goes_on_is_refused() {
    let rooms = Rooms::new();
    let bytes = envelope(&rooms);
    for length in 0..bytes.header.len() {
        let header = bytes.header[..length].into();
        assert!(rooms.verify(EnvelopeBytes { header, ..bytes.clone() }).is_err(), "{length}");
    }
    let header = [&bytes.header[..], &[0]].concat().into();
    assert!(rooms.verify(EnvelopeBytes { header, ..bytes }).is_err());
}

#[test]
fn nobody_signs_for_another_room() {
    let rooms = Rooms::new();
    let forged = sealed(|_| ()).sign(rooms.signer(OTHER), |_| 1).bytes().clone();
    let error = EnvelopeError::ForeignOrigin { claimed: ORIGIN, signer: OTHER };
    assert_eq!(rooms.verify(forged).unwrap_err(), error);
    let stranger = SigningKey::generate();
    let unknown = sealed(|_| ()).sign(&stranger, |_| 1).bytes().clone();
    let error = EnvelopeError::Signature(SignatureError::UnknownKey(stranger.key_id()));
    assert_eq!(rooms.verify(unknown).unwrap_err(), error);
}

#[test]
fn the_key_of_one_recipient_does_not_serve_another_and_each_comes_once() {
    let rooms = Rooms::new();
    let good = envelope(&rooms);
    let with = |keys: Vec<RecipientKey>| rooms.verify(EnvelopeBytes { keys, ..good.clone() }).unwrap_err();
    let key = |room: RoomId, fill: u8| RecipientKey { room, key: wrapped(fill) };
    assert_eq!(with(vec![key(TO[0], 4)]), EnvelopeError::KeyChanged { recipient: TO[0] });
    assert_eq!(with(vec![key(OTHER, 3)]), EnvelopeError::KeyChanged { recipient: OTHER });
    assert_eq!(with(vec![key(TO[0], 3), key(TO[0], 3)]), EnvelopeError::Recipients);
    assert_eq!(with(vec![]), EnvelopeError::Recipients);
}

#[test]
fn the_body_is_the_one_that_was_signed() {
    let rooms = Rooms::new();
    let good = envelope(&rooms);
    for body in [vec![9; 19], vec![9; 21], vec![8; 20], vec![]] {
        let swapped = EnvelopeBytes { body: body.into(), ..good.clone() };
        assert_eq!(rooms.verify(swapped).unwrap_err(), EnvelopeError::BodyChanged);
    }
    let lying = resigned(&rooms, |header| header.body_len = 19);
    assert_eq!(rooms.verify(lying).unwrap_err(), EnvelopeError::BodyChanged);
}

#[test]
fn life_is_between_nothing_and_thirty_days() {
    let rooms = Rooms::new();
    let longest = i64::try_from(LIFETIME_MAX.as_millis()).unwrap();
    let lives = [(0, false), (-1, false), (1, true), (longest, true), (longest + 1, false)];
    for (ms, expected) in lives {
        let message = sealed(|route| route.expires_at = Timestamp::from_ms(NOW.as_ms() + ms));
        let checked = message.check("henan", ORIGIN);
        let verified = rooms.verify(message.sign(rooms.signer(ORIGIN), |_| 1).bytes().clone());
        let error = (!expected).then_some(EnvelopeError::Lifetime);
        assert_eq!((checked.err(), verified.err()), (error.clone(), error), "{ms} ms");
    }
    let ends = sealed(|route| {
        (route.created_at, route.expires_at) = (Timestamp::from_ms(i64::MAX), Timestamp::from_ms(i64::MIN));
    });
    assert_eq!(ends.check("henan", ORIGIN), Err(EnvelopeError::Lifetime));
}

#[test]
fn another_version_and_another_network_are_refused() {
    let rooms = Rooms::new();
    let verify = |message: SealedMessage| {
        rooms.verify(message.sign(rooms.signer(ORIGIN), |_| 1).bytes().clone()).unwrap_err()
    };
    for v in [0, 2] {
        assert_eq!(verify(sealed(|route| route.v = v)), EnvelopeError::Version { v });
    }
    let foreign = EnvelopeError::ForeignNetwork { network: "hebei".into() };
    assert_eq!(verify(sealed(|route| route.network = "hebei".into())), foreign);
}

#[test]
fn the_list_of_recipients_has_one_to_128_each_once() {
    let rooms = Rooms::new();
    let with = |count: usize, twice: bool| {
        let mut message = sealed(|_| ());
        let room = |n: usize| RoomId::from_bytes(u128::try_from(n + 100).unwrap().to_be_bytes());
        message.to = (0..count).map(|n| (room(n), Role::Action, wrapped(1))).collect();
        if twice {
            message.to.push((room(0), Role::Info, wrapped(1)));
        }
        let checked = message.check("henan", ORIGIN).is_ok();
        let verified = rooms.verify(message.sign(rooms.signer(ORIGIN), |_| u64::MAX).bytes().clone()).is_ok();
        assert_eq!(checked, verified, "{count}, {twice}");
        verified
    };
    assert!(with(1, false) && with(RECIPIENTS_MAX, false));
    assert!(!with(0, false) && !with(RECIPIENTS_MAX + 1, false) && !with(1, true));
}

#[test]
fn the_longest_address_list_fits_into_the_header_and_with_its_keys_into_a_frame() {
    let rooms = Rooms::new();
    let mut message = sealed(|route| route.network = "n".repeat(20));
    let room = |n: usize| RoomId::from_bytes(u128::try_from(n).unwrap().to_be_bytes());
    message.to = (0..RECIPIENTS_MAX).map(|n| (room(n), Role::Action, wrapped(1))).collect();
    let bytes = message.sign(rooms.signer(ORIGIN), |_| u64::MAX).bytes().clone();
    assert!(bytes.header.len() <= HEADER_BYTES_MAX, "{}", bytes.header.len());
    let frame = Frame::Envelope(EnvelopeFrame {
        header: ByteBuf::from(bytes.header.to_vec()),
        keys: bytes.keys,
        body_len: PART_BYTES_MAX as u64,
        body: ByteBuf::from(vec![0; PART_BYTES_MAX]),
    });
    assert!(frame.encode().len() <= FRAME_BYTES_MAX);
}

#[test]
fn a_signed_header_of_another_shape_is_refused() {
    let rooms = Rooms::new();
    let verify = |bytes| rooms.verify(bytes).unwrap_err();
    assert_eq!(verify(resigned(&rooms, |h| h.commitments.truncate(2))), EnvelopeError::Malformed);
    assert_eq!(verify(resigned(&rooms, |h| h.route = ByteBuf::from([0xa0]))), EnvelopeError::Malformed);
    assert_eq!(verify(resigned(&rooms, |h| h.to.clear())), EnvelopeError::Recipients);
    assert!(rooms.verify(resigned(&rooms, |h| h.to.swap(0, 1))).is_ok(), "the control");
}

#[test]
fn what_is_too_large_is_refused_before_its_signature_is_looked_at() {
    let rooms = Rooms::new();
    let good = envelope(&rooms);
    let header = vec![0; HEADER_BYTES_MAX + 1].into();
    let body: Arc<[u8]> = vec![0; BODY_BYTES_MAX + 1].into();
    for large in [
        EnvelopeBytes { header, ..good.clone() },
        EnvelopeBytes { body: body.clone(), header: Vec::new().into(), ..good },
    ] {
        assert_eq!(rooms.verify(large).unwrap_err(), EnvelopeError::TooLarge);
    }
    assert_eq!(SealedMessage { body, ..sealed(|_| ()) }.check("henan", ORIGIN), Err(EnvelopeError::TooLarge));
}

#[test]
fn a_message_whose_route_is_not_the_one_that_it_was_sealed_under_is_not_signed() {
    let good = sealed(|_| ());
    assert_eq!(good.check("henan", ORIGIN), Ok(()));
    let changed = SealedMessage { route: Route { map_version: 2, ..route() }, ..good };
    assert_eq!(changed.check("henan", ORIGIN), Err(EnvelopeError::Malformed));
}

#[test]
fn no_signed_object_of_another_kind_is_taken_for_a_header_or_a_receipt() {
    let rooms = Rooms::new();
    let own = sealed(|_| ()).sign(rooms.signer(ORIGIN), |_| 1);
    let header = cbor::encode(own.header());
    let receipt = cbor::encode(&statement(&own));
    for content in ContentType::ALL {
        let signed = signature::sign(rooms.signer(ORIGIN), content, &header);
        let taken = rooms.verify(EnvelopeBytes { header: signed.into(), ..own.bytes().clone() });
        let wrong = SignatureError::WrongType { expected: ContentType::EnvelopeHeader };
        let expected = (content != ContentType::EnvelopeHeader).then_some(EnvelopeError::Signature(wrong));
        assert_eq!(taken.err(), expected, "{content} as a header");

        let signed = signature::sign(rooms.signer(ORIGIN), content, &receipt);
        let taken = VerifiedReceipt::verify(&signed, &rooms);
        let wrong = SignatureError::WrongType { expected: ContentType::Receipt };
        let expected = (content != ContentType::Receipt).then_some(ReceiptError::Signature(wrong));
        assert_eq!(taken.err(), expected, "{content} as a receipt");
    }
}

#[test]
fn a_header_signed_as_a_receipt_and_a_receipt_signed_as_a_header_do_not_decode() {
    let rooms = Rooms::new();
    let own = sealed(|_| ()).sign(rooms.signer(ORIGIN), |_| 1);
    let as_receipt = signature::sign(rooms.signer(ORIGIN), ContentType::Receipt, &cbor::encode(own.header()));
    assert_eq!(VerifiedReceipt::verify(&as_receipt, &rooms), Err(ReceiptError::Malformed));
    let statement = cbor::encode(&statement(&own));
    let as_header = signature::sign(rooms.signer(ORIGIN), ContentType::EnvelopeHeader, &statement);
    assert_eq!(peek_key(&as_header), None);
    let as_header = EnvelopeBytes { header: as_header.into(), ..own.bytes().clone() };
    assert_eq!(rooms.verify(as_header).unwrap_err(), EnvelopeError::Malformed);
}

fn statement(own: &VerifiedEnvelope) -> Receipt {
    Receipt {
        v: ENVELOPE_VERSION,
        at: NOW,
        seq: 0,
        peer: None,
        tick: None,
        clock: None,
        epoch: own.route().epoch,
        event: Event::Custody,
        suite: 1,
        issuer: ORIGIN,
        origin: ORIGIN,
        reason: None,
        officer: None,
        recipient: TO[0],
        envelope_id: own.route().id,
        envelope_digest: own.digest(),
    }
}
