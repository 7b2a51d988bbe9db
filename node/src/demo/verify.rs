//! Scenario `verify` (核报): the province has heard of something and asks a county through its city; the city gets a
//! copy of the question; the county answers in writing, and the city, which carries the answer, cannot read it.

use relay::message::Kind;

use super::{
    letters::{self, file},
    stage::{Letter, Stage},
    verdicts,
};
use crate::{control::request::SendRequest, problem::Problem};

const PROVINCE: &str = "410000";
const NANYANG: &str = "411300";
const FANGCHENG: &str = "411322";

pub(super) async fn play(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    stage.account.scenario("demo-scenario-verify");
    let question = province_asks(stage).await?;
    let answer = county_answers(stage, &question).await?;
    city_cannot_read(stage, &answer).await?;
    verdicts::show(stage, PROVINCE, &question).await
}

async fn province_asks(stage: &mut Stage<'_, '_>) -> Result<Letter, Problem> {
    let request = file(Kind::VerifyRequest, FANGCHENG, letters::VERIFY_REQUEST);
    let (question, copies) = stage.send_with_copies(PROVINCE, "demo-letter-question", request).await?;
    let copies: Vec<String> = copies.into_iter().map(|room| room.code).collect();
    let city = stage.named(NANYANG);
    stage.check("demo-check-copied", &[("room", &city)], copies == [NANYANG], copies.join(", "));
    stage.expect_delivered(&question, FANGCHENG).await?;
    stage.expect_custody(&question, NANYANG, FANGCHENG).await?;
    stage.expect_once(&question, NANYANG, "info").await?;
    stage.acknowledge(&question, FANGCHENG, "duty_officer").await?;
    Ok(question)
}

async fn county_answers(stage: &mut Stage<'_, '_>, question: &Letter) -> Result<Letter, Problem> {
    let request = SendRequest {
        relates_to: Some(question.id.clone()),
        ..file(Kind::VerifyReply, PROVINCE, letters::VERIFY_REPLY)
    };
    let answer = stage.send(FANGCHENG, "demo-letter-answer", request).await?;
    stage.expect_delivered(&answer, PROVINCE).await?;
    stage.expect_custody(&answer, NANYANG, PROVINCE).await?;
    let opened = stage.show(PROVINCE, &answer).await?;
    let related = opened.element_text("relates_to").unwrap_or_default();
    stage.check("demo-check-answers", &[], related.contains(&question.id), related.clone());
    stage.acknowledge(&answer, PROVINCE, "duty_officer").await?;
    Ok(answer)
}

async fn city_cannot_read(stage: &mut Stage<'_, '_>, answer: &Letter) -> Result<(), Problem> {
    let (ok, got) = match stage.show(NANYANG, answer).await {
        Err(problem) => (problem.code == "envelope_not_for_us", problem.code),
        Ok(opened) => (false, opened.kind),
    };
    let city = stage.named(NANYANG);
    stage.check("demo-check-sealed", &[("room", &city)], ok, got);
    Ok(())
}
