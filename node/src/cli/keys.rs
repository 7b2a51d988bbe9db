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
        CertVerb::Renew => one(session, Request::CertificateRenew, "cert-renewed").await?,
        CertVerb::Revoke { room, reason, yes } => {
            confirm(session, &room, yes)?;
            one(session, Request::CertificateRevoke { room, reason }, "cert-revoked").await?;
        }
    }
    Ok(0)
}

async fn one(session: &mut Session, wanted: Request, done: &str) -> Result<(), Problem> {
    let certificate: Certificate = session.ask(&wanted).await?;
    session.screen.result(&certificate, |certificate, catalogue| {
        catalogue.text(
            done,
            &[
                ("room", &named(&certificate.room, catalogue)),
                ("until", &beijing(certificate.not_after_ms)),
                ("serial", &certificate.serial),
            ],
        )
    });
    Ok(())
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
