//! What may be typed after `rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum RulesVerb {
    Ls,
    Show {
        name: String,
        rule: Option<String>,
    },
    Lint {
        file: PathBuf,
        #[arg(long, value_name = "NAME_OR_FILE")]
        base: Option<String>,
    },
    Judge(JudgeArguments),
    Explain {
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    #[arg(long, required_unless_present = "schema", value_name = "NAME_OR_FILE")]
    pub(crate) pack: Vec<String>,
    #[arg(long, required_unless_present = "schema", value_name = "FILE")]
    pub(crate) facts: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub(crate) calendar: Vec<PathBuf>,
    #[arg(long, conflicts_with_all = ["pack", "facts", "calendar"])]
    pub(crate) schema: bool,
}
