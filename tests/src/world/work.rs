//! What people do in a simulated world: they write to one room or to several, in every precedence, with much time or
//! little; alarms ring; officers acknowledge and return; operators press retry.

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{KeyId, digest},
};
use node::driver::Job;
use relay::{
    duty::{
        event::RuleKind,
        step::{DutyStep, ObligationName},
        timer::Stage,
    },
    envelope::{ENVELOPE_VERSION, Role, Route, SealedMessage},
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    limits::{LIFETIME_DEFAULT, RECIPIENTS_MAX},
    message::field::Status,
    receipt::{Event as Happening, OfficerDeed, Reason},
    step::{Deed, DutyOrder, Input, Submission},
    timestamp::Timestamp,
};
use tokio::sync::oneshot;
use topology::{Flow, Precedence, RoomId};

use super::{
    World,
    cast::{NETWORK, UNKNOWN_KIND},
    chance::Chance,
};

impl World {
    /// Somebody does something. Gives what, and in which room.
    pub(super) fn work(&mut self) -> (&'static str, String) {
        let node = self.chance.index(self.stations.len());
        let name = match self.chance.below(11) {
            0..=6 => {
                let letters = if self.chance.one_in(6) { 6 } else { 1 };
                (0..letters).for_each(|_| self.write(node));
                if letters == 1 { "a message is written" } else { "many messages are written" }
            }
            7..=9 => self.sign_a_deed(node),
            _ => self.press_retry(node),
        };
        (name, self.cast.name(self.cast.rooms[node]).to_owned())
    }

    /// Somebody writes to a room or to several.
    pub(super) fn write(&mut self, node: usize) {
        let Some(driver) = &self.stations[node].driver else { return };
        let epoch = driver.engine().epoch();
        let now = self.time_of(node);
        let sealed = self.compose(node, epoch, now);
        let key = EnvelopeKey { origin: sealed.route.origin, id: sealed.route.id };
        let (reply, receiver) = oneshot::channel();
        let submission =
            Submission { sealed, content_key: vec![3; 8], summary: vec![4; 8], call: None, once: None };
        self.stations[node].waiting.push((key, receiver));
        self.job(node, Job { input: Input::Submit(Box::new(submission)), reply: Some(reply) });
    }

    pub(super) fn compose(&mut self, node: usize, epoch: Epoch, now: Timestamp) -> SealedMessage {
        let (flow, recipients) = self.addresses(node);
        let lifetime_ms = match self.chance.below(5) {
            0 => self.chance.ms(500, 20_000),
            1 => self.chance.ms(20_000, 300_000),
            _ => i64::try_from(LIFETIME_DEFAULT.as_millis()).expect("days fit"),
        };
        let route = Route {
            v: ENVELOPE_VERSION,
            id: EnvelopeId::new(now, &self.chance.bytes()),
            flow,
            tick: None,
            epoch,
            suite: self.cast.signers[node].suite().id(),
            origin: self.cast.rooms[node],
            status: Status::Actual,
            network: NETWORK.to_owned(),
            created_at: now,
            expires_at: Timestamp::from_ms(now.as_ms() + lifetime_ms),
            precedence: self.chance.pick(&Precedence::ALL),
            map_version: self.cast.map.version(),
        };
        let to: Vec<RoomId> = recipients.iter().map(|place| self.cast.rooms[*place]).collect();
        let body = body(&mut self.chance);
        sealed(route, &to, body)
    }

    /// To whom a room writes, and which way that flows: the province to anybody, a city to its counties or the
    /// province, everybody else to those above. Usually to few, sometimes to all that fit one envelope.
    fn addresses(&mut self, node: usize) -> (Flow, Vec<usize>) {
        let above: Vec<usize> =
            std::iter::successors(self.cast.parent(node), |at| self.cast.parent(*at)).collect();
        let below = self.cast.children(node);
        let (flow, mut to) = match (above.is_empty(), below.is_empty()) {
            (true, _) => (Flow::Down, (1..self.stations.len()).collect()),
            (false, false) if self.chance.one_in(2) => (Flow::Down, below),
            (false, _) => (Flow::Up, above),
        };
        let most = if self.chance.one_in(20) { RECIPIENTS_MAX } else { 4 };
        let count = self.chance.index(to.len().min(most)) + 1;
        while to.len() > count {
            to.remove(self.chance.index(to.len()));
        }
        (flow, to)
    }

    /// The alarm for a delivered message rings, unless the node has died meanwhile.
    pub(super) fn ring(&mut self, node: usize, key: EnvelopeKey) {
        if self.chance.one_in(2) {
            self.input(node, Input::Alerted(key));
        }
    }

    fn sign_a_deed(&mut self, node: usize) -> &'static str {
        let lines: Vec<EnvelopeKey> =
            self.stations[node].disk.look(|store| store.inbox().keys().copied().collect());
        let Some(key) = (!lines.is_empty()).then(|| self.chance.pick(&lines)) else {
            return "nothing to sign";
        };
        let Some(record) =
            self.stations[node].disk.look(|store| store.all_records().get(&key).map(|r| r.digest))
        else {
            return "nothing to sign";
        };
        let event = self.chance.pick(&[
            Happening::Acknowledged,
            Happening::Opened,
            Happening::Disposed,
            Happening::Returned,
        ]);
        let deed = OfficerDeed {
            v: ENVELOPE_VERSION,
            at: self.time_of(node),
            event,
            room: self.cast.rooms[node],
            origin: key.origin,
            envelope_id: key.id,
            envelope_digest: record,
        };
        let officer = self.cast.act(node, &deed);
        let reason = (event == Happening::Returned).then(|| Reason::code("wrong_room"));
        self.input(node, Input::Deed(Box::new(Deed { key, event, officer, reason })));
        self.look_at_timers(node, key);
        "an officer signs"
    }

    /// The timers of what was delivered are looked at again and again, also after a crash: each step is taken once.
    fn look_at_timers(&mut self, node: usize, subject: EnvelopeKey) {
        let obligation = ObligationName {
            case: None,
            kind: RuleKind::VerifyReply,
            pack: "a pack".to_owned(),
            rule: "a rule".to_owned(),
            obliged: self.cast.rooms[node],
            subject: Some(subject),
            towards: subject.origin,
        };
        for stage in [Stage::Half, Stage::Half, Stage::Breach] {
            let step = DutyStep::new(obligation.clone(), subject, stage, Timestamp::from_ms(1));
            self.input(node, Input::DutyStep(Box::new(DutyOrder { step, message: None })));
        }
    }

    fn press_retry(&mut self, node: usize) -> &'static str {
        let open: Vec<EnvelopeKey> = self.stations[node].disk.look(|store| {
            let open = store.all_records().values().filter(|record| !record.is_ended());
            open.map(|record| record.key).collect()
        });
        if !open.is_empty() {
            let key = self.chance.pick(&open);
            self.input(node, Input::Retry(key));
        }
        "an operator tries again"
    }
}

/// Mostly small; sometimes in parts; sometimes of a kind that its target does not know.
fn body(chance: &mut Chance) -> Vec<u8> {
    let len = if chance.one_in(20) { chance.between(17_000, 60_000) } else { chance.between(50, 2_000) };
    let mut body = vec![chance.bytes::<1>()[0] >> 1; usize::try_from(len).expect("a body is small")];
    if chance.one_in(15) {
        body[0] = UNKNOWN_KIND;
    }
    body
}

pub(super) fn sealed(route: Route, to: &[RoomId], body: Vec<u8>) -> SealedMessage {
    let key = |room: &RoomId| WrappedKey {
        enc: vec![1; 32],
        key_id: KeyId::of(room.as_bytes()),
        ciphertext: vec![2; 48],
    };
    let role = |place: usize| if place == 0 { Role::Action } else { Role::Info };
    SealedMessage {
        route_bytes: cbor::encode(&route),
        route,
        to: to.iter().enumerate().map(|(place, room)| (*room, role(place), key(room))).collect(),
        body: body.into(),
        commitments: [digest(b"facts"), digest(b"text"), digest(b"personal")],
    }
}
