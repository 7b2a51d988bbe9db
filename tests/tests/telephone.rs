//! Telephone calls: a call counts when an officer of each end has signed a note of it under the code that was read aloud;
//! what one end alone says stays a claim; and a note in the name of an officer who did not sign it is refused.

use std::{path::PathBuf, sync::Arc};

use certs::{
    officer::{OfficerCertificate, OfficerKey, OfficerRole, sign_as},
    signature::{ContentType, Signer},
};
use node::{clock::Clock, control::view};
use relay::{
    envelope::VerifiedEnvelope,
    message::{
        Content, DeclaredTime, Message,
        field::Status,
        phone::{
            Direction, PhoneLine, PhoneNote,
            call::{CALL_VERSION, CallStatement, SignedCall},
        },
    },
    receipt::{Event, Receipt},
};
use tests::{
    cluster::{Cluster, LONG, Letter, Network, Outcome, Shared, text, until},
    peer::{Draft, Keys, Line, forge},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const COUNTY: &str = "411322";
const CITY: &str = "411300";

static SHARED: Shared = Shared::new();

/// A file of their own for the officers of each test: they run side by side.
fn password(cluster: &Cluster, officer: &str) -> PathBuf {
    let path = cluster.place().join(format!("password of {officer}"));
    if !path.exists() {
        std::fs::write(&path, "correct horse\n").unwrap();
    }
    path
}

/// Three rooms; in county and city an officer of this name.
async fn with_officers(cluster: &Cluster, name: &str) {
    let password = password(cluster, name);
    for room in [COUNTY, CITY] {
        let add = ["officer", "add", name, "--role", "duty_officer", "--password-file", text(&password)];
        assert_eq!(cluster.at(room, &add).await.code, 0);
    }
}

async fn shared(name: &str) -> Arc<Cluster> {
    let cluster = SHARED.cluster(PROGRAM, Network::three).await;
    with_officers(&cluster, name).await;
    cluster
}

/// `phone out` or `phone in`, over an ordinary line unless `more` says otherwise.
async fn note(cluster: &Cluster, room: &str, officer: &str, way: &[&str], more: &[&str]) -> Outcome {
    let password = password(cluster, officer);
    let line: &[&str] = if more.contains(&"--line") { &[] } else { &["--line", "ordinary"] };
    let by = ["--officer", officer, "--text", "化工厂火灾", "--password-file", text(&password), "--json"];
    cluster.at(room, &[&["phone"], way, line, &by, more].concat()).await
}

async fn rings(cluster: &Cluster, officer: &str, more: &[&str]) -> view::Noted {
    note(cluster, COUNTY, officer, &["out", "--to", CITY], more).await.json()
}

async fn is_rung(cluster: &Cluster, officer: &str, code: &str, more: &[&str]) -> view::Noted {
    note(cluster, CITY, officer, &["in", "--from", COUNTY, "--code", code], more).await.json()
}

/// The calls that a room knows under this code.
async fn calls(cluster: &Cluster, room: &str, code: &str) -> Vec<view::CallLine> {
    let all: Vec<view::CallLine> = cluster.at(room, &["phone", "ls", "--json"]).await.json();
    all.into_iter().filter(|call| call.code == code).collect()
}

async fn paired_at(cluster: &Cluster, room: &str, code: &str) -> view::CallLine {
    until(&format!("{room} has both notes of {code}"), LONG, async || {
        calls(cluster, room, code).await.into_iter().find(|call| call.state == "paired")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rooms_pair_a_call_by_its_code_and_a_restart_changes_nothing() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    with_officers(&cluster, "张伟").await;
    let (county, city) = (cluster.room(COUNTY), cluster.room(CITY));
    let report = county.send(&Letter::actual("report", &[CITY], "方城县火灾")).await;
    county.receipt(&report, "delivered").await;
    let out = rings(
        &cluster,
        "张伟",
        &["--about", &report, "--started", "2026-01-05T02:37:00", "--ended", "2026-01-05T02:39:05"],
    )
    .await;
    assert_eq!((out.state.as_str(), out.direction.as_str(), out.code.len()), ("claimed", "out", 3));
    assert!(!out.secrecy_warning);
    county.receipt(&out.id, "delivered").await;
    let claimed = calls(&cluster, CITY, &out.code).await.remove(0);
    assert_eq!(
        (claimed.state.as_str(), claimed.direction.as_str(), claimed.notes.len()),
        ("claimed", "in", 1)
    );

    let heard = out.code.to_ascii_lowercase();
    let times = ["--started", "2026-01-05T02:38:00", "--ended", "2026-01-05T02:40:00"];
    let into = is_rung(&cluster, "张伟", &heard, &times).await;
    assert_eq!((into.state.as_str(), into.code.as_str()), ("paired", out.code.as_str()));
    city.receipt(&into.id, "delivered").await;
    let at_city = paired_at(&cluster, CITY, &out.code).await;
    let at_county = paired_at(&cluster, COUNTY, &out.code).await;
    assert_eq!(at_city.notes, at_county.notes);
    let ids: Vec<&str> = at_county.notes.iter().map(|note| note.id.as_str()).collect();
    assert_eq!(ids, [out.id.as_str(), into.id.as_str()]);
    let officers: Vec<(&str, &str)> =
        at_county.notes.iter().map(|note| (note.room.code.as_str(), note.officer.as_str())).collect();
    assert_eq!(officers, [(COUNTY, "张伟"), (CITY, "张伟")]);
    let time = |text: &str| text.parse::<DeclaredTime>().unwrap().as_ms();
    assert_eq!(at_county.started_at_ms, time("2026-01-05T02:37:00"));
    assert_eq!(at_county.ended_at_ms, time("2026-01-05T02:40:00"), "t2 is the later end");
    assert_eq!(at_city.about.as_deref(), Some(report.as_str()), "the other end's note follows the caller's");
    assert!(at_city.case.is_some() && at_city.case == at_county.case);

    city.kill();
    county.kill();
    city.start().await;
    county.start().await;
    assert_eq!(calls(&cluster, CITY, &out.code).await, [at_city]);
    let again = is_rung(&cluster, "张伟", &heard, &times).await;
    assert_eq!(again.state, "claimed", "a second note of the same end pairs with nothing");
    let states: Vec<String> =
        calls(&cluster, CITY, &out.code).await.into_iter().map(|call| call.state).collect();
    assert_eq!(states, ["paired", "claimed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_pairs_with_nothing_and_one_end_alone_stays_a_claim() {
    let cluster = shared("李明").await;
    let out = rings(&cluster, "李明", &[]).await;
    cluster.room(COUNTY).receipt(&out.id, "delivered").await;
    let wrong = if out.code == "K7M" { "K7W" } else { "K7M" };
    let into = is_rung(&cluster, "李明", wrong, &[]).await;
    assert_eq!(into.state, "claimed");
    cluster.room(CITY).receipt(&into.id, "delivered").await;
    for room in [COUNTY, CITY] {
        for code in [out.code.as_str(), wrong] {
            let known = calls(&cluster, room, code).await;
            let states: Vec<(&str, usize)> =
                known.iter().map(|call| (call.state.as_str(), call.notes.len())).collect();
            assert_eq!(states, [("claimed", 1)], "{code} at {room}");
        }
    }
    let said = note(&cluster, CITY, "李明", &["in", "--from", COUNTY, "--code", "K0M"], &[]).await;
    assert_eq!((said.code, said.problem().code.as_str()), (2, "usage_value"));
    let later = ["--started", "2026-01-05T02:40:00", "--ended", "2026-01-05T02:39:59"];
    let said = note(&cluster, COUNTY, "李明", &["out", "--to", CITY], &later).await;
    assert_eq!((said.code, said.problem().code.as_str()), (2, "call_times"));
    let said = note(&cluster, COUNTY, "无名", &["out", "--to", CITY], &[]).await;
    assert_eq!((said.code, said.problem().code.as_str()), (1, "officer_unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ends_that_name_different_lines_are_in_conflict() {
    let cluster = shared("赵强").await;
    let out = rings(&cluster, "赵强", &[]).await;
    cluster.room(COUNTY).receipt(&out.id, "delivered").await;
    let into = is_rung(&cluster, "赵强", &out.code, &["--line", "secure"]).await;
    assert_eq!(into.state, "conflicting");
    let call = calls(&cluster, CITY, &out.code).await.remove(0);
    assert_eq!((call.state.as_str(), call.line.as_deref()), ("conflicting", None));
    assert_eq!(call.conflicts, ["line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_matter_on_an_ordinary_line_is_warned_of_and_sent_all_the_same() {
    let cluster = shared("王芳").await;
    let password = password(&cluster, "王芳");
    let out = rings(&cluster, "王芳", &["--sensitive"]).await;
    assert!(out.secrecy_warning);
    cluster.room(COUNTY).receipt(&out.id, "delivered").await;
    let into = is_rung(&cluster, "王芳", &out.code, &[]).await;
    assert_eq!((into.state.as_str(), into.secrecy_warning), ("paired", true));
    let call = calls(&cluster, CITY, &out.code).await.remove(0);
    assert!(call.sensitive && call.secrecy_warning && call.state == "paired");
    let secure = rings(&cluster, "王芳", &["--sensitive", "--line", "secure"]).await;
    assert!(!secure.secrecy_warning);
    assert!(calls(&cluster, COUNTY, &secure.code).await[0].sensitive);

    let file = "kind = \"report\"\nstage = \"first\"\ntitle = \"聚集\"\noccurred_at = \"不明\"\nwhat = \"情况\"\n\
                sensitive = true\n[place]\ntext = \"方城县\"\n";
    let report = cluster.room(COUNTY).send(&Letter::file("report", &[CITY], file, Vec::new())).await;
    for (language, word) in [("zh", "普通电话"), ("en", "ordinary telephone")] {
        let said = cluster
            .at(
                COUNTY,
                &[
                    "phone",
                    "out",
                    "--to",
                    CITY,
                    "--line",
                    "ordinary",
                    "--officer",
                    "王芳",
                    "--text",
                    "续报",
                    "--about",
                    &report,
                    "--password-file",
                    text(&password),
                    "--lang",
                    language,
                ],
            )
            .await;
        assert!(said.code == 0 && said.out.contains(word), "{said:?}");
    }
}

/// A telephone note of the county to the city in hostile hands.
struct Forger {
    keys: Keys,
    line: Line,
}

/// The salt that the officer's statement is bound to.
const TEXT_SALT: [u8; 16] = [7; 16];

impl Forger {
    async fn take_over(cluster: &Cluster) -> Self {
        let county = cluster.room(COUNTY);
        county.stop().await;
        let keys = Keys::of(county.dir());
        let line = keys.dial(keys.room_of(CITY)).await.expect("the county is let in");
        Self { keys, line }
    }

    fn draft(&self) -> Draft {
        let city = self.keys.room_of(CITY);
        let now = DeclaredTime::from_ms(Clock::wall().as_ms()).unwrap();
        let note = PhoneNote {
            title: "电话报告".into(),
            what: "化工厂火灾".into(),
            direction: Some(Direction::Out),
            phone: Some(PhoneLine::Ordinary),
            started_at: Some(now),
            ended_at: Some(now),
            pairing_code: Some("K7M".into()),
            ..PhoneNote::default()
        };
        let mut message = Message::new(Content::PhoneNote(Box::new(note)));
        message.heading.status = Status::Test;
        Draft { message, ..self.keys.draft(city, "电话报告") }
    }

    /// What an honest officer would sign about this note.
    fn statement(&self, draft: &Draft) -> CallStatement {
        let Content::PhoneNote(note) = &draft.message.content else { panic!("a telephone note") };
        CallStatement {
            v: CALL_VERSION,
            case: None,
            code: "K7M".parse().unwrap(),
            line: PhoneLine::Ordinary,
            peer: draft.to[0],
            room: self.keys.room,
            text: draft.message.text_commitment(TEXT_SALT),
            about: None,
            status: Status::Test,
            ended_at: note.ended_at.unwrap(),
            direction: Direction::Out,
            sensitive: false,
            started_at: note.started_at.unwrap(),
        }
    }

    fn certificate(&self, key: &OfficerKey, signer: &dyn Signer) -> Vec<u8> {
        let role = OfficerRole::DutyOfficer;
        OfficerCertificate::new(self.keys.room, "zhang", "张伟", role, &key.public(), 5).sign(signer)
    }

    fn seal(&self, mut draft: Draft, signed: Vec<u8>) -> VerifiedEnvelope {
        if let Content::PhoneNote(note) = &mut draft.message.content {
            note.call = Some(SignedCall::new(signed));
        }
        self.keys.seal_with_salts(&draft, [forge::random(), TEXT_SALT, forge::random()])
    }

    async fn outcome(&mut self, envelope: &VerifiedEnvelope, event: Event) -> Receipt {
        self.line.hand_over(envelope.route().precedence, envelope.bytes()).await.unwrap();
        self.line.hear_receipt(&self.keys, envelope.key().id, event).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_its_officer_did_not_sign_is_refused_with_a_signed_reason() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let mut forger = Forger::take_over(&cluster).await;
    let (officer, thief) = (OfficerKey::generate(), OfficerKey::generate());
    let certificate = forger.certificate(&officer, &forger.keys.signing);
    let foreign = forger.certificate(&officer, &Keys::of(cluster.room(CITY).dir()).signing);
    let sign = |key: &OfficerKey, certificate: &[u8], said: &CallStatement| {
        sign_as(key, certificate, ContentType::PhoneCall, &said.payload())
    };
    let draft = forger.draft();
    let said = forger.statement(&draft);
    let mut other_text = forger.draft();
    if let Content::PhoneNote(note) = &mut other_text.message.content {
        note.what = "一切正常".into();
    }
    let elsewhere = CallStatement { peer: forger.keys.room_of("410000"), ..said.clone() };
    let act = sign_as(&officer, &certificate, ContentType::OfficerAct, &said.payload());
    let forged = [
        ("signed with another key", forger.draft(), sign(&thief, &certificate, &said), "call_signature"),
        ("certified by another room", forger.draft(), sign(&officer, &foreign, &said), "call_signature"),
        ("an act of another kind", forger.draft(), act, "call_signature"),
        ("no signature at all", forger.draft(), b"nothing".to_vec(), "call_signature"),
        ("with another text", other_text, sign(&officer, &certificate, &said), "call_mismatch"),
        (
            "of a call with a third room",
            forger.draft(),
            sign(&officer, &certificate, &elsewhere),
            "call_mismatch",
        ),
    ];
    for (what, draft, signed, code) in forged {
        let envelope = forger.seal(draft, signed);
        let refused = forger.outcome(&envelope, Event::Refused).await;
        assert_eq!(refused.reason.map(|reason| reason.code).as_deref(), Some(code), "{what}");
        assert_eq!(refused.issuer, forger.keys.room_of(CITY), "{what}");
    }
    assert!(cluster.room(CITY).inbox().await.is_empty());
    assert!(calls(&cluster, CITY, "K7M").await.is_empty());
    let good = forger.seal(draft, sign(&officer, &certificate, &said));
    forger.outcome(&good, Event::Delivered).await;
    assert_eq!(
        calls(&cluster, CITY, "K7M").await.len(),
        1,
        "the control: what the officer signed is delivered"
    );
}
