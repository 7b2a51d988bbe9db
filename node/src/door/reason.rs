//! Why something is revoked, as people type it.

use certs::revocation::RevocationReason;

use crate::problem::Problem;

/// The words for each reason, the first one is the one that is shown.
const WORDS: [(RevocationReason, [&str; 3]); 5] = [
    (RevocationReason::KeyCompromise, ["key-compromise", "失密", "compromised"]),
    (RevocationReason::Superseded, ["superseded", "更换", "replaced"]),
    (RevocationReason::CessationOfOperation, ["cessation", "撤销机构", "closed"]),
    (RevocationReason::PrivilegeWithdrawn, ["withdrawn", "取消资格", "privilege-withdrawn"]),
    (RevocationReason::Unspecified, ["unspecified", "其他", "other"]),
];

/// Reads a reason; blanks and underscores count as hyphens.
///
/// # Errors
/// `revocation_reason` with the words that are known.
pub(super) fn parse(text: &str) -> Result<RevocationReason, Problem> {
    let typed = text.trim().to_lowercase().replace(['_', ' '], "-");
    let known = WORDS.iter().find(|(_, words)| words.contains(&typed.as_str()));
    known.map(|(reason, _)| *reason).ok_or_else(|| {
        let words: Vec<String> =
            WORDS.iter().map(|(_, [word, chinese, _])| format!("{word} {chinese}")).collect();
        Problem::usage("revocation_reason").with("reason", text).with("known", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_in_both_languages_and_another_word_lists_them() {
        assert_eq!(parse("Key_Compromise"), Ok(RevocationReason::KeyCompromise));
        assert_eq!(parse("失密"), Ok(RevocationReason::KeyCompromise));
        let problem = parse("just because").unwrap_err();
        assert_eq!(problem.code, "revocation_reason");
        assert!(problem.details["known"].contains("superseded 更换"), "{problem}");
    }
}
