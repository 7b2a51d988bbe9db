//! The judge that was written from the documents alone comes to the verdicts that the test vectors expect, and so to those of
//! this program. When something was due and whose cause it was is compared on whole files (`evidence.rs`, `evidence_forged.rs`).

use std::{path::Path, process::Command};

use serde_json::Value;

#[test]
fn both_judges_come_to_the_same_verdicts_on_every_vector_that_signed_messages_can_tell() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let relay = home.join("../relay");
    let packs = std::fs::read_dir(relay.join("data/packs")).unwrap().map(|file| file.unwrap().path());
    let run = Command::new("python3")
        .arg(home.join("verifier/vectors.py"))
        .arg(relay.join("tests/duty_vectors/vectors.json"))
        .args(packs)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    assert_eq!(told["wrong"], Value::Array(Vec::new()));
    assert!(told["vectors"].as_u64() > Some(100) && told["findings"].as_u64() > Some(150), "{told}");
}
