//! The screens: a file each. How one is added stands in docs/console.md.

mod compose;
mod evidence;
mod home;
mod inbox;
mod login;
mod message;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
    routing::{get, post},
};

use super::{Console, caller::language, page::problem_page};
use crate::problem::Problem;

pub(crate) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/", get(home::show))
        .route("/login", get(login::show).post(login::log_in))
        .route("/locked", get(login::locked))
        .route("/logout", post(login::log_out))
        .route("/inbox", get(inbox::show))
        .route("/compose", get(compose::show).post(compose::post))
        .route("/messages/{id}", get(message::show))
        .route("/messages/{id}/receipts", get(evidence::show))
        .route("/messages/{id}/verify", post(evidence::verify))
        .route("/messages/{id}/evidence", get(evidence::download))
        .route("/messages/{id}/acknowledge", post(message::acknowledge))
}

/// No such page.
pub(crate) async fn not_found(State(console): State<Arc<Console>>, uri: Uri, headers: HeaderMap) -> Response {
    problem_page(&Problem::usage("page_unknown"), console.words(language(&headers, uri.query())))
}
