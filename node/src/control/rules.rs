//! The map and its rules, at the root hub's desk and everywhere: signing what a map file chooses, putting a newer plan in
//! force together with what it names, and saying what is in force here.

use data_encoding::BASE64;
use relay::duty::{
    beijing::rfc3339,
    signed::{SignedCalendar, SignedPack},
};

use super::{reading, view};
use crate::{
    clock::Clock,
    daemon::Node,
    problem::Problem,
    rulebook::{self, SignedRules, Wish},
};

/// Signs the rules that a map file chooses. Only the root hub issues them.
pub(super) fn sign(node: &Node, wish: &Wish) -> Result<view::SignedDocuments, Problem> {
    let trust = node.trust.current();
    let root = trust.map.root();
    if node.config.room != root {
        return Err(Problem::policy("rules_not_the_issuer").with("path", node.directory.root().display()));
    }
    let rules = SignedRules::make(wish, trust.rules.signed(), root, &*node.identity.signing)?;
    let documents = rules.documents().map(|bytes| BASE64.encode(bytes)).collect();
    Ok(view::SignedDocuments { in_force: rules.in_force(), documents })
}

/// What would be in force, and what is.
pub(super) fn preview(node: &Node, wish: &Wish) -> Result<view::RulesPreview, Problem> {
    let trust = node.trust.current();
    let (packs, calendars) = rulebook::preview(wish, trust.rules.signed())?;
    let plan = trust.map.plan();
    Ok(view::RulesPreview {
        packs,
        calendars,
        packs_now: plan.packs.iter().map(|pack| format!("{}@{}", pack.name, pack.version)).collect(),
        calendars_now: plan.calendars.iter().map(|calendar| calendar.year).collect(),
    })
}

/// Puts a newer plan in force with the documents that it names.
pub(super) fn map_apply(node: &Node, plan: &str, documents: &[String]) -> Result<view::MapText, Problem> {
    let decode = |text: &String| {
        let not_understood = |error| Problem::usage("control_not_understood").with("detail", error);
        BASE64.decode(text.as_bytes()).map_err(not_understood)
    };
    let bytes = decode(&plan.to_owned())?;
    let documents = documents.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let taken = node
        .trust
        .accept_plan_with(&bytes, &documents, Clock::wall())
        .map_err(|error| Problem::policy("plan_refused").with("detail", error))?;
    if !taken {
        let version = node.trust.current().map.version();
        return Err(Problem::policy("plan_not_newer").with("version", version));
    }
    Ok(reading::map(node))
}

/// What is in force here, and what the plan names beyond that.
pub(super) fn list(node: &Node) -> view::RulesInForce {
    let trust = node.trust.current();
    let signed = trust.rules.signed();
    let pack = |pack: &SignedPack| {
        let content = pack.content();
        view::PackLine {
            name: content.name.clone(),
            version: content.version,
            digest: pack.digest().to_string(),
            issuer: reading::room(&trust.map, pack.issuer()),
            title: content.title.clone(),
            title_en: content.title_en.clone(),
            document: content.document.clone(),
            base: content.base.clone(),
            effective: rfc3339(content.effective_at),
            repealed: content.repealed_at.map(rfc3339),
            rules: content.rules.len() as u64,
            duties: content.duties.len() as u64,
        }
    };
    let year = |year: &SignedCalendar| view::CalendarLine {
        year: year.content().year,
        digest: year.digest().to_string(),
        issuer: reading::room(&trust.map, year.issuer()),
        source: year.content().source.clone(),
    };
    view::RulesInForce {
        map_version: trust.map.version(),
        packs: signed.packs.iter().map(pack).collect(),
        calendars: signed.calendars.iter().map(year).collect(),
        missing: trust.rules.missing(&trust.map),
    }
}
