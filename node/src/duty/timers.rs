//! What this room owes and is owed, obligation by obligation, with the steps of its timer that were taken.

use relay::{
    duty::{
        event::RuleKind,
        obligation::{Obligation, obligations},
        step::ObligationName,
        timer::{Stage, Taken, Watched},
    },
    envelope_id::EnvelopeKey,
    message::field::Status,
    timestamp::Timestamp,
};
use topology::RoomId;

use super::Graded;
use crate::{daemon::Node, problem::Problem};

/// An obligation and where its timer stands.
#[derive(Debug, Clone)]
pub(super) struct Timed {
    pub(super) obligation: Obligation,
    pub(super) name: ObligationName,
    /// The report, the request or the instruction.
    pub(super) subject: EnvelopeKey,
    pub(super) status: Status,
    taken: Vec<Taken>,
    known_since: Timestamp,
    is_own: bool,
    has_parent: bool,
}

/// The obligations of a duty.
pub(super) async fn of_duty(node: &Node, graded: &Graded) -> Result<Vec<Timed>, Problem> {
    let (duty, me) = (&graded.working.duty, node.config.room);
    let has_parent = node.trust.current().map.parent(me).is_some();
    let mut timed = Vec::new();
    for obligation in obligations(&graded.working.judgement.findings) {
        let name = name(graded, &obligation);
        let steps = node.reader.duty_steps(name.digest()).await?;
        timed.push(Timed {
            taken: steps.iter().map(|step| Taken { stage: step.stage, due: step.due }).collect(),
            obligation,
            name,
            subject: duty.subject,
            status: graded.status,
            known_since: graded.known_since,
            is_own: duty.obliged == me,
            has_parent,
        });
    }
    Ok(timed)
}

/// A report is owed by its case: which message meets it may change.
fn name(graded: &Graded, obligation: &Obligation) -> ObligationName {
    let duty = &graded.working.duty;
    let case = graded.case.filter(|_| duty.kind == RuleKind::ReportFirst);
    ObligationName {
        case,
        kind: duty.kind,
        pack: obligation.pack.clone(),
        rule: obligation.rule.clone(),
        obliged: duty.obliged,
        subject: case.is_none().then_some(duty.subject),
        towards: duty.towards,
    }
}

impl Timed {
    /// As the timer sees it.
    pub(super) fn watched(&self) -> Watched<'_> {
        Watched {
            obligation: &self.obligation,
            taken: &self.taken,
            known_since: self.known_since,
            is_own: self.is_own,
            has_parent: self.has_parent,
        }
    }

    /// A step was taken a moment ago.
    pub(super) fn took(&mut self, stage: Stage) {
        self.taken.extend(self.obligation.due.map(|due| Taken { stage, due }));
    }

    /// How many steps were taken.
    pub(super) fn steps(&self) -> usize {
        self.taken.len()
    }

    /// Not met, with a due time: what there is to be done about.
    pub(super) fn is_open(&self) -> bool {
        self.obligation.met.is_none() && self.obligation.due.is_some()
    }

    /// The stage that it has reached, where no officer has taken notice of it.
    pub(super) fn alarm(&self) -> Option<Stage> {
        let (stage, is_acknowledged) = self.watched().reached().filter(|_| self.is_open())?;
        (!is_acknowledged).then_some(stage)
    }
}

/// Whether this room owes a duty or is owed it.
pub(super) fn concerns(graded: &Graded, room: RoomId) -> bool {
    [graded.working.duty.obliged, graded.working.duty.towards].contains(&room)
}
