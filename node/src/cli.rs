//! The command line (命令行): verbs at the first level, one program for node, client and demo. Results go to standard
//! output and nothing else does; an error says what, why and what to do.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed |
//! | 2 | not understood |
//! | 3 | the node or the room cannot be reached |
//! | 4 | refused by policy |
//! | 5 | late, overdue or undecidable |
//! | 6 | evidence invalid |

mod arguments;
mod audit;
mod backup;
mod checkpoint;
mod desk;
mod door;
mod due;
pub(crate) mod evidence;
mod help;
mod keys;
mod mail;
mod moment;
mod password;
mod people;
mod phone;
mod plan;
mod queue;
mod receipts;
mod rules;
mod screen;
mod session;
mod span;
mod start;
mod status;
mod switch;
mod table;
#[cfg(test)]
mod tests;
mod trial;

use std::ffi::OsString;

use clap::{FromArgMatches, error::ErrorKind, parser::ValueSource};
use clap_complete::Shell;

pub use receipts::render as render_receipts;
pub(crate) use rules::time as show_time;
pub(crate) use session::named;
pub use trial::{BenchArguments, DemoArguments, Scenario};

use arguments::{Arguments, BenchVerb, NetworkVerb, Verb};
use screen::Screen;
use session::{Outcome, Session};

use crate::{
    bench as benchmark,
    catalogue::{Catalogue, Language},
    problem::{EXIT_USAGE, Problem},
};

/// Runs one command; the answer is its exit code. The first argument is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let language = language_of(&arguments, |name| std::env::var(name).ok());
    let screen = Screen::standard(Catalogue::new(language), arguments.iter().any(|word| word == "--json"));
    carry_out(arguments, screen)
}

fn carry_out(arguments: Vec<OsString>, mut screen: Screen) -> u8 {
    match parse(arguments, screen.catalogue()) {
        Ok(typed) => perform(typed, screen),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            screen.print(&error.render().to_string());
            report(screen, Ok(0))
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            screen.remark(&error.render().to_string());
            EXIT_USAGE
        }
        Err(error) => report(screen, Err(help::usage_problem(&error))),
    }
}

/// The arguments, and whether `--dir` was typed; the demo must not take a node's directory from the environment.
struct Typed {
    arguments: Arguments,
    is_dir_typed: bool,
}

fn parse(arguments: Vec<OsString>, catalogue: &Catalogue) -> Result<Typed, clap::Error> {
    let matches = help::command(catalogue).try_get_matches_from(arguments)?;
    let is_dir_typed = matches.value_source("dir") == Some(ValueSource::CommandLine);
    Ok(Typed { arguments: Arguments::from_arg_matches(&matches)?, is_dir_typed })
}

fn perform(typed: Typed, screen: Screen) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(screen, Err(Problem::failed("internal").with("detail", error))),
    };
    let mut session = Session::new(screen, typed.arguments.dir.clone());
    let outcome = runtime.block_on(dispatch(&mut session, typed));
    report(session.screen, outcome)
}

/// Says what went wrong, if anything did, and gives the exit code.
fn report(mut screen: Screen, outcome: Outcome) -> u8 {
    let code = match outcome {
        Ok(code) => code,
        Err(problem) => {
            screen.problem(&problem);
            problem.exit
        }
    };
    match screen.finish() {
        Ok(()) => code,
        Err(problem) => code.max(problem.exit),
    }
}

async fn dispatch(session: &mut Session, typed: Typed) -> Outcome {
    let dir = typed.arguments.dir.filter(|_| typed.is_dir_typed);
    match typed.arguments.verb {
        Verb::Demo(arguments) => start::demo(session, arguments, dir).await,
        Verb::Network(NetworkVerb::Init(arguments)) => start::network_init(session, arguments),
        Verb::Network(NetworkVerb::RenewRoot { authority }) => start::renew_root(session, &authority),
        Verb::Invite(arguments) => door::invite(session, arguments).await,
        Verb::Join(arguments) => start::join(session, arguments).await,
        Verb::Run => start::run(session).await,
        Verb::Stop => switch::stop(session).await,
        Verb::Status { watch } => status::status(session, watch).await,
        Verb::Ping(arguments) => status::ping(session, arguments).await,
        Verb::Trace(arguments) => status::trace(session, arguments).await,
        Verb::Doctor => status::doctor(session).await,
        Verb::Audit(verb) => audit::audit(session, verb).await,
        Verb::Checkpoint(verb) => checkpoint::checkpoint(session, verb).await,
        Verb::Backup { copy } => backup::backup(session, &copy).await,
        Verb::Restore { copy } => backup::restore(session, &copy).await,
        Verb::Send(arguments) => mail::send(session, arguments).await,
        Verb::Request(arguments) => mail::request(session, arguments).await,
        Verb::Instruct(arguments) => mail::instruct(session, arguments).await,
        Verb::Inbox { all, due: true } => due::due(session, all).await,
        Verb::Inbox { all, due: false } => desk::inbox(session, all).await,
        Verb::Outbox => desk::outbox(session).await,
        Verb::Show { id } => desk::show(session, id).await,
        Verb::Ack(arguments) => desk::ack(session, arguments).await,
        Verb::Reply(arguments) => mail::reply(session, arguments).await,
        Verb::Return(arguments) => desk::give_back(session, arguments).await,
        Verb::Transfer(arguments) => mail::transfer(session, arguments).await,
        Verb::Recall(arguments) => mail::recall(session, arguments).await,
        Verb::Receipts { id } => receipts::receipts(session, id).await,
        Verb::Phone(verb) => phone::phone(session, verb).await,
        Verb::Queue(verb) => queue::queue(session, verb).await,
        Verb::Evidence(verb) => evidence::evidence(session, verb).await,
        Verb::Verify(arguments) => evidence::verify(session, &arguments),
        Verb::Rules(verb) => rules::rules(session, verb).await,
        Verb::Officer(verb) => people::officer(session, verb).await,
        Verb::Cert(verb) => keys::cert(session, verb).await,
        Verb::Map(verb) => plan::map(session, verb).await,
        Verb::Await(arguments) => receipts::wait(session, arguments).await,
        Verb::Cut { room } => switch::link(session, room, true).await,
        Verb::Heal { room } => switch::link(session, room, false).await,
        Verb::Clock { shift_ms, speed } => switch::clock(session, shift_ms, speed).await,
        Verb::Bench(BenchVerb::Chain(arguments)) => start::bench(session, arguments, dir).await,
        Verb::Bench(BenchVerb::Evidence { receipts }) => {
            start::show_figures(session, &benchmark::evidence::run(receipts)?)
        }
        Verb::Bench(BenchVerb::Judge { cases }) => {
            start::show_figures(session, &benchmark::judge::run(cases))
        }
        Verb::Bench(BenchVerb::Log { leaves }) => {
            start::show_figures(session, &benchmark::log::run(leaves).await?)
        }
        Verb::Completion { shell } => Ok(completion(session, shell)),
        Verb::Version => Ok(version(session)),
    }
}

fn completion(session: &mut Session, shell: Shell) -> u8 {
    let mut script = Vec::new();
    let mut command = help::command(session.screen.catalogue());
    clap_complete::generate(shell, &mut command, "yichuan", &mut script);
    session.screen.script(&String::from_utf8_lossy(&script));
    0
}

fn version(session: &mut Session) -> u8 {
    let value = serde_json::json!({"version": env!("CARGO_PKG_VERSION")});
    session.screen.result(&value, |_, _| format!("yichuan 驿传 {}", env!("CARGO_PKG_VERSION")));
    0
}

/// `--lang` if it names one of the two, else what the environment asks for. It is looked up before anything is parsed,
/// because help and errors need it.
fn language_of(arguments: &[OsString], lookup: impl Fn(&str) -> Option<String>) -> Language {
    let words: Vec<&str> =
        arguments.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--").collect();
    let after = words.windows(2).find(|pair| pair[0] == "--lang").map(|pair| pair[1]);
    let joined = words.iter().find_map(|word| word.strip_prefix("--lang="));
    let typed = after.or(joined).and_then(|word| word.parse().ok());
    typed.unwrap_or_else(|| Language::from_environment(lookup))
}
