//! A request that its caller may repeat: a program that has lost the answer gives the same key again, is answered as the
//! first time, and nothing is sent twice. What is kept of it is committed with the message itself, so neither a kill nor
//! a restart comes between the two.
//!
//! *Against:* two messages of one fire; a key that is used again for another message.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use certs::signature::{Digest, digest};
use relay::{step::SentOnce, timestamp::Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{daemon::Node, problem::Problem};

/// A key and what was asked under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    name: Digest,
    request: Digest,
}

impl Asked {
    /// What the store keeps with the message.
    pub(super) fn answered(self, at: Timestamp, answer: &Value) -> SentOnce {
        SentOnce { name: self.name, request: self.request, at, answer: answer.to_string().into_bytes() }
    }

    fn new(caller: &str, key: &str, request: &impl Serialize) -> Result<Self, Problem> {
        let is_fit =
            (1..=KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_fit {
            return Err(Problem::usage("idempotency_key_wrong").with("limit", KEY_LEN_MAX));
        }
        let request = serde_json::to_vec(request).map_err(broken)?;
        let name = serde_json::to_vec(&(caller, key)).map_err(broken)?;
        Ok(Self { name: digest(&name), request: digest(&request) })
    }
}

/// How something was answered.
pub(super) enum Answered {
    /// It was done now.
    Now(Value),
    /// It was done before, and this was said then.
    Before(Value),
}

/// Does what is asked, or gives the answer of the first time where `key` was given before by the same caller. What was
/// begun is brought to its end even if the caller does not wait for it.
///
/// # Errors
/// `idempotency_key_wrong`, `idempotency_key_reused`, `idempotency_key_busy`, and those of `doing`.
pub(super) async fn once<F>(
    node: &Arc<Node>,
    caller: &str,
    key: Option<&str>,
    request: &impl Serialize,
    doing: impl FnOnce(Option<Asked>) -> F,
) -> Result<Answered, Problem>
where
    F: Future<Output = Result<Value, Problem>> + Send + 'static,
{
    let Some(key) = key else { return doing(None).await.map(Answered::Now) };
    let asked = Asked::new(caller, key, request)?;
    let held = Held::take(node, asked.name)?;
    if let Some(kept) = node.reader.sent_once(asked.name).await? {
        if kept.request != asked.request {
            return Err(Problem::usage("idempotency_key_reused"));
        }
        return serde_json::from_slice(&kept.answer).map(Answered::Before).map_err(broken);
    }
    let doing = doing(Some(asked));
    let done = tokio::spawn(async move {
        let done = doing.await;
        drop(held);
        done
    });
    done.await.map_err(broken)?.map(Answered::Now)
}

/// Keys under which something is being done at this moment.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<BTreeSet<Digest>>);

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held {
    node: Arc<Node>,
    name: Digest,
}

impl Held {
    fn take(node: &Arc<Node>, name: Digest) -> Result<Self, Problem> {
        if node.under_way.lock().insert(name) {
            Ok(Self { node: node.clone(), name })
        } else {
            Err(Problem::failed("idempotency_key_busy"))
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.node.under_way.lock().remove(&self.name);
    }
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::failed("control_broken").with("detail", error)
}

const KEY_LEN_MAX: usize = 255;
