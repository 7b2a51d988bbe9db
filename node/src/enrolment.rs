//! The child's side of joining (入网): with one line of text from the parent a room makes its keys, shows the six words,
//! and, once the parent has confirmed them, has a directory that `run` can start.
//!
//! Until then nothing stays on the disk, and the keys live in memory only: a second attempt is a new set of keys,
//! with new words. While the parent is away or busy the first attempt goes on asking until the invitation ends.
//!
//! *Against:* somebody who answers in the parent's place, an answer for another room or other keys.

pub(crate) mod furnish;
mod parent;
mod renewal;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use certs::{
    enrolment::{
        Invitation, InvitationError, JoinAnswer, JoinRequest, Joined as Answer, six_words, transcript,
    },
    identity::RoomKeys,
    peer::peer_room,
};
use rustls::pki_types::CertificateDer;
use serde_bytes::ByteBuf;
use topology::{RoomCode, RoomId};

pub use self::renewal::{Renewed, renew, renew_in_time};
use self::{
    furnish::{Furniture, Nursery, furnish, listen_at},
    parent::{KnockError, Parent, not_joined},
};
use crate::{
    clock::Clock,
    config::Config,
    door::{
        message::{Knock, Reply},
        refusal::told,
    },
    problem::Problem,
};

/// A room that has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The room.
    pub room: RoomId,
    /// Its code.
    pub code: RoomCode,
    /// Its Chinese name.
    pub name: String,
    /// Its name in English, or the Chinese one.
    pub name_en: String,
    /// Its directory, ready to run.
    pub directory: PathBuf,
    /// Where it will listen.
    pub listen: Option<SocketAddr>,
}

/// Joins with an invitation and furnishes a directory. `on_words` is called with the six words to compare over the telephone,
/// as soon as the parent has taken the request, and again should they change.
///
/// # Errors
/// `listen_invalid`, `directory_taken`, `directory_not_empty`, `write_failed`; `invite_mistyped`, `invite_version`,
/// `invite_expired`, `invite_used`, `invite_unknown`, `invite_locked`, `invite_foreign`; `parent_unreachable` and its
/// like; `answer_refused` when the parent's answer does not verify. Nothing stays on the disk then.
pub async fn join(
    token: &str,
    dir: &Path,
    listen: Option<String>,
    on_words: &mut (impl FnMut(&[String; 6]) + ?Sized),
) -> Result<Joined, Problem> {
    let invitation = read(token)?;
    let listen = listen.map(|text| parse_listen(&text)).transpose()?;
    let nursery = Nursery::open_empty(dir)?;
    let keys = RoomKeys::generate();
    let (bytes, chain) = ask(&invitation, &keys, on_words).await?;
    let answer = verify(&invitation, &keys, &bytes, &chain)?;
    settle(nursery, dir, listen, &invitation, &keys, &answer)
}

fn read(token: &str) -> Result<Invitation, Problem> {
    let refused = |error: InvitationError| match error {
        InvitationError::NoInvitation | InvitationError::Mistyped => Problem::failed("invite_mistyped"),
        InvitationError::ForeignVersion { version } => {
            Problem::failed("invite_version").with("version", version)
        }
        InvitationError::Expired { minutes } => expired(minutes),
    };
    let invitation = Invitation::parse(token).map_err(refused)?;
    invitation.check_time(Clock::wall().as_ms()).map_err(refused)?;
    Ok(invitation)
}

fn expired(minutes: i64) -> Problem {
    Problem::failed("invite_expired").with("minutes", minutes)
}

fn parse_listen(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|error| Problem::usage("listen_invalid").with("address", text).with("detail", error))
}

/// Knocks until the parent lets the room in, refuses it, or the invitation ends.
async fn ask(
    invitation: &Invitation,
    keys: &RoomKeys,
    on_words: &mut (impl FnMut(&[String; 6]) + ?Sized),
) -> Result<(ByteBuf, Vec<CertificateDer<'static>>), Problem> {
    let address = invitation.parent_address.as_str();
    let parent = Parent::new(address, &invitation.parent_dns, &invitation.root, &[])
        .map_err(|error| Problem::failed("invite_unusable").with("detail", error))?;
    let request = JoinRequest::new(keys, invitation);
    let knock = Knock::Join(request.sign(keys).into());
    let mut shown = None;
    let (mut pause, mut busy) = (PAUSE_FIRST, 0);
    loop {
        match parent.knock(&knock).await {
            Ok(answered) => {
                let words = words(invitation, &answered.chain, &request);
                let welcome = taken(answered.reply)?;
                if shown.as_ref() != Some(&words) {
                    on_words(&words);
                    shown = Some(words);
                }
                if let Some(bytes) = welcome {
                    return Ok((bytes, answered.chain));
                }
            }
            Err(KnockError::Busy) if shown.is_some() || busy < BUSY_MAX => busy += 1,
            Err(error) if shown.is_some() && error.passes() => {
                tracing::info!(%error, "the parent is away; the room goes on asking");
            }
            Err(error) => return Err(not_joined(&error, address)),
        }
        let left_ms = invitation.expires_at_ms - Clock::wall().as_ms();
        let Ok(left_ms @ 1..) = u64::try_from(left_ms) else { return Err(expired(0)) };
        tokio::time::sleep(pause.min(Duration::from_millis(left_ms))).await;
        pause = (pause * 5 / 4).min(PAUSE_MAX);
    }
}

/// What the parent's reply means: everything, nothing yet, or no.
fn taken(reply: Reply) -> Result<Option<ByteBuf>, Problem> {
    match reply {
        Reply::Wait => Ok(None),
        Reply::Welcome(bytes) => Ok(Some(bytes)),
        Reply::Refused { code, details } => Err(told(&code, &details)),
    }
}

fn words(invitation: &Invitation, chain: &[CertificateDer<'static>], request: &JoinRequest) -> [String; 6] {
    let own = chain.first().map_or(&[][..], AsRef::as_ref);
    six_words(&transcript(&invitation.id(), own, request)).map(str::to_owned)
}

/// Believes nothing that the root certificate of the invitation does not vouch for.
fn verify(
    invitation: &Invitation,
    keys: &RoomKeys,
    bytes: &[u8],
    chain: &[CertificateDer<'static>],
) -> Result<Answer, Problem> {
    let refused = |detail: String| Problem::failed("answer_refused").with("detail", detail);
    let answer = JoinAnswer::decode(bytes)
        .and_then(|answer| answer.verify(&invitation.root, invitation.room, keys, Clock::wall().as_ms()))
        .map_err(|error| refused(error.to_string()))?;
    let map = &answer.plan.map;
    let peer = peer_room(map, chain).map_err(|error| refused(error.to_string()))?;
    if map.parent(invitation.room) == Some(peer.room) {
        Ok(answer)
    } else {
        Err(refused("whoever answered is not this room's parent on the map".to_owned()))
    }
}

fn settle(
    nursery: Nursery,
    dir: &Path,
    listen: Option<SocketAddr>,
    invitation: &Invitation,
    keys: &RoomKeys,
    answer: &Answer,
) -> Result<Joined, Problem> {
    let map = &answer.plan.map;
    let room = map
        .room(invitation.room)
        .ok_or_else(|| Problem::failed("room_not_on_map").with("room", invitation.room))?;
    let listen = listen.or_else(|| room.address.as_deref().and_then(listen_at));
    let furniture = Furniture {
        keys,
        tls_chain: &answer.tls_chain,
        issuing_chain: answer.issuing_chain.as_deref(),
        root: &invitation.root,
        plan: &answer.plan.bytes,
        sheets: answer.sheets.iter().map(|sheet| (sheet.sheet().publisher, sheet.bytes())).collect(),
        config: Config::new(map.network().to_owned(), room.id, listen),
    };
    let made = nursery.path("node");
    furnish(&made, &furniture)?;
    nursery.settle(&made, "config.toml")?;
    Ok(Joined {
        room: room.id,
        code: room.code(),
        name: room.name().zh.clone(),
        name_en: room.name().english().to_owned(),
        directory: dir.to_owned(),
        listen,
    })
}

/// Between two knocks while the words are being compared.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Knocks at a door that is full, about a minute, before a person is told.
const BUSY_MAX: u32 = 40;
