//! The check (校验): the file is read as a stranger would read it, with nothing but the root certificate, and what it proves
//! is counted and judged anew.

use relay::evidence::{self, Account, Judge, MessageAccount, RuleVerdict};
use topology::Map;

use crate::{
    console::page::{Visit, clock_time},
    problem::Problem,
};

/// What the check has found.
pub(crate) enum Checked {
    Valid(Valid),
    /// Where it is broken, and how.
    Invalid {
        place: String,
        fault: String,
    },
}

/// What a valid file proves.
pub(crate) struct Valid {
    pub(crate) messages: u64,
    pub(crate) receipts: u64,
    pub(crate) size_bytes: usize,
    pub(crate) digest: String,
    /// The date of the newest head; nothing later is proven.
    pub(crate) as_of: String,
    /// Rule, verdict by attested times, verdict by root time alone.
    pub(crate) verdicts: Vec<[String; 3]>,
}

#[derive(Default)]
struct Counted {
    receipts: u64,
    verdicts: Vec<[String; 3]>,
}

impl Account for Counted {
    fn message(&mut self, _: &Map, message: &MessageAccount) {
        self.receipts += message.events.len() as u64;
    }

    fn verdict(&mut self, _: &Map, verdict: RuleVerdict) {
        let words = [verdict.working.verdict.word(), verdict.proven.word()].map(str::to_owned);
        let [working, proven] = words;
        self.verdicts.push([verdict.working.rule, working, proven]);
    }
}

/// Reads the file where computing may take its time.
pub(crate) async fn check(visit: &Visit, bytes: Vec<u8>) -> Checked {
    let trust = visit.console.node.trust.current();
    let root = trust.root.clone();
    let reading = tokio::task::spawn_blocking(move || read(&bytes, &root));
    let checked = reading.await.unwrap_or_else(|error| Checked::Invalid {
        place: "-".to_owned(),
        fault: Problem::failed("control_broken").with("detail", error).to_string(),
    });
    match checked {
        Checked::Valid(mut valid) => {
            let w = visit.words();
            for [_, working, proven] in &mut valid.verdicts {
                (*working, *proven) = (w.word("verdict", working), w.word("verdict", proven));
            }
            Checked::Valid(valid)
        }
        invalid @ Checked::Invalid { .. } => invalid,
    }
}

fn read(bytes: &[u8], root: &certs::certificate::CertificateDer<'static>) -> Checked {
    let mut counted = Counted::default();
    let mut judge = Judge::new(&mut counted);
    match evidence::verify(bytes, root, &mut judge) {
        Ok(conclusion) => {
            judge.finish();
            Checked::Valid(Valid {
                messages: conclusion.manifest.messages,
                receipts: counted.receipts,
                size_bytes: bytes.len(),
                digest: certs::digest(bytes).to_string(),
                as_of: conclusion.as_of.map(|at| clock_time(at.as_ms())).unwrap_or_default(),
                verdicts: counted.verdicts,
            })
        }
        Err(evidence::VerifyError::Invalid(invalid)) => Checked::Invalid {
            place: format!("{} · {}", invalid.place.entry, invalid.place.object),
            fault: invalid.fault.to_string(),
        },
        Err(evidence::VerifyError::Unreadable(error)) => {
            Checked::Invalid { place: "-".to_owned(), fault: error.to_string() }
        }
    }
}
