//! Promise 4: a hub reads nothing that is not for it, and cannot forge or alter unnoticed. A canary is looked for in
//! everything that a hub keeps and logs; and a hub in hostile hands, with the city's own keys, tries.

use std::{
    fs,
    path::{Path, PathBuf},
};

use certs::signature::Digest;
use data_encoding::BASE64;
use node::control::{request::Request, view};
use relay::{
    envelope::EnvelopeBytes,
    frame::{Frame, ReceiptsFrame},
    message::{Kind, Message, field::Status},
    receipt::Event,
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::{City, Table, Watch},
    cluster::{Cluster, Letter, Network, Room},
    peer::{Ended, Heard, forge, line},
};
use topology::{Flow, Precedence};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

const IN_TITLE: &str = "金丝雀标题七三九一";
const IN_TEXT: &str = "金丝雀正文canary-body-5521";
const IN_PERSONAL: &str = "金丝雀姓名";
const IN_ATTACHMENT: &str = "canary-attachment-8846";
const IN_ATTACHMENT_NAME: &str = "canary-name-1307.txt";
const CANARIES: [&str; 5] = [IN_TITLE, IN_TEXT, IN_PERSONAL, IN_ATTACHMENT, IN_ATTACHMENT_NAME];

fn report() -> Letter {
    let file = format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"{IN_TITLE}\"\noccurred_at = \"不明\"\nwhat = \"{IN_TEXT}\"\n\
         attachments = [\"{IN_ATTACHMENT_NAME}\"]\n[place]\ntext = \"方城县\"\n\
         [[victims]]\nname = \"{IN_PERSONAL}\"\ncondition = \"轻伤\"\n"
    );
    let content = BASE64.encode(IN_ATTACHMENT.repeat(3).as_bytes());
    Letter::file("report", &["410000"], &file, vec![(IN_ATTACHMENT_NAME.to_owned(), content)])
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the directory is there").flatten();
    entries
        .flat_map(|entry| {
            let kind = entry.file_type().expect("the entry has a type");
            match (kind.is_dir(), kind.is_file()) {
                (true, _) => files_below(&entry.path()),
                (false, true) => vec![entry.path()],
                (false, false) => Vec::new(),
            }
        })
        .collect()
}

/// The canaries that stand in a file as they were written, in UTF-16, in base64 or in hex.
fn canaries_in(file: &Path) -> Vec<&'static str> {
    let bytes = fs::read(file).expect("the file can be read");
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    CANARIES
        .into_iter()
        .filter(|canary| {
            let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let whole = canary.len() / 3 * 3;
            let hex = data_encoding::HEXLOWER.encode(canary.as_bytes());
            holds(canary.as_bytes())
                || holds(&wide)
                || holds(BASE64.encode(&canary.as_bytes()[..whole]).as_bytes())
                || holds(hex.as_bytes())
        })
        .collect()
}

fn assert_nothing_legible(room: &Room) {
    let mut files = files_below(room.dir());
    files.push(room.log().to_owned());
    assert!(files.iter().any(|file| file.ends_with("node.db")), "{files:?}");
    for file in files {
        assert_eq!(
            canaries_in(&file),
            Vec::<&str>::new(),
            "legible in {} of {}",
            file.display(),
            room.code()
        );
    }
}

async fn show(room: &Room, id: &str) -> view::Opened {
    room.ask(&Request::Show { id: id.to_owned() }).await.expect("the message opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_legible_at_a_hub_nor_at_rest_anywhere() {
    let cluster =
        Cluster::start(PROGRAM, Network::three().logging("trace,quinn=info,quinn_proto=info,rustls=info"))
            .await;
    let (county, city, province) = (cluster.room("411322"), cluster.room("411300"), cluster.room("410000"));
    let id = county.send(&report()).await;
    county.receipt(&id, "delivered").await;
    for room in [county, province] {
        let opened = show(room, &id).await;
        let shown = serde_json::to_string(&opened).unwrap();
        for canary in [IN_TITLE, IN_TEXT, IN_PERSONAL, IN_ATTACHMENT_NAME] {
            assert!(shown.contains(canary), "the control: {} reads {canary}", room.code());
        }
        assert_eq!(opened.attachments[0].2, (IN_ATTACHMENT.len() * 3) as u64);
    }
    assert!(
        city.ask::<view::Opened>(&Request::Show { id: id.clone() }).await.is_err(),
        "the city cannot open it"
    );
    assert!(!city.receipts(&id).await.is_empty(), "though the city carried it");
    // Once while the logs of the databases are full, once after everything was moved into place.
    for room in cluster.rooms() {
        assert_nothing_legible(room);
    }
    for code in ["411322", "411300", "410000"] {
        cluster.room(code).stop().await;
        assert_nothing_legible(cluster.room(code));
    }
    let planted = city.dir().join("planted");
    for text in [IN_TEXT.as_bytes().to_vec(), BASE64.encode(IN_ATTACHMENT.as_bytes()).into_bytes()] {
        fs::write(&planted, [b"before".to_vec(), text, b"after".to_vec()].concat()).unwrap();
        assert_eq!(canaries_in(&planted).len(), 1, "the control: what is legible is found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_changes_a_byte_is_not_believed_and_the_true_bytes_are() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let id = city.cluster.room("411322").send(&Letter::test("report", &["410000"], "原文")).await;
    let (_, genuine) = below.hear_envelope().await.unwrap();
    let envelope = city.verified(&genuine);
    let key = envelope.key();
    let precedence = envelope.route().precedence;
    let mut above = city.province().await;
    let mut other_key = genuine.clone();
    let of_city = city.keys.seal(&city.keys.draft(city.keys.room_of("410000"), "市里的密钥"));
    other_key.keys.clone_from(&of_city.bytes().keys);
    let mut no_keys = genuine.clone();
    no_keys.keys.clear();
    let mut twice = genuine.clone();
    twice.keys.push(genuine.keys[0].clone());
    let last = genuine.header.len() - 1;
    let forged = [
        ("a bit of the body", forge::with_body_bit(&genuine, 100)),
        ("a bit of the signature", forge::with_header_bit(&genuine, last)),
        ("a shortened body", EnvelopeBytes { body: genuine.body[1..].into(), ..genuine.clone() }),
        ("another body", EnvelopeBytes { body: of_city.bytes().body.clone(), ..genuine.clone() }),
        ("another envelope's key", other_key),
        ("no key at all", no_keys),
        ("a key twice", twice),
    ];
    let mut table = Table::new("a hub alters");
    for (what, bytes) in forged {
        above.hand_over(precedence, &bytes).await.unwrap();
        let refused = above.hear_not_taken(key.id).await.unwrap();
        table.row(
            "T25",
            what,
            "not taken: does_not_verify",
            format!("not taken: {}", refused.code),
            "the hub: NotTaken",
        );
        assert!(city.cluster.room("410000").inbox_ids().await.is_empty(), "{what}");
    }
    above.hand_over(precedence, &genuine).await.unwrap();
    above.hear_receipt(&city.keys, key.id, Event::Delivered).await.unwrap();
    assert_eq!(
        city.cluster.room("410000").inbox_ids().await,
        [id],
        "the control: the true bytes are delivered"
    );
    table.control("the county's own bytes");
    table.finish(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changed_bit_of_a_header_is_refused() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    city.cluster.room("411322").send(&Letter::test("report", &["410000"], "逐位")).await;
    let (_, genuine) = below.hear_envelope().await.unwrap();
    let envelope = city.verified(&genuine);
    let id = envelope.key().id;
    let mut above = city.province().await;
    let mut closed = 0;
    for at in (0..genuine.header.len()).step_by(7) {
        let bytes = forge::with_header_bit(&genuine, at);
        above.hand_over(envelope.route().precedence, &bytes).await.unwrap();
        // Its id may be what was changed; a header that does not even decode ends the link.
        let answer = above
            .hear_until(|heard| match heard {
                Heard::Control(Frame::NotTaken(refused)) => Some(refused.code),
                Heard::Control(_) | Heard::Lane(..) => None,
            })
            .await;
        match answer {
            Ok(code) => {
                assert!(["does_not_verify", "unknown_key"].contains(&code.as_str()), "byte {at}: {code}")
            }
            Err(Ended::Refused(2, _)) => {
                closed += 1;
                above = city.province().await;
            }
            Err(other) => panic!("byte {at}: {other:?}"),
        }
    }
    assert!(closed > 0, "some of them are no headers any more");
    assert!(city.cluster.room("410000").inbox_ids().await.is_empty());
    above.hand_over(envelope.route().precedence, &genuine).await.unwrap();
    above
        .hear_receipt(&city.keys, id, Event::Delivered)
        .await
        .expect("the control: the true bytes are delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_cannot_give_orders_in_the_name_of_the_province() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let county = city.keys.room_of("411322");
    let instruction = |origin| {
        let mut draft = city.keys.draft(county, "立即撤离");
        draft.message = Message::new_text(Kind::Instruction, "立即撤离").unwrap();
        draft.message.heading.status = Status::Test;
        draft.route.flow = Flow::Down;
        draft.route.origin = origin;
        draft
    };
    let forged = city.keys.seal(&instruction(city.keys.room_of("410000")));
    below.hand_over(Precedence::Routine, forged.bytes()).await.unwrap();
    assert_eq!(below.hear_not_taken(forged.key().id).await.unwrap().code, "does_not_verify");
    assert!(city.cluster.room("411322").inbox_ids().await.is_empty());
    let own = city.keys.seal(&instruction(city.keys.room));
    below.hand_over(Precedence::Routine, own.bytes()).await.unwrap();
    below
        .hear_receipt(&city.keys, own.key().id, Event::Delivered)
        .await
        .expect("the control: its own orders arrive");
    let inbox = city.cluster.room("411322").inbox().await;
    let origins: Vec<&str> = inbox.iter().map(|line| line.origin.code.as_str()).collect();
    assert_eq!(origins, ["411300"], "and are shown as its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_cannot_say_that_the_province_has_it() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let county = city.cluster.room("411322");
    let id = county.send(&Letter::test("report", &["410000"], "是否送达")).await;
    let (_, genuine) = below.hear_envelope().await.unwrap();
    let envelope = city.verified(&genuine);
    let province = city.keys.room_of("410000");
    let other_bytes = Digest::from_bytes([7; 32]);
    let watch = Watch::new(county);
    let forged = [
        (
            "the city says that the province has it",
            city.keys.receipt(&envelope, province, Event::Delivered, city.keys.room),
        ),
        (
            "the city signs in the province's name",
            city.keys.receipt(&envelope, province, Event::Delivered, province),
        ),
        (
            "for other bytes",
            city.keys.receipt_of_digest(&envelope, other_bytes, province, Event::Custody, city.keys.room),
        ),
        (
            "an acknowledgement without an officer",
            city.keys.receipt(&envelope, province, Event::Acknowledged, province),
        ),
        ("no receipt at all", genuine.header.to_vec()),
    ];
    let mut table = Table::new("a hub's receipts");
    for (number, (what, bytes)) in (1..).zip(forged) {
        let receipts = vec![ByteBuf::from(bytes)];
        below
            .say(&Frame::Receipts(ReceiptsFrame { first: number, receipts: receipts.clone() }))
            .await
            .unwrap();
        below.say(&Frame::Answers { receipts }).await.unwrap();
        let stored = below
            .hear_until(|heard| match heard {
                Heard::Control(Frame::ReceiptsStored { upto }) => Some(upto),
                Heard::Control(_) | Heard::Lane(..) => None,
            })
            .await;
        assert_eq!(stored, Ok(number), "{what}");
        // It was said twice: on the durable way and as an answer.
        let told = if what == "for other bytes" {
            "nobody: it is signed, and about nothing that is here".to_owned()
        } else {
            watch.warned("a receipt does not verify").await;
            watch.warned("a receipt does not verify").await
        };
        let events: Vec<String> = county.events(&id).await.into_iter().map(|(event, _)| event).collect();
        table.row("T27", what, "still accepted only", format!("still {} only", events.join(", ")), told);
    }
    let own = city.keys.receipt(&envelope, province, Event::Custody, city.keys.room);
    below.say(&Frame::Answers { receipts: vec![ByteBuf::from(own)] }).await.unwrap();
    county.receipt(&id, "custody").await;
    // The province's own receipt, passed on by the same hostile hand, counts.
    let mut above = city.province().await;
    above.hand_over(envelope.route().precedence, &genuine).await.unwrap();
    let (_, signed) = above.hear_receipts().await.unwrap();
    below.say(&Frame::Answers { receipts: signed }).await.unwrap();
    assert_eq!(county.receipt(&id, "delivered").await.issuer, "410000");
    table.control("the province's own receipt, passed on by the same hand");
    table.finish(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_cannot_hand_to_one_room_what_is_for_another() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let mut above = city.province().await;
    let (province, county) = (city.cluster.room("410000"), city.cluster.room("411322"));
    let mut table = Table::new("a hub's deliveries");
    province.send(&Letter::test("instruction", &["411300"], "市里照办")).await;
    let (_, for_the_city) = above.hear_envelope().await.unwrap();
    let envelope = city.verified(&for_the_city);
    below.hand_over(envelope.route().precedence, &for_the_city).await.unwrap();
    let answer = below.hear_not_taken(envelope.key().id).await.unwrap().code;
    table.row(
        "T33",
        "the province's order to the city is handed to the county",
        "policy.hop.parent.foreign_recipient, 0 in the inbox",
        format!("{answer}, {} in the inbox", county.inbox_ids().await.len()),
        "the hub: NotTaken",
    );
    let id = province.send(&Letter::test("instruction", &["411322"], "县里照办")).await;
    let (_, for_the_county) = above.hear_envelope().await.unwrap();
    below.hand_over(envelope.route().precedence, &for_the_county).await.unwrap();
    county.has_in_inbox(&id).await;
    table.control("the province's order to the county, passed on by the same hand");
    table.finish(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_cannot_read_what_it_carries_with_its_own_key() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let county = city.cluster.room("411322");
    county.send(&Letter::test("report", &["410000"], IN_TEXT)).await;
    let (_, genuine) = below.hear_envelope().await.unwrap();
    let opened = city.keys.letterbox.open(&city.verified(&genuine), &*city.keys.trust.keys);
    assert!(matches!(opened, relay::step::Opened::NotForUs), "{opened:?}");
    let frames = line::encode(&genuine);
    assert!(!frames.windows(IN_TEXT.len()).any(|window| window == IN_TEXT.as_bytes()));
    // The control: what is for the city opens with the same key.
    county.send(&Letter::test("report", &["411300"], IN_TEXT)).await;
    let (_, for_city) = below.hear_envelope().await.unwrap();
    let opened = city.keys.letterbox.open(&city.verified(&for_city), &*city.keys.trust.keys);
    assert!(matches!(opened, relay::step::Opened::Entry(_)), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_drops_one_recipients_key_cannot_hide_it_from_the_origin() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let county = city.cluster.room("411322");
    let id = county.send(&Letter::test("report", &["410000", "411300"], "两个收件单位")).await;
    let (_, genuine) = below.hear_envelope().await.unwrap();
    assert_eq!(genuine.keys.len(), 2);
    let envelope = city.verified(&genuine);
    let mut above = city.province().await;
    let only_province = genuine.branch(&[city.keys.room_of("410000")]);
    above.hand_over(envelope.route().precedence, &only_province).await.unwrap();
    let (_, signed) = above.hear_receipts().await.unwrap();
    below.say(&Frame::Answers { receipts: signed }).await.unwrap();
    county.receipt(&id, "delivered").await;
    let receipts = county.receipts(&id).await;
    let delivered: Vec<&str> = receipts
        .iter()
        .filter(|receipt| receipt.event == "delivered")
        .map(|r| r.recipient.as_str())
        .collect();
    assert_eq!(delivered, ["410000"], "what nobody attests is not shown as delivered");
    let shown = show(city.cluster.room("410000"), &id).await;
    assert_eq!(shown.to.len(), 2, "and the province sees for whom it was");
}
