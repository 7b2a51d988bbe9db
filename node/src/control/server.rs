//! The node's end of the control socket.
//!
//! Whoever may open the socket (its owner) may ask; officers' deeds want the officer's password besides.

use std::{io, os::unix::fs::PermissionsExt, sync::Arc};

use relay::timestamp::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::{
    attachment, calls,
    client::SocketPath,
    desk, evidence, history, outages, queue, reading, receipts,
    request::{Answer, Request},
    rules, sending, telephone,
};
use crate::{
    daemon::Node, directory::Directory, duty, evidence::Wish, officers::UnlockedOfficer, problem::Problem,
};

/// The longest question: a message with its attachments in base64.
const QUESTION_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Connections at once; a further one waits.
const CONNECTIONS_MAX: usize = 512;

/// Opens the socket, mode 0600. One that a dead node left behind is replaced; the directory's lock is held.
///
/// # Errors
/// `control_listen_failed`.
pub fn listen(directory: &Directory) -> Result<UnixListener, Problem> {
    let path = directory.socket();
    let open = || -> io::Result<UnixListener> {
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        let short = SocketPath::of(directory.root())?;
        let listener = UnixListener::bind(short.path())?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    open().map_err(|error| {
        Problem::failed("control_listen_failed").with("path", path.display()).with("detail", error)
    })
}

/// Answers until it is dropped.
pub async fn serve(node: Arc<Node>, listener: UnixListener) {
    let mut tasks = JoinSet::new();
    loop {
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "an answer to the command line failed");
            }
        }
        if tasks.len() >= CONNECTIONS_MAX {
            tasks.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                tasks.spawn(connection(node.clone(), stream));
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket does not accept");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Questions of one connection, one after the other.
async fn connection(node: Arc<Node>, stream: UnixStream) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(QUESTION_BYTES_MAX).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        let answer = answer(&node, &line).await;
        let cut_off = !line.ends_with(b"\n");
        let mut bytes = serde_json::to_vec(&answer).unwrap_or_default();
        bytes.push(b'\n');
        // The rest of a question that is too long would be taken for the next one.
        if writer.write_all(&bytes).await.is_err() || cut_off {
            return;
        }
    }
}

async fn answer(node: &Arc<Node>, line: &[u8]) -> Answer {
    let result = match serde_json::from_slice::<Request>(line) {
        Ok(request) => dispatch(node, request, None).await,
        Err(error) => Err(Problem::usage("control_not_understood").with("detail", error)),
    };
    match result {
        Ok(value) => Answer::Ok(value),
        Err(problem) => Answer::Error(problem),
    }
}

/// Does what is asked. Deeds are signed by `officer`, who has logged in, or else by whom the request names.
pub(crate) async fn dispatch(
    node: &Arc<Node>,
    request: Request,
    officer: Option<Arc<UnlockedOfficer>>,
) -> Result<Value, Problem> {
    match request {
        Request::Status => json(reading::status(node).await?),
        Request::Doctor { kept } => json(reading::doctor(node, kept).await?),
        Request::Inbox { all, newest, before } => json(reading::inbox(node, all, newest, before).await?),
        Request::Outbox { newest, before } => json(reading::sent(node, newest, before).await?),
        Request::Show { id } => json(reading::show(node, &id).await?),
        Request::Attachment { id, name } => json(attachment::attachment(node, &id, &name).await?),
        Request::Receipts { id } => json(receipts::receipts(node, &id).await?),
        Request::PhoneNote(request) => {
            let (name, password) = (request.officer.clone(), request.password.clone());
            let officer = signer(node, officer, name, password).await?;
            telephone::note(node, *request, officer).await
        }
        Request::Rang { id } => json(desk::rang(node, &id).await?),
        Request::LinkDays => {
            let links = reading::status(node).await?.links;
            json(history::link_days(node, links).await?)
        }
        Request::Outages => json(outages::outages(node).await?),
        Request::Calls => json(calls::calls(node).await?),
        Request::EvidenceExport { id, case, text, personal } => {
            let wish = Wish { whole_case: case, text, personal };
            json(evidence::export(node, &id, wish).await?)
        }
        Request::EvidenceSilence { room, from_ms, to_ms } => {
            let [from, to] = [from_ms, to_ms].map(Timestamp::from_ms);
            json(evidence::silence(node, &room, from, to).await?)
        }
        Request::QueueList => json(queue::list(node).await?),
        Request::QueueShow { id } => json(queue::entry(node, &id).await?),
        Request::Progress => json(reading::progress(node)),
        Request::MapShow => json(reading::map(node)),
        Request::Ping { room, timeout_ms } => json(desk::ping(node, &room, timeout_ms).await?),
        Request::Send(request) => {
            let caller = officer.as_ref().map(|officer| officer.id.as_str()).unwrap_or_default();
            sending::send(node, caller, *request).await
        }
        Request::Preview(request) => json(sending::preview(node, *request).await?),
        Request::DraftKeep(wish) => {
            let by = officer.as_ref().map_or("-", |officer| officer.name.as_str());
            json(node.drafts.keep(*wish, by, node.clock.now())?)
        }
        Request::DraftList => json(node.drafts.list(node.clock.now())),
        Request::DraftShow { id } => json(node.drafts.show(&id, node.clock.now())?),
        Request::DraftReturn { id, note } => json(node.drafts.give_back(&id, &note)?),
        Request::DraftDrop { id } => json(node.drafts.drop(&id)?),
        Request::Rooms => json(reading::rooms(node)),
        Request::Cases => json(duty::cases(node).await?),
        Request::Deed { id, event, officer: name, password, reason } => {
            let officer = signer(node, officer, name, password).await?;
            json(desk::deed(node, &id, &event, &officer, reason).await?)
        }
        Request::Await { id, event, timeout_ms } => {
            json(desk::wait_for(node, &id, &event, timeout_ms).await?)
        }
        Request::QueueRetry { id } => json(desk::retry(node, &id).await?),
        Request::Invite { room, ttl_s, trust_token } => json(desk::invite(node, &room, ttl_s, trust_token)?),
        Request::InvitePending => json(desk::pending(node)),
        Request::InviteConfirm { words } => json(desk::confirm(node, &words)?),
        Request::OfficerAdd { name, role, password } => {
            json(desk::officer_add(node, name, role, password).await?)
        }
        Request::OfficerList => json(desk::officers(node)),
        Request::OfficerDisable { officer } => json(desk::officer_disable(node, &officer)?),
        Request::CertificateList => json(desk::certificates(node)?),
        Request::CertificateRenew => json(desk::certificate_renew(node).await?),
        Request::CertificateRevoke { room, reason } => json(desk::revoke(node, &room, &reason)?),
        Request::MapApply { plan, documents } => json(rules::map_apply(node, &plan, &documents)?),
        Request::RulesSign(wish) => json(rules::sign(node, &wish)?),
        Request::RulesExplain { id } => json(duty::explain(node, reading::find(node, &id).await?).await?),
        Request::Due { all, about } => {
            let about = match about {
                Some(id) => Some(reading::find(node, &id).await?),
                None => None,
            };
            json(duty::due(node, all, about).await?)
        }
        Request::RulesPreview(wish) => json(rules::preview(node, &wish)?),
        Request::RulesList => json(rules::list(node)),
        Request::Link { room, cut } => json(desk::link(node, &room, cut)?),
        Request::Clock { shift_ms, speed, since_ms } => json(desk::clock(node, shift_ms, speed, since_ms)?),
        Request::LossAccept => json(node.loss.accept(node.clock.now())?),
        Request::Stop => {
            node.stop.notify_one();
            Ok(Value::Null)
        }
    }
}

/// Who signs. Whoever has logged in signs as nobody else.
async fn signer(
    node: &Node,
    logged_in: Option<Arc<UnlockedOfficer>>,
    name: String,
    password: String,
) -> Result<Arc<UnlockedOfficer>, Problem> {
    if let Some(officer) = logged_in {
        return Ok(officer);
    }
    let officers = node.officers.clone();
    let unlocking = tokio::task::spawn_blocking(move || officers.unlock(&name, &password));
    let officer =
        unlocking.await.map_err(|error| Problem::failed("control_broken").with("detail", error))??;
    Ok(Arc::new(officer))
}

pub(super) fn json<T: Serialize>(value: T) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::failed("control_broken").with("detail", error))
}
