//! Scenario `outage` (中断): the city's node is killed while reports are on the way, and both counties keep sending.
//!
//! ```text
//! 411323 Xixia      has no other way: what it sends waits in its own queue.
//! 411322 Fangcheng  has the province as alternate parent: what is for the province is delivered over it at once; what
//!                   is for the city waits there, in the province's custody, and nobody calls that delivered.
//! ```
//!
//! The city comes back on the same directory: everything arrives, once, the urgent first.

use std::collections::BTreeSet;

use relay::{message::Kind, receipt::Event};
use tokio::task::JoinSet;
use topology::Precedence;

use super::{
    account::{chain, is},
    letters::text,
    stage::{Letter, PATIENCE, Shown, Stage},
    verdicts,
};
use crate::{
    clock::Clock,
    control::{
        request::{Request, SendRequest},
        view::{InboxLine, Sent, SentLine, Status},
    },
    network::until,
    problem::Problem,
};

const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const FANGCHENG: &str = "411322";
const XIXIA: &str = "411323";

/// Reports that are fired at once before the kill.
const UNDER_WAY: usize = 12;
/// Reports of each precedence that each county sends while the city is away.
const ROUNDS: usize = 2;

pub(super) async fn play(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    stage.account.scenario("demo-scenario-outage");
    let mut for_city = kill_under_way(stage).await?;
    let waiting = keep_sending(stage, XIXIA).await?;
    let detoured = keep_sending(stage, FANGCHENG).await?;
    counties_find_out(stage).await?;
    let skipping = pass_by_the_other_way(stage).await?;
    nothing_is_pretended(stage, &waiting, &detoured).await?;
    for_city.extend(detoured);
    let parts = [waiting, for_city];
    return_and_deliver(stage, &parts, &skipping).await?;
    everything_once(stage, &parts, &skipping).await?;
    urgent_first(stage, &parts).await?;
    verdicts::show(stage, PROVINCE, &skipping).await
}

/// A dozen reports at once; the city's node is killed when a third of them is accepted: some have arrived, some have
/// not, and nobody knows which.
async fn kill_under_way(stage: &mut Stage<'_, '_>) -> Result<Vec<Letter>, Problem> {
    let [county, city] = [FANGCHENG, CITY].map(|code| stage.named(code));
    stage
        .account
        .say("demo-outage-fire", &[("count", &UNDER_WAY.to_string()), ("from", &county), ("to", &city)]);
    let mut sending = JoinSet::new();
    for number in 0..UNDER_WAY {
        let client = stage.room(FANGCHENG)?.client();
        let request = Request::Send(Box::new(situation(number, Precedence::ALL[number % 4])));
        sending.spawn(async move { client.ask::<Sent>(&request).await });
    }
    let name = stage.text("demo-letter-under-way");
    let mut letters: Vec<Letter> = Vec::new();
    while let Some(sent) = sending.join_next().await {
        let sent = sent.map_err(|error| Problem::failed("internal").with("detail", error))??;
        if letters.len() == UNDER_WAY / 3 {
            stage.network.room_mut(CITY)?.kill().await?;
            stage.account.say("demo-outage-kill", &[("room", &city)]);
        }
        let shown = if letters.is_empty() { Shown::Yes } else { Shown::No };
        letters.push(stage.keep(FANGCHENG, format!("{name} {}", letters.len() + 1), sent.id, shown));
    }
    let accepted = letters.len();
    let values = [("room", &*county), ("count", &*UNDER_WAY.to_string())];
    stage.check("demo-check-accepted-all", &values, accepted == UNDER_WAY, accepted.to_string());
    Ok(letters)
}

/// The county goes on writing to its city, the least urgent first.
async fn keep_sending(stage: &mut Stage<'_, '_>, county: &str) -> Result<Vec<Letter>, Problem> {
    let precedences: Vec<Precedence> =
        Precedence::ALL.into_iter().rev().flat_map(|precedence| [precedence; ROUNDS]).collect();
    let (from, count) = (stage.named(county), precedences.len().to_string());
    stage.account.say("demo-outage-goes-on", &[("from", &from), ("count", &count)]);
    let mut letters = Vec::new();
    for (number, precedence) in precedences.iter().enumerate() {
        let request = Request::Send(Box::new(situation(UNDER_WAY + number, *precedence)));
        let sent: Sent = stage.room(county)?.ask(&request).await?;
        let name = stage.account.catalogue().word("precedence", precedence.word());
        // The least and the most urgent are shown at the end.
        let is_shown = number == 0 || number + 1 == precedences.len();
        let shown = if is_shown { Shown::Yes } else { Shown::No };
        let name = format!("{} {}", stage.text("demo-letter-meanwhile"), name);
        letters.push(stage.keep(county, name, sent.id, shown));
    }
    Ok(letters)
}

fn situation(number: usize, precedence: Precedence) -> SendRequest {
    let body =
        format!("防汛情况报告(第{}期)\n目前雨势持续,值守力量已全部到位,暂无人员伤亡报告。", number + 1);
    SendRequest { precedence: Some(precedence.word().to_owned()), ..text(Kind::Report, CITY, &body) }
}

/// Both see that their link is down; Fangcheng dials the province.
async fn counties_find_out(stage: &mut Stage<'_, '_>) -> Result<(), Problem> {
    let state = |status: &Status, role: &str| {
        status.links.iter().find(|link| link.role == role).map(|link| link.state.clone()).unwrap_or_default()
    };
    let away = |status: &Status| state(status, "parent") != "up";
    stage.room(XIXIA)?.until_status(away).await?;
    stage.room(FANGCHENG)?.until_status(|status| away(status) && state(status, "alternate") == "up").await?;
    let [xixia, fangcheng, city, province] = [XIXIA, FANGCHENG, CITY, PROVINCE].map(|code| stage.named(code));
    let values = [("xixia", &*xixia), ("fangcheng", &*fangcheng), ("city", &*city), ("province", &*province)];
    stage.account.say("demo-outage-found-out", &values);
    let status: Status = stage.room(FANGCHENG)?.ask(&Request::Status).await?;
    let (parent, alternate) = (state(&status, "parent"), state(&status, "alternate"));
    let ok = parent != "up" && alternate == "up";
    let values = [("room", &*fangcheng), ("hub", &*province)];
    stage.check("demo-check-alternate", &values, ok, format!("{CITY} {parent}, {PROVINCE} {alternate}"));
    Ok(())
}

/// What is for the province does not wait for the city.
async fn pass_by_the_other_way(stage: &mut Stage<'_, '_>) -> Result<Letter, Problem> {
    let request = SendRequest { skip_level: Some(REASON.to_owned()), ..text(Kind::Report, PROVINCE, URGENT) };
    let skipping = stage.send(FANGCHENG, "demo-letter-by-alternate", request).await?;
    stage.expect_delivered(&skipping, PROVINCE).await?;
    let receipts = stage.receipts(&skipping).await?;
    let is_open = !receipts.iter().any(|line| line.recipient == CITY && is(line, Event::Delivered));
    let city = stage.named(CITY);
    stage.check("demo-check-copy-waits", &[("room", &city)], is_open, chain(&receipts, CITY));
    stage.acknowledge(&skipping, PROVINCE, "duty_officer").await?;
    Ok(skipping)
}

/// What waits is called queued at Xixia and, at Fangcheng, in the province's custody; none of it delivered.
async fn nothing_is_pretended(
    stage: &mut Stage<'_, '_>,
    waiting: &[Letter],
    detoured: &[Letter],
) -> Result<(), Problem> {
    for (county, letters, state, id) in [
        (XIXIA, waiting, "queued", "demo-check-queued"),
        (FANGCHENG, detoured, "custody", "demo-check-in-custody"),
    ] {
        let look = async || {
            let states = states(stage, county, letters).await?;
            Ok(states.iter().all(|known| known == state).then_some(()))
        };
        let ok = until(PATIENCE, look).await?.is_some();
        let got = states(stage, county, letters).await?.join(", ");
        let (room, count) = (stage.named(county), letters.len().to_string());
        stage.check(id, &[("room", &room), ("count", &count)], ok, got);
    }
    Ok(())
}

/// What the origin knows of each of these, in one word.
async fn states(stage: &Stage<'_, '_>, county: &str, letters: &[Letter]) -> Result<Vec<String>, Problem> {
    let outbox: Vec<SentLine> =
        stage.room(county)?.ask(&Request::Outbox { newest: None, before: None }).await?;
    let ids: BTreeSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
    let lines = outbox.into_iter().filter(|line| ids.contains(line.id.as_str()));
    Ok(lines.flat_map(|line| line.recipients).map(|recipient| recipient.state).collect())
}

/// The city returns; every origin is expected to learn that everything was delivered.
async fn return_and_deliver(
    stage: &mut Stage<'_, '_>,
    parts: &[Vec<Letter>; 2],
    skipping: &Letter,
) -> Result<(), Problem> {
    let started = Clock::instant();
    stage.network.room_mut(CITY)?.start_again().await?;
    let (city, pid) = (stage.named(CITY), stage.room(CITY)?.pid().to_string());
    stage.account.say("demo-outage-returns", &[("room", &city), ("pid", &pid)]);
    let all: Vec<&Letter> = parts.iter().flatten().chain([skipping]).collect();
    let look = async || Ok(undelivered(stage, &all).await?.is_empty().then_some(()));
    let ok = until(PATIENCE, look).await?.is_some();
    let seconds = format!("{:.1}", started.elapsed().as_secs_f64());
    let open = undelivered(stage, &all).await?.join(", ");
    let got = if ok { format!("{} in {seconds} s", all.len()) } else { format!("open: {open}") };
    let count = all.len().to_string();
    stage.check("demo-check-all-delivered", &[("room", &city), ("count", &count)], ok, got);
    stage.account.say("demo-outage-took", &[("seconds", &seconds)]);
    Ok(())
}

/// Those whose origin does not hold a delivered receipt of the city yet.
async fn undelivered(stage: &Stage<'_, '_>, letters: &[&Letter]) -> Result<Vec<String>, Problem> {
    let mut open = Vec::new();
    for letter in letters {
        let receipts = stage.receipts(letter).await?;
        if !receipts.iter().any(|line| line.recipient == CITY && is(line, Event::Delivered)) {
            open.push(letter.id.clone());
        }
    }
    Ok(open)
}

/// Each one once in the city's inbox, with one outcome at its origin, and no number missing.
async fn everything_once(
    stage: &mut Stage<'_, '_>,
    parts: &[Vec<Letter>; 2],
    skipping: &Letter,
) -> Result<(), Problem> {
    let inbox = stage.inbox(CITY).await?;
    let all: Vec<&Letter> = parts.iter().flatten().chain([skipping]).collect();
    let times = |letter: &Letter| inbox.iter().filter(|line| line.id == letter.id).count();
    let wrong: Vec<String> = all
        .iter()
        .filter(|letter| times(letter) != 1)
        .map(|letter| format!("{} x {}", times(letter), letter.id))
        .collect();
    let (city, count) = (stage.named(CITY), all.len().to_string());
    let values = [("room", &*city), ("count", &*count)];
    let got = if wrong.is_empty() { format!("{count} x 1") } else { wrong.join(", ") };
    stage.check("demo-check-each-once", &values, wrong.is_empty(), got);
    let missing: Vec<u64> = inbox.iter().flat_map(|line| line.missing_nr.clone()).collect();
    stage.check("demo-check-no-gap", &[("room", &city)], missing.is_empty(), format!("missing: {missing:?}"));
    let mut doubled = Vec::new();
    for letter in &all {
        if outcomes(&stage.receipts(letter).await?) != 1 {
            doubled.push(letter.id.clone());
        }
    }
    stage.check("demo-check-one-outcome", &[], doubled.is_empty(), format!("otherwise: {doubled:?}"));
    Ok(())
}

/// Terminal receipts for the city.
fn outcomes(receipts: &[crate::control::view::ReceiptLine]) -> usize {
    let is_terminal =
        |word: &str| Event::ALL.into_iter().any(|event| event.word() == word && event.is_terminal());
    receipts.iter().filter(|line| line.recipient == CITY && is_terminal(&line.event)).count()
}

/// Of what waited in one place, nothing less urgent was delivered before something more urgent.
async fn urgent_first(stage: &mut Stage<'_, '_>, parts: &[Vec<Letter>; 2]) -> Result<(), Problem> {
    let returned: Status = stage.room(CITY)?.ask(&Request::Status).await?;
    let inbox = stage.inbox(CITY).await?;
    let [waited_at_xixia, waited_at_province] = parts;
    for (place, letters) in [(XIXIA, waited_at_xixia), (PROVINCE, waited_at_province)] {
        let ids: BTreeSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
        let mut lines: Vec<&InboxLine> = inbox
            .iter()
            .filter(|line| ids.contains(line.id.as_str()) && line.delivered_at_ms >= returned.started_at_ms)
            .collect();
        // Those of one millisecond were one batch; the more urgent stands first in it.
        lines.sort_by_key(|line| (line.delivered_at_ms, rank(line)));
        let ok = !lines.is_empty() && lines.iter().map(|line| rank(line)).is_sorted();
        let got: Vec<&str> = lines.iter().map(|line| line.precedence.as_str()).collect();
        let room = stage.named(place);
        stage.check("demo-check-urgent-first", &[("room", &room)], ok, got.join(", "));
    }
    Ok(())
}

fn rank(line: &InboxLine) -> usize {
    line.precedence.parse::<Precedence>().map_or(usize::MAX, Precedence::index)
}

/// What cannot wait for the city.
const URGENT: &str = "\
方城县××水库出现管涌险情,下游群众正在转移
5时20分,巡查发现水库坝脚管涌,县防汛指挥部已组织下游3个村1200余人转移,请求省级抢险力量支援。";
const REASON: &str = "市值班室联络中断,险情紧急";
