//! The screens: a file each. How one is added stands in docs/console.md.

mod admin;
mod board;
mod cases;
mod compose;
mod evidence;
mod help;
mod home;
mod inbox;
mod latency;
mod login;
mod message;
mod mute;
mod phone;
mod queue;
mod topology;
mod wall;

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
        .route("/mute", post(mute::mute))
        .route("/inbox", get(inbox::show))
        .route("/board", get(board::show))
        .route("/cases", get(cases::list))
        .route("/cases/{id}", get(cases::show))
        .route("/phone", get(phone::show).post(phone::note))
        .route("/queue", get(queue::list))
        .route("/queue/{id}", get(queue::show))
        .route("/queue/{id}/retry", post(queue::retry))
        .route("/topology", get(topology::show))
        .route("/wall", get(wall::show))
        .route("/help", get(help::show))
        .route("/admin", get(admin::show))
        .route("/admin/invite", post(admin::invite))
        .route("/admin/confirm", post(admin::confirm))
        .route("/admin/renew", post(admin::renew))
        .route("/admin/revoke", post(admin::revoke))
        .route("/admin/officers", post(admin::officer_add))
        .route("/admin/officers/disable", post(admin::officer_disable))
        .route("/admin/rules", post(admin::rules_preview))
        .route("/admin/loss", post(admin::accept_loss))
        .route("/latency", get(latency::show))
        .route("/compose", get(compose::show).post(compose::post))
        .route("/messages/{id}", get(message::show))
        .route("/messages/{id}/receipts", get(evidence::show))
        .route("/messages/{id}/verify", post(evidence::verify))
        .route("/messages/{id}/evidence", get(evidence::download))
        .route("/messages/{id}/certificate", get(evidence::certificate))
        .route("/messages/{id}/attachments/{number}", get(message::attachment))
        .route("/messages/{id}/acknowledge", post(message::acknowledge))
}

/// No such page.
pub(crate) async fn not_found(State(console): State<Arc<Console>>, uri: Uri, headers: HeaderMap) -> Response {
    problem_page(&Problem::usage("page_unknown"), console.words(language(&headers, uri.query())))
}
