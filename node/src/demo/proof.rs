//! Scenario `proof` (举证): three reports of one county to the province. The first is in time; the second leaves the desk
//! too late; the third is queued in time and the line to the city is down. Each is exported as evidence and verified by
//! the program alone; one byte of a file is changed, and the object that breaks is named.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use relay::{duty::beijing::rfc3339, message::Kind, receipt::Event, timestamp::Timestamp};
use serde_json::Value;
use tokio::process::Command;

use super::{
    account::is,
    letters::file,
    stage::{Letter, PATIENCE, Stage},
};
use crate::{
    clock::Clock,
    control::{
        request::{Request, SendRequest},
        view::{EvidenceFile, ExplainedDuty, ReceiptLine, Status},
    },
    network::until,
    problem::{EXIT_INVALID, EXIT_OVERDUE, Problem},
};

const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411323";
/// 较大, one hour to the province (豫政办〔2021〕6号).
const RULE: &str = "hn.report.l3";
const LIMIT_MS: i64 = 3_600_000;
/// What is left of the hour when the third report is signed: time to queue it, and little to wait for.
const LEFT_MS: i64 = 12_000;

pub(super) async fn play(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    stage.account.scenario("demo-scenario-proof");
    let in_time = report(stage, "demo-letter-in-time", 600_000).await?;
    judged(stage, &in_time, ("on_time", None)).await?;
    let late = report(stage, "demo-letter-late", 2 * LIMIT_MS).await?;
    judged(stage, &late, ("late", Some("desk"))).await?;
    let waited = late_by_the_line(stage).await?;
    judged(stage, &waited, ("late", Some("line"))).await?;
    let evidence = exported(stage, &in_time).await?;
    verified(stage, &evidence, 0).await?;
    let of_late = exported(stage, &waited).await?;
    verified(stage, &of_late, EXIT_OVERDUE).await?;
    one_byte_is_found(stage, &evidence).await
}

/// A report of something that happened so long ago, to the city and a copy to the province.
async fn report(stage: &mut Stage<'_, '_>, name: &str, ago_ms: i64) -> Result<Letter, Problem> {
    let letter = send(stage, name, ago_ms).await?;
    stage.expect_delivered(&letter, PROVINCE).await?;
    Ok(letter)
}

async fn send(stage: &mut Stage<'_, '_>, name: &str, ago_ms: i64) -> Result<Letter, Problem> {
    let now = time_at(stage, COUNTY).await?;
    let occurred = rfc3339(Timestamp::from_ms(now - ago_ms));
    let text = format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"西峡县山体滑坡\"\nseverity = \"serious\"\n\
         occurred_at = {occurred}\nwhat = \"西峡县双龙镇发生山体滑坡,省道中断,3人被困,正在救援。\"\n[place]\n\
         text = \"西峡县双龙镇\"\n"
    );
    let request = SendRequest { cc: vec![PROVINCE.to_owned()], ..file(Kind::Report, CITY, &text) };
    stage.send(COUNTY, name, request).await
}

/// A room's own time, which runs faster than the machine's in a demo with a scaled clock.
async fn time_at(stage: &Stage<'_, '_>, room: &str) -> Result<i64, Problem> {
    let status: Status = stage.room(room)?.ask(&Request::Status).await?;
    Ok(status.clock.now_ms)
}

/// Queued in time, while the city has cut the line; delivered when it is healed, after the hour.
async fn late_by_the_line(stage: &mut Stage<'_, '_>) -> Result<Letter, Problem> {
    cut(stage, true).await?;
    let ago_ms = LIMIT_MS - LEFT_MS;
    let due = time_at(stage, COUNTY).await? + LEFT_MS;
    let letter = send(stage, "demo-letter-waited", ago_ms).await?;
    let receipts: Vec<ReceiptLine> = stage.receipts(&letter).await?;
    let is_only_queued = receipts.iter().all(|line| is(line, Event::Accepted));
    stage.check("demo-check-only-queued", &[], is_only_queued, format!("{} receipts", receipts.len()));
    let passed = async || Ok((time_at(stage, COUNTY).await? > due + 1_000).then_some(()));
    until(PATIENCE, passed).await?;
    cut(stage, false).await?;
    stage.expect_delivered(&letter, PROVINCE).await?;
    Ok(letter)
}

async fn cut(stage: &Stage<'_, '_>, cut: bool) -> Result<(), Problem> {
    let order = Request::Link { room: COUNTY.to_owned(), cut };
    let _: Value = stage.room(CITY)?.ask(&order).await?;
    let state = if cut { "down" } else { "up" };
    let is_so = |status: &Status| {
        status.links.iter().any(|link| link.role == "parent" && (link.state == "up") == (state == "up"))
    };
    stage.room(COUNTY)?.until_status(is_so).await
}

/// The county's own node says the same as the evidence will.
async fn judged(
    stage: &mut Stage<'_, '_>,
    letter: &Letter,
    (verdict, cause): (&str, Option<&str>),
) -> Result<(), Problem> {
    let look = async || {
        let duties: Vec<ExplainedDuty> =
            stage.room(COUNTY)?.ask(&Request::RulesExplain { id: letter.id.clone() }).await?;
        let towards = duties.into_iter().filter(|duty| duty.towards.code == PROVINCE);
        let rule = towards.flat_map(|duty| duty.rules).find(|rule| rule.rule == RULE);
        Ok(rule.filter(|rule| rule.verdict == verdict && rule.cause.as_deref() == cause))
    };
    let found = until(JUDGED_WITHIN, look).await?;
    let got =
        found.as_ref().map_or_else(|| "-".to_owned(), |rule| format!("{} {}", rule.verdict, rule.clause));
    let catalogue = stage.account.catalogue();
    let cause = cause.map_or_else(String::new, |cause| catalogue.text(&format!("demo-cause-{cause}"), &[]));
    let verdict = catalogue.text(&format!("demo-verdict-{}", verdict.replace('_', "-")), &[]);
    let values = [("letter", &*letter.name), ("verdict", &*verdict), ("cause", &*cause)];
    stage.check("demo-check-judged", &values, found.is_some(), got);
    Ok(())
}

/// Receipts of a healed line are back, and with them the parent's record of the outage.
const JUDGED_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

async fn exported(stage: &mut Stage<'_, '_>, letter: &Letter) -> Result<PathBuf, Problem> {
    let wish = Request::EvidenceExport { id: letter.id.clone(), case: false, text: false, personal: false };
    let client = stage.room(COUNTY)?.client().with_patience(PATIENCE);
    let answer: EvidenceFile = client.ask(&wish).await?;
    let bytes = BASE64
        .decode(answer.bytes.as_bytes())
        .map_err(|error| Problem::failed("control_broken").with("detail", error))?;
    let path = stage.network.directory().join(format!("evidence-{}.zip", letter.id));
    write(&path, &bytes)?;
    let (name, size) = (path.display().to_string(), bytes.len().to_string());
    stage.account.say("demo-exported", &[("letter", &letter.name), ("path", &name), ("size", &size)]);
    Ok(path)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    std::fs::write(path, bytes)
        .map_err(|error| Problem::failed("write_failed").with("path", path.display()).with("detail", error))
}

/// `yichuan verify`, as on a machine that has nothing but the file and the anchor.
async fn verify(stage: &Stage<'_, '_>, path: &Path) -> Result<(u8, Value), Problem> {
    let anchor = stage.network.directory().join("anchor");
    let mut command = Command::new(stage.network.program());
    command.arg("verify").arg(path).arg("--anchor").arg(&anchor).arg("--json");
    let output = command.output().await.map_err(|error| {
        Problem::failed("demo_program").with("path", stage.network.program().display()).with("detail", error)
    })?;
    let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    Ok((code, serde_json::from_slice(said).unwrap_or(Value::Null)))
}

async fn verified(stage: &mut Stage<'_, '_>, path: &Path, wanted: u8) -> Result<(), Problem> {
    let started = Clock::instant();
    let (code, _) = verify(stage, path).await?;
    let took = started.elapsed().as_millis();
    let wanted_text = wanted.to_string();
    let ok = code == wanted;
    stage.check("demo-check-verified", &[("code", &wanted_text)], ok, format!("exit {code}, {took} ms"));
    Ok(())
}

async fn one_byte_is_found(stage: &mut Stage<'_, '_>, path: &Path) -> Result<(), Problem> {
    let mut bytes = std::fs::read(path)
        .map_err(|error| Problem::failed("read_failed").with("path", path.display()).with("detail", error))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    let altered = path.with_extension("altered.zip");
    write(&altered, &bytes)?;
    let (code, said) = verify(stage, &altered).await?;
    let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let got = format!("exit {code}: {} {}", text("what"), text("why"));
    stage.check("demo-check-altered", &[("place", &middle.to_string())], code == EXIT_INVALID, got);
    Ok(())
}
