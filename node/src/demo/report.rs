//! Scenario `report` (信息报送): a county reports to its city, the city to the province; a follow-up; a notice to a
//! department; and a report past the city, which gets its copy without anybody having to think of it.

use relay::{message::Kind, receipt::Event};
use serde_json::Value;

use super::{
    letters::{self, file, text},
    stage::{Letter, Stage},
    verdicts,
};
use crate::{
    control::request::{Request, SendRequest},
    problem::{EXIT_POLICY, Problem},
};

const PROVINCE: &str = "410000";
const DEPARTMENT: &str = "41000090100000";
const ZHENGZHOU: &str = "410100";
const NANYANG: &str = "411300";
const ZHONGMU: &str = "410122";
const FANGCHENG: &str = "411322";

pub(super) async fn play(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    stage.account.scenario("demo-scenario-report");
    let first = county_reports(stage).await?;
    let passed_on = city_passes_it_on(stage, &first).await?;
    county_follows_up(stage, &first).await?;
    city_tells_the_department(stage).await?;
    let skipping = county_passes_the_city_over(stage).await?;
    verdicts::show(stage, PROVINCE, &passed_on).await?;
    verdicts::show(stage, PROVINCE, &skipping).await
}

async fn county_reports(stage: &mut Stage<'_, '_>) -> Result<Letter, Problem> {
    let request = file(Kind::Report, NANYANG, letters::REPORT_FIRST);
    let first = stage.send(FANGCHENG, "demo-letter-first", request).await?;
    stage.expect_delivered(&first, NANYANG).await?;
    stage.expect_once(&first, NANYANG, "action").await?;
    stage.acknowledge(&first, NANYANG, "duty_officer").await?;
    Ok(first)
}

/// A message of its own, with its own signature, in the county's case.
async fn city_passes_it_on(stage: &mut Stage<'_, '_>, first: &Letter) -> Result<Letter, Problem> {
    let request = SendRequest {
        relates_to: Some(first.id.clone()),
        ..text(Kind::Report, PROVINCE, letters::PASSED_ON)
    };
    let passed_on = stage.send(NANYANG, "demo-letter-passed-on", request).await?;
    stage.expect_delivered(&passed_on, PROVINCE).await?;
    stage.acknowledge(&passed_on, PROVINCE, "duty_officer").await?;
    let [county, province] = [stage.show(FANGCHENG, first).await?, stage.show(PROVINCE, &passed_on).await?];
    let [here, there] = [&county, &province].map(|opened| opened.element_text("case").unwrap_or_default());
    let ok = here == there && !here.is_empty();
    stage.check("demo-check-same-case", &[], ok, format!("{FANGCHENG}: {here}, {PROVINCE}: {there}"));
    Ok(passed_on)
}

async fn county_follows_up(stage: &mut Stage<'_, '_>, first: &Letter) -> Result<(), Problem> {
    let request = SendRequest {
        relates_to: Some(first.id.clone()),
        ..file(Kind::Report, NANYANG, letters::REPORT_FOLLOWUP)
    };
    let followup = stage.send(FANGCHENG, "demo-letter-followup", request).await?;
    stage.expect_delivered(&followup, NANYANG).await?;
    let opened = stage.show(NANYANG, &followup).await?;
    let seq = opened.element_text("case_seq").unwrap_or_default();
    stage.check("demo-check-second-of-case", &[], seq == "2", seq.clone());
    stage.acknowledge(&followup, NANYANG, "head_of_watch").await
}

/// Sideways between rooms that the plan relates; the way leads over the province, which may not read it.
async fn city_tells_the_department(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    let request = text(Kind::Notify, DEPARTMENT, letters::NOTIFY);
    let notice = stage.send(NANYANG, "demo-letter-notice", request).await?;
    stage.expect_delivered(&notice, DEPARTMENT).await?;
    stage.expect_custody(&notice, PROVINCE, DEPARTMENT).await?;
    stage.acknowledge(&notice, DEPARTMENT, "duty_officer").await
}

async fn county_passes_the_city_over(stage: &mut Stage<'_, '_>) -> Result<Letter, Problem> {
    let request = text(Kind::Report, PROVINCE, letters::SKIPPING);
    let refused = stage.room(ZHONGMU)?.ask::<Value>(&Request::Send(Box::new(request.clone()))).await;
    let (ok, got) = match refused {
        Err(problem) => (problem.code == "skip_level_reason" && problem.exit == EXIT_POLICY, problem.code),
        Ok(_) => (false, Event::Accepted.word().to_owned()),
    };
    stage.check("demo-check-reason-wanted", &[], ok, got);
    let request = SendRequest { skip_level: Some(letters::SKIPPING_REASON.to_owned()), ..request };
    let (skipping, copies) = stage.send_with_copies(ZHONGMU, "demo-letter-skipping", request).await?;
    let copies: Vec<String> = copies.into_iter().map(|room| room.code).collect();
    let city = stage.named(ZHENGZHOU);
    stage.check("demo-check-copied", &[("room", &city)], copies == [ZHENGZHOU], copies.join(", "));
    stage.expect_delivered(&skipping, PROVINCE).await?;
    stage.expect_delivered(&skipping, ZHENGZHOU).await?;
    stage.expect_custody(&skipping, ZHENGZHOU, PROVINCE).await?;
    stage.expect_once(&skipping, ZHENGZHOU, "info").await?;
    let precedence = stage.show(PROVINCE, &skipping).await?.precedence;
    stage.check("demo-check-flash", &[], precedence == "flash", precedence.clone());
    stage.acknowledge(&skipping, PROVINCE, "head_of_watch").await?;
    stage.acknowledge(&skipping, ZHENGZHOU, "duty_officer").await?;
    Ok(skipping)
}
