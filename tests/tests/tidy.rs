//! The house rules that no compiler checks: who may use whom, where the clock is, how files begin and what they are
//! called.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crates, each of which may use those before it only.
const CRATES: [&str; 5] = ["topology", "certs", "relay", "node", "tests"];
/// The crates that touch neither disk nor network nor clock, and what they never name.
const PURE: [&str; 3] = ["topology", "certs", "relay"];
const NOT_PURE: [&str; 4] = ["tokio", "quinn", "sqlx", "axum"];
/// Names that say nothing.
const NO_NAMES: [&str; 6] = ["mod", "utils", "helpers", "common", "types", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of a crate.
fn sources(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(name)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{name} has no source files");
    found
}

/// The names of a manifest's dependencies, for tests and builds included.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((_, name)) = section.rsplit_once("dependencies.") {
                names.push(name.to_owned());
            }
        } else if inside && let Some((name, _)) = line.split_once('=') {
            let name = name.trim().trim_matches('"');
            names.push(name.split_once('.').map_or(name, |(name, _)| name).to_owned());
        }
    }
    names
}

/// Lines of code that say one of these words, without comments.
fn lines_with(path: &Path, words: &[&str]) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let says = |line: &&str| words.iter().any(|word| line.contains(word));
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let text = read(path);
    text.lines().filter(is_code).filter(says).map(|line| format!("{name}: {}", line.trim())).collect()
}

/// A file before and after its tests begin.
fn split_tests(path: &Path) -> (String, String) {
    let text = read(path);
    let begins = text.find("#[cfg(test)]").unwrap_or(text.len());
    let (before, tests) = text.split_at(begins);
    (before.to_owned(), tests.to_owned())
}

#[test]
fn pure_crates_name_nothing_that_touches_disk_network_or_clock() {
    for name in PURE {
        let used = dependencies(&read(&root().join(name).join("Cargo.toml")));
        assert!(!used.is_empty(), "{name} uses nothing at all");
        for impure in NOT_PURE {
            assert!(!used.iter().any(|used| used == impure), "{name} is pure and may not use {impure}");
        }
    }
}

#[test]
fn no_arrow_between_crates_points_to_the_right() {
    for (place, name) in CRATES.iter().enumerate() {
        let used = dependencies(&read(&root().join(name).join("Cargo.toml")));
        for right in &CRATES[place..] {
            assert!(!used.iter().any(|used| used == right), "{name} may not use {right}");
        }
    }
}

#[test]
fn every_file_begins_with_what_it_is() {
    for path in CRATES.into_iter().flat_map(sources) {
        let text = read(&path);
        assert!(text.starts_with("//! "), "{} does not begin with `//! `", path.display());
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    for path in CRATES.into_iter().flat_map(sources) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(!NO_NAMES.contains(&stem), "{} says nothing about what is in it", path.display());
    }
}

#[test]
fn bincode_is_named_in_one_file_only() {
    let codec = root().join("relay/src/codec.rs");
    let words = [concat!("bin", "code::"), concat!("use bin", "code")];
    assert!(!lines_with(&codec, &words).is_empty(), "the codec does not name it either");
    for path in CRATES.into_iter().flat_map(sources).filter(|path| *path != codec) {
        assert_eq!(lines_with(&path, &words), Vec::<String>::new());
    }
    for name in CRATES.into_iter().filter(|name| *name != "relay") {
        let used = dependencies(&read(&root().join(name).join("Cargo.toml")));
        assert!(!used.iter().any(|used| used == concat!("bin", "code")), "{name} uses it directly");
    }
}

#[test]
fn sql_is_put_together_in_three_files_and_never_of_what_somebody_wrote() {
    let store = root().join("node/src/store/sqlite");
    // A PRAGMA's number, a list of question marks, the path of a copy with its quotes doubled.
    let may = ["open.rs", "statement.rs", "copy.rs"].map(|name| store.join(name));
    let words = [concat!("Assert", "SqlSafe("), concat!("Query", "Builder")];
    for path in ["node", "tests"].into_iter().flat_map(sources) {
        let is_test = path.components().any(|part| part.as_os_str() == "tests");
        if !is_test && !may.contains(&path) {
            assert_eq!(lines_with(&path, &words), Vec::<String>::new());
        }
    }
    for path in may {
        assert!(!lines_with(&path, &words).is_empty(), "{} need not be in this list", path.display());
    }
}

#[test]
fn only_the_nodes_clock_reads_the_time() {
    let clock = root().join("node/src/clock.rs");
    let words = [concat!("SystemTime", "::now"), concat!("Instant", "::now")];
    assert_eq!(lines_with(&clock, &words).len(), 2, "the clock reads wall and monotonic time");
    let is_measurement = |path: &PathBuf| {
        // A test that measures says so to clippy, which then wants nothing else there.
        let (before, tests) = split_tests(path);
        !words.iter().any(|word| before.contains(word)) && tests.contains("clippy::disallowed_methods")
    };
    let others = CRATES.into_iter().flat_map(sources).filter(|path| *path != clock && !is_measurement(path));
    for path in others {
        assert_eq!(lines_with(&path, &words), Vec::<String>::new());
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = read(&root().join("Cargo.toml"));
    let lines: Vec<&str> = manifest.lines().collect();
    let is_section = |line: &&str| line.starts_with("[workspace.dependencies]");
    let begins = lines.iter().position(is_section).expect("the root lists the dependencies");
    let ends = lines[begins + 1..].iter().position(|line| line.starts_with('[')).unwrap_or(lines.len());
    let section = &lines[begins + 1..begins + 1 + ends];
    // Lines that follow each other share the comment above them.
    let mut is_explained = false;
    for line in section {
        let is_reason = line.starts_with("# ") && !line.starts_with("# ---");
        match line.split_once('=') {
            _ if line.starts_with('#') => is_explained = is_reason,
            _ if line.is_empty() => is_explained = false,
            Some((name, _)) if CRATES.contains(&name.trim()) => {}
            Some((name, _)) => assert!(is_explained, "{} has no comment that says why", name.trim()),
            None => {}
        }
    }
}
