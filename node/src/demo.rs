//! `yichuan demo`: seven duty rooms of Henan on one machine, each a process of its own, and four scenarios with real
//! messages between them. Nothing here is a private path: whatever is done can be done with the command line.
//!
//! *Promises:* no process and no directory is left behind, unless the directory is to be kept; the exit code is 0 only
//! if every expectation held.

mod account;
mod cards;
mod document;
mod letters;
mod order;
mod outage;
mod proof;
mod report;
mod stage;
mod verdicts;
mod verify;

use std::path::Path;

use serde_json::Value;
use topology::henan::DEMO_MAP;

pub use self::order::{down, line};
use self::{
    account::Account,
    cards::Card,
    document::{Document, Played},
    stage::Stage,
};
use crate::{
    catalogue::Catalogue,
    cli::{DemoArguments, Scenario},
    clock::Clock,
    control::request::Request,
    network::{Founding, Network, Place},
    problem::{EXIT_FAILED, Problem},
};

/// Plays the demo; `print` takes the live account, or the one JSON document. Gives the exit code.
///
/// # Errors
/// [`Problem`] when the network does not come up, or when the demo is interrupted before its end.
pub async fn run(arguments: &DemoArguments, print: &mut dyn FnMut(&str)) -> Result<u8, Problem> {
    if arguments.keep && arguments.dir.is_none() {
        return Err(Problem::usage("demo_keep_needs_dir"));
    }
    let place = Place::take(arguments.dir.as_deref(), arguments.keep)?;
    let mut network = Network::new(place)?.with_consoles();
    let directory = network.directory().to_owned();
    let mut account = Account::new(Catalogue::new(arguments.language), arguments.json, print);
    let played = tokio::select! {
        played = play(arguments, &mut network, &mut account) => played,
        () = ended(&directory) => Err(Problem::failed("demo_interrupted")),
    };
    if let (Ok((_, cards)), false) = (&played, arguments.once) {
        account.how_to_talk(&network, cards);
        ended(&directory).await;
    }
    network.stop().await;
    if let (Ok(_), true) = (&played, arguments.keep) {
        account.how_to_run_again(&network);
    }
    drop(network);
    order::has_ended(&directory);
    played.map(|(is_ok, _)| if is_ok { 0 } else { EXIT_FAILED })
}

/// Founds the network and plays what was asked for; tells whether everything held.
async fn play(
    arguments: &DemoArguments,
    network: &mut Network,
    account: &mut Account<'_>,
) -> Result<(bool, Vec<Card>), Problem> {
    let started = Clock::instant();
    let cards = found(network, account).await?;
    if arguments.speed > 1 {
        set_speed(network, arguments.speed).await?;
    }
    let mut scenarios = Vec::new();
    for scenario in wanted(arguments.scenario) {
        scenarios.push(play_one(*scenario, network, account, &cards).await);
    }
    let elapsed = started.elapsed();
    let document = Document::new(network, scenarios, elapsed).await?;
    account.ending(&document);
    Ok((document.is_ok(), cards))
}

const fn wanted(scenario: Scenario) -> &'static [Scenario] {
    match scenario {
        Scenario::All => &[Scenario::Report, Scenario::Verify, Scenario::Outage, Scenario::Proof],
        Scenario::Report => &[Scenario::Report],
        Scenario::Verify => &[Scenario::Verify],
        Scenario::Outage => &[Scenario::Outage],
        Scenario::Proof => &[Scenario::Proof],
    }
}

async fn found(network: &mut Network, account: &mut Account<'_>) -> Result<Vec<Card>, Problem> {
    account.opening(network);
    let mut tell = |founding: Founding<'_>| match founding {
        Founding::Authority => account.say("demo-authority", &[]),
        Founding::Runs(room) => account.room_runs(room),
    };
    network.found(DEMO_MAP, &mut tell).await?;
    let cards = cards::appoint(network).await?;
    account.say("demo-officers", &[("count", &cards.len().to_string())]);
    Ok(cards)
}

/// A scenario that cannot go on has failed; the others are played all the same.
async fn play_one(
    scenario: Scenario,
    network: &mut Network,
    account: &mut Account<'_>,
    cards: &[Card],
) -> Played {
    let mut stage = Stage::new(network, account, cards);
    let (name, outcome) = match scenario {
        Scenario::Verify => ("verify", verify::play(&mut stage).await),
        Scenario::Outage => ("outage", outage::play(&mut stage).await),
        Scenario::Proof => ("proof", proof::play(&mut stage).await),
        Scenario::Report | Scenario::All => ("report", report::play(&mut stage).await),
    };
    stage.finish(name, outcome).await
}

/// The product's clocks run faster from now on, all from the same time.
async fn set_speed(network: &Network, speed: u32) -> Result<(), Problem> {
    let since_ms = Some(Clock::wall().as_ms());
    for room in network.rooms() {
        let _: Value = room.ask(&Request::Clock { shift_ms: 0, speed, since_ms }).await?;
    }
    Ok(())
}

/// Somebody has had enough of it, here or in another terminal.
async fn ended(directory: &Path) {
    tokio::select! {
        () = interrupted() => {}
        () = order::told_to_end(directory) => {}
    }
}

/// Interrupt (Ctrl-C), termination, or a closed terminal.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}
