//! `evidence certificate`: a page of paper about a message (送达凭证), made from an evidence file that has just verified: from one
//! that the node exports for it, kept beside the page, or from one that is there already, without a node.

use std::path::Path;

use certs::certificate::CertificateDer;
use data_encoding::BASE64;
use serde_json::json;

use super::{
    CertificateArguments,
    account::Told,
    check_free, fetch,
    page::{Carried, Source, page},
    read_root, unreadable, verified, write,
};
use crate::{
    catalogue::Catalogue,
    cli::session::{Outcome, Session},
    control::request::Request,
    problem::Problem,
};

pub(super) async fn certificate(session: &mut Session, arguments: CertificateArguments) -> Outcome {
    let CertificateArguments { id, output, from, anchor, with_text, force } = arguments;
    check_free(&output, force)?;
    let (path, bytes, root, wanted) = match (from, anchor, id) {
        (Some(path), Some(anchor), wanted) => {
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            (path, bytes, read_root(&anchor)?, wanted)
        }
        (_, _, Some(id)) => {
            let path = output.with_extension("zip");
            check_free(&path, force)?;
            let root = read_root(&session.dir()?.join("anchor.pem"))?;
            let request = Request::EvidenceExport { id, case: false, text: with_text, personal: false };
            let (bytes, _) = fetch(session, &request).await?;
            write(&path, &bytes, force)?;
            (path, bytes, root, None)
        }
        (_, _, None) => return Err(Problem::usage("usage_missing").with("argument", "ID")),
    };
    let html = print(session, &bytes, &root, &path, wanted.as_deref())?;
    write(&output, html.as_bytes(), force)?;
    let (page, evidence) = (output.display().to_string(), path.display().to_string());
    session.screen.result(&json!({"file": page, "evidence": evidence}), |_, catalogue| {
        catalogue.text("certificate-done", &[("path", &page), ("evidence", &evidence)])
    });
    Ok(0)
}

/// The page about one message of a file: the one wanted, else the one that the file is about, else all of them.
fn print(
    session: &Session,
    bytes: &[u8],
    root: &CertificateDer<'_>,
    path: &Path,
    wanted: Option<&str>,
) -> Result<String, Problem> {
    let told = verified(bytes, root, path)?;
    let wanted = wanted.or(told.subject.get("message").map(String::as_str));
    let messages = about(&told, wanted)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let digest = certs::digest(bytes).to_string();
    page(
        &told,
        &messages,
        &Source { name: &name, digest: &digest, carried: None },
        session.screen.catalogue(),
    )
}

/// The page about one message, for a console: it carries the evidence file that it was made from, so that what is printed
/// and the file whose digest it names stay together.
///
/// # Errors
/// [`Problem`] when the file does not verify under `root`, or is not about the message.
pub(crate) fn carrying_page(
    id: &str,
    bytes: &[u8],
    root: &CertificateDer<'_>,
    catalogue: &Catalogue,
) -> Result<String, Problem> {
    let name = format!("evidence-{id}.zip");
    let told = verified(bytes, root, Path::new(&name))?;
    let messages = about(&told, Some(id))?;
    let digest = certs::digest(bytes).to_string();
    let carried = Some(Carried { id, bytes: BASE64.encode(bytes) });
    page(&told, &messages, &Source { name: &name, digest: &digest, carried }, catalogue)
}

fn about<'t>(told: &'t Told, wanted: Option<&str>) -> Result<Vec<&'t super::account::Message>, Problem> {
    let is_wanted = |id: &str| wanted.is_none_or(|wanted| id.starts_with(wanted));
    let found: Vec<_> = told.messages.iter().filter(|message| is_wanted(&message.id)).collect();
    match (found.len(), wanted) {
        (0, _) => Err(Problem::usage("evidence_not_in_file").with("id", wanted.unwrap_or_default())),
        (1, _) | (_, None) => Ok(found),
        (_, Some(id)) => Err(Problem::usage("envelope_ambiguous").with("id", id).with("count", found.len())),
    }
}
