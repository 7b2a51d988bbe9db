//! What may be typed: verbs at the first level, one structure each. The help texts are in the catalogue, in both
//! languages (`help-VERB`, `arg-NAME`); a test finds every one of them.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use relay::message::{
    DeclaredTime, Kind,
    phone::{PhoneLine, code::CallCode},
};
use topology::Precedence;

use super::{
    evidence::{EvidenceVerb, VerifyArguments},
    rules::RulesVerb,
    span::parse_span,
    trial::{BenchArguments, DemoArguments},
};
use crate::catalogue::Language;

#[derive(Debug, Parser)]
#[command(name = "yichuan", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[arg(long, global = true, env = "YICHUAN_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "LANG")]
    pub(crate) lang: Option<Language>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Demo(DemoArguments),
    #[command(subcommand)]
    Network(NetworkVerb),
    Invite(InviteArguments),
    Join(JoinArguments),
    Run,
    Stop,
    Status {
        #[arg(long)]
        watch: bool,
    },
    Ping(PingArguments),
    Trace(PingArguments),
    Doctor,
    #[command(subcommand)]
    Audit(AuditVerb),
    #[command(subcommand)]
    Checkpoint(CheckpointVerb),
    Backup {
        #[arg(value_name = "FILE")]
        copy: PathBuf,
    },
    Restore {
        #[arg(value_name = "FILE")]
        copy: PathBuf,
    },
    Send(SendArguments),
    Request(RequestArguments),
    Instruct(InstructArguments),
    Inbox {
        #[arg(long)]
        all: bool,
        #[arg(long)]
        due: bool,
    },
    Outbox,
    Show {
        id: String,
    },
    Ack(AckArguments),
    Reply(ReplyArguments),
    Return(ReturnArguments),
    Transfer(TransferArguments),
    Recall(RecallArguments),
    Receipts {
        id: String,
    },
    #[command(subcommand)]
    Phone(PhoneVerb),
    #[command(subcommand)]
    Queue(QueueVerb),
    #[command(subcommand)]
    Evidence(EvidenceVerb),
    Verify(VerifyArguments),
    #[command(subcommand)]
    Rules(RulesVerb),
    #[command(subcommand)]
    Officer(OfficerVerb),
    #[command(subcommand)]
    Cert(CertVerb),
    #[command(subcommand)]
    Map(MapVerb),
    #[command(hide = true)]
    Await(AwaitArguments),
    #[command(hide = true)]
    Cut {
        room: String,
    },
    #[command(hide = true)]
    Heal {
        room: String,
    },
    #[command(hide = true)]
    Clock {
        #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_name = "MS")]
        shift_ms: i64,
        #[arg(long, default_value_t = 1)]
        speed: u32,
    },
    #[command(subcommand)]
    Bench(BenchVerb),
    Completion {
        shell: Shell,
    },
    Version,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointVerb {
    Ls,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    Verify,
    Held {
        room: String,
        #[arg(long, default_value_t = 0, value_name = "LEAF")]
        from: u64,
    },
    AcceptLoss,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkVerb {
    Init(InitArguments),
    RenewRoot {
        #[arg(long, value_name = "DIR")]
        authority: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    #[arg(long, value_name = "FILE")]
    pub(crate) map: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InviteArguments {
    #[arg(required_unless_present_any = ["pending", "confirm"], conflicts_with_all = ["pending", "confirm"])]
    pub(crate) room: Option<String>,
    #[arg(long, default_value = "24h", value_parser = parse_span, value_name = "SPAN")]
    pub(crate) ttl: Duration,
    #[arg(long, requires = "room")]
    pub(crate) trust_token: bool,
    #[arg(long, conflicts_with = "confirm")]
    pub(crate) pending: bool,
    #[arg(long, num_args = 1..=6, value_name = "WORD")]
    pub(crate) confirm: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    pub(crate) token: String,
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PingArguments {
    pub(crate) room: String,
    #[arg(long, default_value = "10s", value_parser = parse_span, value_name = "SPAN")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct AwaitArguments {
    pub(crate) id: String,
    #[arg(long, default_value = "delivered")]
    pub(crate) event: String,
    #[arg(long, default_value = "60s", value_parser = parse_span, value_name = "SPAN")]
    pub(crate) timeout: Duration,
}

/// What may be said about any message.
#[derive(Debug, Default, Args)]
pub(crate) struct Marks {
    #[arg(long, value_name = "PRECEDENCE")]
    pub(crate) precedence: Option<Precedence>,
    #[arg(long, conflicts_with = "test")]
    pub(crate) exercise: bool,
    #[arg(long)]
    pub(crate) test: bool,
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    pub(crate) expires_in: Option<Duration>,
}

#[derive(Debug, Default, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Text {
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SendArguments {
    pub(crate) kind: Kind,
    #[arg(long, required = true, num_args = 1.., value_name = "ROOM")]
    pub(crate) to: Vec<String>,
    #[arg(long, num_args = 1.., value_name = "ROOM")]
    pub(crate) cc: Vec<String>,
    #[command(flatten)]
    pub(crate) text: Text,
    #[command(flatten)]
    pub(crate) marks: Marks,
    #[arg(long, value_name = "REASON")]
    pub(crate) skip_level: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) late_reason: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) relates_to: Option<String>,
    #[arg(long)]
    pub(crate) written: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArguments {
    #[arg(required = true, num_args = 2.., value_name = "ROOM... TEXT")]
    pub(crate) rooms_and_text: Vec<String>,
    #[arg(long)]
    pub(crate) written: bool,
    #[arg(long, value_name = "ROOM")]
    pub(crate) cc: Vec<String>,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

#[derive(Debug, Args)]
pub(crate) struct InstructArguments {
    #[arg(required = true, num_args = 2.., value_name = "ROOM... TEXT")]
    pub(crate) rooms_and_text: Vec<String>,
    #[arg(long, value_name = "ROOM")]
    pub(crate) cc: Vec<String>,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

/// Who signs, and where the password comes from.
#[derive(Debug, Args)]
pub(crate) struct ByOfficer {
    #[arg(long, value_name = "NAME")]
    pub(crate) officer: String,
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AckArguments {
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) by: ByOfficer,
    #[arg(long, value_enum, default_value_t = AckEvent::Acknowledged)]
    pub(crate) event: AckEvent,
}

/// What an officer says with `ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AckEvent {
    Acknowledged,
    Opened,
    Disposed,
}

impl AckEvent {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Opened => "opened",
            Self::Disposed => "disposed",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReplyArguments {
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) text: Text,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

#[derive(Debug, Args)]
pub(crate) struct ReturnArguments {
    pub(crate) id: String,
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) by: ByOfficer,
}

#[derive(Debug, Args)]
pub(crate) struct TransferArguments {
    pub(crate) id: String,
    pub(crate) room: String,
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct RecallArguments {
    pub(crate) id: String,
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PhoneVerb {
    Out {
        #[arg(long, value_name = "ROOM")]
        to: String,
        #[command(flatten)]
        call: CallArguments,
    },
    In {
        #[arg(long, value_name = "ROOM")]
        from: String,
        #[arg(long)]
        code: CallCode,
        #[command(flatten)]
        call: CallArguments,
    },
    Ls,
}

/// What either end says of a call.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    #[arg(long)]
    pub(crate) line: PhoneLine,
    #[arg(long, value_name = "WHAT")]
    pub(crate) text: String,
    #[arg(long, value_name = "ID")]
    pub(crate) about: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub(crate) started: Option<DeclaredTime>,
    #[arg(long, value_name = "TIME")]
    pub(crate) ended: Option<DeclaredTime>,
    #[arg(long)]
    pub(crate) sensitive: bool,
    #[command(flatten)]
    pub(crate) by: ByOfficer,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    Ls,
    Show { id: String },
    Retry { id: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfficerVerb {
    Add {
        name: String,
        #[arg(long)]
        role: String,
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    Ls,
    Disable {
        officer: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertVerb {
    Ls,
    Renew,
    Revoke {
        room: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MapVerb {
    Show,
    Diff {
        file: PathBuf,
    },
    Apply {
        file: PathBuf,
        #[arg(long, value_name = "DIR")]
        authority: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchVerb {
    Chain(BenchArguments),
    Evidence {
        #[arg(long, default_value_t = 10_000, value_name = "N")]
        receipts: u64,
    },
    Judge {
        #[arg(long, default_value_t = 100_000, value_name = "N")]
        cases: u64,
    },
    Log {
        #[arg(long, default_value_t = 100_000, value_name = "N")]
        leaves: u64,
    },
}
