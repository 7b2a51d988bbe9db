//! Certificates made by a tool that nobody here wrote: `openssl`, with the city's own issuing key in hostile hands.

use std::{path::Path, process::Command};

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};

use crate::peer::{Credentials, Keys};

/// A certificate as it is to be made.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// `openssl genpkey` algorithm with its options.
    pub key: &'a [&'a str],
    /// The subject.
    pub subject: &'a str,
    /// Lines of an extension section.
    pub extensions: String,
    /// First and last second of validity as openssl wants them, `YYYYMMDDhhmmssZ`.
    pub validity: (&'a str, &'a str),
    /// Issuing certificates between the city's and this one.
    pub depth: usize,
}

/// Whether the tool is on this machine.
pub fn is_here() -> bool {
    Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success())
}

/// Makes it in a directory of its own below `place`, signed with the city's issuing key.
///
/// # Panics
/// When openssl refuses.
pub fn issue(place: &Path, city: &Keys, wish: &Wish<'_>) -> Credentials {
    let dir = tempfile::tempdir_in(place).expect("a directory can be made");
    let dir = dir.path();
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("a file can be written");
    write("ca0.key", &city.issuing.to_pem());
    write("ca0.crt", &pem(&city.issuing_chain[0]));
    let mut chain = city.issuing_chain.clone();
    for step in 1..=wish.depth {
        let (above, name) = (format!("ca{}", step - 1), format!("ca{step}"));
        let subject = format!("/CN=between {step}");
        let extensions = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n";
        sign(dir, &name, &above, &["-algorithm", "ED25519"], &subject, extensions, wish.validity);
        chain.insert(0, certificate(dir, &name));
    }
    let above = format!("ca{}", wish.depth);
    sign(dir, "leaf", &above, wish.key, wish.subject, &wish.extensions, wish.validity);
    chain.insert(0, certificate(dir, "leaf"));
    let key = std::fs::read(dir.join("leaf.key")).expect("a key was written");
    let key = PrivatePkcs8KeyDer::from_pem_slice(&key).expect("a key reads");
    Credentials::of_pkcs8(chain, key.secret_pkcs8_der())
}

fn sign(
    dir: &Path,
    name: &str,
    above: &str,
    key: &[&str],
    subject: &str,
    extensions: &str,
    (from, to): (&str, &str),
) {
    let file = |extension: &str| format!("{name}.{extension}");
    std::fs::write(dir.join(file("ext")), extensions).expect("a file can be written");
    std::fs::write(dir.join("index.txt"), "").expect("a file can be written");
    let configuration = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\n\
                         default_md=default\npolicy=p\nunique_subject=no\n[p]\ncommonName=optional\n[req]\n\
                         distinguished_name=n\n[n]\n";
    std::fs::write(dir.join("ca.cnf"), configuration).expect("a file can be written");
    run(dir, &[&["genpkey", "-out", &file("key")], key].concat());
    run(
        dir,
        &["req", "-new", "-config", "ca.cnf", "-key", &file("key"), "-subj", subject, "-out", &file("csr")],
    );
    let (ca, ca_key) = (format!("{above}.crt"), format!("{above}.key"));
    run(
        dir,
        &[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-in",
            &file("csr"),
            "-out",
            &file("crt"),
            "-cert",
            &ca,
            "-keyfile",
            &ca_key,
            "-extfile",
            &file("ext"),
            "-startdate",
            from,
            "-enddate",
            to,
        ],
    );
}

fn run(dir: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().expect("openssl is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn certificate(dir: &Path, name: &str) -> CertificateDer<'static> {
    let text = std::fs::read(dir.join(format!("{name}.crt"))).expect("a certificate was written");
    CertificateDer::from_pem_slice(&text).expect("a certificate reads")
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let lines = data_encoding::BASE64.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}
