//! What a scenario comes to: the rules that were judged, with start, due time, what met them and the verdict, as the node itself
//! explains them.

use super::stage::{Letter, Stage};
use crate::{
    cli::{named, show_time},
    control::{
        request::Request,
        view::{ExplainedDuty, ExplainedRule, Moment},
    },
    problem::Problem,
};

/// Shows the verdicts about this letter, as this room judges them.
pub(super) async fn show(stage: &mut Stage<'_, '_>, room: &str, letter: &Letter) -> Result<(), Problem> {
    let wanted = Request::RulesExplain { id: letter.id.clone() };
    let duties: Vec<ExplainedDuty> = stage.room(room)?.ask(&wanted).await?;
    stage.account.say("demo-verdicts", &[("letter", &letter.name)]);
    let mut is_none = true;
    for duty in &duties {
        for rule in &duty.rules {
            is_none = false;
            line(stage, duty, rule);
        }
    }
    if is_none {
        stage.account.say("demo-verdicts-none", &[]);
    }
    Ok(())
}

fn line(stage: &mut Stage<'_, '_>, duty: &ExplainedDuty, rule: &ExplainedRule) {
    let catalogue = stage.account.catalogue();
    let dash = || "—".to_owned();
    let at = |moment: Option<&Moment>| {
        let one = moment.and_then(|moment| moment.latest.as_ref().or(moment.earliest.as_ref()));
        one.map_or_else(dash, |text| show_time(text))
    };
    let (obliged, towards) = (named(&duty.obliged, catalogue), named(&duty.towards, catalogue));
    let (start, met) = (at(rule.start.as_ref()), at(rule.met.as_ref()));
    let due = rule.due.as_ref().map_or_else(dash, |text| show_time(text));
    let verdict = catalogue.word("verdict", &rule.verdict);
    let values = [
        ("rule", rule.rule.as_str()),
        ("obliged", &obliged),
        ("towards", &towards),
        ("start", &start),
        ("due", &due),
        ("met", &met),
        ("verdict", &verdict),
    ];
    stage.account.say("demo-verdict-line", &values);
}
