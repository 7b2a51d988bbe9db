//! The one place where the command line speaks: results to standard output, everything else to standard error, both
//! escaped. A reader that went away (`| head`) is no error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::escape::{escaped, escaped_json};
use crate::{catalogue::Catalogue, problem::Problem};

/// Prints in one language, as text or as JSON.
pub(crate) struct Screen {
    catalogue: Catalogue,
    is_json: bool,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    failure: Option<io::Error>,
}

impl Screen {
    /// On the terminal or pipe of this process.
    pub(crate) fn standard(catalogue: Catalogue, is_json: bool) -> Self {
        Self::new(catalogue, is_json, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// On any two writers.
    pub(crate) fn new(
        catalogue: Catalogue,
        is_json: bool,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self { catalogue, is_json, out, err, failure: None }
    }

    /// The words.
    pub(crate) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Whether programs read.
    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// A result: the value as JSON for programs, or the text that `render` makes of it for people.
    pub(crate) fn result<T: Serialize>(&mut self, value: &T, render: impl FnOnce(&T, &Catalogue) -> String) {
        let text = if self.is_json {
            serde_json::to_string_pretty(value).expect("what the node answers is plain data")
        } else {
            render(value, &self.catalogue)
        };
        self.print(&text);
    }

    /// An order was carried out: one line of the catalogue for people, `{"ok": true}` for programs.
    pub(crate) fn done(&mut self, id: &str, values: &[(&str, &str)]) {
        let line = self.catalogue.text(id, values);
        self.result(&json!({"ok": true}), |_, _| line);
    }

    /// A text, or a whole JSON document when programs read, with its last line ended.
    pub(crate) fn print(&mut self, text: &str) {
        let text = text.trim_end_matches('\n');
        let text = if self.is_json { escaped_json(text) } else { escaped(text) };
        let outcome = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        self.note(outcome);
    }

    /// A script of this program's own making, tabs and all.
    pub(crate) fn script(&mut self, text: &str) {
        let outcome = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.note(outcome);
    }

    /// Something to know while the result is on its way: never on standard output.
    pub(crate) fn remark(&mut self, text: &str) {
        let outcome = writeln!(self.err, "{}", escaped(text)).and_then(|()| self.err.flush());
        self.note(outcome);
    }

    /// Begins the picture anew on a terminal.
    pub(crate) fn clear(&mut self) {
        if !self.is_json && io::stdout().is_terminal() {
            let outcome = self.out.write_all(b"\x1b[H\x1b[2J");
            self.note(outcome);
        }
    }

    /// An error, on standard error: what, why, what to do.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        let explanation = self.catalogue.explain(problem);
        let text = if self.is_json {
            let (what, why, remedy) = (explanation.what, explanation.why, explanation.remedy);
            escaped_json(&json!({"code": problem.code, "what": what, "why": why, "do": remedy}).to_string())
        } else {
            let [error, why, remedy] =
                ["line-error", "line-why", "line-do"].map(|id| self.catalogue.text(id, &[]));
            // Further lines of a reason are set in, so that none can pass for one of these.
            let set_in = |text: String| text.replace('\n', "\n    ");
            format!(
                "{error}{}    [{}]\n{why}{}\n{remedy}{}",
                set_in(explanation.what),
                problem.code,
                set_in(explanation.why),
                set_in(explanation.remedy)
            )
        };
        self.remark(&text);
    }

    /// Whether everything could be printed to whoever still reads.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.failure {
            Some(error) => Err(Problem::failed("output_failed").with("detail", error)),
            None => Ok(()),
        }
    }

    fn note(&mut self, outcome: io::Result<()>) {
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => self.failure = Some(error),
            Ok(()) | Err(_) => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::catalogue::Language;

    /// A page that a test reads afterwards.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full(io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn screen(language: Language, is_json: bool) -> (Screen, Page, Page) {
        let (out, err) = (Page::default(), Page::default());
        let screen =
            Screen::new(Catalogue::new(language), is_json, Box::new(out.clone()), Box::new(err.clone()));
        (screen, out, err)
    }

    #[test]
    fn an_error_is_three_lines_on_standard_error_and_nothing_on_the_other() {
        let (mut screen, out, err) = screen(Language::Chinese, false);
        screen.problem(&Problem::unreachable("not_running").with("path", "/srv/方城\u{1b}"));
        assert_eq!(out.text(), "");
        let lines: Vec<String> = err.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("错误: ") && lines[0].ends_with("[not_running]"), "{lines:?}");
        assert!(lines[1].starts_with("原因: ") && lines[2].starts_with("处理: "), "{lines:?}");
        assert!(err.text().contains("/srv/方城\\u{1b}"));
    }

    #[test]
    fn an_error_for_programs_is_one_document_with_code_what_why_do() {
        let (mut screen, out, err) = screen(Language::English, true);
        screen.problem(&Problem::failed("a_code_of_next_year").with("detail", "x"));
        assert_eq!(out.text(), "");
        let value: serde_json::Value = serde_json::from_str(&err.text()).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "do", "what", "why"]);
        assert_eq!(value["code"], "a_code_of_next_year");
        assert!(value["what"].as_str().unwrap().contains("a_code_of_next_year"));
        assert!(value["why"].as_str().unwrap().contains("(x)"));
    }

    #[test]
    fn a_value_from_outside_cannot_pass_for_a_line_of_the_error() {
        let (mut screen, _, err) = screen(Language::Chinese, false);
        screen.problem(&Problem::failed("a_code_of_next_year").with("detail", "x\n处理: 关闭告警\u{1b}[2J"));
        assert_eq!(err.text().lines().filter(|line| line.starts_with("处理: ")).count(), 1, "{}", err.text());
        assert!(!err.text().contains('\u{1b}'));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is_one() {
        for (kind, ok) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let catalogue = Catalogue::new(Language::English);
            let mut screen = Screen::new(catalogue, false, Box::new(Full(kind)), Box::new(io::sink()));
            screen.print("x");
            assert_eq!(screen.finish().is_ok(), ok, "{kind:?}");
        }
    }
}
