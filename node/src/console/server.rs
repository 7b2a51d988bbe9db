//! The console's port: takes connections within limits, and stops in good order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{Console, api, asset, guard, pages, tls};
use crate::{config::ConsoleConfig, daemon::Node, problem::Problem};

/// A port that is open and not served yet.
pub(crate) struct Listening {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    config: ConsoleConfig,
    address: SocketAddr,
}

/// The serving task, held by the daemon.
pub(crate) struct Serving {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// Opens the port.
///
/// # Errors
/// `console_tls_unusable`, `console_listen_failed`.
pub(crate) async fn listen(config: &ConsoleConfig, root: &std::path::Path) -> Result<Listening, Problem> {
    let tls = tls::acceptor(config, root)?;
    let failed =
        |error| Problem::failed("console_listen_failed").with("address", config.listen).with("detail", error);
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listening { listener, tls, config: config.clone(), address })
}

impl Listening {
    /// Where a browser finds it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until it is stopped.
    pub(crate) fn serve(self, node: Arc<Node>) -> Serving {
        let (stop, stopping) = watch::channel(false);
        let console = Arc::new(Console::new(node, &self.config, self.address, stopping.clone()));
        let router = routes(&console);
        Serving { task: tokio::spawn(accept(self, console, router, stopping)), stop }
    }
}

impl Serving {
    /// Comes back when the task has ended by itself, which it should not.
    pub(crate) async fn ended(&mut self) -> String {
        match (&mut self.task).await {
            Ok(()) => "the console has ended".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Takes no new connection, lets those that are there finish, and closes.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(CLOSING_TAKES, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn routes(console: &Arc<Console>) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(pages::routes())
        .merge(asset::routes())
        .fallback(pages::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(console.clone(), guard::guard))
        .with_state(console.clone())
}

async fn accept(
    listening: Listening,
    console: Arc<Console>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut events = JoinSet::new();
    events.spawn(api::events::follow(console));
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listening.listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let (tls, router) = (listening.tls.clone(), router.clone());
                    connections.spawn(connection(stream, client, tls, router, stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the console does not accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            () = told(&mut stopping) => break,
        }
    }
    drop(listening);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopping: watch::Receiver<bool>,
) {
    let router = router.layer(Extension(client));
    let _ = stream.set_nodelay(true);
    match tls {
        None => requests(stream, router, stopping).await,
        Some(tls) => match tokio::time::timeout(HEADER_TAKES, tls.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, router, stopping).await,
            Ok(Err(_)) | Err(_) => tracing::debug!(%client, "no TLS"),
        },
    }
}

/// Requests of one connection, one after the other.
async fn requests<S>(stream: S, router: Router, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TAKES)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the console has ended");
    }
}

/// Comes back when it is time to stop.
pub(super) async fn told(stopping: &mut watch::Receiver<bool>) {
    // Whoever holds the other end is gone: that is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Connections at once; a further one waits.
const CONNECTIONS_MAX: usize = 512;
/// TLS, or the head of a request, must be there by then; an idle connection is closed after the same time.
const HEADER_TAKES: Duration = Duration::from_secs(20);
const HEADERS_MAX: usize = 64;
const BUFFER_BYTES: usize = 64 << 10;
/// A message with its attachments in base64, as on the control socket.
pub(crate) const BODY_BYTES_MAX: usize = 16 << 20;
const CLOSING_TAKES: Duration = Duration::from_secs(2);
