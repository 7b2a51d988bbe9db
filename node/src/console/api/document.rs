//! The OpenAPI 3.1 document, made of the table of routes and of the shapes that requests and answers have.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use super::{
    problem::ProblemDetails,
    route::{ROUTES, Route, Shapes, several, shape},
};
use crate::control::request::Request;

/// The whole document.
pub(super) fn openapi() -> Value {
    let mut shapes = Shapes::new();
    let problem = shape::<ProblemDetails>(&mut shapes);
    let variants = variants(&mut shapes);
    let mut paths: Map<String, Value> = Map::new();
    for route in &ROUTES {
        let operation = operation(route, &variants, &json(&problem), &mut shapes);
        let method = route.method().as_str().to_ascii_lowercase();
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method] = operation;
    }
    paths.insert("/api/events".to_owned(), events(&json(&problem)));
    let schemas: Map<String, Value> = shapes.into_iter().map(|(name, shape)| (name, json(&shape))).collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "yichuan",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One duty room's node. Times are milliseconds since 1970, UTC.",
            "license": { "name": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "officer": { "type": "http", "scheme": "basic" },
                "session": { "type": "apiKey", "in": "cookie", "name": "yichuan-PORT" },
            },
        },
        "security": [{ "officer": [] }, { "session": [] }],
    });
    tighten(&mut document);
    document
}

/// The names that a request of one route may carry.
pub(super) struct Names {
    /// Those in its query whose value is a text, whatever it looks like.
    pub(super) texts: BTreeSet<String>,
    /// All; none where a type that is carried whole refuses others itself.
    pub(super) all: Option<BTreeSet<String>>,
}

/// The names of each route of the table.
pub(super) fn names() -> Vec<Names> {
    let variants = variants(&mut Shapes::new());
    let is_text = |parameter: &Value| {
        let kind = &parameter["schema"]["type"];
        kind == "string" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "string"))
    };
    let name = |parameter: &Value| parameter["name"].as_str().map(str::to_owned);
    let names = |route: &Route| {
        let variant = variants.get(route.verb).cloned().unwrap_or_default();
        let parameters = parameters(route, &variant);
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let own = properties(&variant).map(|(name, _)| name.clone());
        Names {
            texts: query.filter(|parameter| is_text(parameter)).filter_map(name).collect(),
            all: variant
                .get("allOf")
                .is_none()
                .then(|| own.chain(parameters.iter().filter_map(name)).collect()),
        }
    };
    ROUTES.iter().map(names).collect()
}

/// What the shapes leave open and the node does not: a pair has two places, and a number that is never negative has one
/// bit more.
fn tighten(value: &mut Value) {
    if let Some(places) = value.get("prefixItems").and_then(Value::as_array).map(Vec::len) {
        (value["minItems"], value["maxItems"]) = (places.into(), places.into());
    }
    if value.get("format").is_some_and(|format| format == "int64")
        && value.get("minimum").is_some_and(|minimum| minimum == 0)
    {
        (value["format"], value["maximum"]) = ("uint64".into(), u64::MAX.into());
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(fields) => fields.values_mut().for_each(tighten),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The fields of each request by verb, as the type itself tells them.
fn variants(shapes: &mut Shapes) -> Map<String, Value> {
    <Request as utoipa::ToSchema>::schemas(shapes);
    let all = json(&<Request as PartialSchema>::schema());
    let empty = Vec::new();
    let variants = all["oneOf"].as_array().unwrap_or(&empty);
    variants.iter().filter_map(|variant| Some((verb_of(variant)?, variant.clone()))).collect()
}

/// The verb of a variant, whether its fields are its own or those of a type that it carries.
fn verb_of(variant: &Value) -> Option<String> {
    let own = |schema: &Value| Some(schema["properties"]["verb"]["enum"][0].as_str()?.to_owned());
    own(variant).or_else(|| variant["allOf"].as_array()?.iter().find_map(own))
}

fn operation(route: &Route, variants: &Map<String, Value>, problem: &Value, shapes: &mut Shapes) -> Value {
    let variant = variants.get(route.verb).cloned().unwrap_or_default();
    let answer = route.answer.map(|shape| {
        let one = shape(shapes);
        if route.is_list { page(&json(&several(one))) } else { json(&one) }
    });
    let done = match answer {
        Some(schema) => {
            json!({ "200": { "description": "done", "content": { "application/json": { "schema": schema } } } })
        }
        None => json!({ "204": { "description": "done" } }),
    };
    let mut responses = done;
    responses["default"] = json!({
        "description": "nothing was changed",
        "content": { "application/problem+json": { "schema": problem } },
    });
    let mut operation = json!({
        "operationId": route.verb,
        "summary": variant["description"],
        "parameters": parameters(route, &variant),
        "responses": responses,
    });
    if !route.method().is_safe()
        && let Some(body) = body(route, &variant)
    {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": body } } });
    }
    operation
}

/// What stands in the address, and of what only reads also the query.
fn parameters(route: &Route, variant: &Value) -> Vec<Value> {
    let mut parameters: Vec<Value> = places(route)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if route.method().is_safe() {
        for (name, schema) in
            properties(variant).filter(|(name, _)| !places(route).any(|place| place == name.as_str()))
        {
            let required = is_required(route, variant, name);
            parameters.push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
        }
    }
    if route.takes_key() {
        parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 255 },
            "description": "Given again with the same request, nothing is sent again and the answer is the same." }));
    }
    if route.is_list {
        parameters.push(json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 1000 } }));
        parameters.push(json!({ "name": "cursor", "in": "query", "schema": { "type": "string", "pattern": "^([2-7][0-9a-f])+$" },
            "description": "`next` of the page before, as it is." }));
    }
    parameters
}

/// What stands in the body; nothing where the address says all.
fn body(route: &Route, variant: &Value) -> Option<Value> {
    if let Some(carried) = variant["allOf"].as_array() {
        return carried.iter().find(|part| part.get("$ref").is_some()).cloned();
    }
    let fields: Map<String, Value> = properties(variant)
        .filter(|(name, _)| !places(route).any(|place| place == name.as_str()))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    if fields.is_empty() {
        return None;
    }
    let required: Vec<&String> = fields.keys().filter(|name| is_required(route, variant, name)).collect();
    Some(
        json!({ "type": "object", "properties": fields, "required": required, "additionalProperties": false }),
    )
}

fn properties(variant: &Value) -> impl Iterator<Item = (&String, &Value)> {
    variant["properties"].as_object().into_iter().flatten().filter(|(name, _)| *name != "verb")
}

fn is_required(route: &Route, variant: &Value, name: &str) -> bool {
    let listed = variant["required"].as_array().is_some_and(|list| list.iter().any(|item| item == name));
    listed && !route.defaults.iter().any(|(known, _)| *known == name)
}

fn places(route: &Route) -> impl Iterator<Item = &str> {
    route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn page(items: &Value) -> Value {
    json!({
        "type": "object",
        "properties": { "items": items, "next": { "type": ["string", "null"] } },
        "required": ["items", "next"],
    })
}

fn events(problem: &Value) -> Value {
    json!({ "get": {
        "operationId": "events",
        "summary": "What happens, as server-sent events: delivered, receipt, changed; reset means read again, beat that the node is there.",
        "parameters": [{ "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" } }],
        "responses": {
            "200": { "description": "events", "content": { "text/event-stream": { "schema": { "type": "string" } } } },
            "default": { "description": "refused", "content": { "application/problem+json": { "schema": problem } } },
        },
    } })
}

fn json(shape: &impl serde::Serialize) -> Value {
    serde_json::to_value(shape).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_of_the_control_socket_has_its_endpoint_and_none_other() {
        let verbs: BTreeSet<String> = variants(&mut Shapes::new()).keys().cloned().collect();
        let served: BTreeSet<String> = ROUTES.iter().map(|route| route.verb.to_owned()).collect();
        assert!(verbs.len() > 30);
        assert_eq!(verbs, served);
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere_and_every_operation_is_named_once() {
        let document = openapi();
        let text = document.to_string();
        let mut names = BTreeSet::new();
        for rest in text.split("#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            names.insert(name);
        }
        assert!(names.contains("SendRequest") && names.contains("InboxLine"), "{names:?}");
        let send = &document["paths"]["/api/messages"]["post"];
        assert!(send["requestBody"].to_string().contains("SendRequest"), "{send}");
        let all = &document["paths"]["/api/inbox"]["get"]["parameters"][0];
        assert_eq!(
            (all["name"].as_str(), all["schema"]["type"].as_str()),
            (Some("all"), Some("boolean")),
            "{all}"
        );
    }
}
