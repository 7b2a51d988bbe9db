//! What every request passes first, and what every answer carries.
//!
//! *Against:* DNS rebinding (a name that is not ours is refused), other sites' forms and scripts (Origin), framing,
//! inline script, type sniffing, floods.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

use super::{Console, api, caller::LANGUAGE_COOKIE, page::problem_page, posted::too_large, too_often};
use crate::{catalogue::Language, clock::Clock, problem::Problem};

/// Under which names and addresses this console is reached.
pub(crate) struct Hosts {
    names: Vec<String>,
    scheme: &'static str,
}

impl Hosts {
    pub(crate) fn new(address: SocketAddr, more: &[String], is_tls: bool) -> Self {
        let mut names: Vec<String> = more.iter().map(|name| name.to_ascii_lowercase()).collect();
        if address.ip().is_loopback() {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        } else if !address.ip().is_unspecified() {
            names.push(match address.ip() {
                std::net::IpAddr::V4(ip) => ip.to_string(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        Self { names, scheme: if is_tls { "https" } else { "http" } }
    }

    /// The name alone decides: a forwarded port is another one.
    fn knows(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            Some(_) | None => host,
        };
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Refuses a request that another site, or another name for this address, has led here.
    fn check(&self, method: &Method, target: Option<&str>, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or_default();
        let hosts = headers.get_all(header::HOST).iter().count();
        if hosts != 1 || !self.knows(host) || target.is_some_and(|target| target != host) {
            return Err(Problem::policy("host_unknown").with("host", host));
        }
        if method.is_safe() {
            return Ok(());
        }
        let own = format!("{}://{host}", self.scheme);
        let is_ours = match (text(header::ORIGIN), text(HeaderName::from_static("sec-fetch-site"))) {
            (Some(origin), _) => origin.eq_ignore_ascii_case(&own),
            (None, Some(site)) => site == "same-origin" || site == "none",
            // A program, not a browser.
            (None, None) => true,
        };
        if is_ours { Ok(()) } else { Err(Problem::policy("origin_foreign")) }
    }
}

/// Checks a request and gives its answer the headers.
pub(crate) async fn guard(
    State(console): State<Arc<Console>>,
    Extension(client): Extension<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let target = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let language = super::caller::language(request.headers(), request.uri().query());
    let is_api = request.uri().path().starts_with("/api/");
    let request_chooses =
        request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("lang=")));
    let checked = console
        .hosts
        .check(request.method(), target.as_deref(), request.headers())
        .and_then(|()| console.requests.take(client.ip(), Clock::instant()).map_err(too_often));
    let mut response = match checked {
        Ok(()) => match tokio::time::timeout(ANSWER_TAKES, next.run(request)).await {
            Ok(response) => response,
            Err(_) => api::problem::answer(&Problem::unreachable("answer_late"), console.words(language)),
        },
        Err(problem) => api::problem::answer(&problem, console.words(language)),
    };
    if let Some(problem) = unsaid(&response) {
        let words = console.words(language);
        let said = if is_api { api::problem::answer(&problem, words) } else { problem_page(&problem, words) };
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = said;
        response.headers_mut().extend(allowed.map(|allowed| (header::ALLOW, allowed)));
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // Paper for printing brings a policy of its own.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if console.is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // What was chosen once holds for the next page too; the languages' own words make no other header of it.
    if request_chooses && let Ok(value) = HeaderValue::from_str(&language_cookie(language, console.is_tls)) {
        headers.append(header::SET_COOKIE, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What the framework refused in words of its own, or in none: a method, an address that is no text, a body that is too
/// large or no form.
fn unsaid(response: &Response) -> Option<Problem> {
    let status = response.status();
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_ours = media_type.is_some_and(|media_type| !media_type.starts_with("text/plain"));
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::usage("method_unknown"),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::usage("control_not_understood").with("detail", status),
    })
}

fn language_cookie(language: Language, is_tls: bool) -> String {
    let secure = if is_tls { "; Secure" } else { "" };
    format!("{LANGUAGE_COOKIE}={}; Path=/; SameSite=Strict; Max-Age=31536000{secure}", language.word())
}

/// `same-origin` and not `no-referrer`: under that, browsers send `Origin: null` with our own forms. Nothing of an
/// address ever leaves for another site.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

/// The longest wait that a request may ask for, and a large body on a slow line.
const ANSWER_TAKES: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &Method, pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let hosts = Hosts::new("127.0.0.1:8080".parse().unwrap(), &["duty.example".to_owned()], false);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        hosts.check(method, None, &headers).err().map(|problem| problem.code)
    }

    #[test]
    fn another_name_for_this_address_is_refused() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080", "DUTY.example:9"] {
            assert_eq!(code(&Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in ["evil.example:8080", "", "127.0.0.1.evil.example", "127.0.0.1:8080@evil"] {
            assert_eq!(code(&Method::GET, &[("host", host)]).as_deref(), Some("host_unknown"), "{host}");
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(code(&Method::GET, &two).as_deref(), Some("host_unknown"));
    }

    #[test]
    fn only_our_own_pages_and_programs_may_change_something() {
        let host = ("host", "localhost:8080");
        let post = |more: &[(&'static str, &'static str)]| code(&Method::POST, &[&[host], more].concat());
        assert_eq!(post(&[]), None);
        assert_eq!(post(&[("origin", "http://localhost:8080")]), None);
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), None);
        for more in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:8080"),
            ("origin", "https://localhost:8080"),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(post(&[more]).as_deref(), Some("origin_foreign"), "{more:?}");
        }
    }
}
