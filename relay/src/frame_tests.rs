//! The bytes of every frame are pinned, nothing but exactly one frame is read, and no bytes make it panic.

use certs::{seal::WrappedKey, signature::KeyId};
use proptest::prelude::*;

use super::*;
use crate::{codec::CodecError, envelope::EnvelopeBytes, limits::HEADER_BYTES_MAX};

const HERE: RoomId = RoomId::from_bytes([0x11; 16]);
const THERE: RoomId = RoomId::from_bytes([0x22; 16]);
const ID: EnvelopeId = EnvelopeId::from_bytes([0x33; 16]);

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn key(room: RoomId) -> RecipientKey {
    let key =
        WrappedKey { enc: vec![0x44; 2], key_id: KeyId::from_bytes([0x55; 16]), ciphertext: vec![0x66; 3] };
    RecipientKey { room, key }
}

fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        network: "henan".into(),
        room: HERE,
        software: "yichuan/1".into(),
        plan_version: 3,
        sheets: vec![(Publisher::Authority, 1), (Publisher::Hub(THERE), 300)],
        credits: vec![Credit { class: 0, messages: 256, bytes: 70_000 }],
        rules: vec![Digest::from_bytes([9; 32])],
    }
}

fn envelope() -> EnvelopeFrame {
    EnvelopeFrame {
        header: ByteBuf::from([1, 2, 3]),
        keys: vec![key(THERE)],
        body_len: 2,
        body: ByteBuf::from([8, 9]),
    }
}

fn probe() -> Probe {
    Probe { nonce: ByteArray::new([7; 8]), from: HERE, to: THERE, hops: vec![(HERE, ms(5))] }
}

fn document() -> DocumentFrame {
    DocumentFrame { kind: DocumentKind::Sheet, len: 300, offset: 250, bytes: ByteBuf::from([5]) }
}

fn not_taken() -> NotTaken {
    NotTaken { origin: HERE, id: ID, code: "newer_map".into(), retry_after_ms: 2_000 }
}

fn receipts() -> ReceiptsFrame {
    ReceiptsFrame { first: 41, receipts: vec![ByteBuf::from([1]), ByteBuf::from([2, 3])] }
}

/// Every variant, in the order of its number, with its bytes.
fn frames() -> Vec<(Frame, &'static str)> {
    vec![
        (
            Frame::Hello(hello()),
            "000000690001010568656e616e1011111111111111111111111111111111097969636875616e\
             2f3103020001011022222222222222222222222222222222fb2c010100fb0001fc7011010001\
             200909090909090909090909090909090909090909090909090909090909090909",
        ),
        (Frame::Clock { asked: ms(-1) }, "000000020101"),
        (Frame::ClockAnswer { asked: ms(1), received: ms(2), answered: ms(-3) }, "0000000402020405"),
        (Frame::Credit(Credit { class: 3, messages: 250, bytes: 251 }), "000000060303fafbfb00"),
        (
            Frame::Envelope(envelope()),
            "0000003304030102030110222222222222222222222222222222220244441055555555555555\
             5555555555555555550366666602020809",
        ),
        (Frame::Part { bytes: ByteBuf::from([1, 2]) }, "0000000405020102"),
        (Frame::Receipts(receipts()), "000000080629020101020203"),
        (Frame::ReceiptsStored { upto: 300 }, "0000000407fb2c01"),
        (Frame::Answers { receipts: vec![ByteBuf::from([9])] }, "0000000408010109"),
        (
            Frame::NotTaken(not_taken()),
            "0000003009101111111111111111111111111111111110333333333333333333333333333333\
             33096e657765725f6d6170fbd007",
        ),
        (Frame::Document(document()), "000000080a01fb2c01fa0105"),
        (
            Frame::Probe(probe()),
            "0000003f0b080707070707070707101111111111111111111111111111111110222222222222\
             222222222222222222220110111111111111111111111111111111110a",
        ),
        (
            Frame::ProbeAnswer(probe()),
            "0000003f0c080707070707070707101111111111111111111111111111111110222222222222\
             222222222222222222220110111111111111111111111111111111110a",
        ),
        (Frame::Goodbye { reason: "restart 重启".into() }, "000000100d0e7265737461727420e9878de590af"),
        (Frame::Tick { bytes: ByteBuf::from([1, 2]) }, "000000040e020102"),
        (
            Frame::TickWanted { name: TickRef { at: ms(300), digest: Digest::from_bytes([3; 32]) } },
            "000000250ffb5802200303030303030303030303030303030303030303030303030303030303\
             030303",
        ),
        (Frame::HeadHeld { checkpoint: Some(ByteBuf::from([6])) }, "0000000410010106"),
        (
            Frame::Head { checkpoint: ByteBuf::from([6]), from: 3, path: vec![Digest::from_bytes([7; 32])] },
            "0000002611010603012007070707070707070707070707070707070707070707070707070707\
             07070707",
        ),
        (
            Frame::Anchor { checkpoint: ByteBuf::from([6]), anchor: ByteBuf::from([9, 9]) },
            "00000006120106020909",
        ),
        (Frame::Line { bytes: ByteBuf::from([4]) }, "00000003130104"),
        (Frame::LossAsked(LossAsked { since: ms(300), after: 7 }), "0000000514fb580207"),
        (
            Frame::LossTold(LossTold { headers: vec![ByteBuf::from([4])], after: 9, is_all: true }),
            "00000006150101040901",
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The frame without its length.
fn body(frame: &Frame) -> Vec<u8> {
    frame.encode().split_off(4)
}

#[test]
fn every_frame_has_these_bytes_and_reads_back() {
    for (number, (frame, expected)) in frames().into_iter().enumerate() {
        let bytes = frame.encode();
        assert_eq!(hex(&bytes), expected, "{frame:?}");
        let length = Frame::length([bytes[0], bytes[1], bytes[2], bytes[3]]).unwrap();
        assert_eq!((length, usize::from(bytes[4])), (bytes.len() - 4, number));
        assert_eq!(Frame::decode(&bytes[4..]), Ok(frame));
    }
}

#[test]
fn a_frame_that_is_cut_short_or_goes_on_is_refused() {
    for (frame, _) in frames() {
        let whole = body(&frame);
        assert_eq!(Frame::decode(&whole), Ok(frame.clone()), "the unspoilt control");
        for length in 0..whole.len() {
            let cut = Frame::decode(&whole[..length]);
            assert_eq!(cut, Err(FrameError::Codec(CodecError::Malformed)), "{frame:?} cut to {length}");
        }
        let longer = [whole, vec![0]].concat();
        assert_eq!(Frame::decode(&longer), Err(FrameError::Codec(CodecError::LeftOver { bytes: 1 })));
    }
}

#[test]
fn an_unknown_number_is_no_frame() {
    let first_free = u8::try_from(frames().len()).unwrap();
    for number in first_free..=255 {
        let mut bytes = body(&Frame::ReceiptsStored { upto: 1 });
        bytes[0] = number;
        assert!(Frame::decode(&bytes).is_err(), "{number}");
    }
}

/// Makes a frame with a list of so many.
type Maker = fn(usize) -> Frame;

#[test]
fn a_list_over_its_limit_is_refused_and_one_at_its_limit_is_not() {
    let lists: [(&str, usize, Maker); 9] = [
        ("rules", RULES_MAX, |n| {
            Frame::Hello(Hello { rules: vec![Digest::from_bytes([9; 32]); n], ..hello() })
        }),
        ("sheets", SHEETS_MAX, |n| {
            Frame::Hello(Hello { sheets: vec![(Publisher::Hub(THERE), 1); n], ..hello() })
        }),
        ("credits", 4, |n| {
            let credit = Credit { class: 0, messages: 1, bytes: 1 };
            Frame::Hello(Hello { credits: vec![credit; n], ..hello() })
        }),
        ("keys", RECIPIENTS_MAX, |n| {
            Frame::Envelope(EnvelopeFrame { keys: vec![key(HERE); n], ..envelope() })
        }),
        ("bytes", PART_BYTES_MAX, |n| Frame::Part { bytes: ByteBuf::from(vec![0; n]) }),
        ("receipts", RECEIPTS_PER_FRAME, |n| {
            Frame::Receipts(ReceiptsFrame { receipts: vec![ByteBuf::new(); n], ..receipts() })
        }),
        ("receipts", RECEIPTS_PER_FRAME, |n| Frame::Answers { receipts: vec![ByteBuf::new(); n] }),
        ("bytes", PART_BYTES_MAX, |n| {
            Frame::Document(DocumentFrame { bytes: ByteBuf::from(vec![0; n]), ..document() })
        }),
        ("hops", PROBE_HOPS_MAX, |n| Frame::Probe(Probe { hops: vec![(HERE, ms(1)); n], ..probe() })),
    ];
    for (what, most, make) in lists {
        assert!(Frame::decode(&body(&make(most))).is_ok(), "{most} {what}");
        let count = most + 1;
        assert_eq!(Frame::decode(&body(&make(count))), Err(FrameError::TooMany { what, count, most }));
    }
}

#[test]
fn sheets_do_not_hide_credits_nor_the_answer_its_hops() {
    let credits = vec![Credit { class: 0, messages: 1, bytes: 1 }; 5];
    let both =
        Frame::Hello(Hello { sheets: vec![(Publisher::Authority, 1); SHEETS_MAX], credits, ..hello() });
    assert_eq!(Frame::decode(&body(&both)), Err(FrameError::TooMany { what: "credits", count: 5, most: 4 }));
    let hops = vec![(HERE, ms(1)); PROBE_HOPS_MAX + 1];
    let answer = Frame::ProbeAnswer(Probe { hops, ..probe() });
    assert!(matches!(Frame::decode(&body(&answer)), Err(FrameError::TooMany { what: "hops", .. })));
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_read() {
    let most = u32::try_from(FRAME_BYTES_MAX).unwrap();
    assert_eq!(Frame::length(most.to_be_bytes()), Ok(FRAME_BYTES_MAX));
    for length in [most + 1, u32::MAX] {
        let bytes = usize::try_from(length).unwrap();
        assert_eq!(Frame::length(length.to_be_bytes()), Err(FrameError::TooLarge { bytes }));
    }
    let long = Frame::Goodbye { reason: "x".repeat(FRAME_BYTES_MAX) };
    assert!(matches!(
        Frame::decode(&body(&long)),
        Err(FrameError::Codec(CodecError::TooLarge { limit: FRAME_BYTES_MAX, .. }))
    ));
}

#[test]
fn a_number_in_more_bytes_than_it_needs_is_refused() {
    let bytes = body(&Frame::ReceiptsStored { upto: 5 });
    assert_eq!(bytes, [7, 5]);
    assert_eq!(Frame::decode(&[7, 251, 5, 0]), Err(FrameError::Codec(CodecError::NotCanonical)));
    assert_eq!(Frame::decode(&[251, 7, 0, 5]), Err(FrameError::Codec(CodecError::NotCanonical)));
}

#[test]
fn the_fullest_envelope_with_a_small_body_fits_into_a_frame() {
    let keys: Vec<RecipientKey> = (0..RECIPIENTS_MAX)
        .map(|n| {
            let enc = vec![0; 32];
            let key = WrappedKey { enc, key_id: KeyId::from_bytes([0; 16]), ciphertext: vec![0; 48] };
            RecipientKey { room: RoomId::from_bytes(u128::try_from(n).unwrap().to_be_bytes()), key }
        })
        .collect();
    let counted = EnvelopeBytes { header: Vec::new().into(), keys: keys.clone(), body: Vec::new().into() };
    let frame = Frame::Envelope(EnvelopeFrame {
        header: ByteBuf::from(vec![0; HEADER_BYTES_MAX]),
        keys,
        body_len: PART_BYTES_MAX as u64,
        body: ByteBuf::from(vec![0; PART_BYTES_MAX]),
    });
    let bytes = body(&frame);
    assert_eq!(Frame::decode(&bytes), Ok(frame));
    let of_keys = bytes.len() - HEADER_BYTES_MAX - PART_BYTES_MAX;
    assert!(of_keys as u64 <= counted.size_bytes(), "keys count at least what they take: {of_keys}");
}

proptest! {
    #[test]
    fn any_bytes_never_panic_and_what_reads_is_exactly_what_was_written(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(body(&frame), bytes);
        }
    }

    #[test]
    fn a_frame_with_some_bytes_changed_never_panics(
        which in 0..14_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = body(&frames()[which].0);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(body(&frame), bytes);
        }
    }
}
