//! `audit verify`, `audit held` and `audit accept-loss`.

use super::{
    arguments::AuditVerb,
    moment::beijing,
    session::{Outcome, Session},
    table::Grid,
};
use crate::{
    audit::{self, Finding, HeldReceipt, Report},
    catalogue::Catalogue,
    control::request::Request,
    problem::EXIT_INVALID,
};

pub(crate) async fn audit(session: &mut Session, verb: AuditVerb) -> Outcome {
    match verb {
        AuditVerb::Verify => {
            let report = audit::verify(&session.dir()?).await?;
            session.screen.result(&report, render);
            Ok(if report.failed == 0 { 0 } else { EXIT_INVALID })
        }
        AuditVerb::Held { room, from } => {
            let held = audit::held(&session.dir()?, &room, from).await?;
            session.screen.result(&held, |held, catalogue| render_held(held, catalogue));
            Ok(0)
        }
        AuditVerb::AcceptLoss => session.order(&Request::LossAccept, "loss-accepted", &[]).await,
    }
}

fn render_held(held: &[HeldReceipt], catalogue: &Catalogue) -> String {
    let columns = ["epoch", "leaf", "event", "time", "from", "to", "id"];
    let mut grid = Grid::new(catalogue, &columns).right(0).right(1);
    for line in held {
        grid.row(&[
            &line.epoch.to_string(),
            &line.leaf.to_string(),
            &catalogue.word("event", &line.event),
            &beijing(line.at_ms),
            &line.origin,
            &line.recipient,
            &line.id,
        ]);
    }
    grid.text(catalogue)
}

fn render(report: &Report, catalogue: &Catalogue) -> String {
    let mut lines = vec![counts(report, catalogue)];
    let date = match report.dated_at_ms {
        Some(at) => {
            let leaves = report.dated_leaves.to_string();
            catalogue.text("audit-dated", &[("leaves", &leaves), ("at", &beijing(at))])
        }
        None => catalogue.text("audit-undated", &[]),
    };
    lines.push(date);
    for found in &report.history_breaks {
        let id = if found.declared { "audit-break-declared" } else { "audit-break" };
        lines.push(catalogue.text(id, &[("room", &found.room), ("at", &beijing(found.at_ms))]));
    }
    for found in &report.quarantine {
        let id = found.id.as_deref().unwrap_or("—");
        let values = [("what", found.what.as_str()), ("id", id), ("reason", &found.reason)];
        lines.push(catalogue.text("audit-quarantine", &values));
    }
    lines.extend(report.findings.iter().map(|finding| sentence(finding, catalogue)));
    lines.push(match report.failed {
        0 => catalogue.text("audit-clean", &[]),
        failed => catalogue.text("audit-failed", &[("count", &failed.to_string())]),
    });
    lines.join("\n")
}

fn counts(report: &Report, catalogue: &Catalogue) -> String {
    let receipts = report.own_receipts + report.foreign_receipts;
    let numbers = [
        ("leaves", report.leaves),
        ("receipts", receipts),
        ("own", report.own_receipts),
        ("epochs", report.epochs),
        ("checkpoints", report.checkpoints),
        ("children", report.children),
        ("ticks", report.ticks),
        ("envelopes", report.envelopes),
        ("bodies", report.bodies),
        ("gone", report.given_up),
    ];
    let texts = numbers.map(|(name, number)| (name, number.to_string()));
    let values: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    catalogue.text("audit-counts", &values)
}

/// What fails, where, and what to do.
fn sentence(finding: &Finding, catalogue: &Catalogue) -> String {
    let leaf = finding.leaf.map_or_else(|| "—".to_owned(), |leaf| leaf.to_string());
    let id = finding.id.as_deref().unwrap_or("—");
    let values = [("leaf", leaf.as_str()), ("id", id), ("detail", finding.detail.as_str())];
    let code = format!("audit-{}", finding.code.replace('_', "-"));
    let what = catalogue.find_text(&code, &values);
    let what = what.unwrap_or_else(|| format!("{} {leaf} {id} {}", finding.code, finding.detail));
    let is_body = matches!(finding.code.as_str(), "envelope_damaged" | "envelope_missing" | "record_damaged");
    let remedy = catalogue.text(if is_body { "audit-do-envelope" } else { "audit-do-log" }, &[]);
    format!("✗ {what}\n  {remedy}")
}
