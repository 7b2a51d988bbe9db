//! The laboratory: drives, volumes and lines that break on command. Most of it needs root and programs of Debian
//! packages; where they are missing a test says so, and in the checks (`YICHUAN_TESTS_COMPLETE` set) fails.

pub mod drive;
pub mod line;
pub mod spaces;
pub mod store_work;
pub mod volume;

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Whether a test that needs these programs, namespaces and mounts can run here. If not, says why.
///
/// # Panics
/// Where no test may be left out.
pub fn has(programs: &[&str]) -> bool {
    let may = attempt(&["unshare", "--net", "--mount", "true"]).is_ok();
    may_run(may, programs)
}

/// Whether a test that needs these programs alone can run here. If not, says why.
///
/// # Panics
/// Where no test may be left out.
pub fn is_there(programs: &[&str]) -> bool {
    may_run(true, programs)
}

fn may_run(may: bool, programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_installed(program)).collect();
    if may && missing.is_empty() {
        return true;
    }
    let why =
        format!("this needs {programs:?}; missing are {missing:?}; namespaces and mounts are allowed: {may}");
    let complete = std::env::var_os("YICHUAN_TESTS_COMPLETE").is_some();
    assert!(!complete, "nothing may be skipped here, and {why}");
    eprintln!("skipped: {why}");
    false
}

fn is_installed(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let places = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    places.split(':').any(|place| Path::new(place).join(program).is_file())
}

/// Runs a command of the machine and gives what it printed.
///
/// # Panics
/// When it fails, with what it said.
pub fn run(words: &[&str]) -> String {
    match attempt(words) {
        Ok(printed) => printed,
        Err(said) => panic!("{words:?}: {said}"),
    }
}

/// The same for a command that may fail: what it printed, or what it said.
pub fn attempt(words: &[&str]) -> Result<String, String> {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
