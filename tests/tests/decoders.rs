//! Promise 8, the decoders: whatever the bytes, a decoder answers and does not panic, and what it takes has one encoding only.
//! The committed corpora hold a genuine specimen of everything (the control: each decodes) and every past crash.

use std::{
    fs,
    path::{Path, PathBuf},
};

use certs::{peer::Publisher, signature::Digest};
use proptest::{collection::vec, prelude::*, sample::Index};
use relay::{
    envelope_id::EnvelopeId,
    frame::{Credit, DocumentFrame, DocumentKind, Frame, Hello, NotTaken, ReceiptsFrame},
    timestamp::Timestamp,
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::bombs::bombs,
    decoders::{DECODERS, named},
};
use topology::RoomId;

/// Seeds that a decoder must refuse begin with this: crashes and oddities that the fuzzer found.
const REFUSED: &str = "refused-";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The corpus of a decoder, and what else of the repository it reads.
fn seeds(decoder: &str) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![format!("tests/corpus/{decoder}")];
    match decoder {
        "report" => folders = vec!["docs/examples".to_owned()],
        "rules" => folders.extend(["relay/data/packs", "relay/data/calendars"].map(str::to_owned)),
        _ => {}
    }
    folders.iter().flat_map(|folder| files(folder)).collect()
}

#[test]
fn every_seed_of_the_corpora_decodes_and_every_odd_one_is_refused() {
    for (name, decoder) in DECODERS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no corpus");
        for (file, bytes) in seeds {
            assert_eq!(decoder(&bytes), !file.starts_with(REFUSED), "{name}/{file}");
        }
    }
}

#[test]
fn no_bomb_and_no_shortened_or_lengthened_seed_decodes() {
    let mut judged = 0;
    // The scanner looks for words in whatever it is given, whole or not.
    for (name, decoder) in DECODERS.into_iter().filter(|(name, _)| *name != "attachment") {
        for (bomb, bytes) in bombs() {
            assert!(!decoder(&bytes) || bytes.is_empty(), "{name}: {bomb}");
        }
        // Texts may be cut at the end of a line, and are other texts then.
        let binary =
            seeds(name).into_iter().filter(|(file, _)| !file.ends_with(".toml") && !file.ends_with(".txt"));
        for (file, bytes) in binary.filter(|(_, bytes)| bytes.len() < 20_000) {
            let cuts = (0..bytes.len()).step_by((bytes.len() / 200).max(1));
            for cut in cuts {
                assert!(!decoder(&bytes[..cut]), "{name}/{file} cut to {cut} bytes");
                judged += 1;
            }
            assert!(!decoder(&[&bytes[..], &[0]].concat()), "{name}/{file} with a byte more");
        }
    }
    assert!(judged > 2_000, "{judged} cuts");
}

/// One change of a seed.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Put(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Number(Index, u64),
}

fn change() -> impl Strategy<Value = Change> {
    let numbers = prop_oneof![Just(0), Just(u64::MAX), Just(1 << 63), Just(0xffff_ffff), any::<u64>()];
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Cut(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Double(from, to)),
        (any::<Index>(), numbers).prop_map(|(at, number)| Change::Number(at, number)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let at = |index: &Index| index.index(bytes.len() + 1).min(bytes.len());
        match change {
            Change::Flip(index, bit) if !bytes.is_empty() => {
                let at = index.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Change::Flip(..) => {}
            Change::Put(index, byte) => bytes.insert(at(index), *byte),
            Change::Cut(from, to) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                bytes.drain(from..to);
            }
            Change::Double(from, to) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                let part = bytes[from..to.min(from + 4_096)].to_vec();
                bytes.splice(from..from, part);
            }
            Change::Number(index, number) => {
                let at = at(index);
                bytes.splice(at..at, [&[0x1b][..], &number.to_be_bytes()].concat());
            }
        }
    }
    bytes
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..40).prop_map(|letters| letters.into_iter().collect())
}

fn bytes() -> impl Strategy<Value = ByteBuf> {
    vec(any::<u8>(), 0..300).prop_map(ByteBuf::from)
}

fn room() -> impl Strategy<Value = RoomId> {
    any::<[u8; 16]>().prop_map(RoomId::from_bytes)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn credit() -> impl Strategy<Value = Credit> {
    (any::<u8>(), any::<u64>(), any::<u64>()).prop_map(|(class, messages, bytes)| Credit {
        class,
        messages,
        bytes,
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let versions = (any::<u16>(), any::<u16>(), any::<u64>());
    let publisher = prop_oneof![Just(Publisher::Authority), room().prop_map(Publisher::Hub)];
    let lists = (vec((publisher, any::<u64>()), 0..20), vec(credit(), 0..4), vec(digest(), 0..20));
    (versions, text(), room(), text(), lists).prop_map(
        |((version_min, version_max, plan_version), network, room, software, (sheets, credits, rules))| {
            Hello { version_min, version_max, network, room, software, plan_version, sheets, credits, rules }
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let time = || any::<i64>().prop_map(Timestamp::from_ms);
    let id = any::<[u8; 16]>().prop_map(EnvelopeId::from_bytes);
    let kind = prop_oneof![Just(DocumentKind::Plan), Just(DocumentKind::Calendar)];
    prop_oneof![
        hello().prop_map(Frame::Hello),
        (time(), time(), time()).prop_map(|(asked, received, answered)| Frame::ClockAnswer {
            asked,
            received,
            answered
        }),
        credit().prop_map(Frame::Credit),
        (any::<u64>(), vec(bytes(), 0..20))
            .prop_map(|(first, receipts)| Frame::Receipts(ReceiptsFrame { first, receipts })),
        (room(), id, text(), any::<u64>()).prop_map(|(origin, id, code, retry_after_ms)| {
            Frame::NotTaken(NotTaken { origin, id, code, retry_after_ms })
        }),
        (kind, any::<u64>(), any::<u64>(), bytes()).prop_map(|(kind, len, offset, bytes)| Frame::Document(
            DocumentFrame { kind, len, offset, bytes }
        )),
        proptest::option::of(bytes()).prop_map(|checkpoint| Frame::HeadHeld { checkpoint }),
        (bytes(), any::<u64>(), vec(digest(), 0..60)).prop_map(|(checkpoint, from, path)| Frame::Head {
            checkpoint,
            from,
            path
        }),
        text().prop_map(|reason| Frame::Goodbye { reason }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..2_000)) {
        for (_, decoder) in DECODERS {
            decoder(&bytes);
        }
    }

    #[test]
    fn any_changed_seed_is_answered(
        decoder in any::<Index>(), seed in any::<Index>(), changes in vec(change(), 1..8),
    ) {
        let (name, decoder) = DECODERS[decoder.index(DECODERS.len())];
        let small: Vec<_> = seeds(name).into_iter().filter(|(_, bytes)| bytes.len() < 20_000).collect();
        let (_, bytes) = &small[seed.index(small.len())];
        decoder(&changed(bytes.clone(), &changes));
    }

    #[test]
    fn every_frame_comes_back_as_it_went_and_always_as_the_same_bytes(frame in frame()) {
        let encoded = frame.encode();
        prop_assert_eq!(Frame::decode(&encoded[4..]), Ok(frame.clone()));
        prop_assert_eq!(frame.encode(), encoded);
    }
}

#[test]
fn the_decoders_are_those_that_the_corpora_are_for() {
    for folder in fs::read_dir(root().join("tests/corpus")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!folder.is_dir() || named(&name).is_some(), "no decoder reads the corpus {name}");
    }
}
