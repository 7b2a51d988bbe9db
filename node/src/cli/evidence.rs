//! `evidence export` writes what this room can prove into one file; `verify` checks such a file without a node and without a
//! network, with nothing but the root certificate.

mod account;
mod show;

use std::{fs::File, io::BufReader, path::Path};

use certs::certificate::{CertificateDer, certificates_from_pem};
use clap::{Args, Subcommand};
use data_encoding::BASE64;
use relay::evidence::{self, Conclusion, Invalid, Judge, VerifyError};
use std::path::PathBuf;

use super::session::{Outcome, Session};
use crate::{
    control::{request::Request, view::EvidenceFile},
    problem::{EXIT_INVALID, EXIT_OVERDUE, Problem},
};
use account::Kept;

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceVerb {
    Export(ExportArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    pub(crate) id: String,
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[arg(long)]
    pub(crate) case: bool,
    #[arg(long)]
    pub(crate) with_text: bool,
    #[arg(long)]
    pub(crate) with_personal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    pub(crate) file: PathBuf,
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: PathBuf,
}

pub(crate) async fn evidence(session: &mut Session, verb: EvidenceVerb) -> Outcome {
    match verb {
        EvidenceVerb::Export(arguments) => export(session, arguments).await,
    }
}

async fn export(session: &mut Session, arguments: ExportArguments) -> Outcome {
    let ExportArguments { id, output, case, with_text, with_personal } = arguments;
    let request = Request::EvidenceExport { id, case, text: with_text, personal: with_personal };
    let answer: EvidenceFile = session.ask_patiently(&request, PATIENCE).await?;
    let broken = |error: &dyn std::fmt::Display| Problem::failed("control_broken").with("detail", error);
    let bytes = BASE64.decode(answer.bytes.as_bytes()).map_err(|error| broken(&error))?;
    std::fs::write(&output, &bytes).map_err(|error| {
        Problem::failed("write_failed").with("path", output.display()).with("detail", error)
    })?;
    let (path, size) = (output.display().to_string(), bytes.len().to_string());
    let (messages, receipts) = (answer.messages.to_string(), answer.receipts.to_string());
    let digest = certs::digest(&bytes).to_string();
    let value = serde_json::json!({"file": path, "size_bytes": bytes.len(), "digest": digest,
        "messages": answer.messages, "receipts": answer.receipts});
    session.screen.result(&value, |_, catalogue| {
        let values = [
            ("path", path.as_str()),
            ("size", &size),
            ("messages", &messages),
            ("receipts", &receipts),
            ("digest", &digest),
        ];
        catalogue.text("evidence-exported", &values)
    });
    Ok(0)
}

/// A case with its attachments is opened, proven and verified before the answer comes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

pub(crate) fn verify(session: &mut Session, arguments: &VerifyArguments) -> Outcome {
    let root = read_root(&arguments.anchor)?;
    let file = File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error))?;
    let mut kept = Kept::default();
    let mut judge = Judge::new(&mut kept);
    match evidence::verify(BufReader::new(file), &root, &mut judge) {
        Ok(conclusion) => {
            judge.finish();
            Ok(told(session, &kept, &conclusion))
        }
        Err(VerifyError::Unreadable(error)) => Err(unreadable(&arguments.file, &error)),
        Err(VerifyError::Invalid(invalid)) => Err(invalid_problem(&invalid)),
    }
}

fn told(session: &mut Session, kept: &Kept, conclusion: &Conclusion) -> u8 {
    let account = kept.account(conclusion);
    let is_bad = account.verdicts.iter().any(|verdict| verdict.is_bad);
    session.screen.result(&account, show::render);
    if is_bad { EXIT_OVERDUE } else { 0 }
}

fn invalid_problem(invalid: &Invalid) -> Problem {
    let problem = Problem::failed("evidence_invalid")
        .with("entry", &invalid.place.entry)
        .with("object", &invalid.place.object)
        .with("detail", &invalid.fault);
    Problem { exit: EXIT_INVALID, ..problem }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::failed("read_failed").with("path", path.display()).with("detail", error)
}

/// The trust anchor: the network's root certificate in PEM.
fn read_root(path: &Path) -> Result<CertificateDer<'static>, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let bad = |detail: &dyn std::fmt::Display| {
        Problem::usage("evidence_anchor").with("path", path.display()).with("detail", detail)
    };
    let certificates = certificates_from_pem(&text).map_err(|error| bad(&error))?;
    certificates.into_iter().next().ok_or_else(|| bad(&"no certificate"))
}
