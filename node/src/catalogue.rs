//! The catalogue: every word that the program says to a person, in Chinese and English, in one place each
//! (`locales/zh.ftl`, `locales/en.ftl`). Chinese comes first; English says the same.
//!
//! An error is three sentences: what happened, why, and what to do. A code that this version does not know is shown
//! as itself, never swallowed.

mod problems;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use relay::{duty::beijing, message::DeclaredTime};
use unic_langid::LanguageIdentifier;

use crate::{control::view::Piece, problem::Problem};

/// The languages of the catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// 中文
    #[default]
    Chinese,
    /// English
    English,
}

impl Language {
    /// The language of a locale such as `zh_CN.UTF-8`: Chinese when it begins with zh, else English.
    pub fn from_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// The language that the environment asks for: `LC_ALL`, else `LC_MESSAGES`, else `LANG`.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let given =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(lookup).find(|value| !value.is_empty());
        Self::from_locale(&given.unwrap_or_default())
    }

    /// The word of `--lang`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Chinese => include_str!("../locales/zh.ftl"),
            Self::English => include_str!("../locales/en.ftl"),
        }
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        [Self::Chinese, Self::English]
            .into_iter()
            .find(|language| language.word() == text)
            .ok_or(LanguageError)
    }
}

/// The text names no language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("zh 中文 / en English")]
pub struct LanguageError;

/// The three sentences of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What happened.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// All sentences in one language.
pub struct Catalogue {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Catalogue {
    /// The catalogue in this language.
    pub fn new(language: Language) -> Self {
        let identifier: LanguageIdentifier = language.word().parse().expect("both words are language tags");
        let resource =
            FluentResource::try_new(language.source().to_owned()).expect("a test parses both files");
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // Isolating marks around values would be shown as escapes on a terminal.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("a test finds no id twice");
        Self { language, bundle }
    }

    /// Its language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// A text with its values, none of which makes a line of its own. An unknown id is answered with the id itself.
    pub fn text(&self, id: &str, values: &[(&str, &str)]) -> String {
        self.find_text(id, values).unwrap_or_else(|| id.to_owned())
    }

    /// The name of a word that programs use, such as event `custody`; the word itself when it is not known.
    pub fn word(&self, group: &str, word: &str) -> String {
        self.find(&identifier(group, word), None, &[]).unwrap_or_else(|| word.to_owned())
    }

    /// The name of an element of a message: what a message of this kind calls it, else what all do; its key when it has
    /// none.
    pub fn element(&self, kind: &str, key: &str) -> String {
        let own = self.find(&identifier("element", &format!("{kind}.{key}")), None, &[]);
        own.unwrap_or_else(|| self.word("element", key))
    }

    /// Of a room's names the one in this language, if it has one.
    pub fn either<'a>(&self, chinese: &'a str, english: &'a str) -> &'a str {
        if self.language == Language::English && !english.is_empty() { english } else { chinese }
    }

    /// Several of a kind in one sentence.
    pub fn list(&self, items: &[String]) -> String {
        items.join(match self.language {
            Language::Chinese => "、",
            Language::English => ", ",
        })
    }

    /// What an element says.
    pub fn said(&self, pieces: &[Piece]) -> String {
        let say = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Word { list, word } => self.word(&list.replace('_', "-"), word),
        };
        pieces.iter().map(say).collect()
    }

    /// The same, or nothing when the catalogue has none.
    pub fn find_text(&self, id: &str, values: &[(&str, &str)]) -> Option<String> {
        let lines: Vec<String> = values.iter().map(|(_, value)| value.replace('\n', " ⏎ ")).collect();
        let values: Vec<(&str, &str)> =
            values.iter().zip(&lines).map(|((name, _), line)| (*name, line.as_str())).collect();
        self.find(id, None, &values)
    }

    /// What a problem means. Its `detail`, if the sentences do not quote it, stands behind the reason.
    pub fn explain(&self, problem: &Problem) -> Explanation {
        self.explain_doing(problem, &["do"])
    }

    /// The same on a page of the console, where no argument of the command line can be given: where the last sentence
    /// names one, another stands beside it (`.page`).
    pub fn explain_on_page(&self, problem: &Problem) -> Explanation {
        self.explain_doing(problem, &["page", "do"])
    }

    /// What is to be done is the first of these attributes that there is.
    fn explain_doing(&self, problem: &Problem, remedies: &[&str]) -> Explanation {
        let mut values: Vec<(&str, &str)> =
            problem.details.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        values.push(("code", &problem.code));
        let times: Vec<(&str, String)> =
            problem.details.iter().filter_map(|(k, v)| Some((k.as_str(), civil(v)?))).collect();
        values.extend(times.iter().map(|(name, time)| (*name, time.as_str())));
        let kind = problem.details.get("kind").map_or("", String::as_str);
        let element = problem.details.get("key").map(|key| self.element(kind, key));
        values.extend(element.as_deref().map(|name| ("element", name)));
        let id = identifier("problem", &problem.code);
        let id = if self.bundle.has_message(&id) { id } else { "problem-unlisted".to_owned() };
        let mut explanation =
            self.sentences(&id, &values).expect("a test finds three sentences for every problem");
        if let Some(remedy) = remedies.iter().find_map(|name| self.find(&id, Some(name), &values)) {
            explanation.remedy = remedy;
        }
        let detail = problem.details.get("detail").filter(|detail| !detail.is_empty());
        if let Some(detail) = detail.filter(|_| !self.quotes_detail(&id)) {
            explanation.why = format!("{} ({detail})", explanation.why);
        }
        explanation
    }

    fn quotes_detail(&self, id: &str) -> bool {
        const PROBE: &str = "\u{1}";
        let sentences = self.sentences(id, &[("detail", PROBE)]);
        sentences
            .is_some_and(|said| [said.what, said.why, said.remedy].iter().any(|text| text.contains(PROBE)))
    }

    fn sentences(&self, id: &str, values: &[(&str, &str)]) -> Option<Explanation> {
        Some(Explanation {
            what: self.find(id, Some("what"), values)?,
            why: self.find(id, Some("why"), values)?,
            remedy: self.find(id, Some("do"), values)?,
        })
    }

    fn find(&self, id: &str, attribute: Option<&str>, values: &[(&str, &str)]) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        let pattern = match attribute {
            Some(name) => message.get_attribute(name)?.value(),
            None => message.value()?,
        };
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, *value);
        }
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        Some(if errors.is_empty() { text } else { without_gaps(&text, values) })
    }
}

/// An instant of a program (RFC 3339) as people read it: Beijing time to the second.
fn civil(value: &str) -> Option<String> {
    let instant = beijing::parse(value).ok()?;
    DeclaredTime::from_ms(instant.as_ms()).ok().map(|time| time.to_string())
}

/// The id of a code or word: dots and underscores become hyphens.
fn identifier(group: &str, word: &str) -> String {
    format!("{group}-{}", word.replace(['.', '_'], "-").to_ascii_lowercase())
}

/// Values that nobody gave stand in the text as `{$name}`; a person sees a dash.
fn without_gaps(text: &str, values: &[(&str, &str)]) -> String {
    let mut rest = text;
    let mut filled = String::with_capacity(text.len());
    while let Some(start) = rest.find("{$") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        let is_gap = !name.is_empty() && !values.iter().any(|(known, _)| *known == name);
        filled.push_str(&rest[..start]);
        filled.push_str(if is_gap { "—" } else { &rest[start..=start + length] });
        rest = &rest[start + length + 1..];
    }
    filled + rest
}
