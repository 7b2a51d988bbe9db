//! SHA-256 digests, and the short ids of keys that are made from them.

use aws_lc_rs::digest as sha;

use crate::bytes::fixed_bytes;

fixed_bytes!(
    /// A SHA-256 digest (FIPS 180-4).
    Digest, 32
);

fixed_bytes!(
    /// Names a public key: the first 16 bytes of SHA-256 over its raw bytes.
    KeyId, 16
);

impl KeyId {
    /// The id of a public key.
    pub fn of(public: &[u8]) -> Self {
        let mut id = [0; Self::LEN];
        for (to, from) in id.iter_mut().zip(digest(public).as_bytes()) {
            *to = *from;
        }
        Self::from_bytes(id)
    }
}

/// SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    digest_of_parts(&[bytes])
}

/// SHA-256 of the parts, one after the other.
pub fn digest_of_parts(parts: &[&[u8]]) -> Digest {
    let mut context = sha::Context::new(&sha::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; Digest::LEN];
    out.copy_from_slice(context.finish().as_ref());
    Digest::from_bytes(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc").to_string(), of_abc);
        assert_eq!(of_abc.parse(), Ok(digest(b"abc")));
        assert_eq!(digest_of_parts(&[b"a", b"bc"]), digest(b"abc"));
        assert_eq!(KeyId::of(b"abc").to_string(), &of_abc[..32]);
    }

    #[test]
    fn text_of_another_length_is_no_digest() {
        assert!("ba78".parse::<Digest>().is_err());
        assert!("zz".repeat(32).parse::<Digest>().is_err());
    }
}
