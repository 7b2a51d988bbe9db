//! Certificates: `cert ls|renew|revoke`. Revoking cuts a room off, so a person types its code once more.

use std::io::{self, BufRead, IsTerminal};

use super::{
    arguments::CertVerb,
    moment::beijing,
    session::{Outcome, Session, named},
    table::Grid,
};
use crate::{
    catalogue::Catalogue,
    control::{request::Request, view::Certificate},
    problem::Problem,
};

pub(crate) async fn cert(session: &mut Session, verb: CertVerb) -> Outcome {
    match verb {
        CertVerb::Ls => {
            let certificates: Vec<Certificate> = session.ask(&Request::CertificateList).await?;
            session.screen.result(&certificates, |certificates, catalogue| render(certificates, catalogue));
        }
        CertVerb::Renew => {
            let certificate: Certificate = session.ask(&Request::CertificateRenew).await?;
            session
                .screen
                .result(&certificate, |certificate, catalogue| said(certificate, "cert-renewed", catalogue));
        }
        CertVerb::Revoke { room, reason, yes } => {
            confirm(session, &room, yes)?;
            let wanted = Request::CertificateRevoke { room, reason };
            let revoked: Vec<Certificate> = session.ask(&wanted).await?;
            session.screen.result(&revoked, |revoked, catalogue| {
                let lines: Vec<String> =
                    revoked.iter().map(|certificate| said(certificate, "cert-revoked", catalogue)).collect();
                lines.join("\n")
            });
        }
    }
    Ok(0)
}

fn said(certificate: &Certificate, id: &str, catalogue: &Catalogue) -> String {
    let (room, until) = (named(&certificate.room, catalogue), beijing(certificate.not_after_ms));
    catalogue.text(id, &[("room", &room), ("until", &until), ("serial", &certificate.serial)])
}

/// Asks a person to type the room again; unattended use has said it all on the command line.
fn confirm(session: &mut Session, room: &str, yes: bool) -> Result<(), Problem> {
    if yes || !io::stdin().is_terminal() {
        return Ok(());
    }
    let prompt = session.screen.catalogue().text("confirm-revoke", &[("room", room)]);
    session.screen.remark(&prompt);
    let mut typed = String::new();
    let read = io::stdin().lock().read_line(&mut typed);
    match read {
        Ok(_) if typed.trim() == room => Ok(()),
        Ok(_) | Err(_) => Err(Problem::usage("not_confirmed").with("wanted", room)),
    }
}

fn render(certificates: &[Certificate], catalogue: &Catalogue) -> String {
    let mut grid = Grid::new(catalogue, &["room", "purpose", "until", "days", "state", "serial"]).right(3);
    for certificate in certificates {
        let state = match certificate.revoked_at_ms {
            Some(at) => catalogue.text("cert-state-revoked", &[("time", &beijing(at))]),
            None if certificate.days_left < 0 => catalogue.text("cert-state-expired", &[]),
            None => catalogue.text("cert-state-good", &[]),
        };
        grid.row(&[
            &named(&certificate.room, catalogue),
            &catalogue.word("purpose", &certificate.purpose),
            &beijing(certificate.not_after_ms),
            &certificate.days_left.to_string(),
            &state,
            &certificate.serial,
        ]);
    }
    grid.text(catalogue)
}
