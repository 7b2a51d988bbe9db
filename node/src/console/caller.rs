//! Who asks, and in which language: a session's cookie, or an officer's name and password with each request (HTTP
//! Basic), for programs.
//!
//! We never ask a browser for Basic, so none keeps a password and sends it by itself.

use std::{net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, header};
use data_encoding::BASE64;

use super::{Console, session::Caller};
use crate::{catalogue::Language, clock::Clock, problem::Problem};

/// How a caller has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By a cookie, which a browser sends by itself: changes want the session's token besides.
    Cookie,
    /// By a password that came with the request.
    Password,
}

/// The header that carries a session's token in requests that are no forms.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// The cookie of the language.
pub(crate) const LANGUAGE_COOKIE: &str = "yichuan-lang";

impl Console {
    /// The session of a request.
    pub(crate) fn session(&self, headers: &HeaderMap, is_hand: bool) -> Option<Caller> {
        let caller = self.sessions.find(cookie(headers, &self.cookie)?, Clock::instant(), is_hand)?;
        self.node.officers.is_present(&caller.id).then_some(caller)
    }

    /// Who asks the API.
    pub(crate) async fn api_caller(
        &self,
        headers: &HeaderMap,
        client: SocketAddr,
    ) -> Result<(Caller, Proof), Problem> {
        if let Some((name, password)) = basic(headers) {
            let officer = self.log_in(client, name, password).await?;
            let caller = Caller {
                id: officer.id.clone(),
                name: officer.name.clone(),
                role: officer.role,
                officer: Some(Arc::new(officer)),
                csrf: String::new(),
            };
            return Ok((caller, Proof::Password));
        }
        let caller = self.session(headers, true).ok_or_else(|| Problem::policy("login_wanted"))?;
        Ok((caller, Proof::Cookie))
    }
}

/// A cookie of a request.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64.decode(text.trim().as_bytes()).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// What the address asks for, else what was chosen before, else what the browser prefers. Chinese comes first.
pub(crate) fn language(headers: &HeaderMap, query: Option<&str>) -> Language {
    let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")));
    let chosen = asked.or_else(|| cookie(headers, LANGUAGE_COOKIE));
    if let Some(language) = chosen.and_then(|word| word.parse().ok()) {
        return language;
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    match accepted.map(str::trim) {
        Some(accepted) if accepted.starts_with("en") => Language::English,
        Some(_) | None => Language::Chinese,
    }
}
