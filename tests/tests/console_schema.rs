//! The HTTP API against its own document: every operation of `/api/openapi.json` is asked with values that fit its schema,
//! drawn from a printed seed, and with values that do not. Whatever is asked: the node never answers that it is broken, a
//! success has the status and the shape that the document says, what does not fit is refused, and every refusal is a problem
//! (RFC 9457) with a code of the catalogue.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use hyper::Method;
use node::{
    catalogue::{Catalogue, Language},
    problem::Problem,
};
use serde_json::{Map, Value, json};
use tests::{
    cluster::Letter,
    house::{CITY, COUNTY, House, PASSWORD, Said},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
/// `YICHUAN_SEED=N` draws other values.
const SEED: u64 = 20_261_127;
/// Requests of fitting values for each operation.
const FITTING: usize = 8;
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];
/// What has no end, and what ends the node.
const NEVER_FITTING: [&str; 2] = ["events", "stop"];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_keeps_to_the_document_whatever_it_is_given() {
    let mut house = House::open(PROGRAM, CITY).await;
    house.officer("watch", "head_of_watch").await;
    house.officer("system", "system_admin").await;
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], "试")).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    house.locate().await;
    let mut api = Api::new(house, &id).await;
    let mut succeeded = BTreeSet::new();
    for (path, methods) in object(&api.document["paths"]).clone() {
        api.refuses_other_methods(&path, object(&methods)).await;
        for (method, operation) in object(&methods) {
            let name = operation["operationId"].as_str().unwrap();
            let one =
                Operation { method: method.to_uppercase().parse().unwrap(), path: &path, told: operation };
            if !NEVER_FITTING.contains(&name) {
                for _ in 0..FITTING {
                    if api.answers_what_fits(&one).await {
                        succeeded.insert(name.to_owned());
                    }
                }
            }
            api.refuses_what_does_not_fit(&one).await;
        }
    }
    println!("answered with success: {succeeded:?}");
    assert!(succeeded.len() > 25, "most that was drawn is refused: {succeeded:?}");
}

struct Operation<'a> {
    method: Method,
    path: &'a str,
    told: &'a Value,
}

impl Operation<'_> {
    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        self.told["parameters"].as_array().into_iter().flatten().filter(move |one| one["in"] == place)
    }

    fn body(&self) -> Option<&Value> {
        Some(&self.told.get("requestBody")?["content"]["application/json"]["schema"])
    }
}

/// What is asked.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    media_type: &'static str,
}

struct Api {
    house: House,
    document: Value,
    catalogue: Catalogue,
    sessions: Vec<[String; 2]>,
    texts: Vec<String>,
    random: u64,
}

impl Api {
    async fn new(house: House, id: &str) -> Self {
        let mut sessions = Vec::new();
        for (name, page) in [("watch", "/inbox"), ("system", "/admin")] {
            let cookie = house.log_in(name, PASSWORD, "").await.cookie();
            let token = house.get(page, &cookie).await.token();
            sessions.push([cookie, token]);
        }
        let document = house.get("/api/openapi.json", "").await.json();
        let random = std::env::var("YICHUAN_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
        println!("YICHUAN_SEED={random}");
        let odd = [
            "",
            "0",
            "true",
            "-1",
            "\0",
            "../../etc/passwd",
            "<b>&\"'",
            "\u{202e}火灾",
            "%FF%00",
            "{}",
            "report",
        ];
        let mut texts: Vec<String> = odd.map(str::to_owned).to_vec();
        texts.extend(["x".repeat(5_000), id[..12].to_owned(), COUNTY.to_owned()]);
        texts.extend(std::iter::repeat_n(id.to_owned(), 4));
        Self { house, document, catalogue: Catalogue::new(Language::English), sessions, texts, random }
    }

    /// xorshift64*, which nothing here depends on but the choice of values.
    fn draw(&mut self, below: usize) -> usize {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        usize::try_from(self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below
    }

    fn text(&mut self) -> String {
        let place = self.draw(self.texts.len());
        self.texts[place].clone()
    }

    fn resolved(&self, schema: &Value) -> Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(name) => {
                self.document.pointer(name.trim_start_matches('#')).expect("it leads somewhere").clone()
            }
            None => schema.clone(),
        }
    }

    /// A value that fits a schema.
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let choice = choices[self.draw(choices.len())].clone();
            return self.value(&choice, depth);
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        match kinds[self.draw(kinds.len())].as_str() {
            Some("string") => Value::from(self.text()),
            Some("boolean") => Value::from(self.draw(2) == 0),
            Some("integer" | "number") => {
                let from = schema["minimum"].as_i64().unwrap_or(-1);
                let most = schema["maximum"].as_u64().unwrap_or(i64::MAX as u64);
                [json!(from), json!(most), json!(from + 1), json!(from.max(0) + 60)][self.draw(4)].clone()
            }
            Some("array") => {
                if let Some(places) = schema["prefixItems"].as_array() {
                    return places.iter().map(|place| self.value(place, depth + 1)).collect();
                }
                let count = if depth > 4 { 0 } else { self.draw(3) };
                (0..count).map(|_| self.value(&schema["items"], depth + 1)).collect()
            }
            Some("object") => {
                let mut fields = Map::new();
                for (name, field) in object(&schema["properties"]) {
                    if is_required(&schema, name) || self.draw(2) == 0 {
                        fields.insert(name.clone(), self.value(field, depth + 1));
                    }
                }
                Value::Object(fields)
            }
            Some("null") => Value::Null,
            kind => panic!("a schema of an unknown kind: {kind:?}"),
        }
    }

    /// A request that fits.
    fn fitting(&mut self, one: &Operation<'_>) -> Asked {
        let mut path = one.path.to_owned();
        for place in one.parameters("path") {
            let mut text = self.text();
            if ["", "../../etc/passwd"].contains(&text.as_str()) {
                text = "none".to_owned();
            }
            path = path.replace(&format!("{{{}}}", place["name"].as_str().unwrap()), &encoded(&text));
        }
        let mut query = Vec::new();
        for place in one.parameters("query") {
            if place["required"] == true || self.draw(2) == 0 {
                let value = match self.value(&place["schema"], 0) {
                    Value::Null => continue,
                    Value::String(text) => text,
                    value => value.to_string(),
                };
                query.push((place["name"].as_str().unwrap().to_owned(), value));
            }
        }
        let body = one.body().map(|schema| self.value(schema, 0));
        Asked { path, query, body, media_type: "application/json" }
    }

    async fn ask(&self, method: &Method, asked: &Asked, session: usize) -> Said {
        let query: Vec<String> =
            asked.query.iter().map(|(name, text)| format!("{}={}", encoded(name), encoded(text))).collect();
        let address = format!("{}?{}", asked.path, query.join("&"));
        let [cookie, token] = &self.sessions[session];
        let headers =
            [("cookie", cookie.as_str()), ("x-csrf-token", token), ("content-type", asked.media_type)];
        let body = asked.body.as_ref().map(Value::to_string).unwrap_or_default();
        loop {
            let said = self.house.ask(method.clone(), &address, &headers, &body).await;
            if said.status != 429 {
                return said;
            }
            self.is_problem(&said, asked);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Whether it was done. Who asks is whoever may.
    async fn answers_what_fits(&mut self, one: &Operation<'_>) -> bool {
        let asked = self.fitting(one);
        let mut said = self.ask(&one.method, &asked, 0).await;
        if said.status == 403 {
            said = self.ask(&one.method, &asked, 1).await;
        }
        assert!(said.status.as_u16() < 500, "{} {asked:?}: {said:?}", one.method);
        if !said.status.is_success() {
            self.is_problem(&said, &asked);
            return false;
        }
        let documented = &one.told["responses"][said.status.as_str()];
        assert!(documented.is_object(), "{asked:?}: not documented: {said:?}");
        match documented.get("content") {
            None => assert_eq!(said.body, "", "{asked:?}"),
            Some(content) => {
                assert_eq!(said.header("content-type"), "application/json", "{asked:?}");
                self.fits(&said.json(), &content["application/json"]["schema"], &asked.path);
            }
        }
        true
    }

    async fn refuses_what_does_not_fit(&mut self, one: &Operation<'_>) {
        let whole = self.fitting(one);
        let mut wrong = Vec::new();
        let mut with = |change: &dyn Fn(&mut Asked)| {
            let mut asked = whole.clone();
            change(&mut asked);
            wrong.push(asked);
        };
        if one.told["operationId"] != "events" {
            with(&|asked| asked.query.push(("nonsense".to_owned(), "1".to_owned())));
            with(&|asked| asked.body = Some(json!([1])));
            with(&|asked| asked.body = Some(json!({ "nonsense": 1 })));
            with(&|asked| asked.body = Some(json!({ "verb": "status" })));
            with(&|asked| (asked.body, asked.media_type) = (Some(json!({})), "text/plain"));
        }
        for place in one.parameters("query").filter(|place| !allows(&place["schema"], "string")) {
            let name = place["name"].as_str().unwrap().to_owned();
            with(&|asked| {
                asked.query.retain(|(known, _)| *known != name);
                asked.query.push((name.clone(), "perhaps".to_owned()));
            });
            with(&|asked| asked.query.extend(std::iter::repeat_n((name.clone(), "1".to_owned()), 2)));
        }
        if !one.path.contains('{') {
            with(&|asked| asked.path += "/%FF");
        } else {
            with(&|asked| asked.path = one.path.replace(|c| ['{', '}'].contains(&c), "%FF"));
        }
        if let Some(schema) = one.body().map(|schema| self.resolved(schema)) {
            for (name, field) in object(&schema["properties"]) {
                for odd in [json!(1.5), json!("odd"), json!([[[]]]), json!({ "odd": 1 })] {
                    let kinds = ["number", "string", "array", "object"];
                    let kind = kinds.into_iter().find(|kind| is_of(&odd, kind)).unwrap();
                    if kind == "array" || !allows(&self.resolved(field), kind) {
                        with(&|asked| asked.body.as_mut().unwrap()[name] = odd.clone());
                    }
                }
                if is_required(&schema, name) {
                    with(&|asked| {
                        drop(asked.body.as_mut().and_then(Value::as_object_mut).unwrap().remove(name))
                    });
                }
            }
        }
        for asked in wrong {
            let said = self.ask(&one.method, &asked, 0).await;
            assert!(said.status.is_client_error(), "{} {asked:?} was taken: {said:?}", one.method);
            self.is_problem(&said, &asked);
        }
    }

    async fn refuses_other_methods(&self, path: &str, known: &Map<String, Value>) {
        let asked =
            Asked { path: path.replace(['{', '}'], ""), query: Vec::new(), body: None, media_type: "" };
        for method in METHODS.iter().filter(|method| !known.contains_key(&method.as_str().to_lowercase())) {
            let said = self.ask(method, &asked, 0).await;
            assert_eq!(said.status, 405, "{method} {path}: {said:?}");
            let allowed = said.header("allow");
            assert!(known.keys().all(|known| allowed.contains(&known.to_uppercase())), "{path}: {allowed}");
            self.is_problem(&said, &asked);
        }
    }

    fn is_problem(&self, said: &Said, asked: &Asked) {
        assert_eq!(said.header("content-type"), "application/problem+json", "{asked:?}: {said:?}");
        let problem = said.json();
        self.fits(&problem, &json!({ "$ref": "#/components/schemas/ProblemDetails" }), &asked.path);
        assert_eq!(problem["status"], said.status.as_u16(), "{asked:?}");
        let unlisted = self.catalogue.explain(&Problem::failed("no_such_code")).remedy;
        let said = self.catalogue.explain(&Problem::failed(said.code().as_str()));
        assert_ne!(said.remedy, unlisted, "{asked:?}: {problem} has a code that is not in the catalogue");
    }

    /// Checks an answer against its schema.
    fn fits(&self, value: &Value, schema: &Value, place: &str) {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            // Those of our answers are something or nothing, or are told apart by the one key that they have.
            let has_its_key = |choice: &&Value| match choice["required"].as_array() {
                Some(keys) => keys.iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
                None => value.is_null() == (choice["type"] == "null"),
            };
            let choice = choices.iter().find(has_its_key);
            self.fits(value, choice.unwrap_or_else(|| panic!("{place}: {value} is none of {schema}")), place);
            return;
        }
        let kinds = ["null", "boolean", "integer", "number", "string", "array", "object"];
        let is_allowed = kinds.iter().any(|kind| is_of(value, kind) && allows(&schema, kind));
        assert!(is_allowed || schema.get("type").is_none(), "{place}: {value} is no {schema}");
        for (number, item) in value.as_array().into_iter().flatten().enumerate() {
            let schema = schema["prefixItems"].get(number).unwrap_or(&schema["items"]);
            self.fits(item, schema, &format!("{place}[{number}]"));
        }
        if let Some(fields) = value.as_object().filter(|_| schema.get("properties").is_some()) {
            let known = object(&schema["properties"]);
            let missing = known.keys().find(|name| is_required(&schema, name) && !fields.contains_key(*name));
            assert_eq!(missing, None, "{place}: {value}");
            for (name, field) in fields {
                let schema = known.get(name).unwrap_or_else(|| panic!("{place}.{name} is not documented"));
                self.fits(field, schema, &format!("{place}.{name}"));
            }
        }
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|list| list.iter().any(|item| item == name))
}

fn allows(schema: &Value, kind: &str) -> bool {
    let one = |known: &Value| known == kind || (kind == "integer" && known == "number");
    schema["type"].as_array().map_or_else(|| one(&schema["type"]), |kinds| kinds.iter().any(one))
        || schema["oneOf"]
            .as_array()
            .is_some_and(|choices| choices.iter().any(|choice| choice.get("$ref").is_some()))
            && kind == "object"
}

fn is_of(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
