//! Time limits in a running network: rule packs spread with the map to every room, a pack with a mistake changes nothing,
//! and a room can say why a limit applied.

use std::path::Path;

use node::control::view::{Check, DueLine, ExplainedDuty, Noted, Opened, RulesInForce, Sent};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tests::cluster::{Cluster, LONG, Letter, Network, text, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411322";

/// A local pack that gives a first report on a 较大 event so long.
fn local_pack(version: u32, limit: &str) -> String {
    format!(
        "name = \"local-2026\"\nversion = {version}\ntitle = \"本地细则\"\ndocument = \"豫值〔2026〕1号\"\n\
         issuer = \"410000\"\ntarget = \"省政府\"\nbase = \"henan-2021\"\nissued = \"2026-01-01\"\n\
         [[rule]]\nid = \"hn.report.l3\"\nkind = \"report.first\"\nforce = \"must\"\nchannel = \"any\"\n\
         start = \"occurrence\"\nbasis = \"stated\"\nstop = \"delivered\"\nlimit = \"{limit}\"\n\
         applies = {{ severity = [\"较大\"] }}\nplace = \"一\"\nsays = \"较大事件\"\nquote = \"较大\"\n"
    )
}

/// The map in force with these lines for its rules, one version on.
async fn edited(cluster: &Cluster, version: u64, rules: &str) -> String {
    let shown = cluster.at(PROVINCE, &["map", "show"]).await.out;
    let kept = shown.lines().filter(|line| {
        !["version = ", "rule_packs = ", "calendars = "].iter().any(|key| line.starts_with(key))
    });
    let rest: Vec<&str> = kept.collect();
    format!("version = {version}\n{rules}\n{}\n", rest.join("\n"))
}

fn write(place: &Path, name: &str, text: &str) -> String {
    let path = place.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn rules_at(cluster: &Cluster, code: &str) -> RulesInForce {
    cluster.at(code, &["rules", "ls", "--json"]).await.json()
}

/// Waits until a room judges by all that its plan names.
async fn has_packs(cluster: &Cluster, code: &str) {
    until(&format!("{code} has its packs"), LONG, async || {
        let rules = rules_at(cluster, code).await;
        (rules.missing.is_empty() && !rules.packs.is_empty()).then_some(())
    })
    .await;
}

fn names(rules: &RulesInForce) -> Vec<String> {
    rules.packs.iter().map(|pack| format!("{}@{}", pack.name, pack.version)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_spread_with_the_plan_to_a_county_and_a_bad_one_changes_nothing() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let first = until("the county has the packs of its plan", LONG, async || {
        let rules = rules_at(&cluster, COUNTY).await;
        (rules.missing.is_empty() && !rules.packs.is_empty()).then_some(rules)
    })
    .await;
    assert_eq!(names(&first), ["cn-baseline-2024@1", "henan-2021@1"]);
    assert!(first.packs.iter().all(|pack| pack.issuer.code == PROVINCE), "{first:?}");
    let authority = cluster.place().join("net");
    let chosen = "rule_packs = [\"cn-baseline-2024\", \"henan-2021\", \"./local.toml\"]";

    write(cluster.place(), "local.toml", &local_pack(1, "PT2H"));
    let map = write(cluster.place(), "edited.toml", &edited(&cluster, 2, chosen).await);
    let apply = ["map", "apply", &map, "--authority", text(&authority), "--json"];
    let refused = cluster.at(PROVINCE, &apply).await.problem();
    assert_eq!(refused.code, "rules_pack_invalid");
    assert!(refused.why.contains("local.toml:10: ") && refused.why.contains("loosens"), "{refused:?}");
    assert_eq!(rules_at(&cluster, PROVINCE).await, first);

    write(cluster.place(), "local.toml", &local_pack(1, "PT30M"));
    let diff = cluster.at(PROVINCE, &["map", "diff", &map]).await;
    assert!(diff.out.contains("henan-2021@1, local-2026@1"), "{diff:?}");
    assert_eq!(cluster.at(PROVINCE, &apply).await.code, 0);
    let second = until("the county has the local pack", LONG, async || {
        let rules = rules_at(&cluster, COUNTY).await;
        (rules.map_version == 2 && rules.missing.is_empty()).then_some(rules)
    })
    .await;
    assert_eq!(names(&second), ["cn-baseline-2024@1", "henan-2021@1", "local-2026@1"]);
    assert_eq!(second.packs[..2], first.packs[..2]);

    // A room that lost its files is told of it by doctor, and its neighbour has them.
    let county = cluster.room(COUNTY);
    county.stop().await;
    std::fs::remove_dir_all(county.dir().join("map/packs")).unwrap();
    county.start().await;
    until("the county has its packs again", LONG, async || {
        let rules = rules_at(&cluster, COUNTY).await;
        (rules == second).then_some(())
    })
    .await;
    let checks: Vec<Check> = cluster.at(COUNTY, &["doctor", "--json"]).await.json();
    assert!(checks.iter().any(|check| check.code == "doctor_rules" && check.state == "ok"), "{checks:?}");
}

/// An officer of this name in a room.
async fn officer(cluster: &Cluster, room: &str, name: &str) -> String {
    let password = write(cluster.place(), &format!("password of {room}"), "correct horse\n");
    let add = ["officer", "add", name, "--role", "duty_officer", "--password-file", &password];
    assert_eq!(cluster.at(room, &add).await.code, 0);
    password
}

/// Both ends note a call of the county with the province about a message.
async fn call_about(cluster: &Cluster, id: &str) {
    let county = officer(cluster, COUNTY, "张伟").await;
    let province = officer(cluster, PROVINCE, "王芳").await;
    let said = ["--line", "ordinary", "--text", "已核实", "--about", id, "--json"];
    let out = ["phone", "out", "--to", PROVINCE, "--officer", "张伟", "--password-file", &county];
    let rung: Noted = cluster.at(COUNTY, &[&out[..], &said].concat()).await.json();
    let into = ["phone", "in", "--from", COUNTY, "--officer", "王芳", "--password-file", &province];
    let code = ["--code", &rung.code];
    let heard: Noted = cluster.at(PROVINCE, &[&into[..], &code, &said].concat()).await.json();
    cluster.room(PROVINCE).receipt(&heard.id, "delivered").await;
}

/// Exit codes 0 and 5 both come with an explanation.
async fn explained(cluster: &Cluster, room: &str, id: &str) -> Vec<ExplainedDuty> {
    let told = cluster.at(room, &["rules", "explain", id, "--json"]).await;
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error} in {told:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_answered_by_phone_and_in_writing_is_explained_at_both_ends() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, province) = (cluster.room(COUNTY), cluster.room(PROVINCE));
    county.clock_trusted().await;
    has_packs(&cluster, COUNTY).await;
    let asked = cluster.at(PROVINCE, &["request", COUNTY, "请核实网传视频", "--written", "--json"]).await;
    let request = asked.json::<Sent>().id;
    province.receipt(&request, "delivered").await;
    let open: Vec<DueLine> = cluster.at(COUNTY, &["inbox", "--due", "--json"]).await.json();
    let told: Vec<_> = open.iter().map(|line| (line.rule.as_str(), line.state.as_str())).collect();
    assert_eq!(told, [("hn.verify.phone", "open"), ("hn.verify.written", "open")]);
    assert!(open.iter().all(|line| line.obliged.code == COUNTY && line.remaining_ms > Some(0)), "{open:?}");

    call_about(&cluster, &request).await;
    let reply = county.send(&Letter::actual("verify.reply", &[PROVINCE], "属实").relating_to(&request)).await;
    county.receipt(&reply, "delivered").await;
    for room in [COUNTY, PROVINCE] {
        let rules = until(&format!("{room} sees both stages met"), LONG, async || {
            let duties = explained(&cluster, room, &request).await;
            let duty = duties.into_iter().find(|duty| duty.kind == "verify.reply")?;
            (duty.rules.iter().filter(|rule| rule.met.is_some()).count() == 2).then_some(duty.rules)
        })
        .await;
        for (rule, channel) in rules.iter().zip(["phone", "written"]) {
            let told = (rule.channel.as_str(), rule.start_event.as_str(), rule.verdict.as_str());
            assert_eq!(told, (channel, "notice_received", "on_time"), "{rule:?}");
            assert!(rule.clause.contains("豫政办〔2021〕6号") && rule.margin_ms > Some(0), "{rule:?}");
        }
    }
    for id in [&request, &reply] {
        proves_both_stages(&cluster, id).await;
    }
    let words = cluster.at(COUNTY, &["rules", "explain", &reply, "--lang", "en"]).await;
    assert!(words.code == 0 && words.out.contains("verdict: on time"), "{words:?}");
    let nothing = cluster.at(COUNTY, &["rules", "explain", "00000000", "--json"]).await.problem();
    assert_eq!(nothing.code, "envelope_unknown");
    let met: Vec<DueLine> = cluster.at(COUNTY, &["inbox", "--due", "--json"]).await.json();
    assert_eq!(met, []);
}

/// The evidence of a request, and that of its answer, holds both, and the call: whoever verifies it sees both stages met.
async fn proves_both_stages(cluster: &Cluster, id: &str) {
    let file = cluster.place().join(format!("{id}.zip"));
    let exported = cluster.at(PROVINCE, &["evidence", "export", id, "-o", text(&file), "--json"]).await;
    assert_eq!(exported.code, 0, "{exported:?}");
    let anchor = cluster.room(PROVINCE).dir().join("anchor.pem");
    let verified = cluster.command(&["verify", text(&file), "--anchor", text(&anchor), "--json"]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
    let account: serde_json::Value = verified.json();
    for rule in ["hn.verify.phone", "hn.verify.written"] {
        let verdicts = account["verdicts"].as_array().expect("a list of verdicts").iter();
        let told: Vec<_> = verdicts.filter(|one| one["rule"] == rule).map(|one| &one["verdict"]).collect();
        assert_eq!(told, ["on_time"], "{rule} of {id}: {account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_leaves_at_once_and_its_facts_say_why() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    has_packs(&cluster, CITY).await;
    let file = "title = \"火灾\"\nwhat = \"一仓库起火\"\nseverity = \"serious\"\ncategory = \"acc.hazmat\"\n\
                occurred_at = 2026-01-05 02:31:00\n[place]\ntext = \"方城县\"\n";
    let file = write(cluster.place(), "late.toml", &format!("kind = \"report\"\n{file}"));
    let send = ["send", "report", "--to", PROVINCE, "--file", &file, "--json"];
    let silent: Sent = cluster.at(CITY, &send).await.json();
    let reason = ["--late-reason", "现场通信中断"];
    let explained: Sent = cluster.at(CITY, &[&send[..], &reason].concat()).await.json();
    for (sent, wanted) in [(silent, "未说明 (not given)"), (explained, "现场通信中断")] {
        cluster.room(CITY).receipt(&sent.id, "delivered").await;
        let shown: Opened = cluster.at(PROVINCE, &["show", &sent.id, "--json"]).await.json();
        assert_eq!(shown.element_text("late_reason").as_deref(), Some(wanted), "{shown:?}");
    }
    let late = explained_late(&cluster).await;
    assert_eq!(late, ("late".to_owned(), Some("desk".to_owned())));
}

/// Verdict and cause of the 较大 rule on what the city owes.
async fn explained_late(cluster: &Cluster) -> (String, Option<String>) {
    let due: Vec<DueLine> =
        serde_json::from_str(&cluster.at(PROVINCE, &["inbox", "--due", "--all", "--json"]).await.out)
            .unwrap();
    let line = due.iter().find(|line| line.rule == "hn.report.l3").expect("the rule applies");
    let duties = explained(cluster, PROVINCE, &line.subject).await;
    let mut rules = duties.into_iter().flat_map(|duty| duty.rules);
    let rule = rules.find(|rule| rule.rule == "hn.report.l3").expect("the rule is explained");
    (rule.verdict, rule.cause)
}

async fn owed(cluster: &Cluster, room: &str) -> Vec<(String, String, Option<String>)> {
    let lines: Vec<DueLine> = cluster.at(room, &["inbox", "--due", "--json"]).await.json();
    let mut owed: Vec<_> = lines.into_iter().map(|line| (line.subject, line.rule, line.due)).collect();
    owed.sort();
    owed
}

/// What is owed follows from the store alone: an index that is lost, broken or of another store is made anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_outlives_the_index_of_cases() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (city, county) = (cluster.room(CITY), cluster.room(COUNTY));
    county.clock_trusted().await;
    has_packs(&cluster, COUNTY).await;
    let asked = cluster.at(PROVINCE, &["request", COUNTY, "请核实网传视频", "--written", "--json"]).await;
    let request = asked.json::<Sent>().id;
    cluster.room(PROVINCE).receipt(&request, "delivered").await;
    let before = owed(&cluster, COUNTY).await;
    assert_eq!(before.len(), 2, "{before:?}");
    let index = county.dir().join("cases.db");
    for spoil in [
        |path: &Path| std::fs::remove_file(path).unwrap(),
        |path: &Path| std::fs::write(path, "no database").unwrap(),
    ] {
        county.stop().await;
        spoil(&index);
        county.start().await;
        assert_eq!(owed(&cluster, COUNTY).await, before);
    }
    county.stop().await;
    city.stop().await;
    std::fs::copy(city.dir().join("cases.db"), &index).unwrap();
    county.start().await;
    assert_eq!(owed(&cluster, COUNTY).await, before, "the index of another store");
    // A message that was changed on the disk hides nothing of the others.
    city.start().await;
    let other = city.send(&Letter::actual("instruction", &[COUNTY], "另一件")).await;
    county.has_in_inbox(&other).await;
    county.stop().await;
    let mut store =
        SqliteConnectOptions::new().filename(county.dir().join("node.db")).connect().await.unwrap();
    let changed = sqlx::query("UPDATE envelope SET body = x'00' WHERE row = (SELECT max(row) FROM envelope)");
    assert_eq!(changed.execute(&mut store).await.unwrap().rows_affected(), 1);
    store.close().await.unwrap();
    std::fs::remove_file(&index).unwrap();
    county.start().await;
    assert_eq!(owed(&cluster, COUNTY).await, before, "beside a damaged message");
    // An answer ends it, also after the index was made anew.
    call_about(&cluster, &request).await;
    let reply = county.send(&Letter::actual("verify.reply", &[PROVINCE], "属实").relating_to(&request)).await;
    county.receipt(&reply, "delivered").await;
    until("nothing is owed any more", LONG, async || owed(&cluster, COUNTY).await.is_empty().then_some(()))
        .await;
}
