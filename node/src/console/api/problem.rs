//! A problem as the API says it (RFC 9457): the code and the three sentences of the command line.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    console::words::Words,
    problem::{EXIT_OVERDUE, EXIT_POLICY, EXIT_UNREACHABLE, EXIT_USAGE, Problem},
};

/// Problem details.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Names the kind of problem: `urn:yichuan:problem:` and the code.
    r#type: String,
    /// What happened.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Why, and what to do.
    detail: String,
    /// The code of the catalogue.
    code: String,
    /// What happened, as on the command line.
    what: String,
    /// Why.
    why: String,
    /// What to do.
    r#do: String,
    /// The exit code that the command line would end with.
    exit: u8,
    /// The values that the sentences are made of.
    details: std::collections::BTreeMap<String, String>,
}

/// The answer to a request that failed.
pub(crate) fn answer(problem: &Problem, words: &Words) -> Response {
    let said = words.catalogue().explain(problem);
    let status = status(problem);
    let details = ProblemDetails {
        r#type: format!("urn:yichuan:problem:{}", problem.code),
        title: said.what.clone(),
        status: status.as_u16(),
        detail: format!("{} {}", said.why, said.remedy),
        code: problem.code.clone(),
        what: said.what,
        why: said.why,
        r#do: said.remedy,
        exit: problem.exit,
        details: problem.details.clone(),
    };
    let mut response = (status, Json(details)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let wait = problem.details.get("seconds").and_then(|seconds| seconds.parse::<u64>().ok());
    if let (StatusCode::TOO_MANY_REQUESTS, Some(wait)) = (status, wait) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// The status of a problem: by its code where HTTP has a word for it, else by whose fault it is.
pub(crate) fn status(problem: &Problem) -> StatusCode {
    match problem.code.as_str() {
        "login_wanted" | "login_refused" => StatusCode::UNAUTHORIZED,
        "login_paused" | "officer_paused" | "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
        "host_unknown" => StatusCode::MISDIRECTED_REQUEST,
        "api_unknown" | "page_unknown" | "envelope_unknown" | "attachment_unknown" | "draft_unknown"
        | "officer_unknown" | "not_in_inbox" => StatusCode::NOT_FOUND,
        "api_not_json" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "method_unknown" => StatusCode::METHOD_NOT_ALLOWED,
        "body_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "idempotency_key_reused" => StatusCode::UNPROCESSABLE_ENTITY,
        "store_full" => StatusCode::INSUFFICIENT_STORAGE,
        code if code.starts_with("store_") => StatusCode::INTERNAL_SERVER_ERROR,
        _ => match problem.exit {
            EXIT_USAGE => StatusCode::BAD_REQUEST,
            EXIT_UNREACHABLE => StatusCode::GATEWAY_TIMEOUT,
            EXIT_POLICY => StatusCode::FORBIDDEN,
            EXIT_OVERDUE => StatusCode::CONFLICT,
            _ => StatusCode::CONFLICT,
        },
    }
}
