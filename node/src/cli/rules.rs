//! Rule packs and the judge, without a node: `rules ls|show|lint|judge`; with one, `rules ls`
//! says what is in force there, and `rules explain` why a limit applied. A pack is named as the program brings it along,
//! or it is a file; facts are a file or standard input.

mod arguments;
mod explain;
mod in_force;
mod judge;
mod show;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use arguments::RulesVerb;
pub(crate) use judge::span;
pub(crate) use words::{time, witness};

use std::{io::Read as _, path::Path};

use relay::duty::{RulePack, builtin, pack_file};
use serde_json::json;

use super::session::{Outcome, Session};
use crate::problem::Problem;

pub(crate) async fn rules(session: &mut Session, verb: RulesVerb) -> Outcome {
    match verb {
        RulesVerb::Ls if session.dir().is_ok() => in_force::list(session).await,
        RulesVerb::Ls => Ok(show::list(session)),
        RulesVerb::Show { name, rule } => show::show(session, &name, rule.as_deref()),
        RulesVerb::Lint { file, base } => lint(session, &file, base.as_deref()),
        RulesVerb::Explain { id } => explain::explain(session, id).await,
        RulesVerb::Judge(arguments) => judge::judge(session, &arguments),
    }
}

/// Reads a pack and says what is wrong with it, all at once.
fn lint(session: &mut Session, file: &Path, base: Option<&str>) -> Outcome {
    let mut bases = builtin::packs();
    if let Some(base) = base {
        bases.insert(0, find_pack(base, &builtin::packs())?);
    }
    let pack = parse(file, &bases, base)
        .map_err(|problem| Problem { exit: crate::problem::EXIT_FAILED, ..problem })?;
    let (name, version) = (pack.name.clone(), pack.version.to_string());
    let (rules, duties) = (pack.rules.len().to_string(), pack.duties.len().to_string());
    let value = json!({"ok": true, "name": name, "version": pack.version, "rules": pack.rules.len(),
        "duties": pack.duties.len(), "base": pack.base});
    session.screen.result(&value, |_, catalogue| {
        let values = [("name", name.as_str()), ("version", &version), ("rules", &rules), ("duties", &duties)];
        catalogue.text("rules-lint-good", &values)
    });
    Ok(0)
}

/// Reads a pack file; `base` is laid under it even if it names none itself.
fn parse(file: &Path, bases: &[RulePack], base: Option<&str>) -> Result<RulePack, Problem> {
    let name = file.display().to_string();
    let invalid = |errors: pack_file::PackErrors| {
        Problem::usage("rules_pack_invalid").with("file", errors.file()).with("detail", &errors)
    };
    let text = pack_file::text(&name, bytes(file)?).map_err(invalid)?;
    match (base, bases.first()) {
        (Some(_), Some(base)) => pack_file::parse_on(&name, &text, bases, &base.name),
        _ => pack_file::parse(&name, &text, bases),
    }
    .map_err(invalid)
}

/// The pack that a name of the program or a file means.
fn find_pack(name_or_file: &str, bases: &[RulePack]) -> Result<RulePack, Problem> {
    if let Some(pack) = builtin::pack(name_or_file) {
        return Ok(pack);
    }
    let path = Path::new(name_or_file);
    if !path.exists() {
        let known: Vec<String> = builtin::packs().into_iter().map(|pack| pack.name).collect();
        let problem = Problem::usage("rules_pack_unknown").with("name", name_or_file);
        return Err(problem.with("known", known.join(", ")));
    }
    parse(path, bases, None)
}

/// The text of a file, or of standard input for `-`.
fn read(path: &Path) -> Result<String, Problem> {
    String::from_utf8(bytes(path)?).map_err(|error| read_failed(path, &error))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| read_failed(path, &error))
}

fn read_failed(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::usage("read_failed").with("path", path.display()).with("detail", error)
}
