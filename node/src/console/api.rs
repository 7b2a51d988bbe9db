//! The HTTP API: each request of the control socket as an endpoint, one row each in `api/route.rs`.
//!
//! A request is put together from the address, the query and the JSON body, and goes the way of every other request:
//! rights, then the control handlers. There is no second copy of what they do.

mod document;
pub(crate) mod events;
mod paging;
pub(crate) mod problem;
mod route;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, get, on},
};
use serde_json::{Map, Value};

use self::{
    document::Names,
    route::{ROUTES, Route},
};
use super::{
    Console,
    caller::{CSRF_HEADER, Proof, language},
    session::Caller,
};
use crate::problem::Problem;

pub(crate) fn routes() -> Router<Arc<Console>> {
    let mut router = Router::new()
        .route("/api/openapi.json", get(async || Json(document::openapi())))
        .route("/api/events", get(events::stream))
        .route("/api/{*rest}", axum::routing::any(nowhere));
    for (route, names) in ROUTES.iter().zip(document::names()) {
        let names = Arc::new(names);
        let filter = MethodFilter::try_from(route.method()).expect("the table names methods of axum");
        let answer = async move |State(console): State<Arc<Console>>,
                                 Extension(client): Extension<SocketAddr>,
                                 Path(places): Path<Vec<(String, String)>>,
                                 RawQuery(query): RawQuery,
                                 headers: HeaderMap,
                                 body: Bytes| {
            let words = console.words(language(&headers, query.as_deref()));
            let given = Given { places, query: query.unwrap_or_default(), headers, body };
            match answer(&console, route, &names, client, given).await {
                Ok(response) => response,
                Err(problem) => problem::answer(&problem, words),
            }
        };
        router = router.route(route.path, on(filter, answer));
    }
    router
}

/// What a request brings.
struct Given {
    places: Vec<(String, String)>,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(
    console: &Arc<Console>,
    route: &'static Route,
    names: &Names,
    client: SocketAddr,
    given: Given,
) -> Result<Response, Problem> {
    let caller = caller(console, route.method(), client, &given.headers).await?;
    let mut fields = fields(route, names, &given)?;
    let page = if route.is_list { Some(paging::Page::take(&mut fields)?) } else { None };
    let request = serde_json::from_value(Value::Object(fields)).map_err(not_understood)?;
    let value = console.ask_raw(&caller, request).await?;
    match (page, value) {
        (Some(page), Value::Array(items)) => Ok(Json(page.of(items)).into_response()),
        (_, Value::Null) => Ok(StatusCode::NO_CONTENT.into_response()),
        (_, value) => Ok(Json(value).into_response()),
    }
}

/// Who asks. What a browser sends by itself changes nothing without the session's token.
async fn caller(
    console: &Console,
    method: Method,
    client: SocketAddr,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    let (caller, proof) = console.api_caller(headers, client).await?;
    if proof == Proof::Cookie && !method.is_safe() {
        let token = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| caller.owns_token(token)) {
            return Err(Problem::policy("csrf_token_wrong"));
        }
    }
    Ok(caller)
}

/// The request's fields: its verb, what the address and the query say, and the body's own. No name stands twice,
/// and none that the document does not have.
fn fields(route: &Route, names: &Names, given: &Given) -> Result<Map<String, Value>, Problem> {
    let mut fields =
        Map::from_iter(route.defaults.iter().map(|(name, value)| ((*name).to_owned(), value.json())));
    let mut told = Map::new();
    if !given.body.is_empty() {
        let media_type = given.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Problem::usage("api_not_json"));
        }
        told = serde_json::from_slice(&given.body).map_err(not_understood)?;
    }
    let query: Vec<(String, String)> = serde_html_form_pairs(&given.query).map_err(not_understood)?;
    let query = query.into_iter().filter(|(name, _)| name != "lang").map(|(name, text)| {
        let value = if names.texts.contains(&name) { Value::String(text) } else { scalar(text) };
        (name, value)
    });
    let places = given.places.iter().map(|(name, text)| (name.clone(), Value::String(text.clone())));
    for (name, value) in query.chain(places) {
        if told.insert(name.clone(), value).is_some() {
            return Err(not_understood(format!("{name} ×2")));
        }
    }
    let is_foreign = |name: &&String| {
        *name == "verb" || names.all.as_ref().is_some_and(|all| !all.contains(name.as_str()))
    };
    if let Some(name) = told.keys().find(is_foreign) {
        return Err(not_understood(name));
    }
    fields.extend(told);
    if let Some(key) = given.headers.get(IDEMPOTENCY_KEY) {
        if !route.takes_key() || fields.contains_key("idempotency_key") {
            return Err(Problem::usage("idempotency_key_useless"));
        }
        let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
        fields.insert("idempotency_key".to_owned(), Value::String(key));
    }
    fields.insert("verb".to_owned(), Value::String(route.verb.to_owned()));
    Ok(fields)
}

/// As in the draft of the IETF's httpapi group.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

fn serde_html_form_pairs(
    query: &str,
) -> Result<Vec<(String, String)>, axum::extract::rejection::QueryRejection> {
    let uri = axum::http::Uri::builder().path_and_query(format!("/?{query}")).build().unwrap_or_default();
    axum::extract::Query::try_from_uri(&uri).map(|axum::extract::Query(pairs)| pairs)
}

/// Queries carry no types: what reads as truth or number is one.
fn scalar(text: String) -> Value {
    match text.as_str() {
        "true" | "false" => Value::Bool(text == "true"),
        _ => text.parse::<u64>().map_or(Value::String(text), Value::from),
    }
}

fn not_understood(error: impl std::fmt::Display) -> Problem {
    Problem::usage("api_field").with("detail", error)
}

async fn nowhere(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let words = console.words(language(&headers, query.as_deref()));
    problem::answer(&Problem::usage("api_unknown"), words)
}
