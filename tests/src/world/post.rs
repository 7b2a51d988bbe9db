//! Frames on their way in a simulated world. What comes in is verified as the production links verify it, before an
//! engine sees it.

use certs::signature::digest_of_parts;
use node::{driver::Job, link::witness};
use relay::{
    envelope::{EnvelopeBytes, VerifiedEnvelope},
    frame::{Frame, Hello, NotTaken},
    receipt::VerifiedReceipt,
    step::{Arrival, Input},
};
use topology::{Precedence, RoomId};

use super::{
    Event, World,
    cast::{self, NETWORK},
    circumstances::WireFlaw,
    mischief::mark,
    wire::{self, CONTROL, HUB},
};
use crate::invariants::{self, Violation};

impl World {
    /// Sends an envelope if there is a link; if not, the engine has heard or will hear that it is gone.
    pub(super) fn send_envelope(
        &mut self,
        node: usize,
        to: RoomId,
        precedence: Precedence,
        bytes: EnvelopeBytes,
    ) {
        let twice = self.circumstances.wire == WireFlaw::DeliversTwice && self.is_stormy();
        let times = if twice { 2 } else { 1 };
        for frame in (0..times).flat_map(|_| wire::envelope_frames(bytes.clone())) {
            self.send_frame(node, to, 1 + precedence.index(), frame);
        }
    }

    pub(super) fn send_frame(&mut self, node: usize, to: RoomId, stream: usize, frame: Vec<u8>) {
        let to = self.cast.place(to);
        let pairs = [(node, to), (to, node)];
        let Some(link) = pairs.iter().find_map(|pair| self.links_by_pair.get(pair)).copied() else { return };
        let Some(side) = self.links[link].side_of(node) else { return };
        let lose = self.circumstances.wire == WireFlaw::LosesReceipts
            && matches!(wire::decode(&frame), Frame::Receipts(_))
            && self.chance.one_in(2);
        if self.links[link].is_open_at(side) && !lose {
            self.put(link, side, stream, frame);
        }
    }

    pub(super) fn put(&mut self, link: usize, side: usize, stream: usize, frame: Vec<u8>) {
        let Some(session) = &mut self.links[link].session else { return };
        if let Some(counted) = &mut self.counted {
            counted.add(&frame);
        }
        let number = session.number;
        session.lines[side].queues[stream].push_back(frame);
        if !session.lines[side].is_busy {
            self.line_free(link, number, side);
        }
    }

    /// The line takes the next frame, the most urgent first.
    pub(super) fn line_free(&mut self, link: usize, number: u64, side: usize) {
        let quality = self.links[link].quality;
        let way_ms = quality.way_ms(&mut self.chance);
        let now_ms = self.now_ms;
        let Some(session) = self.links[link].session.as_mut().filter(|s| s.number == number) else { return };
        let line = &mut session.lines[side];
        let Some((stream, bytes, takes_ms)) = line.next_frame(quality.bytes_per_ms) else {
            line.is_busy = false;
            return;
        };
        line.is_busy = true;
        let arrives_ms = line.arrival(stream, now_ms + takes_ms, way_ms);
        self.at(takes_ms, Event::Free { link, session: number, side });
        let to = 1 - side;
        self.at(arrives_ms - now_ms, Event::Arrive { link, session: number, side: to, stream, bytes });
    }

    /// A frame arrives at a side of a session that still is.
    pub(super) fn arrive(
        &mut self,
        link: usize,
        number: u64,
        side: usize,
        stream: usize,
        bytes: Vec<u8>,
    ) -> Result<(), Violation> {
        let node = self.links[link].node(side);
        let is_up = self.links[link].up[side] == Some(number);
        let Some(session) = self.links[link].session.as_mut().filter(|s| s.number == number) else {
            return Ok(());
        };
        if self.stations[node].driver.is_none() {
            return Ok(());
        }
        let frame = wire::decode(&bytes);
        if let Frame::Hello(hello) = frame {
            return self.greeted(link, number, side, hello);
        }
        if !is_up {
            session.early[side].push((stream, bytes));
            return Ok(());
        }
        if stream == CONTROL {
            return self.control(link, side, frame);
        }
        match session.assemble(side, stream, frame) {
            Some(envelope) => self.take(link, side, stream, envelope),
            None => Ok(()),
        }
    }

    /// The link is up for whoever has read a hello; the dialled side answers with its own.
    fn greeted(&mut self, link: usize, number: u64, side: usize, hello: Hello) -> Result<(), Violation> {
        let node = self.links[link].node(side);
        if side == HUB {
            let answer = self.hello(node);
            self.put(link, HUB, CONTROL, answer);
        } else {
            self.at(0, Event::Ask { link, session: number });
        }
        self.links[link].up[side] = Some(number);
        self.input(node, Input::LinkUp { neighbour: hello.room, credits: hello.credits });
        let session = self.links[link].session.as_mut();
        let early = session.map(|session| std::mem::take(&mut session.early[side])).unwrap_or_default();
        for (stream, bytes) in early {
            self.arrive(link, number, side, stream, bytes)?;
        }
        Ok(())
    }

    fn control(&mut self, link: usize, side: usize, frame: Frame) -> Result<(), Violation> {
        let node = self.links[link].node(side);
        let from = self.cast.rooms[self.links[link].node(1 - side)];
        match frame {
            Frame::Clock { asked } => {
                let now = self.time_of(node);
                let answer = Frame::ClockAnswer { asked, received: now, answered: now };
                self.put(link, side, CONTROL, answer.encode());
            }
            Frame::ClockAnswer { asked, received, answered } => {
                self.compare(node, asked, received, answered);
            }
            Frame::Credit(credit) => self.input(node, Input::Credit { from, credit }),
            Frame::Receipts(frame) => {
                let last = frame.first + frame.receipts.len() as u64 - 1;
                let signed = frame.receipts.iter().map(|bytes| bytes.to_vec()).collect();
                self.read_receipts(node, from, Some(last), signed)?;
            }
            Frame::Answers { receipts } => {
                let signed = receipts.iter().map(|bytes| bytes.to_vec()).collect();
                self.read_receipts(node, from, None, signed)?;
            }
            Frame::ReceiptsStored { upto } => self.input(node, Input::ReceiptsStored { from, upto }),
            Frame::NotTaken(NotTaken { origin, id, retry_after_ms, .. }) => {
                let key = relay::envelope_id::EnvelopeKey { origin, id };
                self.input(node, Input::NotTaken { from, key, retry_after_ms });
            }
            frame @ (Frame::Tick { .. }
            | Frame::TickWanted { .. }
            | Frame::HeadHeld { .. }
            | Frame::Head { .. }
            | Frame::Anchor { .. }
            | Frame::Line { .. }) => {
                let me = self.cast.rooms[node];
                let heard = witness::judge(me, &self.cast.map, &*self.cast.keyring, from, frame);
                if let Some(input) = heard.map_err(Violation::general)? {
                    self.input(node, input);
                }
            }
            Frame::Hello(_)
            | Frame::Envelope(_)
            | Frame::Part { .. }
            | Frame::Document(_)
            | Frame::LossAsked(_)
            | Frame::LossTold(_)
            | Frame::Probe(_)
            | Frame::ProbeAnswer(_)
            | Frame::Goodbye { .. } => {
                return Err(Violation::general("a frame that nobody in a simulated world sends here"));
            }
        }
        Ok(())
    }

    fn read_receipts(
        &mut self,
        node: usize,
        from: RoomId,
        upto: Option<u64>,
        signed: Vec<Vec<u8>>,
    ) -> Result<(), Violation> {
        let mut receipts = Vec::with_capacity(signed.len());
        for bytes in signed {
            let is_forged = self.forged.contains(&digest_of_parts(&[&bytes]));
            let receipt = match VerifiedReceipt::verify(&bytes, &*self.cast.keyring) {
                Ok(receipt) => receipt,
                // The production link closes on it, and loses nothing that it had.
                Err(_) if is_forged => continue,
                Err(error) => return Err(Violation::general(format!("a receipt does not verify: {error}"))),
            };
            if !is_forged {
                invariants::as_issued(&self.model, &receipt)?;
            }
            receipts.push(receipt);
        }
        self.input(node, Input::Receipts { from, upto, receipts });
        Ok(())
    }

    fn take(
        &mut self,
        link: usize,
        side: usize,
        stream: usize,
        bytes: EnvelopeBytes,
    ) -> Result<(), Violation> {
        let node = self.links[link].node(side);
        let from = self.cast.rooms[self.links[link].node(1 - side)];
        let (is_forged, size_bytes) = (self.forged.contains(&mark(&bytes)), bytes.size_bytes());
        let envelope = match VerifiedEnvelope::verify(bytes, NETWORK, &*self.cast.keyring) {
            Ok(envelope) if is_forged => {
                return Err(Violation::of(envelope.key(), "it is forged and passes for genuine"));
            }
            Ok(envelope) => envelope,
            Err(_) if is_forged => {
                let precedence = Precedence::ALL[stream - 1];
                self.input(node, Input::Unverified { from, precedence, size_bytes });
                return Ok(());
            }
            Err(error) => return Err(Violation::general(format!("an envelope does not verify: {error}"))),
        };
        if 1 + envelope.route().precedence.index() != stream {
            return Err(Violation::of(envelope.key(), "it came on the stream of another precedence"));
        }
        let opened = cast::open(&envelope, self.cast.rooms[node]);
        let arrival = Box::new(Arrival { from, envelope, opened });
        self.job(node, Job::from(Input::Arrived(arrival)));
        Ok(())
    }
}
