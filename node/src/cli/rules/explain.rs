//! `rules explain ID`: for each duty of a message which rules applied and which did not, by which clause, on which clock,
//! and how much time was left. The attested times are the ones that work; what is proven stands beside them.

use super::{judge::span, show::in_language, words};
use crate::{
    catalogue::Catalogue,
    cli::session::{Outcome, Session, named},
    control::{
        request::Request,
        view::{ExplainedDuty, ExplainedRule, Moment, SetAsideRule},
    },
    escape::one_line,
    problem::EXIT_OVERDUE,
};

pub(super) async fn explain(session: &mut Session, id: String) -> Outcome {
    let duties: Vec<ExplainedDuty> = session.ask(&Request::RulesExplain { id }).await?;
    session.screen.result(&duties, |duties, catalogue| render(duties, catalogue));
    let is_bad = |rule: &ExplainedRule| matches!(rule.verdict.as_str(), "late" | "undecidable" | "refused");
    let bad = duties.iter().any(|duty| duty.rules.iter().any(is_bad));
    Ok(if bad { EXIT_OVERDUE } else { 0 })
}

fn render(duties: &[ExplainedDuty], catalogue: &Catalogue) -> String {
    let parts: Vec<String> = duties.iter().map(|duty| render_duty(duty, catalogue)).collect();
    if parts.is_empty() { catalogue.text("explain-nothing", &[]) } else { parts.join("\n\n") }
}

fn render_duty(duty: &ExplainedDuty, catalogue: &Catalogue) -> String {
    let status = match duty.status.as_str() {
        "actual" => String::new(),
        status => format!("【{}】", catalogue.word("status", status)),
    };
    let values = [
        ("status", status.as_str()),
        ("kind", &catalogue.word("rulekind", &duty.kind)),
        ("obliged", &one_line(&named(&duty.obliged, catalogue))),
        ("towards", &one_line(&named(&duty.towards, catalogue))),
        ("subject", &duty.subject),
        ("answer", duty.answer.as_deref().unwrap_or("—")),
    ];
    let mut lines = vec![catalogue.text("explain-duty", &values)];
    lines.extend(duty.rules.iter().map(|rule| render_rule(rule, catalogue)));
    // That a rule is about something else needs no line.
    let set_aside = duty.set_aside.iter().filter(|rule| rule.reason != "other_kind");
    lines.extend(set_aside.map(|rule| render_set_aside(rule, catalogue)));
    lines.join("\n")
}

fn render_rule(rule: &ExplainedRule, catalogue: &Catalogue) -> String {
    let dash = || "—".to_owned();
    let verdict = |word: &str| catalogue.word("verdict", word);
    let mut told = verdict(&rule.verdict);
    if let Some(margin) = rule.margin_ms {
        let line = if margin < 0 { "explain-over" } else { "explain-left" };
        told = format!("{told}, {}", catalogue.text(line, &[("span", &span(margin))]));
    }
    if let Some(cause) = &rule.cause {
        told = format!("{told}, {}", catalogue.word("cause", cause));
    }
    let moment = |word: &str| catalogue.word("moment", word);
    let start = format!("{} ({})", moment(&rule.start_event), catalogue.word("basis", &rule.basis));
    let time = |text: &Option<String>| text.as_deref().map_or_else(dash, words::time);
    let mut lines = vec![
        ("explain-verdict", told),
        ("rules-says", in_language(catalogue, &rule.says, &rule.says_en).to_owned()),
        ("rules-clause", format!("{} ({}@{})", rule.clause, rule.pack, rule.pack_version)),
        ("explain-start", format!("{start} {}", shown(rule.start.as_ref()))),
        ("explain-due", format!("{} ({})", time(&rule.due), words::limit(&rule.limit, catalogue))),
        ("explain-met", format!("{} {}", moment(&rule.stop_event), shown(rule.met.as_ref()))),
    ];
    if let Some(sent) = &rule.sent_verdict {
        lines.push(("explain-sent", verdict(sent)));
    }
    let proven = [rule.proven_start.as_ref(), rule.proven_met.as_ref()].map(shown).join(" → ");
    lines.push(("explain-proven", format!("{}, {proven}", verdict(&rule.proven_verdict))));
    if let Some(other) = &rule.alternative {
        let due = time(&other.due);
        let start = shown(Some(&other.start));
        let told = format!("{} {start} → {due}: {}", moment(&other.start_event), verdict(&other.verdict));
        lines.push(("explain-alternative", told));
    }
    if !rule.flags.is_empty() {
        let flags: Vec<String> = rule.flags.iter().map(|flag| words::flag(flag, catalogue)).collect();
        lines.push(("explain-flags", flags.join("; ")));
    }
    let force = catalogue.word("force", &rule.force);
    let channel = catalogue.word("channel", &rule.channel);
    let mut text = format!("  {} ({force}, {channel})", rule.rule);
    for (line, value) in lines {
        text.push_str(&format!("\n    {}", catalogue.text(line, &[("value", &one_line(&value))])));
    }
    text
}

/// One time where both ends are the same, else both.
fn shown(moment: Option<&Moment>) -> String {
    let Some(Moment { earliest, latest, .. }) = moment else { return "—".to_owned() };
    match (earliest, latest) {
        (Some(one), Some(other)) if one == other => words::time(one),
        (one, other) => {
            let end = |end: &Option<String>| end.as_deref().map_or_else(|| "?".to_owned(), words::time);
            format!("[{} .. {}]", end(one), end(other))
        }
    }
}

fn render_set_aside(rule: &SetAsideRule, catalogue: &Catalogue) -> String {
    words::set_aside(&rule.rule, &rule.clause, (&rule.reason, &rule.detail), catalogue)
}
