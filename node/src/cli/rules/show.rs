//! `rules ls` and `rules show`: which packs there are, and what a rule says, with the phrase of the document.

use relay::{
    duty::{Rule, RulePack, beijing::rfc3339, builtin, event::Event, pack::Duty},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::{find_pack, words};
use crate::{
    catalogue::{Catalogue, Language},
    cli::{
        session::{Outcome, Session},
        table::Grid,
    },
    problem::Problem,
};

pub(super) fn list(session: &mut Session) -> u8 {
    let packs = builtin::packs();
    let value: Vec<Value> = packs.iter().map(line).collect();
    session.screen.result(&value, |_, catalogue| render_list(&packs, catalogue));
    0
}

fn line(pack: &RulePack) -> Value {
    json!({
        "name": pack.name, "version": pack.version, "title": pack.title, "title_en": pack.title_en,
        "document": pack.document, "issuer": pack.issuer, "base": pack.base,
        "effective": rfc3339(pack.effective_at), "repealed": pack.repealed_at.map(rfc3339),
        "rules": pack.rules.len(), "duties": pack.duties.len(),
    })
}

fn day(at: Timestamp) -> String {
    rfc3339(at).chars().take(10).collect()
}

pub(super) fn in_language<'a>(catalogue: &Catalogue, chinese: &'a str, english: &'a str) -> &'a str {
    if catalogue.language() == Language::Chinese || english.is_empty() { chinese } else { english }
}

fn render_list(packs: &[RulePack], catalogue: &Catalogue) -> String {
    let columns = ["name", "version", "effective", "repealed", "rules", "title"];
    let mut grid = Grid::new(catalogue, &columns).right(4);
    for pack in packs {
        grid.row(&[
            &pack.name,
            &pack.version.to_string(),
            &day(pack.effective_at),
            &pack.repealed_at.map_or_else(|| "—".to_owned(), day),
            &pack.rules.len().to_string(),
            in_language(catalogue, &pack.title, &pack.title_en),
        ]);
    }
    grid.text(catalogue)
}

pub(super) fn show(session: &mut Session, name: &str, rule: Option<&str>) -> Outcome {
    let pack = find_pack(name, &builtin::packs())?;
    let Some(id) = rule else {
        session.screen.result(&whole(&pack), |_, catalogue| render_pack(&pack, catalogue));
        return Ok(0);
    };
    if let Some(rule) = pack.rule(id) {
        let value = with_citation(json!(rule), &pack, &pack.cite(&rule.clause));
        session.screen.result(&value, |_, catalogue| render_rule(&pack, rule, catalogue));
        return Ok(0);
    }
    let Some(duty) = pack.duty(id) else {
        return Err(Problem::usage("rules_rule_unknown").with("pack", &pack.name).with("rule", id));
    };
    let value = with_citation(json!(duty), &pack, &pack.cite(&duty.clause));
    session.screen.result(&value, |_, catalogue| render_duty(&pack, duty, catalogue));
    Ok(0)
}

/// The pack as it is signed, with its dates for people.
fn whole(pack: &RulePack) -> Value {
    let mut value = json!(pack);
    for (key, at) in [
        ("issued_at", Some(pack.issued_at)),
        ("effective_at", Some(pack.effective_at)),
        ("repealed_at", pack.repealed_at),
    ] {
        value[key] = json!(at.map(rfc3339));
    }
    value
}

fn with_citation(mut value: Value, pack: &RulePack, citation: &str) -> Value {
    value["pack"] = json!(pack.name);
    value["pack_version"] = json!(pack.version);
    value["citation"] = json!(citation);
    value
}

fn render_pack(pack: &RulePack, catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["rule", "kind", "force", "channel", "limit", "clause"]);
    for rule in &pack.rules {
        grid.row(&[
            &rule.id,
            &catalogue.word("rulekind", rule.kind.word()),
            &catalogue.word("force", rule.force.word()),
            &catalogue.word("channel", rule.channel.word()),
            &words::limit(&rule.limit.to_string(), catalogue),
            in_language(catalogue, &rule.clause.says, &rule.clause.says_en),
        ]);
    }
    for duty in &pack.duties {
        let says = in_language(catalogue, &duty.clause.says, &duty.clause.says_en);
        grid.row(&[&duty.id, "—", "—", "—", "—", says]);
    }
    format!("{}\n{}", heading(pack, catalogue), grid.text(catalogue))
}

fn heading(pack: &RulePack, catalogue: &Catalogue) -> String {
    let title = in_language(catalogue, &pack.title, &pack.title_en);
    catalogue.text(
        "rules-heading",
        &[
            ("name", pack.name.as_str()),
            ("version", &pack.version.to_string()),
            ("title", title),
            ("document", &pack.document),
            ("effective", &day(pack.effective_at)),
            ("working", &catalogue.word("reading", pack.switches.working_days.word())),
            ("natural", &catalogue.word("reading", pack.switches.natural_days.word())),
            ("implied", &catalogue.word("moment", pack.switches.implied_start.word())),
        ],
    )
}

fn render_rule(pack: &RulePack, rule: &Rule, catalogue: &Catalogue) -> String {
    let moment = |event: Event| catalogue.word("moment", event.word());
    let lines = [
        ("rules-says", in_language(catalogue, &rule.clause.says, &rule.clause.says_en).to_owned()),
        ("rules-clause", pack.cite(&rule.clause)),
        ("rules-quote", rule.clause.quote.clone()),
        ("rules-kind", catalogue.word("rulekind", rule.kind.word())),
        ("rules-force", catalogue.word("force", rule.force.word())),
        ("rules-channel", catalogue.word("channel", rule.channel.word())),
        ("rules-start", format!("{} ({})", moment(rule.start), catalogue.word("basis", rule.basis.word()))),
        ("rules-stop", format!("{} ({})", moment(rule.stop), rule.stop_at)),
        ("rules-limit", words::limit(&rule.limit.to_string(), catalogue)),
    ];
    told(&rule.id, &lines, catalogue)
}

fn render_duty(pack: &RulePack, duty: &Duty, catalogue: &Catalogue) -> String {
    let lines = [
        ("rules-says", in_language(catalogue, &duty.clause.says, &duty.clause.says_en).to_owned()),
        ("rules-clause", pack.cite(&duty.clause)),
        ("rules-quote", duty.clause.quote.clone()),
    ];
    told(&duty.id, &lines, catalogue)
}

fn told(id: &str, lines: &[(&str, String)], catalogue: &Catalogue) -> String {
    let mut text = id.to_owned();
    for (line, value) in lines {
        text.push_str(&format!("\n  {}", catalogue.text(line, &[("value", value)])));
    }
    text
}
