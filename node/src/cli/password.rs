//! Passwords: typed without echo, or the first line of a file or of standard input for unattended use. Never an
//! argument, which every process of the machine could read.

use std::{
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
};

use zeroize::Zeroizing;

use super::screen::Screen;
use crate::problem::Problem;

/// The password of an officer, once; `-` names standard input.
pub(crate) fn read_password(
    screen: &Screen,
    officer: &str,
    file: Option<&Path>,
) -> Result<Zeroizing<String>, Problem> {
    match file {
        Some(path) if path.as_os_str() == "-" => first_line(io::stdin().lock(), path),
        Some(path) => first_line(std::fs::File::open(path).map_err(|error| unreadable(path, &error))?, path),
        None if io::stdin().is_terminal() => ask(screen, "prompt-password", officer),
        None => first_line(io::stdin().lock(), Path::new("-")),
    }
}

/// A new password: typed twice when a person types it.
pub(crate) fn new_password(
    screen: &Screen,
    officer: &str,
    file: Option<&Path>,
) -> Result<Zeroizing<String>, Problem> {
    if file.is_some() || !io::stdin().is_terminal() {
        return read_password(screen, officer, file);
    }
    let first = ask(screen, "prompt-new-password", officer)?;
    let second = ask(screen, "prompt-password-again", officer)?;
    if *first == *second { Ok(first) } else { Err(Problem::failed("password_differs")) }
}

fn ask(screen: &Screen, prompt: &str, officer: &str) -> Result<Zeroizing<String>, Problem> {
    let prompt = crate::escape::one_line(&screen.catalogue().text(prompt, &[("officer", officer)]));
    let password = rpassword::prompt_password(prompt)
        .map_err(|error| Problem::failed("password_unread").with("detail", error))?;
    not_empty(Zeroizing::new(password))
}

fn first_line(input: impl Read, path: &Path) -> Result<Zeroizing<String>, Problem> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(input.take(LINE_BYTES_MAX))
        .read_line(&mut line)
        .map_err(|error| unreadable(path, &error))?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    not_empty(line)
}

fn not_empty(password: Zeroizing<String>) -> Result<Zeroizing<String>, Problem> {
    if password.is_empty() { Err(Problem::usage("password_empty")) } else { Ok(password) }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::failed("read_failed").with("path", path.display()).with("detail", error)
}

const LINE_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &str) -> Result<String, String> {
        first_line(input.as_bytes(), Path::new("-"))
            .map(|text| text.to_string())
            .map_err(|problem| problem.code)
    }

    #[test]
    fn the_password_is_the_first_line_without_its_end() {
        assert_eq!(line("口令 1\r\nrest"), Ok("口令 1".to_owned()));
        assert_eq!(line(" kept blanks \n"), Ok(" kept blanks ".to_owned()));
        assert_eq!(line("\nsecond"), Err("password_empty".to_owned()));
        assert_eq!(line(""), Err("password_empty".to_owned()));
    }

    #[test]
    fn a_password_file_that_is_not_there_is_named() {
        let problem = first_line_of_missing();
        assert_eq!(problem.code, "read_failed");
        assert!(problem.details["path"].contains("no-such-file"));
    }

    fn first_line_of_missing() -> Problem {
        let (screen, _, _) = crate::cli::screen::tests::screen(crate::catalogue::Language::English, false);
        read_password(&screen, "甲", Some(Path::new("no-such-file"))).unwrap_err()
    }
}
