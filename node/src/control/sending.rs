//! Sending: from what an officer asks for to an envelope that is durably accepted.
//!
//! A level that is passed over gets a copy in the same envelope, without anybody having to think of it.

mod preview;
mod repeat;

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering, time::Duration};

use aws_lc_rs::rand;
use data_encoding::BASE64;
use relay::{
    duty::beijing::rfc3339,
    envelope::{Role, Route},
    envelope_id::EnvelopeId,
    limits::{ATTACHMENTS_BYTES_MAX, LIFETIME_DEFAULT, LIFETIME_MAX, RECIPIENTS_MAX},
    message::{
        CaseId, Kind, Message, MessageFileError, block::SALT_LEN, body::Content, field::Status,
        report::Stage, scanner,
    },
    refusal::Refusal,
    step::{Input, Reply, Submission},
};
use serde_json::Value;
use tokio::sync::oneshot;
use topology::{Flow, Map, Precedence, RoomId, policy};

pub(super) use self::preview::preview;
use super::{
    once::{Answered, Asked, once},
    reading::{self, find, resolve},
    request::SendRequest,
    server::json,
    view,
};
use crate::{
    daemon::Node,
    driver::Job,
    duty,
    letterbox::{Recipient, SealMessageError},
    problem::{EXIT_FAILED, EXIT_USAGE, Problem},
};

/// A message that was checked and may be sealed.
pub(super) struct Prepared {
    pub(super) message: Message,
    /// Where an officer has signed the commitment to the text, the salt that goes with it.
    pub(super) text_salt: Option<[u8; SALT_LEN]>,
    flow: Flow,
    precedence: Precedence,
    status: Status,
    to: Vec<(RoomId, Role)>,
    copies: Vec<RoomId>,
    lifetime: Duration,
}

/// How often a message is sealed again because the node's run changed under it.
const TRIES: usize = 3;

/// Sends a message in the name of `caller`, once for each key that the caller gives.
pub(super) async fn send(node: &Arc<Node>, caller: &str, mut request: SendRequest) -> Result<Value, Problem> {
    let key = request.idempotency_key.take();
    let (asking, wanted) = (node.clone(), request.clone());
    let doing = async move |asked| {
        let prepared = prepare(&asking, wanted).await?;
        json(post(&asking, &prepared, asked, |sent| json(sent.clone())).await?)
    };
    match once(node, caller, key.as_deref(), &request, doing).await? {
        Answered::Now(answer) | Answered::Before(answer) => Ok(answer),
    }
}

fn unknown_kind(request: &SendRequest) -> Problem {
    Problem::usage("kind_unknown").with("kind", &request.kind)
}

/// Seals and hands over what was prepared. Where it was asked under a key, the answer that is kept is made of what is
/// known before the message is accepted.
pub(super) async fn post(
    node: &Arc<Node>,
    prepared: &Prepared,
    asked: Option<Asked>,
    answer: impl Fn(&view::Sent) -> Result<Value, Problem>,
) -> Result<view::Sent, Problem> {
    let map = node.trust.current().map.clone();
    for _ in 0..TRIES {
        let mut submission = seal(node, prepared)?;
        let sent = view::Sent {
            id: submission.sealed.route.id.to_string(),
            kind: prepared.message.kind().word().to_owned(),
            copied_to: prepared.copies.iter().map(|id| reading::room(&map, *id)).collect(),
            missing: prepared.message.missing().into_iter().map(str::to_owned).collect(),
        };
        if let Some(asked) = asked {
            submission.once = Some(asked.answered(node.clock.now(), &answer(&sent)?));
        }
        let (reply, told) = oneshot::channel();
        let input = Input::Submit(Box::new(submission));
        node.registry().job(Job { input, reply: Some(reply) }).await;
        match told.await {
            Ok(Reply::Accepted { .. }) => {
                node.accepted.fetch_add(1, Ordering::Relaxed);
                node.cases.note_change();
                return Ok(sent);
            }
            Ok(Reply::OtherEpoch) => {}
            Ok(Reply::Refused(refusal)) => return Err(refused(&refusal)),
            Ok(Reply::Done | Reply::AlreadyDone | Reply::Unknown) | Err(_) => {
                return Err(Problem::failed("not_accepted"));
            }
        }
    }
    Err(Problem::failed("not_accepted"))
}

/// Seals a notice to one room above. Whoever asks hands it to the engine, with what it belongs to.
pub(super) fn notice_up(
    node: &Node,
    mut message: Message,
    to: RoomId,
    status: Status,
) -> Result<Submission, Problem> {
    let to = vec![(to, Role::Action)];
    let flow = flow(&node.trust.current().map, message.kind(), node.config.room, &to)?;
    let status = in_earnest(node, status);
    message.heading.status = status;
    message.check().map_err(|error| Problem::failed("message_invalid").with("detail", error))?;
    let (precedence, copies, lifetime) = (Precedence::Immediate, Vec::new(), LIFETIME_DEFAULT);
    let prepared = Prepared { message, text_salt: None, flow, precedence, status, to, copies, lifetime };
    seal(node, &prepared)
}

/// A refusal of our own engine, for the officer.
fn refused(refusal: &Refusal) -> Problem {
    let code = refusal.code();
    match refusal {
        Refusal::Policy(_) | Refusal::KindNotAllowed | Refusal::StateSecret => Problem::policy(code),
        Refusal::UnknownRecipient
        | Refusal::UnknownKind { .. }
        | Refusal::CannotOpen
        | Refusal::BodyMismatch
        | Refusal::CallSignature
        | Refusal::CallMismatch
        | Refusal::Expired
        | Refusal::NoRoute
        | Refusal::Unfit { .. }
        | Refusal::TooManyCollisions
        | Refusal::ClockAhead
        | Refusal::ClockUntrusted
        | Refusal::UnknownKey
        | Refusal::NewerMap
        | Refusal::StorageLow
        | Refusal::QuotaFull => Problem::failed(code),
    }
    .with("detail", refusal)
}

async fn prepare(node: &Node, request: SendRequest) -> Result<Prepared, Problem> {
    let kind: Kind = request
        .kind
        .parse()
        .map_err(|error| Problem::usage("kind_unknown").with("kind", &request.kind).with("detail", error))?;
    let message = read_message(kind, &request)?;
    prepare_message(node, &request, message).await
}

/// Checks a message that is there already, and whom it is to reach.
pub(super) async fn prepare_message(
    node: &Node,
    request: &SendRequest,
    mut message: Message,
) -> Result<Prepared, Problem> {
    let kind = message.kind();
    let map = node.trust.current().map.clone();
    let me = node.config.room;
    let mut to = recipients(node, request)?;
    let status = in_earnest(node, status(request, &message)?);
    let related = relate(node, request, &mut message).await?;
    if let (true, Content::VerifyRequest(body)) = (request.written, &mut message.content) {
        body.written_required = true;
    }
    if let Some(reason) = &request.skip_level {
        message.heading.skip_level_reason = Some(reason.clone());
    }
    if status != Status::Test {
        explain_lateness(node, request, &mut message, &to)?;
    }
    let flow = flow(&map, kind, me, &to)?;
    let skipped = skipped_levels(&map, me, &to);
    let skips = kind == Kind::Report && !skipped.is_empty();
    if skips && status != Status::Test && message.heading.skip_level_reason.is_none() {
        return Err(Problem::policy("skip_level_reason").with("rooms", names(&map, &skipped)));
    }
    let copies = if status == Status::Test || related.is_some_and(|kind| answers(message.kind(), kind)) {
        Vec::new()
    } else {
        add_copies(&map, me, &mut to)
    };
    let precedence = precedence(request, &message, skips)?;
    message.heading.status = status;
    message.heading.precedence = None;
    check_secrecy(&message)?;
    message.check().map_err(|error| mistake(message.kind(), error))?;
    let lifetime = lifetime(request)?;
    if request.asks_repeat {
        repeat::check_repeat(node, &message).await?;
    }
    Ok(Prepared { message, text_salt: None, flow, precedence, status, to, copies, lifetime })
}

/// A first report after its limit carries a reason. Whoever can be asked for one is asked once; otherwise it leaves at
/// once and says that none was given.
fn explain_lateness(
    node: &Node,
    request: &SendRequest,
    message: &mut Message,
    to: &[(RoomId, Role)],
) -> Result<(), Problem> {
    let Content::Report(report) = &mut message.content else { return Ok(()) };
    if report.stage != Stage::First || report.late_reason.is_some() {
        return Ok(());
    }
    let rooms: Vec<RoomId> = to.iter().map(|(room, _)| *room).collect();
    let passed = duty::passed_limit(&node.trust.current(), report, &rooms, node.clock.now());
    let Some(passed) = passed else { return Ok(()) };
    if request.asks_late_reason && request.late_reason.is_none() {
        let due = passed.due_at().map(rfc3339).unwrap_or_default();
        return Err(Problem::failed("late_reason_wanted").with("rule", passed.rule).with("due", due));
    }
    report.late_reason = Some(request.late_reason.clone().unwrap_or_else(|| REASON_NOT_GIVEN.to_owned()));
    Ok(())
}

/// Stands in the facts where nobody could be asked.
const REASON_NOT_GIVEN: &str = "未说明 (not given)";

fn answers(kind: Kind, asked: Kind) -> bool {
    kind.answers().contains(&asked)
}

fn read_message(kind: Kind, request: &SendRequest) -> Result<Message, Problem> {
    let message = match (&request.file, &request.text) {
        (Some(file), None) => {
            let name = request.file_name.as_deref().unwrap_or("message.toml");
            let attachments = attachments(request)?;
            let mut read =
                |path: &str| attachments.get(path).cloned().ok_or_else(|| "it was not handed in".to_owned());
            Message::from_toml(name, file, &mut read).map_err(|error| {
                // Whoever fills in a form has no file.
                if let (MessageFileError::Message { error, .. }, None) = (&error, &request.file_name) {
                    return mistake(kind, error.clone());
                }
                mistake(kind, error)
            })?
        }
        (None, Some(text)) => Message::new_text(kind, text).map_err(|error| mistake(kind, error))?,
        (Some(_), Some(_)) | (None, None) => return Err(Problem::usage("file_or_text")),
    };
    if message.kind() != kind {
        return Err(Problem::usage("kind_of_file")
            .with("kind", kind.word())
            .with("found", message.kind().word()));
    }
    Ok(message)
}

/// A mistake in a message that is to be sent.
fn mistake(kind: Kind, error: impl Into<Problem>) -> Problem {
    let mut problem = error.into();
    if problem.exit == EXIT_FAILED {
        problem.exit = EXIT_USAGE;
    }
    problem.details.entry("kind".to_owned()).or_insert_with(|| kind.word().to_owned());
    problem
}

fn attachments(request: &SendRequest) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let mut files = BTreeMap::new();
    let mut size = 0;
    for (name, content) in &request.attachments {
        let bytes = BASE64
            .decode(content.as_bytes())
            .map_err(|error| Problem::usage("control_not_understood").with("detail", error))?;
        size += bytes.len();
        files.insert(name.clone(), bytes);
    }
    if size > ATTACHMENTS_BYTES_MAX {
        let names: Vec<&str> = request.attachments.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Problem::usage("attachments_too_large")
            .with("name", names.join(", "))
            .with("bytes", size)
            .with("limit", ATTACHMENTS_BYTES_MAX));
    }
    Ok(files)
}

fn recipients(node: &Node, request: &SendRequest) -> Result<Vec<(RoomId, Role)>, Problem> {
    let mut to: Vec<(RoomId, Role)> = Vec::new();
    for (names, role) in [(&request.to, Role::Action), (&request.cc, Role::Info)] {
        for name in names {
            let room = resolve(node, name)?;
            if !to.iter().any(|(other, _)| *other == room) {
                to.push((room, role));
            }
        }
    }
    if request.to.is_empty() {
        return Err(Problem::usage("no_recipient"));
    }
    if to.len() > RECIPIENTS_MAX {
        return Err(Problem::usage("too_many_recipients")
            .with("count", to.len())
            .with("limit", RECIPIENTS_MAX));
    }
    Ok(to)
}

/// Nothing is meant in earnest while the clock runs faster than time does.
fn in_earnest(node: &Node, status: Status) -> Status {
    if status == Status::Actual && node.clock.is_scaled() { Status::Exercise } else { status }
}

fn status(request: &SendRequest, message: &Message) -> Result<Status, Problem> {
    match &request.status {
        Some(word) => word.parse().map_err(|error| Problem::usage("status_unknown").with("detail", error)),
        None => Ok(message.heading.status),
    }
}

/// What the message answers or follows: it stays in that case. Gives the kind of the other one.
async fn relate(node: &Node, request: &SendRequest, message: &mut Message) -> Result<Option<Kind>, Problem> {
    let Some(id) = &request.relates_to else {
        if message.kind() == Kind::Report && message.heading.case.is_none() {
            message.heading.case = Some(CaseId::from_bytes(random()?));
            message.heading.case_seq = Some(1);
        }
        return Ok(None);
    };
    let key = find(node, id).await?;
    if !message.heading.relates_to.contains(&key) {
        message.heading.relates_to.push(key);
    }
    let (kept, envelope) = reading::kept_envelope(node, key).await?;
    let other = reading::open(node, &kept, &envelope)?;
    if message.heading.case.is_none() {
        message.heading.case = other.heading.case;
        message.heading.case_seq = other.heading.case_seq.map(|seq| seq + 1);
    }
    Ok(Some(other.kind()))
}

/// One envelope flows one way: the one that this kind may take to all its recipients. A refusal names what the usual
/// one lacks.
fn flow(map: &Map, kind: Kind, me: RoomId, to: &[(RoomId, Role)]) -> Result<Flow, Problem> {
    let mut first = None;
    for flow in kind.flows() {
        let refusal = to.iter().find_map(|(room, _)| policy::check(map, *flow, me, *room).err());
        match refusal {
            None => return Ok(*flow),
            Some(refusal) => first = first.or(Some(refusal)),
        }
    }
    let refusal = first.ok_or_else(|| Problem::policy("kind_not_allowed"))?;
    Err(Problem::policy(format!("policy.{}", refusal.rule()))
        .with("kind", kind.word())
        .with("detail", refusal))
}

/// The levels between this room and a superior that it writes to, unless they are recipients themselves.
fn skipped_levels(map: &Map, me: RoomId, to: &[(RoomId, Role)]) -> Vec<RoomId> {
    let superiors = to.iter().filter(|(room, role)| *role == Role::Action && map.contains(*room, me));
    superiors
        .flat_map(|(room, _)| map.bypassed(me, *room))
        .filter(|level| !to.iter().any(|(other, _)| other == level))
        .collect()
}

fn names(map: &Map, rooms: &[RoomId]) -> String {
    let name = |id: &RoomId| {
        let room = reading::room(map, *id);
        format!("{} {}", room.code, room.name)
    };
    rooms.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Adds the levels that are passed over.
fn add_copies(map: &Map, me: RoomId, to: &mut Vec<(RoomId, Role)>) -> Vec<RoomId> {
    let mut copies: Vec<RoomId> = Vec::new();
    let action = to.iter().filter(|(_, role)| *role == Role::Action);
    for level in action.flat_map(|(room, _)| map.bypassed(me, *room)) {
        if !copies.contains(&level) && !to.iter().any(|(room, _)| *room == level) {
            copies.push(level);
        }
    }
    to.extend(copies.iter().map(|room| (*room, Role::Info)));
    copies
}

fn precedence(request: &SendRequest, message: &Message, skips: bool) -> Result<Precedence, Problem> {
    match &request.precedence {
        Some(word) => {
            word.parse().map_err(|error| Problem::usage("precedence_unknown").with("detail", error))
        }
        None if skips && message.heading.skip_level_reason.is_some() => Ok(Precedence::Flash),
        None => Ok(message.default_precedence()),
    }
}

/// State secrets do not travel here; a bare word needs a second person's reason.
fn check_secrecy(message: &Message) -> Result<(), Problem> {
    let findings = scanner::scan(message);
    scanner::judge(&findings, message.heading.marking_override.as_ref()).map_err(|error| {
        let code = match &error {
            scanner::SecrecyError::Hard { .. } => "state_secret",
            scanner::SecrecyError::Bare { .. } => "secrecy_word",
        };
        Problem::policy(code).with("detail", error)
    })
}

fn lifetime(request: &SendRequest) -> Result<Duration, Problem> {
    let wanted = request.expires_in_s.map_or(LIFETIME_DEFAULT, Duration::from_secs);
    if wanted.is_zero() || wanted > LIFETIME_MAX {
        return Err(Problem::usage("lifetime").with("seconds", wanted.as_secs()));
    }
    Ok(wanted)
}

fn seal(node: &Node, prepared: &Prepared) -> Result<Submission, Problem> {
    let trust = node.trust.current();
    let now = node.clock.now();
    let mut to = Vec::with_capacity(prepared.to.len());
    for (room, role) in &prepared.to {
        let (_, key) = trust.keys.sealing_key(*room, now.as_ms()).ok_or_else(|| {
            let name = reading::room(&trust.map, *room);
            Problem::failed("no_sealing_key").with("room", format!("{} {}", name.code, name.name))
        })?;
        to.push(Recipient { room: *room, role: *role, key });
    }
    let route = Route {
        v: 0,
        suite: 0,
        id: EnvelopeId::new(now, &random()?),
        flow: prepared.flow,
        tick: node.registry().tick(),
        epoch: *node.epoch.borrow(),
        origin: node.config.room,
        status: prepared.status,
        network: trust.map.network().to_owned(),
        created_at: now,
        expires_at: now.after(prepared.lifetime),
        precedence: prepared.precedence,
        map_version: trust.map.version(),
    };
    let text_salt = prepared.text_salt.map_or_else(random, Ok)?;
    let salts = [random()?, text_salt, random()?];
    node.letterbox().seal(&prepared.message, route, &to, salts).map_err(|error| {
        let code = match error {
            SealMessageError::Message(error) => return mistake(prepared.message.kind(), error),
            SealMessageError::TooLarge { .. } => "message_too_large",
            SealMessageError::Seal(_) => "no_sealing_key",
            SealMessageError::Block(_) => "message_invalid",
        };
        Problem::usage(code).with("detail", error)
    })
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(bytes)
}
