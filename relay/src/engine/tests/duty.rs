//! A step of a timer is a leaf of the log, taken once, with its message in the same commit or not at all.

use topology::RoomId;

use super::{
    office::Office,
    rooms::{C, Draft, NOW, P},
    tale::tale,
};
use crate::{
    duty::{
        event::RuleKind,
        step::{DutyStep, ObligationName},
        timer::Stage,
    },
    envelope_id::EnvelopeKey,
    limits::Quota,
    step::{DutyOrder, Input, LeafKind, Reply, Step, Submission, Write},
};

fn key(draft: &Draft) -> EnvelopeKey {
    let route = draft.sealed().route;
    EnvelopeKey { origin: route.origin, id: route.id }
}

fn step(draft: &Draft, stage: Stage) -> DutyStep {
    let subject = key(draft);
    let obligation = ObligationName {
        case: None,
        kind: RuleKind::VerifyReply,
        pack: "a pack".into(),
        rule: "a rule".into(),
        obliged: C,
        subject: Some(subject),
        towards: P,
    };
    DutyStep::new(obligation, subject, stage, NOW)
}

fn order(draft: &Draft, stage: Stage, message: Option<Submission>) -> Input {
    Input::DutyStep(Box::new(DutyOrder { step: step(draft, stage), message }))
}

/// The leaf of the step that was taken, if one was.
fn leaf(whole: &Step) -> Option<DutyStep> {
    whole.writes.iter().find_map(|write| {
        let Write::Leaf { kind: LeafKind::Duty, bytes, .. } = write else { return None };
        DutyStep::decode(bytes).ok()
    })
}

#[test]
fn a_step_is_taken_once_whether_it_is_asked_for_in_one_batch_or_in_two() {
    let draft = Draft::new(P, &[C], 1);
    let mut office = Office::new(C);
    let both = vec![order(&draft, Stage::Half, None), order(&draft, Stage::Half, None)];
    let first = office.single(both, NOW);
    assert_eq!(first.reply, Some(Reply::AlreadyDone), "the second of the batch");
    let told = tale(&first);
    assert_eq!(told.iter().filter(|line| line.starts_with("step half")).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|line| *line == "notice: step half").count(), 1, "{told:?}");
    let again = office.single(vec![order(&draft, Stage::Half, None)], NOW);
    assert_eq!((again.reply.clone(), leaf(&again)), (Some(Reply::AlreadyDone), None));
    let mut office = office.restarted(NOW);
    let later = office.single(vec![order(&draft, Stage::Half, None)], NOW);
    assert_eq!((later.reply.clone(), leaf(&later)), (Some(Reply::AlreadyDone), None));
    let next = office.single(vec![order(&draft, Stage::Most, None)], NOW);
    assert_eq!(leaf(&next).map(|step| (step.stage, step.at)), Some((Stage::Most, NOW)));
}

#[test]
fn the_message_to_the_room_above_is_accepted_with_its_step_and_once() {
    let asked = Draft::new(P, &[C], 1);
    let (own, more) = (Draft::new(C, &[P], 2), Draft::new(C, &[P], 3));
    let mut office = Office::new(C);
    let first = office.single(vec![order(&asked, Stage::Parent, Some(own.submission()))], own.created_at);
    let told = tale(&first);
    assert_eq!(told[..2], ["store envelope for P", "receipt accepted by C for P"]);
    assert_eq!(leaf(&first).and_then(|step| step.message), Some(key(&own).id));
    let again = office.single(vec![order(&asked, Stage::Parent, Some(more.submission()))], own.created_at);
    assert_eq!(again.reply, Some(Reply::AlreadyDone));
    assert!(!again.writes.iter().any(|write| matches!(write, Write::Envelope { .. })));
}

#[test]
fn a_message_that_is_not_accepted_leaves_no_step_behind() {
    let asked = Draft::new(P, &[C], 1);
    let own = Draft::new(C, &[P], 2);
    let mut office = Office::with_quota(C, Quota::default());
    let mut late = own.submission();
    late.sealed.route.epoch.counter += 1;
    let refused = office.single(vec![order(&asked, Stage::Parent, Some(late))], own.created_at);
    assert_eq!((refused.reply.clone(), leaf(&refused)), (Some(Reply::OtherEpoch), None));
    let taken = office.single(vec![order(&asked, Stage::Parent, Some(own.submission()))], own.created_at);
    assert_eq!(leaf(&taken).map(|step| step.obligation.obliged), Some::<RoomId>(C));
}
