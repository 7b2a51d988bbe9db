//! What can be wrong with a rule pack file, on which line, and what to do about it.

use crate::message::word::WordError;

/// Everything that is wrong with a pack file, in the order of its lines; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.file, .errors))]
pub struct PackErrors {
    file: String,
    errors: Vec<PackError>,
}

/// One problem with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PackError {
    /// The line to correct, from 1.
    pub line: usize,
    /// What is wrong there, and what to do.
    pub problem: PackProblem,
}

/// What is wrong at one place of a pack file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackProblem {
    /// Larger than any pack.
    #[error("the file is larger than {limit_bytes} bytes, which no pack is: give the pack's own file")]
    TooLarge {
        /// What is accepted.
        limit_bytes: usize,
    },
    /// Not text at all.
    #[error("this is not UTF-8 text: save the file as UTF-8")]
    NotText,
    /// Not TOML.
    #[error("this is not TOML ({message}): text stands in \"quotes\", every rule begins with [[rule]]")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// A key that nobody reads.
    #[error("unknown field {key:?}: remove it or correct it; known here are {}", .known.join(", "))]
    UnknownField {
        /// The key.
        key: String,
        /// All that are known there.
        known: Vec<&'static str>,
    },
    /// A key that must be there.
    #[error("{key} is missing: write for example {example}")]
    Missing {
        /// The key.
        key: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// A number where text belongs, and the like.
    #[error("{key} is of type {found} here: write for example {example}")]
    WrongType {
        /// The key.
        key: String,
        /// The type of what stands there.
        found: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// A kind, event, unit or other word that is not known.
    #[error("{key}: {error}")]
    UnknownWord {
        /// The key.
        key: String,
        /// What stands there and what is known.
        error: WordError,
    },
    /// A value that means nothing.
    #[error("{key} {found:?}: {remedy}")]
    BadValue {
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// Why it means nothing, and what is wanted.
        remedy: String,
    },
    /// Two things of the pack that cannot both be.
    #[error("{subject} contradicts {other}: {why}")]
    Contradiction {
        /// The rule or key.
        subject: String,
        /// What it contradicts.
        other: String,
        /// Why, and what to do.
        why: String,
    },
    /// The pack allows more than the one on which it is based.
    #[error(
        "{subject} loosens {other} of {base}: {why}; a local pack may tighten a limit and never loosen it: \
         tighten it or leave it out"
    )]
    Loosens {
        /// The rule or switch.
        subject: String,
        /// What it loosens.
        other: String,
        /// The base.
        base: String,
        /// In what.
        why: String,
    },
}

impl PackErrors {
    pub(super) fn new(file_name: &str, mut errors: Vec<PackError>) -> Self {
        errors.sort_by_key(|error| error.line);
        Self { file: file_name.into(), errors }
    }

    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Each problem.
    pub fn errors(&self) -> &[PackError] {
        &self.errors
    }
}

/// One line of text for each problem, up to a number that a person reads.
fn lines(file: &str, errors: &[PackError]) -> String {
    const SHOWN_MAX: usize = 50;
    let shown = errors.iter().take(SHOWN_MAX);
    let mut shown: Vec<String> =
        shown.map(|error| format!("{file}:{}: {}", error.line, error.problem)).collect();
    if errors.len() > SHOWN_MAX {
        shown.push(format!("{file}: and {} more; correct these first", errors.len() - SHOWN_MAX));
    }
    shown.join("\n")
}
