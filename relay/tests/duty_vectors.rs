//! The test vectors of the judge: facts in, findings out, as data (`duty_vectors/vectors.json`), so that a verifier in
//! another language can run the very same ones. The packs are those of the program, or files beside the vectors.
//!
//! A vector says which rules it expects, with those fields of each that matter to it: `flags` are beginnings that must be
//! there, `no_flags` such that must not. `only` means that no other rule may appear.

#![expect(clippy::unwrap_used, reason = "everything here is a test")]

use std::{collections::BTreeSet, fs, path::Path};

use relay::duty::{Facts, RulePack, builtin, judge, pack_file};
use serde_json::Value;

const VECTORS: &str = include_str!("duty_vectors/vectors.json");

fn vectors() -> Vec<Value> {
    serde_json::from_str(VECTORS).unwrap()
}

/// A pack of the program by its name, or a file beside the vectors.
fn pack(name: &str) -> RulePack {
    if let Some(pack) = builtin::pack(name) {
        return pack;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/duty_vectors").join(name);
    let text = fs::read_to_string(path).unwrap();
    pack_file::parse(name, &text, &builtin::packs()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn findings(vector: &Value) -> Vec<Value> {
    let packs: Vec<RulePack> =
        vector["packs"].as_array().unwrap().iter().map(|name| pack(name.as_str().unwrap())).collect();
    let facts: Facts = serde_json::from_value(vector["facts"].clone()).unwrap();
    let found = judge(&packs, &builtin::calendars(), &facts);
    found.iter().map(|finding| serde_json::to_value(finding).unwrap()).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// What of a vector does not hold.
fn complaints(vector: &Value) -> Vec<String> {
    let found = findings(vector);
    let expected = vector["expect"].as_array().unwrap();
    let id = vector["id"].as_str().unwrap();
    let mut complaints = Vec::new();
    let rules = |list: &[Value]| list.iter().map(|one| one["rule"].to_string()).collect::<BTreeSet<_>>();
    if vector["only"] == true && rules(&found) != rules(expected) {
        complaints.push(format!("{id}: rules {:?}, expected {:?}", rules(&found), rules(expected)));
    }
    for absent in
        texts(&vector["absent"]).into_iter().filter(|rule| found.iter().any(|one| one["rule"] == *rule))
    {
        complaints.push(format!("{id}: {absent} should be absent"));
    }
    for wanted in expected {
        let rule = &wanted["rule"];
        let Some(finding) = found.iter().find(|one| one["rule"] == *rule) else {
            complaints.push(format!("{id}: {rule} is absent"));
            continue;
        };
        for (key, value) in wanted.as_object().unwrap().iter().filter(|(key, _)| !key.ends_with("flags")) {
            if finding[key] != *value {
                complaints.push(format!("{id}: {rule} {key} is {}, expected {value}", finding[key]));
            }
        }
        let flags = texts(&finding["flags"]);
        for flag in
            texts(&wanted["flags"]).into_iter().filter(|flag| !flags.iter().any(|has| has.starts_with(flag)))
        {
            complaints.push(format!("{id}: {rule} lacks the flag {flag}: {flags:?}"));
        }
        for flag in texts(&wanted["no_flags"])
            .into_iter()
            .filter(|flag| flags.iter().any(|has| has.starts_with(flag)))
        {
            complaints.push(format!("{id}: {rule} has the flag {flag}"));
        }
    }
    complaints
}

#[test]
fn every_vector_holds() {
    let vectors = vectors();
    assert!(vectors.len() > 100, "{} vectors", vectors.len());
    let complaints: Vec<String> = vectors.iter().flat_map(complaints).collect();
    assert!(
        complaints.is_empty(),
        "{} of {} vectors:\n{}",
        complaints.len(),
        vectors.len(),
        complaints.join("\n")
    );
}

#[test]
fn no_two_vectors_have_one_name_and_every_built_in_pack_is_judged() {
    let vectors = vectors();
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), vectors.len());
    let packs: BTreeSet<&str> = vectors.iter().flat_map(|vector| texts(&vector["packs"])).collect();
    for pack in builtin::packs() {
        assert!(packs.contains(pack.name.as_str()), "{} has no vector", pack.name);
    }
}

#[test]
fn a_vector_that_expects_something_else_fails() {
    let mut vector = vectors().into_iter().find(|vector| vector["id"] == "b3-01").unwrap();
    assert_eq!(complaints(&vector), Vec::<String>::new());
    vector["expect"][0]["late_by_ms"] = Value::from(1);
    vector["expect"][1]["flags"] = serde_json::json!(["open"]);
    assert_eq!(complaints(&vector).len(), 2);
}
