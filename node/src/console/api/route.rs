//! The table of the API: one row for each request of the control socket.

use axum::http::Method;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Array, Ref, RefOr, Schema},
};

use crate::control::view;

/// Shapes that the document names, by name.
pub(super) type Shapes = Vec<(String, RefOr<Schema>)>;

/// One endpoint.
pub(super) struct Route {
    method: Verb,
    /// The path, in axum's and in OpenAPI's syntax alike.
    pub(super) path: &'static str,
    /// The verb of [`crate::control::request::Request`].
    pub(super) verb: &'static str,
    /// Whether the answer is a list, given in pages.
    pub(super) is_list: bool,
    /// What is taken for a field that is not given.
    pub(super) defaults: &'static [(&'static str, Default)],
    /// The shape of the answer, or of one item of it; none where nothing is said but done.
    pub(super) answer: Option<fn(&mut Shapes) -> RefOr<Schema>>,
}

#[derive(Clone, Copy)]
enum Verb {
    Get,
    Post,
    Delete,
}

/// A field's value where none is given.
pub(super) enum Default {
    No,
    Number(u64),
}

impl Default {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::No => Value::Bool(false),
            Self::Number(number) => Value::from(*number),
        }
    }
}

impl Route {
    pub(super) fn method(&self) -> Method {
        match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Delete => Method::DELETE,
        }
    }

    /// Whether it sends something, so that it may be repeated under a key.
    pub(super) fn takes_key(&self) -> bool {
        ["send", "phone-note"].contains(&self.verb)
    }

    const fn get<T: ToSchema>(path: &'static str, verb: &'static str) -> Self {
        Self { method: Verb::Get, path, verb, is_list: false, defaults: &[], answer: Some(shape::<T>) }
    }

    const fn list<T: ToSchema>(path: &'static str, verb: &'static str) -> Self {
        Self { is_list: true, ..Self::get::<T>(path, verb) }
    }

    const fn post<T: ToSchema>(path: &'static str, verb: &'static str) -> Self {
        Self { method: Verb::Post, ..Self::get::<T>(path, verb) }
    }

    /// An order that is answered with done.
    const fn order(path: &'static str, verb: &'static str) -> Self {
        Self { method: Verb::Post, path, verb, is_list: false, defaults: &[], answer: None }
    }

    const fn or(self, defaults: &'static [(&'static str, Default)]) -> Self {
        Self { defaults, ..self }
    }
}

/// Names a shape and notes it with all that it is made of.
pub(super) fn shape<T: ToSchema>(shapes: &mut Shapes) -> RefOr<Schema> {
    let name = T::name().into_owned();
    if !shapes.iter().any(|(known, _)| *known == name) {
        shapes.push((name.clone(), <T as PartialSchema>::schema()));
        T::schemas(shapes);
    }
    Ref::from_schema_name(name).into()
}

/// Several of a shape.
pub(super) fn several(one: RefOr<Schema>) -> Schema {
    Schema::Array(Array::new(one))
}

const PATIENCE: Default = Default::Number(5_000);
const DAY_S: Default = Default::Number(24 * 3_600);

/// The whole API but `/api/events` and `/api/openapi.json`.
pub(super) const ROUTES: [Route; 50] = [
    Route::get::<view::Status>("/api/status", "status"),
    Route::list::<view::Check>("/api/doctor", "doctor").or(&[("kept", Default::No)]),
    Route::get::<view::Progress>("/api/progress", "progress"),
    Route::post::<view::Trace>("/api/pings", "ping").or(&[("timeout_ms", PATIENCE)]),
    Route::list::<view::InboxLine>("/api/inbox", "inbox").or(&[("all", Default::No)]),
    Route::list::<view::SentLine>("/api/outbox", "outbox"),
    Route::list::<view::DueLine>("/api/due", "due").or(&[("all", Default::No)]),
    Route::post::<view::Sent>("/api/messages", "send"),
    Route::post::<view::Preview>("/api/messages/preview", "preview"),
    Route::list::<view::DraftLine>("/api/drafts", "draft-list"),
    Route::post::<view::DraftLine>("/api/drafts", "draft-keep"),
    Route::get::<view::Draft>("/api/drafts/{id}", "draft-show"),
    Route::order("/api/drafts/{id}/return", "draft-return"),
    Route { method: Verb::Delete, ..Route::order("/api/drafts/{id}", "draft-drop") },
    Route::list::<view::RoomLine>("/api/rooms", "rooms"),
    Route::list::<view::CaseLine>("/api/cases", "cases"),
    Route::get::<view::Opened>("/api/messages/{id}", "show"),
    Route::get::<view::AttachmentFile>("/api/messages/{id}/attachments/{name}", "attachment"),
    Route::list::<view::ReceiptLine>("/api/messages/{id}/receipts", "receipts"),
    Route::order("/api/messages/{id}/deeds", "deed"),
    Route::order("/api/messages/{id}/rang", "rang"),
    Route::list::<view::Outage>("/api/outages", "outages"),
    Route::list::<view::LinkDay>("/api/links/days", "link-days"),
    Route::list::<view::ExplainedDuty>("/api/messages/{id}/limits", "rules-explain"),
    Route::get::<view::EvidenceFile>("/api/messages/{id}/evidence", "evidence-export").or(&[
        ("case", Default::No),
        ("text", Default::No),
        ("personal", Default::No),
    ]),
    Route::post::<view::EvidenceFile>("/api/silence", "evidence-silence"),
    Route::order("/api/messages/{id}/await", "await").or(&[("timeout_ms", PATIENCE)]),
    Route::list::<view::CallLine>("/api/calls", "calls"),
    Route::post::<view::Noted>("/api/calls", "phone-note"),
    Route::list::<view::QueueLine>("/api/queue", "queue-list"),
    Route::get::<view::QueueEntry>("/api/queue/{id}", "queue-show"),
    Route::order("/api/queue/{id}/retry", "queue-retry"),
    Route::list::<view::Joining>("/api/invitations", "invite-pending"),
    Route::post::<view::Invited>("/api/invitations", "invite")
        .or(&[("ttl_s", DAY_S), ("trust_token", Default::No)]),
    Route::post::<view::Joining>("/api/invitations/confirm", "invite-confirm"),
    Route::list::<view::Officer>("/api/officers", "officer-list"),
    Route::post::<view::Officer>("/api/officers", "officer-add"),
    Route { method: Verb::Delete, ..Route::order("/api/officers/{officer}", "officer-disable") },
    Route::list::<view::Certificate>("/api/certificates", "certificate-list"),
    Route::post::<view::Certificate>("/api/certificates/renew", "certificate-renew"),
    Route::post::<view::Certificate>("/api/certificates/revoke", "certificate-revoke"),
    Route::get::<view::MapText>("/api/map", "map-show"),
    Route::post::<view::MapText>("/api/map", "map-apply"),
    Route::get::<view::RulesInForce>("/api/rules", "rules-list"),
    Route::post::<view::RulesPreview>("/api/rules/preview", "rules-preview"),
    Route::post::<view::SignedDocuments>("/api/rules/sign", "rules-sign"),
    Route::order("/api/losses/accept", "loss-accept"),
    Route::order("/api/demo/links", "link"),
    Route::order("/api/demo/clock", "clock"),
    Route::order("/api/stop", "stop"),
];
