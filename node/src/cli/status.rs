//! How the node is: `status`, `ping`, `trace`, `doctor`.

use std::time::Duration;

use super::{
    arguments::PingArguments,
    moment::{beijing, offset},
    session::{Outcome, Session, named},
    span::show_span,
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{
        request::Request,
        view::{Check, Link, LogState, Loss, Status, Trace},
    },
    problem::{EXIT_FAILED, Problem},
};

pub(crate) async fn status(session: &mut Session, watch: bool) -> Outcome {
    loop {
        let status: Status = session.ask(&Request::Status).await?;
        if watch {
            session.screen.clear();
        }
        session.screen.result(&status, render_status);
        if !watch {
            return Ok(0);
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => {}
            stop = tokio::signal::ctrl_c() => return stop.map(|()| 0).map_err(|error| Problem::failed("internal").with("detail", error)),
        }
    }
}

fn render_status(status: &Status, catalogue: &Catalogue) -> String {
    let mut lines = vec![heading(status, catalogue)];
    lines.push(clock(status, catalogue));
    let days = status.certificates.tls_days_left.to_string();
    let sheets = status.certificates.sheets.to_string();
    lines.push(catalogue.text("status-certificates", &[("days", &days), ("sheets", &sheets)]));
    let disk = &status.disk;
    lines.push(catalogue.text(
        "status-disk",
        &[
            ("level", &catalogue.word("disk", &disk.level)),
            ("free", &size(disk.free_bytes)),
            ("database", &size(disk.database_bytes)),
        ],
    ));
    lines.push(catalogue.text("status-inbox", &[("count", &status.unacknowledged.to_string())]));
    lines.push(duties(status, catalogue));
    lines.extend(history(&status.log, catalogue));
    if let Some(console) = &status.console {
        lines.push(catalogue.text("status-console", &[("address", console)]));
    }
    lines.push(links(status, catalogue));
    lines.join("\n")
}

fn duties(status: &Status, catalogue: &Catalogue) -> String {
    let duties = &status.duties;
    let role = duties.role.as_ref().map_or_else(dash, |role| catalogue.word("role", role));
    let (open, warned, alarms) =
        (duties.open.to_string(), duties.warned.to_string(), duties.alarms.to_string());
    let values = [("open", open.as_str()), ("warned", &warned), ("alarms", &alarms), ("role", &role)];
    catalogue.text(if duties.alarms > 0 { "status-duties-alarm" } else { "status-duties" }, &values)
}

/// How far the log goes and is dated, and what of it is broken or lost.
fn history(log: &LogState, catalogue: &Catalogue) -> Vec<String> {
    let dated = log.dated_at_ms.map_or_else(dash, beijing);
    let tick = log.tick_age_ms.map_or_else(dash, show_span);
    let (leaves, covered) = (log.size.to_string(), log.dated_size.to_string());
    let values = [("size", leaves.as_str()), ("dated", &covered), ("at", &dated), ("tick", &tick)];
    let mut lines = vec![catalogue.text("status-log", &values)];
    for found in &log.breaks {
        let id = if found.declared { "status-break-declared" } else { "status-break" };
        let values = [("room", named(&found.room, catalogue)), ("at", beijing(found.at_ms))];
        lines.push(catalogue.text(id, &[("room", &values[0].1), ("at", &values[1].1)]));
    }
    lines.extend(
        log.loss.as_ref().filter(|loss| loss.accepted_at_ms.is_none()).map(|loss| lost(loss, catalogue)),
    );
    lines
}

fn lost(loss: &Loss, catalogue: &Catalogue) -> String {
    let number = |number: Option<u64>| number.map_or_else(dash, |number| number.to_string());
    let made = loss.backup_made_at_ms.map_or_else(dash, beijing);
    let held_by = loss.held_by.as_ref().map_or_else(dash, |room| named(room, catalogue));
    let (from, to) = (number(loss.from), number(loss.to));
    let values = [("made", made.as_str()), ("room", &held_by), ("from", &from), ("to", &to)];
    catalogue.text(if loss.from.is_some() { "status-lost" } else { "status-restored" }, &values)
}

fn heading(status: &Status, catalogue: &Catalogue) -> String {
    let mut heading = catalogue.text(
        "status-heading",
        &[
            ("room", &named(&status.room, catalogue)),
            ("network", &status.network),
            ("map", &status.map_version.to_string()),
            ("version", &status.version),
            ("pid", &status.pid.to_string()),
            ("since", &beijing(status.started_at_ms)),
        ],
    );
    if status.demo {
        heading = format!("{heading}  {}", catalogue.text("status-demo", &[]));
    }
    heading
}

fn clock(status: &Status, catalogue: &Catalogue) -> String {
    let clock = &status.clock;
    let grade = match (clock.is_reference, clock.trusted) {
        (true, _) => "clock-reference",
        (false, true) => "clock-trusted",
        (false, false) => "clock-untrusted",
    };
    let grade = catalogue.text(grade, &[]);
    catalogue.text(
        "status-clock",
        &[("now", &beijing(clock.now_ms)), ("offset", &offset(clock.offset_ms)), ("grade", &grade)],
    )
}

fn links(status: &Status, catalogue: &Catalogue) -> String {
    let columns = ["link", "relation", "state", "transport", "rtt", "offset", "queued", "oldest", "advice"];
    let mut grid = Grid::new(catalogue, &columns).right(4).right(6).right(7);
    for link in &status.links {
        let rtt = link.rtt_ms.map_or_else(dash, |ms| format!("{ms:.1} ms"));
        grid.row(&[
            &named(&link.room, catalogue),
            &catalogue.word("link-role", &link.role),
            &state(link, status.clock.now_ms, catalogue),
            &link.transport.clone().unwrap_or_else(dash),
            &rtt,
            &offset(link.offset_ms),
            &link.queued.to_string(),
            &link.oldest_ms.map_or_else(dash, show_span),
            &advice(link, catalogue),
        ]);
    }
    grid.text(catalogue)
}

/// A lamp, a word, and for how long when it is not up. Colour is never needed.
fn state(link: &Link, now_ms: i64, catalogue: &Catalogue) -> String {
    let word = catalogue.word("link-state", &link.state);
    match link.state.as_str() {
        "up" => format!("● {word}"),
        // It has not been up since the node started.
        _ if link.since_ms <= 0 => format!("○ {word}"),
        _ => format!("○ {word} {}", show_span(now_ms.saturating_sub(link.since_ms))),
    }
}

/// Why the line is down, and whom to telephone when something waits for it.
fn advice(link: &Link, catalogue: &Catalogue) -> String {
    let mut advice = match &link.reason {
        Some(reason) if link.state != "up" => catalogue.explain(&Problem::failed(reason)).what,
        Some(_) | None => String::new(),
    };
    if let (true, Some(telephone)) = (link.state != "up" && link.queued > 0, &link.room.telephone) {
        let call = catalogue.text("status-call", &[("telephone", telephone)]);
        advice = if advice.is_empty() { call } else { format!("{advice} → {call}") };
    }
    advice
}

fn size(bytes: u64) -> String {
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib >= 1024.0 { format!("{:.1} GiB", mib / 1024.0) } else { format!("{mib:.1} MiB") }
}

fn dash() -> String {
    "—".to_owned()
}

pub(crate) async fn ping(session: &mut Session, arguments: PingArguments) -> Outcome {
    let room = arguments.room.clone();
    let trace = probe(session, arguments).await?;
    session.screen.result(&trace, |trace, catalogue| {
        let target = trace.hops.last().map_or(room, |hop| named(&hop.room, catalogue));
        let (rtt, hops) = (format!("{:.1}", trace.rtt_ms), trace.hops.len().saturating_sub(1).to_string());
        catalogue.text("ping-answer", &[("room", &target), ("rtt", &rtt), ("hops", &hops)])
    });
    Ok(0)
}

pub(crate) async fn trace(session: &mut Session, arguments: PingArguments) -> Outcome {
    let trace = probe(session, arguments).await?;
    session.screen.result(&trace, |trace, catalogue| {
        let mut grid = Grid::new(catalogue, &["hop", "room", "time"]).right(0);
        for (number, hop) in trace.hops.iter().enumerate() {
            grid.row(&[&number.to_string(), &named(&hop.room, catalogue), &beijing(hop.at_ms)]);
        }
        let total = catalogue.text("trace-total", &[("rtt", &format!("{:.1}", trace.rtt_ms))]);
        format!("{}\n{total}", grid.text(catalogue))
    });
    Ok(0)
}

async fn probe(session: &Session, arguments: PingArguments) -> Result<Trace, Problem> {
    let timeout_ms = u64::try_from(arguments.timeout.as_millis()).unwrap_or(u64::MAX);
    let patience = arguments.timeout.saturating_add(Duration::from_secs(5));
    session.ask_patiently(&Request::Ping { room: arguments.room, timeout_ms }, patience).await
}

pub(crate) async fn doctor(session: &mut Session) -> Outcome {
    let checks: Vec<Check> = session.ask(&Request::Doctor { kept: false }).await?;
    session.screen.result(&checks, render_checks);
    let has_failed = checks.iter().any(|check| check.state == "failed");
    Ok(if has_failed { EXIT_FAILED } else { 0 })
}

fn render_checks(checks: &Vec<Check>, catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["state", "check"]);
    for check in checks {
        let state = check.details.get("state").map(|state| catalogue.word("link-state", state));
        let mut values: Vec<(&str, &str)> =
            check.details.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if let (Some(state), Some(value)) = (&state, values.iter_mut().find(|(name, _)| *name == "state")) {
            value.1 = state;
        }
        let unlisted = || format!("{} {:?}", check.code, check.details);
        let id = check.code.replace(['.', '_'], "-");
        let finding = Some(&id).filter(|id| id.starts_with("doctor-"));
        let finding = finding.and_then(|id| catalogue.find_text(id, &values)).unwrap_or_else(unlisted);
        grid.row(&[&catalogue.word("check-state", &check.state), &finding]);
    }
    grid.text(catalogue)
}

const WATCH_EVERY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::Language,
        control::view::{CertificateState, ClockState, Disk, DutyState, Room},
    };

    fn room(code: &str, name: &str, telephone: &str) -> Room {
        let [id, code, name] = ["id", code, name].map(str::to_owned);
        Room { id, code, name, name_en: String::new(), telephone: Some(telephone.to_owned()) }
    }

    fn link(state: &str, queued: u64) -> Link {
        Link {
            room: room("411300", "南阳市政府总值班室", "0377-63160000"),
            role: "parent".to_owned(),
            state: state.to_owned(),
            transport: (state == "up").then(|| "quic".to_owned()),
            rtt_ms: (state == "up").then_some(3.04),
            offset_ms: None,
            queued,
            oldest_ms: (queued > 0).then_some(723_000),
            since_ms: 1_000,
            reason: (state != "up").then(|| "link_silent".to_owned()),
            software: None,
        }
    }

    fn status(links: Vec<Link>) -> Status {
        Status {
            room: room("411322", "方城县总值班室", "0377-67200000"),
            version: "0.1.0".to_owned(),
            console: None,
            network: "henan".to_owned(),
            map_version: 3,
            demo: true,
            pid: 7,
            started_at_ms: 0,
            links,
            clock: ClockState {
                now_ms: 762_000,
                is_reference: false,
                offset_ms: Some([-8, 16]),
                trusted: true,
            },
            certificates: CertificateState {
                tls_not_after_ms: 0,
                tls_days_left: 61,
                issuing_not_after_ms: None,
                sheets: 2,
            },
            disk: Disk { level: "normal".to_owned(), free_bytes: 13 << 30, database_bytes: 1 << 20 },
            unacknowledged: 2,
            log: LogState::default(),
            duties: DutyState::default(),
        }
    }

    #[test]
    fn a_line_that_is_down_says_for_how_long_why_and_whom_to_telephone() {
        let text = render_status(&status(vec![link("down", 3)]), &Catalogue::new(Language::Chinese));
        let line = text.lines().last().unwrap();
        for part in ["411300 南阳市", "○ 中断 00:12:41", "3", "00:12:03", "请电话报告 0377-63160000"]
        {
            assert!(line.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_line_that_is_up_asks_for_nothing() {
        let text = render_status(&status(vec![link("up", 0)]), &Catalogue::new(Language::Chinese));
        let line = text.lines().last().unwrap();
        assert!(line.contains("● 正常") && line.contains("quic") && line.contains("3.0 ms"), "{text}");
        assert!(!line.contains("电话"), "{text}");
        assert!(text.contains("+0.004 ±0.012 s") && text.contains("61"), "{text}");
    }

    #[test]
    fn a_check_of_a_newer_node_is_shown_by_its_code() {
        let check = |code: &str| Check {
            code: code.to_owned(),
            state: "warning".to_owned(),
            details: [("free_mib".to_owned(), "7".to_owned())].into(),
        };
        let checks = vec![check("doctor_disk"), check("doctor_next_year")];
        let text = render_checks(&checks, &Catalogue::new(Language::English));
        assert!(text.contains("7 MiB of disk free") && text.contains("doctor_next_year"), "{text}");
    }
}
