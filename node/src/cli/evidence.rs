//! `evidence export` writes what this room can prove into one file; `verify` checks such a file without a node and without a
//! network, with nothing but the root certificate; `evidence certificate` prints it for people who read paper.

mod account;
pub(crate) mod certificate;
mod page;
mod show;

use std::{
    fs::File,
    io::{BufReader, ErrorKind, Read, Write},
    path::Path,
};

use certs::certificate::{CertificateDer, certificates_from_pem};
use clap::{Args, Subcommand};
use data_encoding::BASE64;
use relay::{
    evidence::{self, Invalid, Judge, VerifyError, invalid::Fault},
    message::DeclaredTime,
};
use std::path::PathBuf;

use super::session::{Outcome, Session};
use crate::{
    control::{request::Request, view::EvidenceFile},
    problem::{EXIT_INVALID, EXIT_OVERDUE, Problem},
};
use account::{Kept, Told};

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceVerb {
    Export(ExportArguments),
    Silence(SilenceArguments),
    Certificate(CertificateArguments),
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
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SilenceArguments {
    pub(crate) room: String,
    #[arg(long, value_name = "TIME")]
    pub(crate) from: DeclaredTime,
    #[arg(long, value_name = "TIME")]
    pub(crate) to: DeclaredTime,
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CertificateArguments {
    #[arg(required_unless_present = "from")]
    pub(crate) id: Option<String>,
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[arg(long, value_name = "FILE", requires = "anchor")]
    pub(crate) from: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) anchor: Option<PathBuf>,
    #[arg(long)]
    pub(crate) with_text: bool,
    #[arg(long)]
    pub(crate) force: bool,
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
        EvidenceVerb::Silence(arguments) => silence(session, arguments).await,
        EvidenceVerb::Certificate(arguments) => certificate::certificate(session, arguments).await,
    }
}

async fn export(session: &mut Session, arguments: ExportArguments) -> Outcome {
    let ExportArguments { id, output, case, with_text, with_personal, force } = arguments;
    let request = Request::EvidenceExport { id, case, text: with_text, personal: with_personal };
    exported(session, &request, &output, force).await
}

async fn silence(session: &mut Session, arguments: SilenceArguments) -> Outcome {
    let SilenceArguments { room, from, to, output, force } = arguments;
    let request = Request::EvidenceSilence { room, from_ms: from.as_ms(), to_ms: to.as_ms() };
    exported(session, &request, &output, force).await
}

async fn exported(session: &mut Session, request: &Request, output: &Path, force: bool) -> Outcome {
    check_free(output, force)?;
    let (bytes, answer) = fetch(session, request).await?;
    write(output, &bytes, force)?;
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

/// An evidence file as the node makes it.
async fn fetch(session: &Session, request: &Request) -> Result<(Vec<u8>, EvidenceFile), Problem> {
    let answer: EvidenceFile = session.ask_patiently(request, PATIENCE).await?;
    let bytes = BASE64
        .decode(answer.bytes.as_bytes())
        .map_err(|error| Problem::failed("control_broken").with("detail", error))?;
    Ok((bytes, answer))
}

/// Before the node is troubled: whether the name is free.
fn check_free(path: &Path, force: bool) -> Result<(), Problem> {
    if !force && path.symlink_metadata().is_ok() { Err(taken(path)) } else { Ok(()) }
}

/// Evidence that was handed out once is not replaced unawares.
fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Problem> {
    let mut options = File::options();
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    let written = options.write(true).open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return taken(path);
        }
        Problem::failed("write_failed").with("path", path.display()).with("detail", error)
    })
}

fn taken(path: &Path) -> Problem {
    Problem::failed("file_taken").with("path", path.display())
}

/// A case with its attachments is opened, proven and verified before the answer comes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

pub(crate) fn verify(session: &mut Session, arguments: &VerifyArguments) -> Outcome {
    let root = read_root(&arguments.anchor)?;
    let file = File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error))?;
    let told = verified(BufReader::new(file), &root, &arguments.file)?;
    let is_bad = told.verdicts.iter().any(|verdict| verdict.is_bad);
    session.screen.result(&told, show::render);
    Ok(if is_bad { EXIT_OVERDUE } else { 0 })
}

/// What a file tells once all of it has verified.
fn verified(input: impl Read, root: &CertificateDer<'_>, path: &Path) -> Result<Told, Problem> {
    let mut kept = Kept::default();
    let mut judge = Judge::new(&mut kept);
    match evidence::verify(input, root, &mut judge) {
        Ok(conclusion) => {
            judge.finish();
            Ok(kept.account(&conclusion))
        }
        Err(VerifyError::Unreadable(error)) => Err(unreadable(path, &error)),
        Err(VerifyError::Invalid(Invalid { fault: Fault::Foreign, .. })) => {
            let problem = Problem::failed("evidence_foreign").with("path", path.display());
            Err(Problem { exit: EXIT_INVALID, ..problem })
        }
        Err(VerifyError::Invalid(invalid)) => Err(invalid_problem(&invalid)),
    }
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
