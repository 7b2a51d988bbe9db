//! One session: a connection whose other end is known, from its hello to its end.
//!
//! ```text
//! dialled:  open control --> hello --> read hello --> up
//! accepted: accept control --> read hello --> check --> hello --> up
//! ```
//!
//! Every task of a session is held by it and ends with it.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use certs::peer::PeerRoom;
use quinn::Connection;
use relay::{
    engine::first_credits,
    frame::{DocumentKind, Frame, Hello, Probe, SHEETS_MAX},
    limits::{PROTOCOL_VERSION, PROTOCOL_VERSION_MIN},
    receipt::ClockOffset,
    step::Input,
};
use tokio::{sync::watch, task::JoinSet};
use topology::{Precedence, RoomId};

use super::{
    control::{Control, Saying, write_control},
    documents::Assembly,
    endpoint,
    intake::Intake,
    loss,
    outgoing::{CONTROL_PRIORITY, Lane, LaneReceiver, write_lane},
    places::Places,
    probes::Probes,
    registry::{Candidate, close},
    stream::{FrameReader, FrameWriter, StreamError},
    witness,
};
use crate::{clock::Clock, loss::LossBook, store::sqlite::SqliteReader};

/// What every session of a node shares.
#[derive(Clone)]
pub struct Context {
    /// This room.
    pub me: RoomId,
    /// For what the product decides.
    pub clock: Clock,
    /// Where verified things go.
    pub intake: Intake,
    /// `ping` and `trace`.
    pub probes: Probes,
    /// How many connections each room has here.
    pub places: Places<RoomId>,
    /// What this node has lost.
    pub loss: LossBook,
    /// What was handed to neighbours, for those that lost it.
    pub reader: SqliteReader,
}

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This node dialled.
    Dialled,
    /// The other node dialled.
    Accepted,
}

/// This program's version, as neighbours and `status` see it.
pub const SOFTWARE: &str = concat!("yichuan/", env!("CARGO_PKG_VERSION"));

/// Characters of a neighbour's program version that are kept.
const SOFTWARE_CHARACTERS_MAX: usize = 40;
const HELLO_PATIENCE: Duration = Duration::from_secs(10);
const CLOCK_EVERY: Duration = Duration::from_secs(30);
const CLOCK_AT_FIRST: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(2)];

/// Runs a session until it ends; gives the code of the catalogue that says why.
pub async fn run(context: Context, connection: Connection, peer: PeerRoom, side: Side) -> &'static str {
    let room = peer.room;
    let reason = match greet(&context, &connection, &peer, side).await {
        Ok(greeted) => serve(&context, &connection, &peer, greeted).await,
        Err(error) => {
            let reason = reason_of(&connection, Err(error));
            context.intake.registry.note_failure(room, reason);
            reason
        }
    };
    tracing::info!(%room, reason, "link down");
    reason
}

struct Greeted {
    hello: Hello,
    reader: FrameReader,
    writer: FrameWriter,
}

/// Exchanges the hellos. The link is up for the dialler when its hello was answered.
async fn greet(
    context: &Context,
    connection: &Connection,
    peer: &PeerRoom,
    side: Side,
) -> Result<Greeted, StreamError> {
    let lost = |error: quinn::ConnectionError| StreamError::Connection(error.to_string());
    let greeting = async {
        let (send, receive) = match side {
            Side::Dialled => connection.open_bi().await.map_err(lost)?,
            Side::Accepted => connection.accept_bi().await.map_err(lost)?,
        };
        let mut reader = FrameReader::new(receive);
        let mut writer = FrameWriter::new(connection.clone(), send, CONTROL_PRIORITY);
        if side == Side::Dialled {
            writer.write(&Frame::Hello(own_hello(context))).await?;
        }
        let Some(Frame::Hello(hello)) = reader.next().await? else {
            return Err(StreamError::OutOfPlace("the first frame is a hello"));
        };
        check_hello(context, connection, peer, &hello)?;
        if side == Side::Accepted {
            writer.write(&Frame::Hello(own_hello(context))).await?;
        }
        Ok(Greeted { hello, reader, writer })
    };
    tokio::time::timeout(HELLO_PATIENCE, greeting)
        .await
        .map_err(|_| StreamError::OutOfPlace("no hello came in time"))?
}

fn own_hello(context: &Context) -> Hello {
    let trust = context.intake.trust.current();
    Hello {
        version_min: PROTOCOL_VERSION_MIN,
        version_max: PROTOCOL_VERSION,
        network: trust.map.network().to_owned(),
        room: context.me,
        software: SOFTWARE.to_owned(),
        plan_version: trust.map.version(),
        sheets: trust.sheet_versions().into_iter().take(SHEETS_MAX).collect(),
        credits: first_credits(),
        rules: trust.rules.digests().to_vec(),
    }
}

fn check_hello(
    context: &Context,
    connection: &Connection,
    peer: &PeerRoom,
    hello: &Hello,
) -> Result<(), StreamError> {
    let trust = context.intake.trust.current();
    let versions = hello.version_min <= PROTOCOL_VERSION && hello.version_max >= PROTOCOL_VERSION_MIN;
    if !versions || hello.network != trust.map.network() {
        connection.close(close::INCOMPATIBLE.into(), b"no common protocol version, or another network");
        return Err(StreamError::OutOfPlace("no common protocol version, or another network"));
    }
    if hello.room != peer.room {
        connection.close(close::VIOLATION.into(), b"the hello names another room than the certificate");
        return Err(StreamError::OutOfPlace("the hello names another room than the certificate"));
    }
    Ok(())
}

/// Everything that runs while the link is up. The first task that ends, ends the session.
async fn serve(
    context: &Context,
    connection: &Connection,
    peer: &PeerRoom,
    greeted: Greeted,
) -> &'static str {
    let room = peer.room;
    let Greeted { hello, reader, writer } = greeted;
    let (control, queue) = Control::new(connection.clone());
    let (lanes, receivers) = four_lanes();
    let (alive, ended) = watch::channel(());
    let registry = context.intake.registry.clone();
    let candidate = Candidate {
        room,
        control: control.clone(),
        lanes,
        connection: connection.clone(),
        serial: peer.serial.as_bytes().to_vec(),
        ended,
        credits: hello.credits.clone(),
        software: hello.software.chars().take(SOFTWARE_CHARACTERS_MAX).flat_map(char::escape_debug).collect(),
    };
    let mut tasks: JoinSet<Result<(), StreamError>> = JoinSet::new();
    tasks.spawn(write_control(writer, queue));
    tasks.spawn(ask_for_time(context.clock.clone(), control.clone()));
    tasks.spawn(expire(connection.clone(), peer.not_after_ms));
    for (precedence, lane) in Precedence::ALL.into_iter().zip(receivers) {
        let connection = connection.clone();
        tasks.spawn(async move {
            let stream =
                connection.open_uni().await.map_err(|error| StreamError::Connection(error.to_string()))?;
            write_lane(connection, stream, precedence, lane).await
        });
    }
    let number = registry.register(candidate).await;
    tracing::info!(%room, "link up");
    // Only now: what this node learns from here on is spread over this link too. And what it has learned since the
    // handshake may be that this link must not be.
    send_documents(context, &hello, &control);
    if let Some((code, words)) = endpoint::objection(context, connection, room) {
        registry.close(room, code, words);
    }
    loss::ask(context, room, &control);
    tasks.spawn(read_control(context.clone(), room, reader, control));
    tasks.spawn(accept_lanes(context.intake.clone(), connection.clone(), room));
    let ended = match tasks.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(panic)) => {
            tracing::error!(%room, %panic, "a task of the link failed");
            Err(StreamError::OutOfPlace("a task of the link failed"))
        }
        None => Ok(()),
    };
    let reason = reason_of(connection, ended);
    tasks.shutdown().await;
    drop(alive);
    registry.unregister(room, number, reason).await;
    reason
}

fn four_lanes() -> ([Lane; 4], [LaneReceiver; 4]) {
    let [(a, first), (b, second), (c, third), (d, fourth)] = Precedence::ALL.map(|_| Lane::new());
    ([a, b, c, d], [first, second, third, fourth])
}

/// Says why a session ended, and closes the connection if nothing else has.
fn reason_of(connection: &Connection, ended: Result<(), StreamError>) -> &'static str {
    if let Err(error @ (StreamError::Frame(_) | StreamError::OutOfPlace(_))) = &ended
        && connection.close_reason().is_none()
    {
        tracing::warn!(%error, "the neighbour broke a rule of the link");
        connection.close(close::VIOLATION.into(), error.to_string().as_bytes());
        return "link_violation";
    }
    match connection.close_reason() {
        Some(quinn::ConnectionError::ApplicationClosed(closed)) => {
            close::word(closed.error_code.into_inner())
        }
        Some(quinn::ConnectionError::TimedOut) => "link_silent",
        Some(quinn::ConnectionError::LocallyClosed) => "link_closed_here",
        Some(
            quinn::ConnectionError::VersionMismatch
            | quinn::ConnectionError::TransportError(_)
            | quinn::ConnectionError::ConnectionClosed(_)
            | quinn::ConnectionError::Reset
            | quinn::ConnectionError::CidsExhausted,
        ) => "link_lost",
        None => {
            connection.close(close::GOODBYE.into(), b"done");
            "link_goodbye"
        }
    }
}

/// What we hold and the neighbour lacks.
fn send_documents(context: &Context, hello: &Hello, control: &Control) {
    let trust = context.intake.trust.current();
    let newer_plan = trust.map.version() > hello.plan_version;
    let plan = newer_plan.then(|| Saying::Document(DocumentKind::Plan, trust.plan.clone()));
    let sheets = trust.sheets_newer_than(&hello.sheets).into_iter();
    let sheets = sheets.map(|sheet| Saying::Document(DocumentKind::Sheet, sheet.into()));
    let rules = trust.rules.lacking(&hello.rules).into_iter();
    let rules = rules.map(|(kind, document)| Saying::Document(kind, document));
    for document in plan.into_iter().chain(sheets).chain(rules) {
        // A session that has ended takes nothing.
        let _ = control.say(document);
    }
}

async fn ask_for_time(clock: Clock, control: Control) -> Result<(), StreamError> {
    let mut pauses = CLOCK_AT_FIRST.into_iter();
    loop {
        tokio::time::sleep(pauses.next().unwrap_or(CLOCK_EVERY)).await;
        if !control.say(Saying::Frame(Frame::Clock { asked: clock.now() })) {
            return Ok(());
        }
    }
}

/// A certificate that ends while its link is up ends the link: the room renews and dials again.
async fn expire(connection: Connection, not_after_ms: i64) -> Result<(), StreamError> {
    loop {
        let left = not_after_ms.saturating_sub(Clock::wall().as_ms());
        let Ok(left @ 1..) = u64::try_from(left) else {
            connection.close(close::EXPIRED.into(), b"the certificate has expired");
            return Ok(());
        };
        tokio::time::sleep(Duration::from_millis(left.min(60_000))).await;
    }
}

async fn accept_lanes(intake: Intake, connection: Connection, room: RoomId) -> Result<(), StreamError> {
    let mut lanes: JoinSet<Result<(), StreamError>> = JoinSet::new();
    let heard = Arc::new(AtomicU64::new(0));
    loop {
        tokio::select! {
            stream = connection.accept_uni(), if lanes.len() < Precedence::ALL.len() => {
                let stream = stream.map_err(|error| StreamError::Connection(error.to_string()))?;
                let (intake, heard) = (intake.clone(), heard.clone());
                lanes.spawn(async move { intake.read_lane(room, stream, heard).await });
            }
            Some(ended) = lanes.join_next() => {
                return ended.unwrap_or(Err(StreamError::OutOfPlace("a task of the link failed")));
            }
        }
    }
}

async fn read_control(
    context: Context,
    room: RoomId,
    mut reader: FrameReader,
    control: Control,
) -> Result<(), StreamError> {
    let mut assembly = Assembly::default();
    while let Some(frame) = reader.next().await? {
        if let Frame::Document(part) = frame {
            if let Some((kind, document)) = assembly.add(part)? {
                accept_document(&context, room, kind, document).await;
            }
        } else if !handle(&context, room, frame, &control).await? {
            break;
        }
    }
    Ok(())
}

/// Handles one control frame; false after a goodbye.
async fn handle(
    context: &Context,
    room: RoomId,
    frame: Frame,
    control: &Control,
) -> Result<bool, StreamError> {
    let registry = &context.intake.registry;
    match frame {
        Frame::Clock { asked } => {
            let received = context.clock.now();
            let answer = Frame::ClockAnswer { asked, received, answered: context.clock.now() };
            // A session that has ended takes nothing.
            let _ = control.say(Saying::Frame(answer));
        }
        Frame::ClockAnswer { asked, received, answered } => {
            let now = context.clock.now();
            let offset = ClockOffset {
                offset_lo: answered.as_ms().saturating_sub(now.as_ms()),
                offset_hi: received.as_ms().saturating_sub(asked.as_ms()),
            };
            registry.note_offset(room, offset);
            if context.intake.trust.current().map.links(context.me).contains(&room) {
                registry.tell(Input::Clock(Some(offset))).await;
            }
        }
        Frame::Credit(credit) => registry.tell(Input::Credit { from: room, credit }).await,
        Frame::Receipts(frame) => {
            let last = frame.first.saturating_add(frame.receipts.len() as u64).saturating_sub(1);
            context.intake.receipts(room, Some(last), frame.receipts).await;
        }
        Frame::Answers { receipts } => context.intake.receipts(room, None, receipts).await,
        Frame::ReceiptsStored { upto } => registry.tell(Input::ReceiptsStored { from: room, upto }).await,
        Frame::NotTaken(refused) => {
            tracing::warn!(%room, id = %refused.id, code = ?refused.code, "the neighbour did not take an envelope");
            let key = relay::envelope_id::EnvelopeKey { origin: refused.origin, id: refused.id };
            let retry_after_ms = refused.retry_after_ms;
            registry.tell(Input::NotTaken { from: room, key, retry_after_ms }).await;
        }
        Frame::Probe(probe) => context.probe(probe),
        Frame::ProbeAnswer(probe) => context.probe_answer(probe),
        Frame::Goodbye { reason } => {
            tracing::info!(%room, ?reason, "the neighbour says goodbye");
            return Ok(false);
        }
        frame @ (Frame::Tick { .. }
        | Frame::TickWanted { .. }
        | Frame::HeadHeld { .. }
        | Frame::Head { .. }
        | Frame::Anchor { .. }
        | Frame::Line { .. }) => witness::hear(context, room, frame).await,
        Frame::LossAsked(asked) => loss::tell(context, room, asked, control).await,
        Frame::LossTold(told) => loss::take(context, room, told, control).await,
        Frame::Hello(_) | Frame::Envelope(_) | Frame::Part { .. } | Frame::Document(_) => {
            return Err(StreamError::OutOfPlace("a frame that has no place on the control stream"));
        }
    }
    Ok(true)
}

/// Takes a plan, a sheet or a rule pack; whoever follows the trust book hands it on. Thousands of signatures, and waiting for the
/// disk, are not for the tasks of the network.
async fn accept_document(context: &Context, from: RoomId, kind: DocumentKind, document: Vec<u8>) {
    let trust = context.intake.trust.clone();
    let accepting = tokio::task::spawn_blocking(move || match kind {
        DocumentKind::Plan => trust.accept_plan(&document, Clock::wall()),
        DocumentKind::Sheet => trust.accept_sheet(&document, Clock::wall()),
        DocumentKind::Pack | DocumentKind::Calendar => trust.accept_rule(&document),
    });
    match accepting.await {
        Ok(Ok(_)) => {}
        Ok(Err(problem)) => {
            tracing::warn!(room = %from, %problem, "a document from the neighbour does not count");
        }
        Err(error) => {
            tracing::error!(room = %from, %error, "a document from the neighbour was not judged")
        }
    }
}

impl Context {
    /// A probe for this room is answered, another passed on; one that has passed too many rooms is dropped.
    fn probe(&self, mut probe: Probe) {
        if probe.hops.len() >= relay::frame::PROBE_HOPS_MAX - 1 {
            return;
        }
        probe.hops.push((self.me, self.clock.now()));
        let (frame, towards) = if probe.to == self.me {
            let back = probe.from;
            (Frame::ProbeAnswer(probe), back)
        } else {
            let onward = probe.to;
            (Frame::Probe(probe), onward)
        };
        self.pass(frame, towards);
    }

    fn probe_answer(&self, probe: Probe) {
        if probe.from == self.me {
            self.probes.answer(probe);
        } else {
            let back = probe.from;
            self.pass(Frame::ProbeAnswer(probe), back);
        }
    }

    /// Sends towards a room by the first way whose link is up.
    pub fn pass(&self, frame: Frame, towards: RoomId) -> bool {
        let map = self.intake.trust.current().map.clone();
        let ways = topology::route::next_hops(&map, self.me, towards);
        ways.into_iter().any(|way| self.intake.registry.control_if_idle(way, frame.clone()))
    }
}
