//! What can be wrong with a map file, and on which line.

use crate::{MapError, ResolveError};

/// Everything that is wrong with a map file, in the order of its lines; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.file, .errors))]
pub struct MapFileErrors {
    file: String,
    errors: Vec<MapFileError>,
}

/// One problem with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct MapFileError {
    /// The line to correct, from 1.
    pub line: usize,
    /// What is wrong there, and what to do.
    pub problem: MapFileProblem,
}

/// What is wrong at one place of a map file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapFileProblem {
    /// Not TOML.
    #[error("this is not TOML ({message}): text stands in \"quotes\", every room begins with [[room]]")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// A key that nobody reads.
    #[error("unknown key {key:?}: {}known here are {}", meant(.nearest), .known.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
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
        key: &'static str,
        /// The type of what stands there.
        found: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// A value that means nothing.
    #[error("{key} {found:?}: {remedy}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// Why it means nothing, and what is wanted.
        remedy: String,
    },
    /// The short and the long form of the same.
    #[error("{short} and {long} exclude each other: keep one of them")]
    Both {
        /// The key of the short form.
        short: &'static str,
        /// The key of the long form.
        long: &'static str,
    },
    /// A room that the file does not have, or has several of.
    #[error("{key}: {why}")]
    UnknownRoom {
        /// The key.
        key: &'static str,
        /// Why nobody is meant.
        why: ResolveError,
    },
    /// The rooms do not fit together.
    #[error(transparent)]
    Map(#[from] MapError),
}

impl MapFileErrors {
    pub(super) fn new(file_name: &str, mut errors: Vec<MapFileError>) -> Self {
        errors.sort_by_key(|error| error.line);
        Self { file: file_name.into(), errors }
    }

    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Each problem.
    pub fn errors(&self) -> &[MapFileError] {
        &self.errors
    }
}

/// One line of text for each problem, up to a number that a person reads.
fn lines(file: &str, errors: &[MapFileError]) -> String {
    const SHOWN_MAX: usize = 50;
    let shown =
        errors.iter().take(SHOWN_MAX).map(|error| format!("{file}:{}: {}", error.line, error.problem));
    let mut shown: Vec<String> = shown.collect();
    if errors.len() > SHOWN_MAX {
        shown.push(format!("{file}: and {} more; correct these first", errors.len() - SHOWN_MAX));
    }
    shown.join("\n")
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |key| format!("did you mean {key}? "))
}
