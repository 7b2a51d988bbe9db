//! PEM text (RFC 7468) for the files that the node writes.

use data_encoding::BASE64;

/// Encodes DER under a label such as `PRIVATE KEY`.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Characters in a line (RFC 7468 section 2).
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    #[test]
    fn pem_reads_back_at_every_length() {
        for length in [0, 1, 47, 48, 49, 500] {
            let der = vec![7; length];
            let read = CertificateDer::from_pem_slice(super::encode("CERTIFICATE", &der).as_bytes());
            assert_eq!(read.unwrap().as_ref(), der);
        }
    }
}
