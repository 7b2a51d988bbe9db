//! What people do in a simulated world: they write to one room or to several, in every precedence, with much time or
//! little; alarms ring; officers acknowledge and return; operators press retry. Sometimes a copied machine signs
//! something else under an id that is taken.

use std::collections::BTreeMap;

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{KeyId, digest},
};
use node::driver::Job;
use relay::{
    envelope::{ENVELOPE_VERSION, Role, Route, SealedMessage},
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    limits::LIFETIME_DEFAULT,
    message::field::Status,
    receipt::{Event as Happening, OfficerDeed, Reason},
    step::{Deed, Input, Submission},
    timestamp::Timestamp,
};
use tokio::sync::oneshot;
use topology::{Flow, Precedence, RoomId};

use super::{
    Event, World,
    cast::{CITY, COUNTY, NETWORK, PROVINCE, SECOND, UNKNOWN_KIND},
    chance::Chance,
};

impl World {
    /// Somebody does something, and somebody will do something again.
    pub(super) fn work(&mut self) {
        if !self.is_stormy() {
            return;
        }
        let node = self.chance.index(self.stations.len());
        match self.chance.below(12) {
            0..=6 => {
                let letters = if self.chance.one_in(6) { 6 } else { 1 };
                (0..letters).for_each(|_| self.write(node));
            }
            7..=9 => self.sign_a_deed(node),
            10 => self.press_retry(node),
            _ => self.copy_an_id(),
        }
        let usual = self.circumstances.work_every_ms;
        let after_ms = self.chance.ms(1, 2 * usual);
        self.at(after_ms, Event::Work);
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

    fn compose(&mut self, node: usize, epoch: Epoch, now: Timestamp) -> SealedMessage {
        let (flow, recipients) = addresses(&mut self.chance, node, self.cast.rooms.len());
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

    /// The alarm for a delivered message rings, unless the node has died meanwhile.
    pub(super) fn ring(&mut self, node: usize, key: EnvelopeKey) {
        if self.chance.one_in(2) {
            self.input(node, Input::Alerted(key));
        }
    }

    fn sign_a_deed(&mut self, node: usize) {
        let lines: Vec<EnvelopeKey> =
            self.stations[node].disk.look(|store| store.inbox().keys().copied().collect());
        let Some(key) = (!lines.is_empty()).then(|| self.chance.pick(&lines)) else { return };
        let Some(record) =
            self.stations[node].disk.look(|store| store.all_records().get(&key).map(|r| r.digest))
        else {
            return;
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
    }

    fn press_retry(&mut self, node: usize) {
        let open: Vec<EnvelopeKey> = self.stations[node].disk.look(|store| {
            let open = store.all_records().values().filter(|record| !record.is_ended());
            open.map(|record| record.key).collect()
        });
        if !open.is_empty() {
            let key = self.chance.pick(&open);
            self.input(node, Input::Retry(key));
        }
    }

    /// A copy of the county's machine signs other bytes under the id of something that the city has already.
    fn copy_an_id(&mut self) {
        let county = self.cast.rooms[COUNTY];
        let taken: Vec<(EnvelopeKey, Timestamp)> = self.stations[CITY].disk.look(|store| {
            let theirs = store.all_records().values().filter(|record| record.source == Some(county));
            theirs.map(|record| (record.key, record.created_at)).collect()
        });
        let Some((key, created_at)) = (!taken.is_empty()).then(|| self.chance.pick(&taken)) else { return };
        let epoch = Epoch { nonce: [9; 8].into(), counter: 9 };
        let mut message = self.compose(COUNTY, epoch, created_at);
        message.route.id = key.id;
        message.route_bytes = cbor::encode(&message.route);
        let precedence = message.route.precedence;
        let to: Vec<RoomId> = message.to.iter().map(|(room, _, _)| *room).collect();
        let mut numbers = BTreeMap::new();
        let envelope = message.sign(&*self.cast.signers[COUNTY], |room| {
            let number = numbers.entry(room).or_insert(0);
            *number += 1;
            *number
        });
        self.note(key, county, "a copy of this machine signs something else under this id");
        self.send_envelope(COUNTY, self.cast.rooms[CITY], precedence, envelope.bytes().branch(&to));
    }
}

/// To whom a room may write, and which way that flows.
fn addresses(chance: &mut Chance, node: usize, rooms: usize) -> (Flow, Vec<usize>) {
    let (flow, all): (Flow, &[usize]) = match node {
        PROVINCE => (Flow::Down, &[CITY, COUNTY, SECOND]),
        CITY if chance.one_in(2) => (Flow::Down, &[COUNTY, SECOND]),
        CITY => (Flow::Up, &[PROVINCE]),
        _ => (Flow::Up, &[CITY, PROVINCE]),
    };
    let mut to: Vec<usize> = all.iter().copied().filter(|place| *place < rooms).collect();
    let most = chance.index(to.len()) + 1;
    while to.len() > most {
        to.remove(chance.index(to.len()));
    }
    (flow, to)
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

fn sealed(route: Route, to: &[RoomId], body: Vec<u8>) -> SealedMessage {
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
