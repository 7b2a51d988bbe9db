//! The JSON Schema of facts and findings, made from the same lists that read and write them.

/// The schema of a facts file and of the list of findings (JSON Schema 2020-12), as text.
pub const SCHEMA: &str = include_str!("../../data/facts.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::duty::{
        condition::Trait,
        event::RuleKind,
        facts::Facts,
        finding::{Cause, FlagName, Verdict},
        mark::Mark,
        rule::Force,
    };

    fn schema() -> serde_json::Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn words(value: &serde_json::Value) -> BTreeSet<String> {
        value.as_array().unwrap().iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    }

    #[test]
    fn the_schema_names_every_fact_that_is_read_and_no_other() {
        let schema = schema();
        let told: BTreeSet<&str> =
            schema["$defs"]["facts"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let marks = Mark::ALL.iter().map(|mark| mark.word());
        let traits = Trait::ALL.iter().map(|name| name.word());
        let read: BTreeSet<&str> = marks.chain(traits).chain(Facts::OTHERS).collect();
        assert_eq!(told, read);
        assert_eq!(schema["$defs"]["facts"]["additionalProperties"], false);
    }

    #[test]
    fn the_schema_lists_the_words_of_the_output() {
        let schema = schema();
        let lists: [(&str, BTreeSet<String>); 4] = [
            ("kind", RuleKind::ALL.iter().map(|word| word.word().to_owned()).collect()),
            ("verdict", Verdict::ALL.iter().map(|word| word.word().to_owned()).collect()),
            ("cause", Cause::ALL.iter().map(|word| word.word().to_owned()).collect()),
            ("force", Force::ALL.iter().map(|word| word.word().to_owned()).collect()),
        ];
        for (name, expected) in lists {
            assert_eq!(words(&schema["$defs"][name]["enum"]), expected, "{name}");
        }
        let flags = schema["$defs"]["flag"]["pattern"].as_str().unwrap();
        for flag in FlagName::ALL {
            assert!(flags.contains(flag.word()), "{} is not in the schema", flag.word());
        }
    }
}
