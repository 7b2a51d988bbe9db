//! Steps of obligations' timers: each is a leaf of the log, taken once, and a message to the room above enters the
//! network in the same commit as the step that says so.

use std::sync::Arc;

use super::Engine;
use crate::{
    duty::step::StepName,
    step::{DutyOrder, LeafKind, Notice, Reply, Send, Step, Write},
    timestamp::Timestamp,
};

impl Engine {
    /// Says that the store holds this step already. Needed before [`Input::DutyStep`](crate::step::Input::DutyStep) of
    /// the same batch is handled.
    pub fn supply_step_taken(&mut self, name: StepName) {
        self.steps_taken.insert(name);
    }

    pub(super) fn duty_step(&mut self, order: DutyOrder, now: Timestamp, step: &mut Step) {
        let mut taken = order.step;
        let name = taken.name();
        if self.steps_taken.contains(&name) {
            step.reply = Some(Reply::AlreadyDone);
            return;
        }
        if let Some(message) = order.message {
            self.submit(message, now, step);
            // What is not accepted leaves no step: it is tried again.
            let Some(Reply::Accepted { id }) = &step.reply else { return };
            taken.message = Some(*id);
        }
        taken.at = now;
        let bytes: Arc<[u8]> = taken.encode().into();
        let leaf = self.append(LeafKind::Duty, &bytes, step);
        step.writes.push(Write::DutyStep { name, subject: taken.subject, leaf });
        step.sends.push(Send::Notice(Notice::Duty { subject: taken.subject, stage: taken.stage }));
        self.steps_taken.insert(name);
        step.reply = Some(Reply::Done);
    }
}
