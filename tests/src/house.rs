//! A console as whoever stands on the other side of its port sees it: three rooms, one with a console, and requests
//! as a browser or a program sends them.

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    header::HeaderMap,
};
use hyper_util::rt::TokioIo;
use node::config::ConsoleConfig;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cluster::{Cluster, Network, text};

/// The room in the middle.
pub const CITY: &str = "411300";
/// A room below it.
pub const COUNTY: &str = "411322";
/// Every officer's password.
pub const PASSWORD: &str = "correct horse";

const BOUNDARY: &str = "----WebKitFormBoundaryAbCdEf";

/// Three rooms, one with a console.
pub struct House {
    /// Its rooms.
    pub cluster: Cluster,
    code: String,
    /// Where the console is.
    pub address: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Said {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Said {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's cookie that came with the answer.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// The token of the page's forms.
    pub fn token(&self) -> String {
        let rest = self.body.split("name=\"csrf\" value=\"").nth(1);
        rest.unwrap_or_else(|| panic!("no form: {self:?}")).split('"').next().unwrap().to_owned()
    }
}

impl House {
    /// Opens it at a room; `program` is the test program's own `tests`.
    pub async fn open(program: &str, code: &str) -> Self {
        let cluster = Cluster::start(program, Network::three()).await;
        let room = cluster.room(code);
        room.stop().await;
        room.configure(|config| {
            let listen = "127.0.0.1:0".parse().unwrap();
            config.console = Some(ConsoleConfig { listen, ..ConsoleConfig::default() });
        });
        room.start().await;
        cluster.all_links_up().await;
        let mut house = Self { cluster, code: code.to_owned(), address: String::new() };
        house.locate().await;
        house
    }

    /// Finds out where the console is: it is somewhere else after each start of its room.
    pub async fn locate(&mut self) {
        self.address = crate::console::address(self.cluster.room(&self.code)).await;
    }

    /// Enters an officer.
    pub async fn officer(&self, name: &str, role: &str) {
        let path = self.cluster.place().join(format!("password of {name}"));
        std::fs::write(&path, format!("{PASSWORD}\n")).unwrap();
        let add = ["officer", "add", name, "--role", role, "--password-file", text(&path)];
        let said = self.cluster.at(&self.code, &add).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// One request on a connection of its own, with exactly these headers.
    pub async fn begin(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Response<Incoming> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", &self.address);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap()
    }

    /// A request, answered to its end.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let response = self.begin(method, path, headers, body).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Said { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// A page.
    pub async fn get(&self, path: &str, cookie: &str) -> Said {
        self.ask(Method::GET, path, &[("cookie", cookie)], "").await
    }

    /// A form, as a browser sends it from a page of the console.
    pub async fn form(&self, path: &str, cookie: &str, body: &str) -> Said {
        let origin = format!("http://{}", self.address);
        let kind = "application/x-www-form-urlencoded";
        self.ask(Method::POST, path, &[("cookie", cookie), ("origin", &origin), ("content-type", kind)], body)
            .await
    }

    /// A form with files, as a browser sends it.
    pub async fn form_with_files(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Said {
        let texts = fields.iter().map(|(name, value)| (format!("name=\"{name}\""), *value));
        let files = files.iter().map(|(name, bytes)| {
            (format!("name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain"), *bytes)
        });
        let part = |(head, value)| {
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
        };
        let body = texts.chain(files).map(part).collect::<String>() + &format!("--{BOUNDARY}--\r\n");
        let origin = format!("http://{}", self.address);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [("cookie", cookie), ("origin", &origin), ("content-type", &kind)];
        self.ask(Method::POST, path, &headers, &body).await
    }

    /// Logs in; the cookie is in the answer.
    pub async fn log_in(&self, name: &str, password: &str, cookie: &str) -> Said {
        self.form("/login", cookie, &format!("officer={name}&password={}", password.replace(' ', "+"))).await
    }

    /// A JSON request in the name of an officer, as curl -u sends it.
    pub async fn call(&self, method: Method, path: &str, officer: &str, body: &Value) -> Said {
        let pair = data_encoding::BASE64.encode(format!("{officer}:{PASSWORD}").as_bytes());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers =
            [("authorization", format!("Basic {pair}")), ("content-type", "application/json".to_owned())];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.ask(method, path, &headers, &body).await
    }
}
