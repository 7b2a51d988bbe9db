//! The HTTP API and the console (控制台): what officers and programs of this room see of the node through a browser or an
//! HTTP client. Both ask what the control socket asks, through the same handlers.
//!
//! ```text
//! connection -> limits -> guard (Host, Origin, headers) -> caller (session or Basic) -> rights -> control
//! ```
//!
//! *Against:* whoever is not an officer of this room; other sites in an officer's browser; other rooms' text as markup.

mod api;
mod asset;
mod caller;
mod guard;
mod limiter;
mod page;
mod pages;
mod posted;
pub mod rights;
mod server;
mod session;
mod tls;
mod words;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use self::{
    api::events::Events,
    guard::Hosts,
    limiter::Limiter,
    session::{Caller, Sessions},
    words::Words,
};
use crate::{
    catalogue::Language,
    clock::Clock,
    config::ConsoleConfig,
    control::{self, request::Request},
    daemon::Node,
    officers::UnlockedOfficer,
    problem::Problem,
};

pub(crate) use self::server::{Serving, listen};

/// What all requests share.
pub(crate) struct Console {
    node: Arc<Node>,
    hosts: Hosts,
    sessions: Sessions,
    requests: Limiter,
    logins: Limiter,
    events: Events,
    chinese: Words,
    english: Words,
    cookie: String,
    is_tls: bool,
    stopping: watch::Receiver<bool>,
}

impl Console {
    fn new(
        node: Arc<Node>,
        config: &ConsoleConfig,
        address: SocketAddr,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let is_tls = config.tls().is_some();
        // Browsers tell cookies of two ports of one host apart by their names only.
        let cookie = format!("{}yichuan-{}", if is_tls { "__Host-" } else { "" }, address.port());
        Self {
            hosts: Hosts::new(address, &config.names, is_tls),
            sessions: Sessions::new(Duration::from_secs(60 * u64::from(config.idle_lock_minutes))),
            requests: Limiter::new(REQUESTS_BURST, REQUEST_EVERY),
            logins: Limiter::new(LOGINS_BURST, LOGIN_EVERY),
            events: Events::new(),
            chinese: Words::new(Language::Chinese),
            english: Words::new(Language::English),
            cookie,
            is_tls,
            stopping,
            node,
        }
    }

    fn words(&self, language: Language) -> &Words {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }

    /// Asks the node in the caller's name, as far as the caller's role goes.
    async fn ask<T: DeserializeOwned>(&self, caller: &Caller, request: Request) -> Result<T, Problem> {
        let value = self.ask_raw(caller, request).await?;
        serde_json::from_value(value).map_err(|error| Problem::failed("control_broken").with("detail", error))
    }

    async fn ask_raw(&self, caller: &Caller, request: Request) -> Result<Value, Problem> {
        rights::check(caller.role, &request)?;
        let officer = caller.officer.clone().ok_or_else(|| Problem::policy("session_locked"))?;
        let is_leave = matches!(request, Request::OfficerDisable { .. });
        let answer = control::dispatch(&self.node, request, Some(officer)).await;
        if is_leave && answer.is_ok() {
            self.drop_leavers();
        }
        answer
    }

    /// Sessions of officers who are no longer present end at once.
    fn drop_leavers(&self) {
        let left = self.node.officers.list().into_iter().filter(|officer| officer.disabled);
        left.for_each(|officer| self.sessions.end_all_of(&officer.id));
    }

    /// Checks a name and a password where blocking is allowed.
    async fn log_in(
        &self,
        client: SocketAddr,
        name: String,
        password: String,
    ) -> Result<UnlockedOfficer, Problem> {
        self.logins.take(client.ip(), Clock::instant()).map_err(too_often)?;
        let officers = self.node.officers.clone();
        let trying = tokio::task::spawn_blocking(move || officers.log_in(&name, &password));
        trying.await.map_err(|error| Problem::failed("control_broken").with("detail", error))?
    }
}

fn too_often(wait: Duration) -> Problem {
    Problem::failed("too_many_requests").with("seconds", wait.as_secs().saturating_add(1))
}

/// A page with its assets is four requests; fifty officers behind one address reload at once.
const REQUESTS_BURST: u32 = 200;
const REQUEST_EVERY: Duration = Duration::from_millis(10);
/// One try costs 64 MiB for a tenth of a second.
const LOGINS_BURST: u32 = 30;
const LOGIN_EVERY: Duration = Duration::from_secs(2);
