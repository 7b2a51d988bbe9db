//! Small closed lists in two languages: the word of files and JSON, and the word on paper. An officer
//! may write either; what is stored and signed is always the first.

/// The text is none of the words of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{got}\" is not a {what}; write one of: {wanted}")]
pub struct WordError {
    /// What was wanted, in both languages.
    pub what: &'static str,
    /// What came, cut to 40 characters.
    pub got: String,
    /// The words of the list.
    pub wanted: String,
}

impl WordError {
    pub(crate) fn new(what: &'static str, got: &str, wanted: &[(&str, &str)]) -> Self {
        let wanted: Vec<String> = wanted.iter().map(|(word, chinese)| format!("{word} {chinese}")).collect();
        Self { what, got: got.chars().take(40).collect(), wanted: wanted.join(", ") }
    }
}

/// Declares a closed list: `Name, "what it is" { Variant = "word" "中文", ... }`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($variant:ident = $word:literal $chinese:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $chinese] $variant),+
        }

        impl $name {
            /// All of them, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word of files, of the command line and of JSON.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The word on paper.
            pub const fn chinese(self) -> &'static str {
                match self { $(Self::$variant => $chinese),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::message::word::WordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|item| item.word() == text || item.chinese() == text).ok_or_else(|| {
                    $crate::message::word::WordError::new($what, text, &[$(($word, $chinese)),+])
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares public lists")]
mod tests {
    words! {
        /// A list for the test.
        Tide, "tide 潮" { Ebb = "ebb" "退潮", Flood = "flood" "涨潮" }
    }

    #[test]
    fn either_language_is_read_and_a_stranger_is_told_the_list() {
        for tide in Tide::ALL {
            assert_eq!(tide.word().parse(), Ok(*tide));
            assert_eq!(tide.chinese().parse(), Ok(*tide));
        }
        let error = "calm".parse::<Tide>().unwrap_err().to_string();
        assert_eq!(error, "\"calm\" is not a tide 潮; write one of: ebb 退潮, flood 涨潮");
    }
}
