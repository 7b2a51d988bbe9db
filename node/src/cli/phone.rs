//! Telephone calls: `phone out`, `phone in`, `phone ls`. The caller's code is printed large, to be read aloud.

use relay::message::phone::Direction;

use super::{
    arguments::{CallArguments, PhoneVerb},
    mail::status_word,
    moment::beijing,
    password::read_password,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::{PhoneRequest, Request},
        view::{CallLine, CallNote, Noted},
    },
    escape::one_line,
};

pub(crate) async fn phone(session: &mut Session, verb: PhoneVerb) -> Outcome {
    match verb {
        PhoneVerb::Out { to, call } => note(session, Direction::Out, to, None, call).await,
        PhoneVerb::In { from, code, call } => {
            note(session, Direction::In, from, Some(code.to_string()), call).await
        }
        PhoneVerb::Ls => list(session).await,
    }
}

async fn note(
    session: &mut Session,
    direction: Direction,
    room: String,
    code: Option<String>,
    call: CallArguments,
) -> Outcome {
    let by = call.by;
    let password = read_password(&session.screen, &by.officer, by.password_file.as_deref())?;
    let wanted = PhoneRequest {
        direction: direction.word().to_owned(),
        room,
        code,
        line: call.line.word().to_owned(),
        about: call.about,
        text: call.text,
        sensitive: call.sensitive,
        started_at_ms: call.started.map(|time| time.as_ms()),
        ended_at_ms: call.ended.map(|time| time.as_ms()),
        officer: by.officer,
        password: password.to_string(),
        precedence: call.marks.precedence.map(|precedence| precedence.word().to_owned()),
        status: status_word(&call.marks),
        expires_in_s: call.marks.expires_in.map(|span| span.as_secs()),
        ..PhoneRequest::default()
    };
    let noted: Noted = session.ask(&Request::PhoneNote(Box::new(wanted))).await?;
    session.screen.result(&noted, render_noted);
    Ok(0)
}

fn render_noted(noted: &Noted, catalogue: &Catalogue) -> String {
    let mut lines = Vec::new();
    let peer = one_line(&named(&noted.peer, catalogue));
    if noted.direction == Direction::Out.word() {
        lines.push(catalogue.text("phone-code", &[("code", &spaced(&noted.code)), ("room", &peer)]));
    }
    lines.push(catalogue.text("sent", &[("id", &noted.id)]));
    for room in &noted.copied_to {
        lines.push(catalogue.text("sent-copied", &[("room", &one_line(&named(room, catalogue)))]));
    }
    let next = format!("phone-next-{}", noted.state);
    lines.push(catalogue.text(&next, &[("code", &noted.code), ("room", &peer)]));
    if noted.secrecy_warning {
        lines.push(catalogue.text("phone-warning", &[]));
    }
    lines.join("\n")
}

/// As it is read aloud: one character after the other.
fn spaced(code: &str) -> String {
    code.chars().map(String::from).collect::<Vec<_>>().join("  ")
}

async fn list(session: &mut Session) -> Outcome {
    let calls: Vec<CallLine> = session.ask(&Request::Calls).await?;
    session.screen.result(&calls, |calls, catalogue| render_calls(calls, catalogue));
    Ok(0)
}

fn render_calls(calls: &[CallLine], catalogue: &Catalogue) -> String {
    let columns =
        ["state", "code", "direction", "other-end", "line", "started", "ended", "officers", "about"];
    let mut grid = Grid::new(catalogue, &columns);
    for call in calls {
        let officers: Vec<String> = call.notes.iter().map(officer).collect();
        let line =
            call.line.as_ref().map_or_else(|| "?".to_owned(), |word| catalogue.word("phone-line", word));
        grid.row(&[
            &state(call, catalogue),
            &call.code,
            &catalogue.word("direction", &call.direction),
            &named(&call.peer, catalogue),
            &line,
            &beijing(call.started_at_ms),
            &beijing(call.ended_at_ms),
            &officers.join(", "),
            call.about.as_deref().or(call.case.as_deref()).unwrap_or("—"),
        ]);
    }
    let mut text = grid.text(catalogue);
    for call in calls.iter().filter(|call| call.secrecy_warning) {
        text.push_str(&format!("\n{} {}", call.code, catalogue.text("phone-warning", &[])));
    }
    text
}

/// An exercise or a test is never taken for the real thing, and a conflict says in what.
fn state(call: &CallLine, catalogue: &Catalogue) -> String {
    let mut text = catalogue.word("call", &call.state);
    if !call.conflicts.is_empty() {
        text = format!("{text} ({})", call.conflicts.join(", "));
    }
    if call.status == "actual" {
        text
    } else {
        format!("【{}】{text}", catalogue.word("status", &call.status))
    }
}

fn officer(note: &CallNote) -> String {
    format!("{} {}", note.room.code, note.officer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::Language, control::view::Room};

    const BOTH: [Language; 2] = [Language::Chinese, Language::English];

    fn room() -> Room {
        let [id, code, name] = ["411300", "411300", "南阳市政府值班室"].map(str::to_owned);
        Room { id, code, name, name_en: "Nanyang".to_owned(), telephone: None }
    }

    fn noted(direction: &str, state: &str, secrecy_warning: bool) -> Noted {
        Noted {
            id: "019a".to_owned(),
            code: "K7M".to_owned(),
            peer: room(),
            direction: direction.to_owned(),
            state: state.to_owned(),
            case: None,
            secrecy_warning,
            copied_to: Vec::new(),
        }
    }

    #[test]
    fn the_callers_code_stands_large_in_the_first_line() {
        for language in BOTH {
            let catalogue = Catalogue::new(language);
            let text = render_noted(&noted("out", "claimed", false), &catalogue);
            assert!(text.lines().next().unwrap().contains("K  7  M"), "{text}");
            let text = render_noted(&noted("in", "paired", false), &catalogue);
            assert!(!text.contains("K  7  M"), "{text}");
        }
    }

    #[test]
    fn a_sensitive_matter_on_an_ordinary_telephone_is_warned_of_in_both_languages() {
        for (language, word) in BOTH.into_iter().zip(["普通电话", "ordinary telephone"]) {
            let catalogue = Catalogue::new(language);
            assert!(render_noted(&noted("out", "claimed", true), &catalogue).contains(word));
            assert!(!render_noted(&noted("out", "claimed", false), &catalogue).contains(word));
        }
    }

    #[test]
    fn a_call_of_one_end_alone_is_never_shown_as_paired() {
        let note = CallNote {
            id: "019a".to_owned(),
            room: room(),
            direction: "out".to_owned(),
            line: "ordinary".to_owned(),
            officer: "甲\n乙".to_owned(),
            officer_role: "duty_officer".to_owned(),
            started_at_ms: 0,
            ended_at_ms: 1_000,
            about: None,
            sensitive: true,
        };
        let call = CallLine {
            code: "K7M".to_owned(),
            peer: room(),
            direction: "out".to_owned(),
            state: "claimed".to_owned(),
            status: "exercise".to_owned(),
            line: Some("ordinary".to_owned()),
            started_at_ms: 0,
            ended_at_ms: 1_000,
            about: None,
            case: None,
            sensitive: true,
            secrecy_warning: true,
            conflicts: Vec::new(),
            notes: vec![note],
        };
        let text = render_calls(&[call], &Catalogue::new(Language::Chinese));
        for part in ["【演练】仅一方记录", "K7M", "普通电话", "1970-01-01 08:00:01.000"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}
