//! Steps of obligations' timers: each is taken once, whoever looks at the clock how often, before and after a restart.

use certs::signature::digest;
use relay::{
    duty::{step::StepName, timer::Stage},
    step::{LeafKind, Write},
    timestamp::Timestamp,
};
use topology::Precedence;

use super::{super::Store, commit, refused, sample::Sample};

fn name(stage: Stage, due_ms: i64) -> StepName {
    StepName { obligation: digest(b"an obligation"), due: Timestamp::from_ms(due_ms), stage }
}

fn taken(stage: Stage, due_ms: i64, leaf: u64) -> [Write; 2] {
    let subject = Sample::new(1, Precedence::Routine).record.key;
    let bytes = format!("leaf {leaf}").into_bytes().into();
    [
        Write::Leaf { leaf, kind: LeafKind::Duty, bytes },
        Write::DutyStep { name: name(stage, due_ms), subject, leaf },
    ]
}

pub(super) async fn a_step_is_taken_once_across_a_restart<S: Store>(
    mut store: S,
    reopen: impl AsyncFn(S) -> S,
) {
    assert!(!store.has_step(name(Stage::Half, 10)).await.expect("steps are read"));
    commit(&mut store, taken(Stage::Half, 10, 0).into()).await;
    refused(&mut store, taken(Stage::Half, 10, 1).into()).await;
    let mut store = reopen(store).await;
    for (stage, due_ms, is_taken) in
        [(Stage::Half, 10, true), (Stage::Most, 10, false), (Stage::Half, 11, false)]
    {
        let found = store.has_step(name(stage, due_ms)).await.expect("steps are read");
        assert_eq!(found, is_taken, "{stage:?} for {due_ms}");
    }
    // What is refused takes the rest of its commit with it, and the next one is not disturbed.
    let twice = [taken(Stage::Most, 10, 1), taken(Stage::Half, 10, 2)].concat();
    refused(&mut store, twice).await;
    assert!(!store.has_step(name(Stage::Most, 10)).await.expect("steps are read"));
    commit(&mut store, [taken(Stage::Most, 10, 1), taken(Stage::Half, 11, 2)].concat()).await;
    assert!(store.has_step(name(Stage::Half, 11)).await.expect("steps are read"));
}
