//! A third party recomputes from one file and one trust anchor what a room claims, without a node and without a network;
//! and a change of a single byte anywhere is found.

use std::path::{Path, PathBuf};

use node::control::{request::Request, view};
use relay::{
    duty::signed::SignedPack,
    evidence::{
        Conclusion, Documents, FileWriter, Group, Heading, Leaf, Listener, MessageAccount, Rules,
        VerifyError, account::LineAccount, container::Reader, invalid::Place, names, verify,
    },
    log::Line,
    receipt::Event,
    timestamp::Timestamp,
};
use serde_json::Value;
use tests::{
    cluster::{Cluster, LONG, Letter, Network, Outcome, text, until, until_true},
    peer::Keys,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411322";

/// Keeps what verified.
#[derive(Default)]
struct Kept {
    messages: Vec<MessageAccount>,
    lines: usize,
    now: Option<Timestamp>,
}

impl Listener for Kept {
    fn rules(&mut self, rules: Rules) {
        self.now = rules.now;
    }

    fn line(&mut self, _: LineAccount) {
        self.lines += 1;
    }

    fn message(&mut self, message: MessageAccount, _: bool) {
        self.messages.push(message);
    }
}

fn anchor(cluster: &Cluster) -> PathBuf {
    cluster.room(PROVINCE).dir().join("anchor.pem")
}

fn checked(cluster: &Cluster, bytes: &[u8]) -> Result<(Conclusion, Kept), VerifyError> {
    let pem = std::fs::read_to_string(anchor(cluster)).unwrap();
    let root = certs::certificate::certificates_from_pem(&pem).unwrap().remove(0);
    let mut kept = Kept::default();
    verify(bytes, &root, &mut kept).map(|conclusion| (conclusion, kept))
}

/// The report of a county that went over two hops, with its delivery.
async fn reported(cluster: &Cluster, occurred: &str) -> String {
    let county = cluster.room(COUNTY);
    // What a room signs before its first tick has no beginning.
    until_true("a tick has come down", LONG, async || {
        let status: view::Status = county.ask(&Request::Status).await.expect("the status can be read");
        status.log.tick_age_ms.is_some()
    })
    .await;
    let file = format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"化工厂火灾\"\ncategory = \"acc.fire\"\nseverity = \"serious\"\n\
         occurred_at = \"{occurred}\"\nwhat = \"方城县化工厂火灾\"\nplace = {{ text = \"方城县\" }}\ncasualties = {{ dead = 0 }}\nmeasures = \"已派员\"\ncontact = {{ name = \"张三\", phone = \"13900000000\" }}\n"
    );
    let letter = Letter::file("report", &[PROVINCE], &file, vec![]).skipping("市里电话不通");
    let id = county.send(&letter).await;
    county.receipt(&id, "delivered").await;
    id
}

/// Beijing time, as an officer writes it.
fn minutes_ago(minutes: i64) -> String {
    let at = node::clock::Clock::wall().as_ms() - minutes * 60_000;
    relay::duty::beijing::rfc3339(Timestamp::from_ms(at - at % 1000))
}

async fn export(cluster: &Cluster, room: &str, id: &str, more: &[&str]) -> PathBuf {
    let file = cluster.place().join(format!("{room} {id} {}.zip", more.concat()));
    let outcome =
        cluster.at(room, &[&["evidence", "export", id, "--force", "-o", text(&file)], more].concat()).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    file
}

/// The file once every receipt in it is dated.
async fn dated(cluster: &Cluster, room: &str, id: &str, more: &[&str]) -> (PathBuf, Vec<u8>) {
    until("every receipt is dated", LONG, async || {
        let file = export(cluster, room, id, more).await;
        let bytes = std::fs::read(&file).unwrap();
        let (_, kept) = checked(cluster, &bytes).unwrap();
        let mut events = kept.messages.iter().flat_map(|message| &message.events);
        events.all(|event| event.timed.proven.latest.is_some()).then_some((file, bytes))
    })
    .await
}

async fn verified(cluster: &Cluster, file: &Path) -> Outcome {
    let anchor = anchor(cluster);
    cluster.command(&["verify", text(file), "--anchor", text(&anchor), "--json"]).await
}

/// The verifier that was written from the documents alone: its exit code and what it printed.
fn by_python(file: &Path, anchor: &Path) -> (Option<i32>, Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/verify.py");
    let run = std::process::Command::new("python3").arg(script).args([file, anchor]).output().unwrap();
    let told = serde_json::from_slice(&run.stdout);
    let told = told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    (run.status.code(), told)
}

/// Rule, room that owes, room that is owed, verdict by either grade.
fn verdicts(told: &Value, names: [&str; 5]) -> Vec<String> {
    let line = |verdict: &Value| {
        names.map(|name| verdict.pointer(name).and_then(Value::as_str).unwrap_or("-").to_owned()).join(" ")
    };
    let mut lines: Vec<String> = told["verdicts"].as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

const OURS: [&str; 5] = ["/rule", "/obliged/code", "/towards/code", "/verdict", "/proven_verdict"];
const THEIRS: [&str; 5] = ["/rule", "/obliged", "/towards", "/verdict", "/proven"];

#[tokio::test(flavor = "multi_thread")]
async fn one_file_and_one_anchor_tell_the_whole_way_of_a_message_and_any_other_byte_is_found() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let id = reported(&cluster, &minutes_ago(10)).await;
    let (file, bytes) = dated(&cluster, COUNTY, &id, &[]).await;
    let outcome = verified(&cluster, &file).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let told: Value = outcome.json();
    let (code, theirs) = by_python(&file, &anchor(&cluster));
    assert_eq!((code, verdicts(&theirs, THEIRS)), (Some(0), verdicts(&told, OURS)), "{theirs}");
    let (_, kept) = checked(&cluster, &bytes).unwrap();
    let message = &kept.messages[0];
    let events: Vec<(&str, bool)> = message
        .events
        .iter()
        .map(|event| (event.receipt.event.word(), event.timed.proven.earliest.is_some()))
        .collect();
    assert_eq!(events[..3], [("accepted", true), ("custody", true), ("delivered", true)]);
    assert_eq!(message.title, None);

    let keys = Keys::of(cluster.room(COUNTY).dir());
    let (heading, mut documents, groups) = parts_of(&cluster, &bytes);
    // One dated head is as-of; the target is for the receipts of two hops.
    let beyond = 1_400 * groups[0].heads.len() + 600 * (message.events.len() - 3);
    assert!(bytes.len() < (16 << 10) + beyond, "{} bytes, {beyond} of them more", bytes.len());

    let bad = cluster.place().join("changed.zip");
    assert_eq!(written(&keys, heading.clone(), &documents, &groups), bytes, "it is made anew byte for byte");
    let archive = keys.trust.keys.archive();
    let head = |pack: &Vec<u8>| SignedPack::verify_some(pack, &archive).unwrap().abridged(|_| false);
    documents.packs = documents.packs.iter().map(head).collect();
    std::fs::write(&bad, written(&keys, heading, &documents, &groups)).unwrap();
    assert_eq!((verified(&cluster, &bad).await.code, by_python(&bad, &anchor(&cluster)).0), (6, Some(6)));
    for index in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        std::fs::write(&bad, changed).unwrap();
        assert_eq!(by_python(&bad, &anchor(&cluster)).0, Some(6), "byte {index}");
    }
    assert_eq!(verified(&cluster, &bad).await.code, 6);

    for index in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[index] ^= 0x10;
        match checked(&cluster, &bad) {
            Err(VerifyError::Invalid(invalid)) => assert_ne!(invalid.place, Place::default(), "byte {index}"),
            Err(VerifyError::Unreadable(error)) => panic!("byte {index}: {error}"),
            Ok(_) => panic!("byte {index} may be changed"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_exported_whole_and_both_verifiers_call_it_late() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, province) = (cluster.room(COUNTY), cluster.room(PROVINCE));
    let id = reported(&cluster, &minutes_ago(90)).await;
    let request = Letter::test("verify.request", &[COUNTY], "请核实").relating_to(&id);
    let request = province.send(&request).await;
    province.receipt(&request, "delivered").await;
    let reply = Letter::test("verify.reply", &[PROVINCE], "属实").relating_to(&request).skipping("已告市里");
    let reply = county.send(&reply).await;
    county.receipt(&reply, "delivered").await;
    let (file, bytes) = dated(&cluster, COUNTY, &request, &["--case", "--with-text"]).await;
    let (conclusion, kept) = checked(&cluster, &bytes).unwrap();
    let seqs: Vec<Option<u32>> = kept.messages.iter().map(|message| message.facts.case_seq).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3)]);
    assert_eq!(kept.messages[0].title.as_deref(), Some("化工厂火灾"));
    assert!(conclusion.as_of.is_some() && kept.now == conclusion.as_of);

    let outcome = verified(&cluster, &file).await;
    let (code, theirs) = by_python(&file, &anchor(&cluster));
    assert_eq!((outcome.code, code), (5, Some(5)), "{theirs}");
    let told: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(verdicts(&theirs, THEIRS), verdicts(&told, OURS), "{told}");
    assert!(verdicts(&told, OURS).contains(&"hn.report.l3 411322 410000 late late".to_owned()), "{told}");
}

/// What stands in a file, as its exporter put it in.
fn parts_of(cluster: &Cluster, bytes: &[u8]) -> (Heading, Documents, Vec<Group>) {
    let manifest = checked(cluster, bytes).unwrap().0.manifest;
    let (mut documents, mut groups) = (Documents::default(), Vec::new());
    let mut reader = Reader::new(bytes);
    while let Some((name, data)) = reader.next_entry().unwrap() {
        match name.split_once('/').map_or(name.as_str(), |(folder, _)| folder) {
            "map" if name == names::PLAN => documents.plan = data,
            "map" => documents.sheets.push(data),
            "rules" => documents.packs.push(data),
            "log" => documents.as_of = manifest.as_of.zip(certs::cbor::decode(&data, data.len()).ok()),
            "evidence" => groups.push(Group::decode(&data).unwrap()),
            _ => {}
        }
    }
    let heading = Heading {
        network: manifest.network,
        exporter: manifest.exporter,
        at: manifest.at,
        tick: manifest.tick,
        subject: manifest.subject,
        text: manifest.text,
        personal: manifest.personal,
    };
    (heading, documents, groups)
}

fn written(exporter: &Keys, heading: Heading, documents: &Documents, groups: &[Group]) -> Vec<u8> {
    let mut file = FileWriter::begin(Vec::new(), heading, documents).unwrap();
    groups.iter().for_each(|group| file.group(group).unwrap());
    file.finish(&exporter.signing).unwrap()
}

/// The same evidence with one line record more: the city has its line to the county down, for a second after `at`.
fn with_line_down(cluster: &Cluster, bytes: &[u8], at: Timestamp) -> Vec<u8> {
    let [province, city] = [PROVINCE, CITY].map(|code| Keys::of(cluster.room(code).dir()));
    let (heading, documents, mut groups) = parts_of(cluster, bytes);
    let line = Line {
        v: 1,
        suite: 1,
        room: city.room,
        peer: city.room_of(COUNTY),
        down_at: at,
        down_tick: None,
        up_at: Timestamp::from_ms(at.as_ms() + 1_000),
        up_tick: None,
    };
    let line = line.sign(&city.signing).bytes().to_vec().into();
    groups[0].lines.push(Leaf { head: None, leaf: 1_000_000, path: Vec::new().into(), bytes: line });
    written(&province, heading, &documents, &groups)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_signs_nothing_is_late_by_its_parents_hand_over_unless_that_has_the_line_down() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, province) = (cluster.room(COUNTY), cluster.room(PROVINCE));
    let id = reported(&cluster, &minutes_ago(10)).await;
    // A minute takes a second from here on; the county takes what comes and says nothing.
    let since_ms = Some(node::clock::Clock::wall().as_ms());
    for code in [PROVINCE, CITY, COUNTY] {
        cluster.room(code).order(&Request::Clock { shift_ms: 0, speed: 60, since_ms }).await;
    }
    county.pause(true);
    let request = Letter::test("verify.request", &[COUNTY], "请核实").relating_to(&id);
    let request = province.send(&request).await;
    let is_late = |told: &Value| {
        let wanted = "hn.verify.phone 411322 410000 late ";
        verdicts(told, OURS).iter().any(|verdict| verdict.starts_with(wanted))
    };
    let (file, told) = until("its twenty minutes are over", LONG * 3, async || {
        let file = export(&cluster, PROVINCE, &request, &[]).await;
        let told: Value = serde_json::from_str(&verified(&cluster, &file).await.out).unwrap();
        is_late(&told).then_some((file, told))
    })
    .await;
    county.pause(false);
    let bytes = std::fs::read(&file).unwrap();
    let (_, kept) = checked(&cluster, &bytes).unwrap();
    let events: Vec<Event> = kept.messages[0].events.iter().map(|event| event.receipt.event).collect();
    assert_eq!(events, [Event::Accepted, Event::Custody, Event::Handed]);
    let (code, theirs) = by_python(&file, &anchor(&cluster));
    assert_eq!((code, verdicts(&theirs, THEIRS)), (Some(5), verdicts(&told, OURS)), "{theirs}");

    let handed_at = kept.messages[0].events[2].receipt.at;
    let bent = cluster.place().join("bent.zip");
    for (after_ms, is_believed) in [(59_999, false), (60_000, true)] {
        let at = Timestamp::from_ms(handed_at.as_ms() + after_ms);
        std::fs::write(&bent, with_line_down(&cluster, &bytes, at)).unwrap();
        let told: Value = serde_json::from_str(&verified(&cluster, &bent).await.out).unwrap();
        let (_, theirs) = by_python(&bent, &anchor(&cluster));
        assert_eq!((&told["valid"], &theirs["valid"]), (&Value::Bool(true), &Value::Bool(true)), "{theirs}");
        assert_eq!(verdicts(&theirs, THEIRS), verdicts(&told, OURS), "{told}");
        assert_eq!(is_late(&told), is_believed, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_anchor_and_a_file_that_is_not_there_are_told_apart() {
    let cluster = Cluster::start(PROGRAM, Network::one()).await;
    let nothing = cluster.place().join("nothing.zip");
    assert_eq!(verified(&cluster, &nothing).await.code, 1);
    std::fs::write(&nothing, b"nothing").unwrap();
    assert_eq!(verified(&cluster, &nothing).await.code, 6);
    let anchor = cluster.command(&["verify", text(&nothing), "--anchor", text(&nothing)]).await;
    assert_eq!(anchor.code, 2);
}
