//! Six words for the telephone: both duty officers read them out; if they agree, nobody stands between the
//! two nodes. 66 bits of a digest over everything that matters, in the BIP-39 lists of 2,048 words.

use bip39::Language;

use super::JoinRequest;
use crate::{
    cbor,
    digest::{Digest, digest_of_parts},
};

/// The digest that the words are made of: the invitation, the parent's certificate as the child saw it (DER),
/// and the whole request with every public key.
pub fn transcript(invitation: &Digest, server_certificate: &[u8], request: &JoinRequest) -> Digest {
    let (server, request) = (crate::digest::digest(server_certificate), cbor::encode(request));
    digest_of_parts(&[b"yichuan six words 1", invitation.as_bytes(), server.as_bytes(), &request])
}

/// The words in English.
pub fn six_words(transcript: &Digest) -> [&'static str; 6] {
    words(transcript, Language::English)
}

/// The same as single Chinese characters.
pub fn six_words_chinese(transcript: &Digest) -> [&'static str; 6] {
    words(transcript, Language::SimplifiedChinese)
}

fn words(transcript: &Digest, language: Language) -> [&'static str; 6] {
    let list = language.word_list();
    let bits = transcript.as_bytes().iter().take(16).fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
    std::array::from_fn(|at| list[(bits >> (128 - 11 * (at + 1))) as usize % list.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_first_sixty_six_bits() {
        let zeros = Digest::from_bytes([0; 32]);
        assert_eq!(six_words(&zeros), ["abandon"; 6]);
        let ones = Digest::from_bytes([0xff; 32]);
        assert_eq!(six_words(&ones), ["zoo"; 6]);
        let mut one_bit = [0; 32];
        one_bit[8] = 0x40; // bit 65 counted from the first, the last of the sixth word
        assert_eq!(six_words(&Digest::from_bytes(one_bit))[5], "ability");
        assert_eq!(six_words_chinese(&zeros), ["的"; 6]);
    }
}
