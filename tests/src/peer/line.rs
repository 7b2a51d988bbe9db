//! A line to a node: real QUIC, on which a test says what it likes and hears everything.

use std::{collections::BTreeSet, time::Duration};

use certs::signature::Digest;
use node::link::stream::FrameReader;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use relay::{
    engine::first_credits,
    envelope::EnvelopeBytes,
    frame::{EnvelopeFrame, Frame, Hello},
    limits::{PART_BYTES_MAX, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN},
};
use serde_bytes::ByteBuf;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use topology::Precedence;

use super::keys::Keys;
use crate::cluster::LONG;

/// A connection with its streams. It is closed when it is dropped.
pub struct Line {
    /// The connection.
    pub connection: Connection,
    /// The control stream, outwards.
    pub control: SendStream,
    /// The precedence streams, outwards, flash first; opened by [`Line::open_lanes`].
    pub lanes: Vec<SendStream>,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
    deaf: watch::Sender<BTreeSet<u8>>,
    endpoint: Endpoint,
    _tasks: JoinSet<()>,
}

/// Something that the node said.
#[derive(Debug)]
pub enum Heard {
    /// On the control stream.
    Control(Frame),
    /// On a precedence stream.
    Lane(u8, Frame),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The node closed it with one of its codes ([`node::link::registry::close`]).
    Refused(u32, String),
    /// The handshake failed, or TLS ended it: the alert.
    Tls(String),
    /// Otherwise.
    Lost(String),
}

impl Line {
    /// Wraps a connection that this side has dialled, says hello and hears one; then opens the precedence streams.
    ///
    /// # Errors
    /// How the node ended it instead.
    pub async fn greet(endpoint: Endpoint, connection: Connection, hello: Hello) -> Result<Self, Ended> {
        let mut line = Self::open(endpoint, connection).await?;
        line.say(&Frame::Hello(hello)).await?;
        match line.hear().await? {
            Heard::Control(Frame::Hello(_)) => {}
            other => panic!("the first thing heard is a hello, not {other:?}"),
        }
        line.open_lanes().await?;
        Ok(line)
    }

    /// Opens the control stream and says nothing yet.
    ///
    /// # Errors
    /// How the node ended it instead.
    pub async fn open(endpoint: Endpoint, connection: Connection) -> Result<Self, Ended> {
        let (control, receive) = connection.open_bi().await.map_err(|error| ended(&error))?;
        Ok(Self::listen(endpoint, connection, control, receive))
    }

    /// Takes the control stream of a node that has dialled this side; hears its hello and answers it.
    ///
    /// # Errors
    /// How the node ended it instead.
    pub async fn answer(endpoint: Endpoint, connection: Connection, hello: Hello) -> Result<Self, Ended> {
        let (control, receive) = connection.accept_bi().await.map_err(|error| ended(&error))?;
        let mut line = Self::listen(endpoint, connection, control, receive);
        match line.hear().await? {
            Heard::Control(Frame::Hello(_)) => {}
            other => panic!("the first thing heard is a hello, not {other:?}"),
        }
        line.say(&Frame::Hello(hello)).await?;
        line.open_lanes().await?;
        Ok(line)
    }

    fn listen(endpoint: Endpoint, connection: Connection, control: SendStream, receive: RecvStream) -> Self {
        let (said, heard) = mpsc::unbounded_channel();
        let (deaf, is_deaf) = watch::channel(BTreeSet::new());
        let mut tasks = JoinSet::new();
        let on_control = said.clone();
        let control_reader = FrameReader::new(receive);
        tasks.spawn(read(control_reader, is_deaf.clone(), None, move |frame| {
            on_control.send(Heard::Control(frame)).is_ok()
        }));
        let incoming = connection.clone();
        tasks.spawn(async move {
            let mut lanes = JoinSet::new();
            while let Ok(mut stream) = incoming.accept_uni().await {
                let mut class = [0];
                if stream.read_exact(&mut class).await.is_err() {
                    continue;
                }
                let (said, is_deaf, [class]) = (said.clone(), is_deaf.clone(), class);
                lanes.spawn(read(FrameReader::new(stream), is_deaf, Some(class), move |frame| {
                    said.send(Heard::Lane(class, frame)).is_ok()
                }));
            }
        });
        Self { connection, control, lanes: Vec::new(), heard, deaf, endpoint, _tasks: tasks }
    }

    /// Stops reading the stream of a precedence, or goes on reading it.
    pub fn be_deaf(&self, precedence: Precedence, deaf: bool) {
        let class = u8::try_from(precedence.index()).expect("there are four");
        self.deaf.send_modify(|classes| {
            if deaf {
                classes.insert(class);
            } else {
                classes.remove(&class);
            }
        });
    }

    /// The port of this side.
    pub fn port(&self) -> u16 {
        self.endpoint.local_addr().expect("the socket is open").port()
    }

    /// Opens the four precedence streams.
    ///
    /// # Errors
    /// How the node ended the connection.
    pub async fn open_lanes(&mut self) -> Result<(), Ended> {
        for class in 0..4_u8 {
            let mut lane = self.connection.open_uni().await.map_err(|error| ended(&error))?;
            // A closed connection shows itself at the next word.
            let _ = lane.write_all(&[class]).await;
            self.lanes.push(lane);
        }
        Ok(())
    }

    /// Says a frame on the control stream.
    ///
    /// # Errors
    /// How the node ended the connection.
    pub async fn say(&mut self, frame: &Frame) -> Result<(), Ended> {
        self.say_bytes(&frame.encode()).await
    }

    /// Says any bytes on the control stream.
    ///
    /// # Errors
    /// How the node ended the connection.
    pub async fn say_bytes(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        if self.control.write_all(bytes).await.is_err() {
            return Err(self.closed().await);
        }
        Ok(())
    }

    /// Writes any bytes on the stream of a precedence.
    ///
    /// # Errors
    /// How the node ended the connection.
    pub async fn lane_bytes(&mut self, precedence: Precedence, bytes: &[u8]) -> Result<(), Ended> {
        if self.lanes[precedence.index()].write_all(bytes).await.is_err() {
            return Err(self.closed().await);
        }
        Ok(())
    }

    /// Hands over an envelope.
    ///
    /// # Errors
    /// How the node ended the connection.
    pub async fn hand_over(&mut self, precedence: Precedence, envelope: &EnvelopeBytes) -> Result<(), Ended> {
        self.lane_bytes(precedence, &encode(envelope)).await
    }

    /// How the connection ends.
    ///
    /// # Panics
    /// When it does not.
    pub async fn closed(&self) -> Ended {
        self.closed_within(LONG).await
    }

    /// How the connection ends, within another limit.
    ///
    /// # Panics
    /// When it does not.
    pub async fn closed_within(&self, limit: Duration) -> Ended {
        let error = tokio::time::timeout(limit, self.connection.closed()).await;
        ended(&error.unwrap_or_else(|_| panic!("the node did not end the connection within {limit:?}")))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.connection.close(0_u32.into(), b"the test is done");
    }
}

async fn read(
    mut reader: FrameReader,
    mut is_deaf: watch::Receiver<BTreeSet<u8>>,
    class: Option<u8>,
    mut hear: impl FnMut(Frame) -> bool,
) {
    let mut listening = async || {
        is_deaf.wait_for(|classes| class.is_none_or(|class| !classes.contains(&class))).await.is_ok()
    };
    while listening().await {
        let Ok(Some(frame)) = reader.next().await else { return };
        // It may have become deaf while the frame was on its way.
        if !listening().await || !hear(frame) {
            return;
        }
    }
}

/// The frames of an envelope.
pub fn encode(envelope: &EnvelopeBytes) -> Vec<u8> {
    let whole = envelope.body.len() <= PART_BYTES_MAX;
    let mut bytes = Frame::Envelope(EnvelopeFrame {
        header: ByteBuf::from(envelope.header.to_vec()),
        keys: envelope.keys.clone(),
        body_len: envelope.body.len() as u64,
        body: if whole { ByteBuf::from(envelope.body.to_vec()) } else { ByteBuf::new() },
    })
    .encode();
    for part in envelope.body.chunks(PART_BYTES_MAX).filter(|_| !whole) {
        bytes.extend(Frame::Part { bytes: ByteBuf::from(part.to_vec()) }.encode());
    }
    bytes
}

/// Every rule pack and calendar that the plan names: nothing of it need be sent to this room.
fn rules(keys: &Keys) -> Vec<Digest> {
    let plan = keys.map().plan();
    let packs = plan.packs.iter().map(|entry| entry.digest);
    let years = plan.calendars.iter().map(|entry| entry.digest);
    packs.chain(years).map(|digest| Digest::from_bytes(*digest.as_bytes())).collect()
}

/// A hello as this room would say it.
pub fn hello(keys: &Keys) -> Hello {
    Hello {
        version_min: PROTOCOL_VERSION_MIN,
        version_max: PROTOCOL_VERSION,
        network: keys.map().network().to_owned(),
        room: keys.room,
        software: "tests".to_owned(),
        plan_version: keys.map().version(),
        sheets: keys.trust.sheet_versions(),
        credits: first_credits(),
        rules: rules(keys),
    }
}

/// How a connection ended, for a test.
pub fn ended(error: &ConnectionError) -> Ended {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            let code = u32::try_from(closed.error_code.into_inner()).unwrap_or(u32::MAX);
            Ended::Refused(code, String::from_utf8_lossy(&closed.reason).into_owned())
        }
        ConnectionError::TransportError(_) | ConnectionError::ConnectionClosed(_) => {
            Ended::Tls(error.to_string())
        }
        ConnectionError::VersionMismatch
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => Ended::Lost(error.to_string()),
    }
}
