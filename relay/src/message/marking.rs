//! The marking (标识) that a message carries: none, internal, sensitive. State secrets do not travel on this
//! network (保守国家秘密法 art. 29, 31): their three levels are known only to be refused, with the sentence that
//! says where they go instead.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::word::WordError;

/// How a message must be handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Marking {
    /// 无
    #[default]
    None,
    /// 内部
    Internal,
    /// 敏感 (工作秘密): no content in any notification
    Sensitive,
}

impl Marking {
    /// All markings that may be chosen.
    pub const ALL: [Self; 3] = [Self::None, Self::Internal, Self::Sensitive];

    /// The word of files and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Internal => "internal",
            Self::Sensitive => "sensitive",
        }
    }

    /// The word on paper.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::None => "无",
            Self::Internal => "内部",
            Self::Sensitive => "敏感",
        }
    }
}

impl FromStr for Marking {
    type Err = MarkingError;

    fn from_str(text: &str) -> Result<Self, MarkingError> {
        let word = text.trim().to_ascii_lowercase();
        if let Some(marking) = Self::ALL.into_iter().find(|m| m.word() == word || m.chinese() == word) {
            return Ok(marking);
        }
        if word.contains("密") || SECRET_WORDS.contains(&word.as_str()) {
            return Err(MarkingError::StateSecret { marking: text.trim().chars().take(40).collect() });
        }
        Err(WordError::new("marking 标识", text, &Self::ALL.map(|m| (m.word(), m.chinese()))).into())
    }
}

/// What the three levels are called in English, so that nobody gets round the rule by translating.
const SECRET_WORDS: [&str; 5] = ["secret", "top secret", "top_secret", "confidential", "classified"];

/// The marking is none that may be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkingError {
    /// A level of state secrecy.
    #[error(
        "本网不得传递国家秘密,请走机要渠道 (marking \"{marking}\": state secrets must not travel on this network; use the classified channel)"
    )]
    StateSecret {
        /// What was written.
        marking: String,
    },
    /// No marking at all.
    #[error(transparent)]
    Word(#[from] WordError),
}

impl Serialize for Marking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Marking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_secrets_are_sent_to_the_classified_channel() {
        for word in ["秘密", "机密", "绝密", "绝密★1年", "Top Secret", "confidential"] {
            let error = word.parse::<Marking>().unwrap_err();
            assert!(matches!(error, MarkingError::StateSecret { .. }), "{word}");
            let text = error.to_string();
            assert!(text.contains("本网不得传递国家秘密,请走机要渠道"), "{text}");
            assert!(text.contains("state secrets must not travel on this network"), "{text}");
        }
    }

    #[test]
    fn the_three_usable_markings_are_read_in_both_languages() {
        for marking in Marking::ALL {
            assert_eq!(marking.word().parse(), Ok(marking));
            assert_eq!(marking.chinese().parse(), Ok(marking));
        }
        assert!(matches!("purple".parse::<Marking>(), Err(MarkingError::Word(_))));
    }
}
