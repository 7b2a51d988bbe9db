//! The watch over the timers: looks at what this room owes and is owed when something changed or the next step is due,
//! and takes each step that is, once. What fell due while the node was down is taken at the start.

use std::{sync::Arc, time::Duration};

use relay::{
    duty::{
        step::DutyStep,
        timer::{Planned, Stage},
    },
    envelope_id::EnvelopeKey,
    step::{DutyOrder, Input, Notice, Reply},
    timestamp::Timestamp,
};
use serde_bytes::ByteBuf;
use tokio::sync::{broadcast, oneshot};

use super::{
    Graded, escalate,
    timers::{self, Timed},
};
use crate::{clock::Clock, daemon::Node, driver::Job, problem::Problem};

/// What is looked at again though nothing was heard: a rule pack came, a year's calendar ended.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// How often the clock is read while a step is to come: it may be moved, or have slept.
const GLANCE: Duration = Duration::from_millis(250);
/// Changes that come together are looked at together.
const GATHER: Duration = Duration::from_millis(250);
/// A look rests this many times as long as it took, so that the watch has a twentieth of one core and no more: nothing is due as
/// soon as it has come, and what carries messages goes before.
const REST: u32 = 19;
/// A step that could not be taken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// Where the timers stand, as `status` shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Obligations with a due time that are not met.
    pub open: usize,
    /// Of those, warned of and not breached.
    pub warned: usize,
    /// Breached, not met, and nobody has taken notice.
    pub alarms: usize,
    /// The furthest stage that one of them has reached.
    pub furthest: Option<Stage>,
}

/// Looks as long as the node runs.
pub async fn watch(node: Arc<Node>) {
    let mut notices = node.registry().notices();
    loop {
        let began = Clock::instant();
        let next = match look(&node).await {
            Ok(next) => next,
            Err(problem) => {
                tracing::error!(%problem, "the time limits cannot be looked at");
                Some(node.clock.now().after(TRY_AGAIN))
            }
        };
        tokio::time::sleep((began.elapsed() * REST).max(GATHER)).await;
        let something = async {
            tokio::select! {
                () = reached(&node.clock, next) => {}
                () = something_new(&mut notices) => {}
                () = node.cases.changed() => {}
            }
        };
        // Nothing need have happened.
        let _ = tokio::time::timeout(LOOK_AGAIN, something).await;
    }
}

async fn reached(clock: &Clock, at: Option<Timestamp>) {
    loop {
        match at {
            Some(at) if at <= clock.now() => return,
            Some(_) => tokio::time::sleep(GLANCE).await,
            None => std::future::pending().await,
        }
    }
}

/// Waits until something was delivered or a receipt came.
async fn something_new(notices: &mut broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(
                Notice::Tick(_)
                | Notice::Duty { .. }
                | Notice::HistoryLost { .. }
                | Notice::HistoryBroken { .. },
            ) => {}
            Ok(Notice::Delivered { .. } | Notice::Receipt { .. })
            | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Takes what is due; gives when to look again.
async fn look(node: &Arc<Node>) -> Result<Option<Timestamp>, Problem> {
    let (places, mut has_more) = node.cases.places_to_look_at(node).await?;
    for place in places {
        let case = node.cases.looked_at(node, place).await?;
        let (mut next, mut standing, mut has_taken) = (None, Standing::default(), false);
        let duties = case.duties.iter().filter(|(duty, _)| timers::concerns(duty, node.config.room));
        for mut timed in duties.flat_map(|(_, timed)| timed).cloned() {
            let taken = timed.steps();
            let at = take_what_is_due(node, &mut timed).await;
            has_taken |= timed.steps() != taken;
            next = [next, at].into_iter().flatten().min();
            standing.count(&timed);
        }
        if has_taken {
            has_more = true;
            node.cases.note_step(&case.place).await;
        } else {
            node.cases.note_look(node, &case, standing, next).await?;
        }
    }
    let next = node.cases.sum_up(node).await?;
    Ok(if has_more { Some(node.clock.now()) } else { next })
}

/// Takes the steps of one obligation; gives when the next one is due.
async fn take_what_is_due(node: &Arc<Node>, timed: &mut Timed) -> Option<Timestamp> {
    let now = node.clock.now();
    let plan = timed.watched().plan(node.config.duty.delays(), now);
    let mut next = plan.next;
    for planned in plan.steps {
        match take(node, timed, planned).await {
            Ok(()) => timed.took(planned.stage),
            Err(problem) => {
                tracing::error!(%problem, rule = timed.name.rule, stage = planned.stage.word(), "a step is not taken yet");
                let again = now.after(TRY_AGAIN);
                next = Some(next.map_or(again, |next| next.min(again)));
            }
        }
    }
    next
}

async fn take(node: &Arc<Node>, timed: &Timed, planned: Planned) -> Result<(), Problem> {
    let message = match planned.stage {
        Stage::Parent => Some(escalate::to_parent(node, timed)?),
        Stage::Half | Stage::Most | Stage::Breach | Stage::Leader | Stage::Acknowledged | Stage::Rung => None,
    };
    let due = timed.obligation.due.unwrap_or(planned.passed_at);
    let step = DutyStep {
        passed_at: planned.passed_at,
        ..DutyStep::new(timed.name.clone(), timed.subject, planned.stage, due)
    };
    order(node, DutyOrder { step, message }).await?;
    let (stage, rule, id) = (planned.stage.word(), &timed.name.rule, timed.subject.id);
    match planned.stage {
        Stage::Half | Stage::Acknowledged | Stage::Rung => tracing::info!(stage, rule, %id, "a time limit"),
        Stage::Most | Stage::Breach | Stage::Leader | Stage::Parent => {
            tracing::warn!(stage, rule, %id, role = planned.stage.role().word(), "a time limit");
        }
    }
    Ok(())
}

async fn order(node: &Node, order: DutyOrder) -> Result<(), Problem> {
    let (reply, answer) = oneshot::channel();
    let input = Input::DutyStep(Box::new(order));
    node.registry().job(Job { input, reply: Some(reply) }).await;
    match answer.await {
        Ok(Reply::Done | Reply::AlreadyDone) => Ok(()),
        Ok(Reply::Refused(refusal)) => Err(Problem::failed("not_accepted").with("detail", refusal)),
        Ok(Reply::Accepted { .. } | Reply::Unknown | Reply::OtherEpoch) | Err(_) => {
            Err(Problem::failed("not_accepted"))
        }
    }
}

/// An officer takes notice of what is shown with this message, by what was signed about it. Gives how many obligations
/// that were.
///
/// # Errors
/// [`Problem`] when the store cannot be read or the node is stopping.
pub async fn acknowledge(node: &Node, subject: EnvelopeKey, officer: &[u8]) -> Result<usize, Problem> {
    let Some(case) = node.cases.case_of(node, subject).await? else { return Ok(0) };
    let mut count = 0;
    let is_about =
        |duty: &Graded| duty.working.duty.subject == subject && timers::concerns(duty, node.config.room);
    for timed in case.duties.iter().filter(|(duty, _)| is_about(duty)).flat_map(|(_, timed)| timed) {
        let Some(due) = timed.obligation.due.filter(|_| timed.alarm().is_some()) else { continue };
        let step = DutyStep {
            officer: Some(ByteBuf::from(officer.to_vec())),
            ..DutyStep::new(timed.name.clone(), subject, Stage::Acknowledged, due)
        };
        order(node, DutyOrder { step, message: None }).await?;
        count += 1;
    }
    node.cases.note_step(&case.place).await;
    node.cases.note_change();
    Ok(count)
}

/// Rings once for all limits of its own that this room has breached and nobody has heard of yet, and notes for each that it
/// rang: what the node could not note before it stopped rings again.
///
/// # Errors
/// [`Problem`] when the store cannot be read or the node is stopping.
pub async fn ring_for_breaches(node: &Node, rings: impl AsyncFnOnce() -> bool) -> Result<(), Problem> {
    let mut unheard = Vec::new();
    for case in node.cases.open_cases(node).await? {
        for timed in case.duties.iter().flat_map(|(_, timed)| timed) {
            if let Some(due) = timed.obligation.due.filter(|_| timed.watched().wants_bell()) {
                let step = DutyStep::new(timed.name.clone(), timed.subject, Stage::Rung, due);
                unheard.push((case.place.clone(), step));
            }
        }
    }
    if unheard.is_empty() || !rings().await {
        return Ok(());
    }
    for (place, step) in unheard {
        order(node, DutyOrder { step, message: None }).await?;
        node.cases.note_step(&place).await;
    }
    node.cases.note_change();
    Ok(())
}

impl Standing {
    fn count(&mut self, timed: &Timed) {
        if !timed.is_open() {
            return;
        }
        self.open += 1;
        match timed.alarm() {
            Some(Stage::Half | Stage::Most) => self.warned += 1,
            Some(
                stage @ (Stage::Breach | Stage::Leader | Stage::Parent | Stage::Acknowledged | Stage::Rung),
            ) => {
                self.alarms += 1;
                self.furthest = self.furthest.max(Some(stage));
            }
            None => {}
        }
    }
}
