//! A simulated link: one session at a time, in each direction a control stream and four precedence streams over one
//! thin line. Frames are really encoded and decoded.
//!
//! As in QUIC nothing is lost or reordered within a stream, streams do not wait for each other, the more urgent stream
//! has the line first, and when a session ends any part of what was under way may or may not have arrived. So what an
//! engine sees of a lossy line is delay: a lost packet holds up its own stream until it was sent again, and the other
//! streams overtake it. A packet that comes twice or out of order it never sees; an envelope that comes twice it does,
//! from a neighbour that could not know that it had arrived.

use std::collections::VecDeque;

use relay::{
    envelope::{EnvelopeBytes, RecipientKey},
    frame::{EnvelopeFrame, Frame},
    limits::PART_BYTES_MAX,
};

use super::chance::Chance;

/// What a line is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quality {
    pub(crate) latency_ms: i64,
    /// Frames come later by up to so much, each by another time.
    pub(crate) jitter_ms: u64,
    pub(crate) bytes_per_ms: usize,
    /// Of a hundred frames so many must be sent again.
    pub(crate) loss_percent: u64,
}

impl Quality {
    /// Nothing to complain of.
    pub(crate) const GOOD: Self = Self { latency_ms: 20, jitter_ms: 3, bytes_per_ms: 1_000, loss_percent: 0 };

    /// From a wire of the town to a radio in the hills: 48 kbit/s, 300 ms, three of ten packets lost.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        Self {
            latency_ms: chance.pick(&[1, 20, 300]),
            jitter_ms: chance.pick(&[3, 3, 200]),
            bytes_per_ms: chance.pick(&[6, 100, 1_000]),
            loss_percent: chance.pick(&[0, 0, 5, 30]),
        }
    }

    /// How long a frame is under way. What is lost is noticed after two ways and some, then after twice that.
    pub(crate) fn way_ms(&self, chance: &mut Chance) -> i64 {
        let mut way_ms = self.latency_ms + chance.ms(0, self.jitter_ms);
        let mut again_ms = 3 * self.latency_ms + 25;
        while self.loss_percent > 0 && chance.below(100) < self.loss_percent {
            way_ms += again_ms;
            again_ms = (2 * again_ms).min(10_000);
        }
        way_ms
    }
}

/// A pair of rooms that may have a link.
pub(crate) struct Link {
    pub(crate) child: usize,
    pub(crate) hub: usize,
    pub(crate) alternate: bool,
    /// What the line is like, and what it is like now.
    pub(crate) usual: Quality,
    pub(crate) quality: Quality,
    /// Nobody can dial.
    pub(crate) cut: bool,
    pub(crate) session: Option<Session>,
    /// The session that each side's engine knows as up, if any.
    pub(crate) up: [Option<u64>; 2],
    /// Since when the child has no link here.
    pub(crate) away_since_ms: i64,
}

/// The end that dialled.
pub(crate) const CHILD: usize = 0;
/// The end that was dialled.
pub(crate) const HUB: usize = 1;
/// Streams of one direction: control, then the four precedences.
pub(crate) const STREAMS: usize = 5;
/// Hello, clock, credits, receipts.
pub(crate) const CONTROL: usize = 0;

impl Link {
    pub(crate) fn new((child, hub, alternate): (usize, usize, bool), quality: Quality, now_ms: i64) -> Self {
        Self {
            child,
            hub,
            alternate,
            usual: quality,
            quality,
            cut: false,
            session: None,
            up: [None; 2],
            away_since_ms: now_ms,
        }
    }

    /// Who stands at a side.
    pub(crate) fn node(&self, side: usize) -> usize {
        if side == CHILD { self.child } else { self.hub }
    }

    pub(crate) fn side_of(&self, node: usize) -> Option<usize> {
        [CHILD, HUB].into_iter().find(|side| self.node(*side) == node)
    }

    /// Whether this side can send: it knows the session that there is.
    pub(crate) fn is_open_at(&self, side: usize) -> bool {
        self.session.as_ref().is_some_and(|session| self.up[side] == Some(session.number))
    }
}

/// One connection.
pub(crate) struct Session {
    pub(crate) number: u64,
    /// What each side sends.
    pub(crate) lines: [Line; 2],
    /// What came to each side before it was up.
    pub(crate) early: [Vec<(usize, Vec<u8>)>; 2],
    bodies: [[Option<Body>; STREAMS]; 2],
}

impl Session {
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            lines: Default::default(),
            early: [Vec::new(), Vec::new()],
            bodies: Default::default(),
        }
    }

    /// A frame of a precedence stream has come to `side`: gives the envelope when it is complete.
    pub(crate) fn assemble(&mut self, side: usize, stream: usize, frame: Frame) -> Option<EnvelopeBytes> {
        let slot = &mut self.bodies[side][stream];
        let mut body = match (frame, slot.take()) {
            (Frame::Envelope(frame), None) => Body {
                header: frame.header.to_vec(),
                keys: frame.keys,
                len: usize::try_from(frame.body_len).expect("a body fits memory"),
                bytes: frame.body.to_vec(),
            },
            (Frame::Part { bytes }, Some(mut body)) => {
                body.bytes.extend_from_slice(&bytes);
                body
            }
            (frame, _) => panic!("no place on a precedence stream for {frame:?}"),
        };
        if body.bytes.len() < body.len {
            *slot = Some(body);
            return None;
        }
        body.bytes.truncate(body.len);
        Some(EnvelopeBytes { header: body.header.into(), keys: body.keys, body: body.bytes.into() })
    }
}

/// An envelope whose body is still coming.
struct Body {
    header: Vec<u8>,
    keys: Vec<RecipientKey>,
    len: usize,
    bytes: Vec<u8>,
}

/// One direction of a session.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) queues: [VecDeque<Vec<u8>>; STREAMS],
    pub(crate) is_busy: bool,
    /// Nothing arrives before this time: the line is held up but not lost.
    pub(crate) stalled_until_ms: i64,
    last_arrival_ms: [i64; STREAMS],
}

impl Line {
    /// The next frame to leave, the most urgent stream first, and how long it keeps the line.
    pub(crate) fn next_frame(&mut self, bytes_per_ms: usize) -> Option<(usize, Vec<u8>, i64)> {
        let stream = self.queues.iter().position(|queue| !queue.is_empty())?;
        let bytes = self.queues[stream].pop_front()?;
        let takes_ms = i64::try_from(bytes.len().div_ceil(bytes_per_ms)).expect("a frame is small");
        Some((stream, bytes, takes_ms))
    }

    /// When a frame that has left at `left_ms` arrives: never before the one ahead of it on its stream.
    pub(crate) fn arrival(&mut self, stream: usize, left_ms: i64, way_ms: i64) -> i64 {
        let arrives = left_ms.max(self.stalled_until_ms) + way_ms;
        self.last_arrival_ms[stream] = self.last_arrival_ms[stream].max(arrives);
        self.last_arrival_ms[stream]
    }
}

/// An envelope as the frames of its stream: the body beside the header, or in parts behind it.
pub(crate) fn envelope_frames(envelope: EnvelopeBytes) -> Vec<Vec<u8>> {
    let whole = envelope.body.len() <= PART_BYTES_MAX;
    let beside = if whole { envelope.body.to_vec() } else { Vec::new() };
    let first = Frame::Envelope(EnvelopeFrame {
        header: envelope.header.to_vec().into(),
        keys: envelope.keys,
        body_len: envelope.body.len() as u64,
        body: beside.into(),
    });
    let mut frames = vec![first.encode()];
    if !whole {
        let parts = envelope.body.chunks(PART_BYTES_MAX);
        frames.extend(parts.map(|part| Frame::Part { bytes: part.to_vec().into() }.encode()));
    }
    frames
}

/// Reads a frame as a stream would: its length, then exactly so many bytes.
pub(crate) fn decode(bytes: &[u8]) -> Frame {
    let (prefix, body) = bytes.split_first_chunk::<4>().expect("a frame has its length before it");
    assert_eq!(Frame::length(*prefix), Ok(body.len()), "the length before a frame");
    Frame::decode(body).expect("an honest neighbour sends frames that decode")
}
