//! The console of a room of a cluster, as a program sees it that speaks HTTP: one request a connection, any header.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, header::HeaderMap};
use hyper_util::rt::TokioIo;
use node::{config::ConsoleConfig, control::view};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cluster::{Cluster, Room, text};

/// Every officer's password here.
pub const PASSWORD: &str = "correct horse";
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Said {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem's code, where it is one.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One request; an error where the connection breaks before the answer.
///
/// # Errors
/// What the connection says.
pub async fn ask(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Said, Box<dyn std::error::Error + Send + Sync>> {
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(body.to_owned())))?).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok(Said { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    };
    tokio::time::timeout(PATIENCE, asking).await?
}

/// `curl -u officer:password` with JSON.
///
/// # Errors
/// What the connection says.
pub async fn call(
    address: &str,
    method: Method,
    path: &str,
    officer: &str,
    more: &[(&str, &str)],
    body: &Value,
) -> Result<Said, Box<dyn std::error::Error + Send + Sync>> {
    let pair = data_encoding::BASE64.encode(format!("{officer}:{PASSWORD}").as_bytes());
    let basic = format!("Basic {pair}");
    let headers = [&[("authorization", basic.as_str()), ("content-type", "application/json")], more].concat();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(address, method, path, &headers, &body).await
}

/// Gives a room that runs a console, and starts it again.
pub async fn open(room: &Room) {
    room.stop().await;
    room.configure(|config| {
        let listen = "127.0.0.1:0".parse().expect("a constant");
        config.console = Some(ConsoleConfig { listen, ..ConsoleConfig::default() });
    });
    room.start().await;
}

/// Where a room's console is now: `127.0.0.1:PORT`.
///
/// # Panics
/// When it has none.
pub async fn address(room: &Room) -> String {
    let status: view::Status = room.ask(&node::control::request::Request::Status).await.expect("it runs");
    let url = status.console.expect("it has a console");
    url.strip_prefix("http://").expect("on loopback without TLS").to_owned()
}

/// Enters an officer.
///
/// # Panics
/// When the room refuses.
pub async fn officer(cluster: &Cluster, code: &str, name: &str, role: &str) {
    let path = cluster.place().join(format!("password of {name}"));
    std::fs::write(&path, format!("{PASSWORD}\n")).expect("a throw-away directory is writable");
    let add = ["officer", "add", name, "--role", role, "--password-file", text(&path)];
    let said = cluster.at(code, &add).await;
    assert_eq!(said.code, 0, "{said:?}");
}
