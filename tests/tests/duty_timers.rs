//! The timers of time limits: each step happens once, with its evidence, though the node is killed between any two of
//! them; a breach goes to the next role until an officer takes notice, and to the room above as a message.

use std::path::PathBuf;

use node::control::view::{DueLine, RulesInForce, Sent, Status};
use relay::{duty::step::DutyStep, step::LeafKind};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tests::cluster::{Cluster, LONG, Letter, Network, text, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const COUNTY: &str = "411322";
const CITY: &str = "411300";
const MINUTE_MS: i64 = 60_000;

async fn due(cluster: &Cluster, room: &str, all: bool) -> Vec<DueLine> {
    let verb = if all { &["inbox", "--due", "--all", "--json"][..] } else { &["inbox", "--due", "--json"] };
    let told = cluster.at(room, verb).await;
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error} in {told:?}"))
}

/// Moves the clocks of the whole network: the root hub's time moves with them.
async fn pass(cluster: &Cluster, minutes: i64) {
    let shift = (minutes * MINUTE_MS).to_string();
    for room in [PROVINCE, CITY, COUNTY] {
        assert_eq!(cluster.at(room, &["clock", "--shift-ms", &shift]).await.code, 0);
    }
}

async fn stage_is(cluster: &Cluster, rule: &str, stage: &str) -> DueLine {
    until(&format!("{rule} has come to {stage}"), LONG, async || {
        let lines = due(cluster, COUNTY, false).await;
        lines.into_iter().find(|line| line.rule == rule && line.stage.as_deref() == Some(stage))
    })
    .await
}

/// What the county's log says of a rule's timer, in its order.
async fn steps(cluster: &Cluster, rule: &str) -> Vec<&'static str> {
    let file = cluster.room(COUNTY).dir().join("node.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let kind = i64::from(LeafKind::Duty.number());
    let leaves = sqlx::query_scalar("SELECT bytes FROM log_object WHERE kind = ? ORDER BY leaf").bind(kind);
    let leaves: Vec<Vec<u8>> = leaves.fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let steps = leaves.iter().map(|bytes| DutyStep::decode(bytes).unwrap());
    steps.filter(|step| step.obligation.rule == rule).map(|step| step.stage.word()).collect()
}

/// An alarm that rings, as soon as there is a bell, into a file.
struct Bell {
    bell: PathBuf,
    rang: PathBuf,
}

impl Bell {
    fn of(cluster: &Cluster) -> Self {
        let bell = Self { bell: cluster.place().join("bell"), rang: cluster.place().join("rang") };
        let (file, rang) = (text(&bell.bell), text(&bell.rang));
        let ring = format!("test -e '{file}' && echo \"$YICHUAN_PRECEDENCE\" >> '{rang}'");
        let alarm = vec!["sh".to_owned(), "-c".to_owned(), ring];
        cluster.room(COUNTY).configure(|config| config.alarm = alarm);
        bell
    }

    /// How often it rang for a limit; for the request itself it rings too.
    fn rang(&self) -> usize {
        let rang = std::fs::read_to_string(&self.rang).unwrap_or_default();
        rang.lines().filter(|word| *word == "overdue").count()
    }
}

async fn has_rung(cluster: &Cluster, rule: &str) {
    until(&format!("the alarm has rung for {rule}"), LONG, async || {
        steps(cluster, rule).await.contains(&"rung").then_some(())
    })
    .await;
}

/// The steps that came with time.
async fn timed_steps(cluster: &Cluster, rule: &str) -> Vec<&'static str> {
    let steps = steps(cluster, rule).await;
    assert_eq!(steps.iter().filter(|step| **step == "rung").count(), 1, "{rule}: {steps:?}");
    steps.into_iter().filter(|step| *step != "rung").collect()
}

async fn kill_and_start(cluster: &Cluster) {
    let county = cluster.room(COUNTY);
    county.kill();
    county.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_taken_once_though_the_node_is_killed_between_them() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let county = cluster.room(COUNTY);
    county.kill();
    let bell = Bell::of(&cluster);
    county.start().await;
    county.clock_trusted().await;
    until("the county has its packs", LONG, async || {
        let rules: RulesInForce = cluster.at(COUNTY, &["rules", "ls", "--json"]).await.json();
        (rules.missing.is_empty() && !rules.packs.is_empty()).then_some(())
    })
    .await;
    let asked = ["request", COUNTY, "请核实网传视频", "--written", "--exercise", "--json"];
    let request = cluster.at(PROVINCE, &asked).await.json::<Sent>().id;
    cluster.room(PROVINCE).receipt(&request, "delivered").await;
    let open: Vec<_> =
        due(&cluster, COUNTY, false).await.into_iter().map(|line| (line.rule, line.stage)).collect();
    assert_eq!(open, [("hn.verify.phone".to_owned(), None), ("hn.verify.written".to_owned(), None)]);

    // The call is due in 20 minutes, the paper in 40.
    pass(&cluster, 17).await;
    stage_is(&cluster, "hn.verify.phone", "most").await;
    kill_and_start(&cluster).await;
    pass(&cluster, 5).await;
    let breached = stage_is(&cluster, "hn.verify.phone", "breach").await;
    assert_eq!(breached.role.as_deref(), Some("head_of_watch"), "{breached:?}");
    stage_is(&cluster, "hn.verify.written", "half").await;
    until("status says what is overdue", LONG, async || {
        let status: Status = cluster.at(COUNTY, &["status", "--json"]).await.json();
        ((status.duties.open, status.duties.alarms) == (2, 1)).then_some(())
    })
    .await;

    // What could not ring before the node was killed rings when it is there again, and once.
    assert_eq!((bell.rang(), steps(&cluster, "hn.verify.phone").await), (0, vec!["most", "breach"]));
    std::fs::write(&bell.bell, "").unwrap();
    kill_and_start(&cluster).await;
    has_rung(&cluster, "hn.verify.phone").await;
    assert_eq!(bell.rang(), 1);

    // It goes to the room above once, as an exercise, while the node is killed again and again.
    kill_and_start(&cluster).await;
    county.link_is(CITY, "up").await;
    assert_eq!(bell.rang(), 1, "what was noted does not ring again");
    pass(&cluster, 31).await;
    stage_is(&cluster, "hn.verify.phone", "parent").await;
    kill_and_start(&cluster).await;
    county.link_is(CITY, "up").await;
    let told = until("the city has been told", LONG, async || {
        let lines = cluster.room(CITY).inbox().await;
        let told: Vec<String> =
            lines.into_iter().filter(|line| line.kind == "notify").map(|line| line.status).collect();
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert_eq!(told, ["exercise"]);
    stage_is(&cluster, "hn.verify.written", "leader").await;

    has_rung(&cluster, "hn.verify.written").await;
    assert_eq!(timed_steps(&cluster, "hn.verify.phone").await, ["most", "breach", "leader", "parent"]);
    assert_eq!(timed_steps(&cluster, "hn.verify.written").await, ["half", "breach", "leader"]);
    acknowledged(&cluster, &request).await;
}

/// An officer who acknowledges the request takes notice of its limits: nothing is shown as an alarm any more.
async fn acknowledged(cluster: &Cluster, request: &str) {
    let password = cluster.place().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let by = ["--officer", "张伟", "--password-file", text(&password)];
    let add = ["officer", "add", "张伟", "--role", "head_of_watch", "--password-file", text(&password)];
    assert_eq!(cluster.at(COUNTY, &add).await.code, 0);
    assert_eq!(cluster.at(COUNTY, &[&["ack", request], &by[..]].concat()).await.code, 0);
    assert_eq!(due(cluster, COUNTY, false).await, []);
    let seen = due(cluster, COUNTY, true).await;
    let seen = seen.iter().filter(|line| line.subject == request && line.acknowledged);
    assert_eq!(seen.count(), 2);
    // The answer meets them, late: nothing is open, and the verdict is what it was.
    let reply = Letter::actual("verify.reply", &[PROVINCE], "属实").relating_to(request);
    let reply = cluster.room(COUNTY).send(&reply).await;
    cluster.room(COUNTY).receipt(&reply, "delivered").await;
    let written = due(cluster, COUNTY, true).await.into_iter().find(|line| line.rule == "hn.verify.written");
    let written = written.expect("it is listed with all");
    assert_eq!((written.state.as_str(), written.cause.as_deref()), ("breached", Some("desk")), "{written:?}");
}
