//! What the two verbs take that build whole networks on this machine: `demo` and `bench chain`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::{catalogue::Language, clock::SPEED_MAX};

/// `demo`: what is played, and what stays.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArguments {
    /// An order to a demo that runs.
    #[command(subcommand)]
    pub order: Option<DemoOrder>,
    /// What is played.
    #[arg(long, value_enum, default_value_t = Scenario::All)]
    pub scenario: Scenario,
    /// End after the scenarios.
    #[arg(long)]
    pub once: bool,
    /// How many times as fast the product's clock runs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(SPEED_MAX)), value_name = "N")]
    pub speed: u32,
    /// Keep the directories; only with `--dir`.
    #[arg(long)]
    pub keep: bool,
    /// Where the rooms live; a throw-away directory when absent. Never taken from the environment.
    #[arg(skip)]
    pub dir: Option<PathBuf>,
    /// One JSON document at the end instead of the account.
    #[arg(skip)]
    pub json: bool,
    /// The language of the account.
    #[arg(skip)]
    pub language: Language,
}

/// What is done with a demo that runs in another terminal.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DemoOrder {
    /// Cuts the line between a room and its parent.
    Cut {
        /// Code, or a part of the name.
        room: String,
    },
    /// Heals it.
    Heal {
        /// Code, or a part of the name.
        room: String,
    },
    /// Ends the demo; nothing is left behind.
    Down,
}

/// What the demo plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// All of them.
    All,
    /// County to city to province.
    Report,
    /// A verification request from the province and its answer.
    Verify,
    /// The city's node is killed and comes back.
    Outage,
    /// Three reports are judged, exported as evidence and verified.
    Proof,
}

/// `bench chain`: how much is sent.
#[derive(Debug, Clone, Args)]
pub struct BenchArguments {
    /// Messages of the throughput run.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub messages: u64,
    /// Messages that may be open at once.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub open: u64,
    /// Messages a second of the latency run.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub rate: u64,
    /// Messages of the latency run.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub samples: u64,
    /// Messages that wait during the backlog run.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub backlog: u64,
    /// Small numbers, for a quick look.
    #[arg(long)]
    pub quick: bool,
    /// Where the three nodes live; a throw-away directory when absent. Never taken from the environment.
    #[arg(skip)]
    pub dir: Option<PathBuf>,
}
