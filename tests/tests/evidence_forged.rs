//! What a room that lies can do with an evidence file that is whole and signed: nothing.

use node::bench::evidence::sample::{BEGIN_MS, CITY, COUNTY, PROVINCE, Sample, Wish};
use relay::{
    duty::Verdict,
    evidence::{
        Account, Judge, MessageAccount, RuleVerdict, Silence, VerifyError,
        invalid::{Fault, Invalid},
        verify,
    },
    receipt::Event,
    timestamp::Timestamp,
};
use topology::{Map, RoomId};

const RECEIPTS: u64 = 300;

#[derive(Default)]
struct Kept {
    messages: Vec<MessageAccount>,
    verdicts: Vec<RuleVerdict>,
}

impl Account for Kept {
    fn message(&mut self, _: &Map, message: &MessageAccount) {
        self.messages.push(message.clone());
    }

    fn verdict(&mut self, _: &Map, verdict: RuleVerdict) {
        self.verdicts.push(verdict);
    }
}

fn told(wish: Wish) -> Result<Kept, VerifyError> {
    let sample = Sample::new(Wish { receipts: RECEIPTS, ..wish });
    let file = sample.write(Vec::new()).unwrap();
    let mut kept = Kept::default();
    let mut judge = Judge::new(&mut kept);
    verify(file.as_slice(), &sample.root(), &mut judge)?;
    judge.finish();
    Ok(kept)
}

fn fault(wish: Wish) -> (String, Fault) {
    match told(wish).err().expect("it must not verify") {
        VerifyError::Invalid(Invalid { place, fault }) => (place.to_string(), fault),
        VerifyError::Unreadable(error) => panic!("{error}"),
    }
}

#[test]
fn honest_evidence_verifies_and_every_message_has_its_verdict() {
    let kept = told(Wish::default()).unwrap();
    assert_eq!((kept.messages.len(), kept.verdicts.len()), (170, 170));
    assert!(
        kept.verdicts.iter().all(|v| (v.working.verdict, v.proven) == (Verdict::OnTime, Verdict::OnTime))
    );
}

#[test]
fn a_key_that_was_revoked_later_does_not_spoil_what_was_seen_before() {
    let kept = told(Wish { stolen_since_ms: Some(BEGIN_MS + 86_400_000), ..Wish::default() }).unwrap();
    assert_eq!(kept.messages.len(), 170);
}

#[test]
fn a_key_that_was_stolen_before_signs_nothing_that_counts() {
    let (place, fault) = fault(Wish { stolen_since_ms: Some(BEGIN_MS), ..Wish::default() });
    assert_eq!(place, "evidence/0001.cbor (message 1 receipt 1)");
    assert!(matches!(fault, Fault::Key { .. }), "{fault}");
}

#[test]
fn what_a_thief_signs_after_the_theft_is_found_though_older_evidence_in_the_same_file_counts() {
    // Stolen after the first group was dated, before the second one.
    let (place, fault) = fault(Wish { stolen_since_ms: Some(BEGIN_MS + 95_000), ..Wish::default() });
    assert_eq!(place, "evidence/0002.cbor (message 1 receipt 1)");
    assert!(matches!(fault, Fault::Key { .. }), "{fault}");
}

#[test]
fn a_clock_that_was_put_back_improves_nothing() {
    let honest = told(Wish::default()).unwrap();
    let lying = told(Wish { back_dated_ms: 3_600_000, ..Wish::default() }).unwrap();
    for (true_one, false_one) in honest.messages.iter().zip(&lying.messages) {
        let accepted = |message: &MessageAccount| {
            let event = message.events.iter().find(|event| event.receipt.event == Event::Accepted);
            event.unwrap().clone()
        };
        let (honest, lying) = (accepted(true_one), accepted(false_one));
        assert_eq!(honest.receipt.issuer, COUNTY);
        assert_eq!(honest.timed.proven, lying.timed.proven);
        assert!(lying.timed.is_contradicted && lying.timed.attested.is_none());
        assert!(!honest.timed.is_contradicted && honest.timed.attested.is_some());
    }
}

#[test]
fn two_histories_of_one_log_do_not_fit_into_one_file() {
    let (place, fault) = fault(Wish { is_forked: true, ..Wish::default() });
    assert_eq!(place, "evidence/0001.cbor (head 1)");
    assert!(matches!(fault, Fault::Object(_)), "{fault}");
}

#[test]
fn a_receipt_of_another_envelope_is_not_taken_for_one_of_this() {
    let (place, fault) = fault(Wish { is_swapped: true, ..Wish::default() });
    assert_eq!(place, "evidence/0001.cbor (message 1 receipt 3)");
    assert!(matches!(fault, Fault::Policy(_)), "{fault}");
}

#[test]
fn a_message_counts_once_and_the_second_copy_is_named() {
    let (place, fault) = fault(Wish { is_doubled: true, ..Wish::default() });
    assert_eq!((place.as_str(), fault), ("evidence/0001.cbor (message 86)", Fault::Twice));
}

#[test]
fn a_case_that_is_torn_apart_is_not_judged_in_parts() {
    let (place, fault) = fault(Wish { is_scattered: true, ..Wish::default() });
    assert_eq!((place.as_str(), fault), ("evidence/0001.cbor (message 3)", Fault::Scattered));
}

#[test]
fn a_note_without_a_case_leaves_no_gap_in_one() {
    assert_eq!(told(Wish { is_case: true, ..Wish::default() }).unwrap().messages.len(), 170);
}

#[test]
fn a_root_hub_dates_nothing_with_a_key_that_is_out_of_use_or_stolen() {
    // The first group is dated 90 seconds after the beginning, the second 85 later.
    for until in [30_000, 100_000] {
        let until = BEGIN_MS + until;
        for wish in [
            Wish { root_until_ms: Some(until), ..Wish::default() },
            Wish { root_stolen_since_ms: Some(until), ..Wish::default() },
        ] {
            let (place, fault) = fault(wish);
            assert_eq!(place, "log/as-of.cbor", "the newest head is dated last: {fault}");
            assert!(matches!(fault, Fault::Key { .. }), "{fault}");
        }
    }
    let later = BEGIN_MS + 3_600_000;
    let wish = Wish { root_until_ms: Some(later), root_stolen_since_ms: Some(later), ..Wish::default() };
    assert_eq!(told(wish).unwrap().messages.len(), 170);
}

#[test]
fn a_hub_of_the_time_has_its_say_though_the_room_has_moved_since() {
    assert_eq!(told(Wish { is_moved: true, ..Wish::default() }).unwrap().messages.len(), 170);
    let (place, fault) = fault(Wish { is_moved: true, forgets_plan: true, ..Wish::default() });
    assert_eq!(place, "evidence/0001.cbor (message 1 receipt 2)");
    assert!(matches!(fault, Fault::Policy(_)), "{fault}");
}

/// What the city claims of a room between two instants, in milliseconds after the beginning, by both verifiers. The first head is
/// dated at 90 s, the last one cites a tick of 255 s.
fn silence(peer: RoomId, [from, to]: [i64; 2], left_out: Option<usize>) -> Option<(String, Fault)> {
    let sample = Sample::new(Wish { receipts: RECEIPTS, ..Wish::default() });
    let [from, to] = [from, to].map(|ms| Timestamp::from_ms(BEGIN_MS + ms));
    let bytes = sample.write_silence(Silence { peer, from, to }, left_out);
    let place = tempfile::tempdir().unwrap();
    let theirs = by_python(&sample, &bytes, place.path()).0;
    let mut kept = Kept::default();
    match verify(bytes.as_slice(), &sample.root(), &mut Judge::new(&mut kept)) {
        Ok(conclusion) => {
            assert_eq!((theirs, conclusion.span.unwrap().own.len()), (Some(0), 170));
            None
        }
        Err(VerifyError::Invalid(Invalid { place, fault })) => {
            assert_eq!(theirs, Some(6), "{fault}");
            Some((place.to_string(), fault))
        }
        Err(VerifyError::Unreadable(error)) => panic!("{error}"),
    }
}

#[test]
fn silence_is_what_all_leaves_between_two_heads_show_and_no_more() {
    assert_eq!(silence(PROVINCE, [90_000, 255_000], None), None);
    let (place, fault) = silence(COUNTY, [90_000, 255_000], None).unwrap();
    assert_eq!(
        (place.as_str(), fault),
        ("log/span.cbor", Fault::NotSilent { leaf: 256 }),
        "the city's custody"
    );
    for beyond in [[89_999, 255_000], [90_000, 255_001], [200_000, 200_000]] {
        let (_, fault) = silence(PROVINCE, beyond, None).unwrap();
        assert_eq!(fault, Fault::Policy("its heads do not span the time"), "{beyond:?}");
    }
    let (place, fault) = silence(PROVINCE, [90_000, 255_000], Some(7)).unwrap();
    assert!(place == "log/span.cbor" && matches!(fault, Fault::Leaf { .. }), "{fault}");
    assert!(matches!(silence(CITY, [90_000, 255_000], None), Some((_, Fault::Policy(_)))));
}

fn by_python(sample: &Sample, bytes: &[u8], place: &std::path::Path) -> (Option<i32>, serde_json::Value) {
    let (file, anchor) = (place.join("file.zip"), place.join("anchor.pem"));
    std::fs::write(&file, bytes).unwrap();
    std::fs::write(&anchor, certs::certificate::certificates_to_pem(&[sample.root()])).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/verify.py");
    let run = std::process::Command::new("python3").arg(script).args([&file, &anchor]).output().unwrap();
    (run.status.code(), serde_json::from_slice(&run.stdout).unwrap_or_default())
}

/// The verifier that was written from the documents alone judges every bent file as ours does.
#[test]
fn both_verifiers_agree_on_every_forgery() {
    let later = Some(BEGIN_MS + 100_000);
    let wishes = [
        Wish::default(),
        Wish { stolen_since_ms: later, ..Wish::default() },
        Wish { back_dated_ms: 3_600_000, ..Wish::default() },
        Wish { is_forked: true, ..Wish::default() },
        Wish { is_swapped: true, ..Wish::default() },
        Wish { is_doubled: true, ..Wish::default() },
        Wish { is_scattered: true, ..Wish::default() },
        Wish { is_case: true, ..Wish::default() },
        Wish { is_moved: true, ..Wish::default() },
        Wish { is_moved: true, forgets_plan: true, ..Wish::default() },
        Wish { root_until_ms: later, ..Wish::default() },
        Wish { root_stolen_since_ms: later, ..Wish::default() },
    ];
    let place = tempfile::tempdir().unwrap();
    for wish in wishes {
        let sample = Sample::new(Wish { receipts: RECEIPTS, ..wish });
        let (code, said) = by_python(&sample, &sample.write(Vec::new()).unwrap(), place.path());
        let ours = told(wish).map(|kept| {
            let mut words: Vec<_> =
                kept.verdicts.iter().map(|v| v.working.verdict.word().to_owned()).collect();
            words.sort();
            words
        });
        let mut theirs: Vec<String> = said["verdicts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|verdict| verdict["verdict"].as_str().map(str::to_owned))
            .collect();
        theirs.sort();
        match ours {
            Ok(ours) => assert_eq!((said["valid"].as_bool(), theirs), (Some(true), ours), "{wish:?}: {said}"),
            Err(error) => assert_eq!(code, Some(6), "{wish:?}: {error}, {said}"),
        }
    }
}
