//! What pages load: one style sheet and a few scripts, inside the binary.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::Console;

pub(crate) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/assets/console.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/console.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/assets/alarm.js", get(async || asset("text/javascript; charset=utf-8", ALARM)))
        .route("/assets/watch.js", get(async || asset("text/javascript; charset=utf-8", WATCH)))
        .route("/assets/wall.js", get(async || asset("text/javascript; charset=utf-8", WALL)))
        .route("/assets/draft.js", get(async || asset("text/javascript; charset=utf-8", DRAFT)))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");
const ALARM: &str = include_str!("../../assets/alarm.js");
const WATCH: &str = include_str!("../../assets/watch.js");
const DRAFT: &str = include_str!("../../assets/draft.js");
const WALL: &str = include_str!("../../assets/wall.js");
