//! Help and usage errors in both languages: the texts of the catalogue in clap's mouth.

use clap::{
    Command, CommandFactory, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::arguments::Arguments;
use crate::{catalogue::Catalogue, problem::Problem};

/// The whole command line with its help in the catalogue's language.
pub(crate) fn command(catalogue: &Catalogue) -> Command {
    let command = worded(Arguments::command(), catalogue, "");
    command.disable_version_flag(true).arg(flag("version", 'V', clap::ArgAction::Version, catalogue))
}

fn worded(command: Command, catalogue: &Catalogue, path: &str) -> Command {
    let command = command
        .about(catalogue.text(&format!("help{path}"), &[]))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .mut_args(|argument| {
            let key = argument.get_id().as_str().replace('_', "-");
            let help = argument_help(catalogue, path, &key);
            let is_for_all = argument.is_global_set();
            let argument = argument.help(help).hide_env(true);
            // What every command has comes last.
            if is_for_all { argument.display_order(LAST) } else { argument }
        })
        .arg(flag("help", 'h', clap::ArgAction::Help, catalogue))
        .mut_subcommands(|inner| {
            let path = format!("{path}-{}", inner.get_name());
            worded(inner, catalogue, &path)
        });
    let template = template(&command, catalogue);
    command.help_template(template)
}

/// The page of one command: a heading for each part that it has.
fn template(command: &Command, catalogue: &Catalogue) -> String {
    let usage = catalogue.text("heading-usage", &[]);
    let mut page = format!("{{about}}\n\n{usage} {{usage}}\n");
    let parts = [
        (command.has_subcommands(), "heading-commands", "{subcommands}"),
        (command.get_positionals().next().is_some(), "heading-arguments", "{positionals}"),
        (true, "heading-options", "{options}"),
    ];
    for (_, heading, part) in parts.into_iter().filter(|(is_there, ..)| *is_there) {
        page.push_str(&format!("\n{}\n{part}\n", catalogue.text(heading, &[])));
    }
    page
}

fn flag(name: &'static str, short: char, action: clap::ArgAction, catalogue: &Catalogue) -> clap::Arg {
    let help = catalogue.text(&format!("arg-{name}"), &[]);
    clap::Arg::new(name).short(short).long(name).action(action).help(help).display_order(LAST)
}

/// The help of an argument: its own for this verb, or the one that all verbs share.
fn argument_help(catalogue: &Catalogue, path: &str, key: &str) -> String {
    catalogue
        .find_text(&format!("arg{path}-{key}"), &[])
        .unwrap_or_else(|| catalogue.text(&format!("arg-{key}"), &[]))
}

/// What clap found wrong, as a problem of the catalogue.
pub(crate) fn usage_problem(error: &Error) -> Problem {
    let code = CODES.iter().find(|(kind, _)| *kind == error.kind()).map_or("usage_other", |(_, code)| code);
    let mut problem = Problem::usage(code);
    for (kind, name) in VALUES {
        if let Some(value) = error.get(kind).and_then(text_of) {
            problem = problem.with(name, value);
        }
    }
    match std::error::Error::source(error) {
        Some(source) => problem.with("detail", source),
        None if code == "usage_other" => problem.with("detail", error.to_string().trim()),
        None => problem,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "clap may add variants, and says so")]
fn text_of(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        ContextValue::Number(number) => Some(number.to_string()),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}

const LAST: usize = 900;

const CODES: [(ErrorKind, &str); 11] = [
    (ErrorKind::MissingRequiredArgument, "usage_missing"),
    (ErrorKind::UnknownArgument, "usage_unknown_argument"),
    (ErrorKind::InvalidValue, "usage_value"),
    (ErrorKind::ValueValidation, "usage_value"),
    (ErrorKind::InvalidSubcommand, "usage_unknown_command"),
    (ErrorKind::MissingSubcommand, "usage_no_command"),
    (ErrorKind::ArgumentConflict, "usage_conflict"),
    (ErrorKind::TooManyValues, "usage_value"),
    (ErrorKind::TooFewValues, "usage_few"),
    (ErrorKind::WrongNumberOfValues, "usage_few"),
    (ErrorKind::InvalidUtf8, "usage_utf8"),
];

const VALUES: [(ContextKind, &str); 8] = [
    (ContextKind::InvalidArg, "argument"),
    (ContextKind::InvalidValue, "value"),
    (ContextKind::InvalidSubcommand, "command"),
    (ContextKind::PriorArg, "other"),
    (ContextKind::ValidValue, "detail"),
    (ContextKind::SuggestedArg, "detail"),
    (ContextKind::SuggestedSubcommand, "detail"),
    (ContextKind::ValidSubcommand, "detail"),
];
