//! The telephone desk: an officer notes a call and signs the note, which goes to the other end as a message.

use std::{collections::BTreeSet, sync::Arc};

use certs::signature::{ContentType, Digest};
use relay::{
    envelope_id::EnvelopeKey,
    message::{
        CaseId, Content, DeclaredTime, Kind, Marking, Message,
        field::{Person, Status},
        phone::{
            Direction, PhoneNote,
            call::{CALL_VERSION, CallStatement, SignedCall},
            code::CallCode,
            pairing::Call,
        },
        text::TITLE_CHARS_MAX,
    },
};
use serde_json::Value;
use topology::{Flow, RoomId, policy};

use super::{
    calls::{calls, recent},
    once::{Answered, Asked, once},
    reading::{find, kept_envelope, open, resolve, room},
    request::{PhoneRequest, SendRequest},
    sending::{self, Prepared},
    server::json,
    view,
};
use crate::{daemon::Node, officers::UnlockedOfficer, problem::Problem};

/// What a call is about.
#[derive(Default)]
struct Subject {
    message: Option<EnvelopeKey>,
    case: Option<CaseId>,
    case_seq: Option<u32>,
    sensitive: bool,
}

/// Notes a call, signs the note in the officer's name, and sends it to the other end; once for each key that the officer
/// gives.
pub(super) async fn note(
    node: &Arc<Node>,
    mut request: PhoneRequest,
    officer: Arc<UnlockedOfficer>,
) -> Result<Value, Problem> {
    let key = request.idempotency_key.take();
    request.password.clear();
    let (asking, wanted, signer) = (node.clone(), request.clone(), officer.clone());
    let doing = async move |asked| json(note_now(&asking, wanted, &signer, asked).await?);
    match once(node, &officer.id, key.as_deref(), &request, doing).await? {
        Answered::Now(answer) => Ok(answer),
        Answered::Before(answer) => noted_before(node, answer).await,
    }
}

/// What was noted before, with what is known of the call by now.
async fn noted_before(node: &Node, answer: Value) -> Result<Value, Problem> {
    let mut noted: view::Noted = serde_json::from_value(answer)
        .map_err(|error| Problem::failed("control_broken").with("detail", error))?;
    let calls = calls(node).await?;
    if let Some(call) = calls.into_iter().find(|call| call.notes.iter().any(|note| note.id == noted.id)) {
        (noted.state, noted.secrecy_warning) = (call.state, call.secrecy_warning);
    }
    json(noted)
}

async fn note_now(
    node: &Arc<Node>,
    request: PhoneRequest,
    officer: &UnlockedOfficer,
    asked: Option<Asked>,
) -> Result<view::Noted, Problem> {
    let direction: Direction = request.direction.parse()?;
    let peer = resolve(node, &request.room)?;
    let (started_at, ended_at) = times(node, &request)?;
    let calls = recent(node, peer, started_at).await?;
    let code = code(&request, direction, &calls)?;
    let other = counterpart(&calls, direction, peer, code);
    let subject = subject(node, &request, direction, peer, other).await?;
    let mut statement = CallStatement {
        v: CALL_VERSION,
        case: subject.case,
        code,
        line: request.line.parse()?,
        peer,
        room: node.config.room,
        text: Digest::from_bytes([0; 32]),
        about: subject.message,
        status: Status::Actual,
        ended_at,
        direction,
        sensitive: request.sensitive || subject.sensitive,
        started_at,
    };
    let message = message(&statement, &request, subject.case_seq);
    let mut prepared = sending::prepare_message(node, &wanted(&request), message).await?;
    sign(&mut prepared, &mut statement, officer)?;
    let said = |sent: &view::Sent| noted(node, sent, &statement, None);
    let sent = sending::post(node, &prepared, asked, |sent| json(said(sent))).await?;
    let calls = recent(node, statement.peer, statement.started_at).await?;
    let mine = |call: &&Call| call.notes().iter().any(|note| note.key.id.to_string() == sent.id);
    Ok(noted(node, &sent, &statement, calls.iter().find(mine)))
}

fn wanted(request: &PhoneRequest) -> SendRequest {
    SendRequest {
        kind: Kind::PhoneNote.word().to_owned(),
        to: vec![request.room.clone()],
        precedence: request.precedence.clone(),
        status: request.status.clone(),
        expires_in_s: request.expires_in_s,
        ..SendRequest::default()
    }
}

/// The declared start and end; what is not said is now.
fn times(node: &Node, request: &PhoneRequest) -> Result<(DeclaredTime, DeclaredTime), Problem> {
    let wrong = |detail: &dyn std::fmt::Display| Problem::usage("call_times").with("detail", detail);
    let time = |ms| DeclaredTime::from_ms(ms).map_err(|error| wrong(&error));
    let now = time(node.clock.now().as_ms())?;
    let ended = request.ended_at_ms.map_or(Ok(now), time)?;
    let started = request.started_at_ms.map_or(Ok(now.min(ended)), time)?;
    if started > ended || ended.as_ms() > now.as_ms().saturating_add(AHEAD_MS_MAX) {
        return Err(wrong(&format!("{started} – {ended}")));
    }
    Ok((started, ended))
}

/// The caller's code is drawn, and differs from that of every other call of these rooms about that time; the other end
/// types what it hears.
fn code(request: &PhoneRequest, direction: Direction, calls: &[Call]) -> Result<CallCode, Problem> {
    match (direction, &request.code) {
        (Direction::In, Some(heard)) => {
            heard.parse().map_err(|error| Problem::usage("call_code").with("detail", error))
        }
        (Direction::In, None) => Err(Problem::usage("call_code").with("detail", "-")),
        (Direction::Out, _) => {
            let taken: BTreeSet<CallCode> = calls.iter().map(Call::code).collect();
            let number = u16::from_be_bytes(sending::random()?);
            CallCode::free_from(number, &taken).ok_or_else(|| Problem::failed("call_codes_used_up"))
        }
    }
}

/// The other end's note of this call, if it has come and waits for ours.
fn counterpart(calls: &[Call], direction: Direction, peer: RoomId, code: CallCode) -> Option<&CallStatement> {
    let waiting = calls.iter().filter_map(|call| match call {
        Call::Claimed(note) => Some(note.call.statement()),
        Call::Paired(_) | Call::Conflicting(..) => None,
    });
    let mut theirs = waiting.filter(|said| said.room == peer && said.direction != direction);
    theirs.find(|said| said.code == code)
}

/// What this call is about: what the officer says, or else what the other end has said. A report to a superior that is
/// about nothing yet opens a case, which the written report then follows.
async fn subject(
    node: &Node,
    request: &PhoneRequest,
    direction: Direction,
    peer: RoomId,
    other: Option<&CallStatement>,
) -> Result<Subject, Problem> {
    let mut subject = match &request.about {
        Some(text) => subject_named(node, text).await?,
        None => Subject::default(),
    };
    if let Some(said) = other {
        if request.about.is_none() {
            (subject.message, subject.case) = (said.about, said.case);
        }
        subject.sensitive |= said.sensitive;
    }
    let map = node.trust.current().map.clone();
    let is_report = policy::check(&map, Flow::Up, node.config.room, peer).is_ok();
    if direction == Direction::Out && is_report && request.about.is_none() {
        subject.case = Some(CaseId::from_bytes(sending::random()?));
        subject.case_seq = Some(1);
    }
    Ok(subject)
}

/// A message by its id, with its case; or a case by its own.
async fn subject_named(node: &Node, text: &str) -> Result<Subject, Problem> {
    if let Ok(case) = text.parse::<CaseId>() {
        return Ok(Subject { case: Some(case), ..Subject::default() });
    }
    let key = find(node, text).await?;
    let (kept, envelope) = kept_envelope(node, key).await?;
    let message = open(node, &kept, &envelope)?;
    Ok(Subject {
        message: Some(key),
        case: message.heading.case,
        case_seq: message.heading.case_seq.map(|seq| seq.saturating_add(1)),
        sensitive: match &message.content {
            Content::Report(report) => report.sensitive,
            Content::PhoneNote(note) => note.sensitive,
            Content::VerifyRequest(_)
            | Content::VerifyReply(_)
            | Content::Instruction(_)
            | Content::Feedback(_)
            | Content::Assignment(_)
            | Content::Urge(_)
            | Content::Notify(_)
            | Content::Consult(_)
            | Content::Transfer(_)
            | Content::Recall(_) => false,
        } || message.heading.marking == Marking::Sensitive,
    })
}

/// The note that says what the officer is going to sign.
fn message(statement: &CallStatement, request: &PhoneRequest, case_seq: Option<u32>) -> Message {
    let what = request.text.replace("\r\n", "\n").trim().to_owned();
    let officer = Some(Person { name: Some(request.officer.clone()), ..Person::default() });
    let (caller, callee) = match statement.direction {
        Direction::Out => (officer, None),
        Direction::In => (None, officer),
    };
    let note = PhoneNote {
        title: what.lines().next().unwrap_or_default().chars().take(TITLE_CHARS_MAX).collect(),
        direction: Some(statement.direction),
        phone: Some(statement.line),
        started_at: Some(statement.started_at),
        ended_at: Some(statement.ended_at),
        pairing_code: Some(statement.code.to_string()),
        sensitive: statement.sensitive,
        what,
        caller,
        callee,
        ..PhoneNote::default()
    };
    let mut message = Message::new(Content::PhoneNote(Box::new(note)));
    message.heading.relates_to.extend(statement.about);
    (message.heading.case, message.heading.case_seq) = (statement.case, case_seq);
    message.heading.drafted_by = Some(request.officer.clone());
    message
}

/// The officer signs what the note says, and the text block as the header will commit to it.
fn sign(
    prepared: &mut Prepared,
    statement: &mut CallStatement,
    officer: &UnlockedOfficer,
) -> Result<(), Problem> {
    let salt = sending::random()?;
    statement.status = prepared.message.heading.status;
    statement.text = prepared.message.text_commitment(salt);
    let signed = officer.sign_as(ContentType::PhoneCall, &statement.payload());
    if let Content::PhoneNote(note) = &mut prepared.message.content {
        note.call = Some(SignedCall::new(signed));
    }
    prepared.text_salt = Some(salt);
    Ok(())
}

/// What the officer is told: whether the other end has noted the same call, and what to mind.
fn noted(node: &Node, sent: &view::Sent, statement: &CallStatement, call: Option<&Call>) -> view::Noted {
    let map = node.trust.current().map.clone();
    view::Noted {
        id: sent.id.clone(),
        code: statement.code.to_string(),
        peer: room(&map, statement.peer),
        direction: statement.direction.word().to_owned(),
        state: call.map_or("claimed", Call::state).to_owned(),
        case: statement.case.map(|case| case.to_string()),
        secrecy_warning: call.map_or_else(|| statement.wants_warning(), Call::wants_warning),
        copied_to: sent.copied_to.clone(),
    }
}

/// An end that is declared a little ahead of the node's clock is a clock on the wall, not a call that has yet to end.
const AHEAD_MS_MAX: i64 = 60_000;
