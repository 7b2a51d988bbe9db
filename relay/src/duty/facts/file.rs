//! A file of facts (JSON): every name is that of a [`Mark`] or [`Trait`], or stands in [`OTHERS`]. All are optional, all
//! times are RFC 3339 with offset, and a name that is not known is an error.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::{Facts, Outage, RecordedBy, Stated};
use crate::{
    duty::{
        beijing::{self, Day, TimeError},
        condition::{Shape, Trait},
        interval::Interval,
        mark::{Mark, Sort},
    },
    message::field::Severity,
    timestamp::Timestamp,
};

impl Facts {
    /// The names of a facts file that are no [`Mark`] and no [`Trait`] but `severity`.
    pub const OTHERS: [&'static str; 8] = [
        "kind",
        "severity",
        "occurred_at",
        "phone_line",
        "phone_both_signed",
        "link_down",
        "clock_uncertainty_ms",
        "now",
    ];
}

/// A statement as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStated {
    #[serde(default)]
    at: Option<String>,
    value: String,
}

/// An outage as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutage {
    from: String,
    #[serde(default)]
    to: Option<String>,
    recorded_by: RecordedBy,
}

/// One value or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a value or a list of values of the type that the schema names")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: ToString> OneOrMany<T> {
    fn texts(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.to_string()],
            Self::Many(many) => many.iter().map(T::to_string).collect(),
        }
    }
}

/// What has been read so far; the clock's uncertainty may come last.
#[derive(Default)]
struct Reading {
    facts: Facts,
    times: BTreeMap<Mark, Timestamp>,
    uncertainty_ms: i64,
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FactsVisitor)
    }
}

struct FactsVisitor;

impl<'de> Visitor<'de> for FactsVisitor {
    type Value = Facts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of facts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
        let mut reading = Reading::default();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            reading.take(&name, &mut map)?;
            if !seen.insert(name.clone()) {
                return Err(Error::custom(format!("{name} stands there twice: keep one of them")));
            }
        }
        Ok(reading.finish())
    }
}

impl Reading {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if Facts::OTHERS.contains(&name) {
            return self.take_other(name, map);
        }
        if let Some(mark) = Mark::ALL.iter().find(|mark| mark.word() == name) {
            if let Some(text) = value::<Option<String>, A>(name, map)? {
                let at =
                    if mark.sort() == Sort::Planned { planned(name, &text)? } else { time(name, &text)? };
                self.times.insert(*mark, at);
            }
            return Ok(());
        }
        let Some(known) = Trait::ALL.iter().find(|known| known.word() == name) else {
            return Err(Error::custom(format!(
                "unknown field {name:?}: correct or remove it; `yichuan rules judge --schema` lists all names"
            )));
        };
        let values = match known.shape() {
            Shape::Flag => value::<Option<bool>, A>(name, map)?.map(|flag| vec![flag.to_string()]),
            Shape::Number => value::<Option<OneOrMany<i64>>, A>(name, map)?.map(OneOrMany::texts),
            Shape::Text => value::<Option<OneOrMany<String>>, A>(name, map)?.map(OneOrMany::texts),
        };
        if let Some(values) = values {
            self.facts.traits.insert(*known, checked(*known, values)?);
        }
        Ok(())
    }

    fn take_other<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let facts = &mut self.facts;
        match name {
            "kind" => facts.kind = value(name, map)?,
            "severity" => facts.severity = statements(name, map, severity::<A::Error>)?,
            "occurred_at" => facts.occurred_at = statements(name, map, |text| time(name, text))?,
            "phone_line" => facts.phone_line = value(name, map)?,
            "phone_both_signed" => facts.phone_both_signed = value(name, map)?,
            "link_down" => facts.link_down = outages(name, map)?,
            "clock_uncertainty_ms" => {
                let half = value::<Option<u32>, A>(name, map)?.unwrap_or_default();
                self.uncertainty_ms = i64::from(half);
            }
            _ => {
                facts.now = match value::<Option<String>, A>(name, map)? {
                    Some(text) => Some(time(name, &text)?),
                    None => None,
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Facts {
        let mut facts = self.facts;
        for (mark, at) in self.times {
            let interval = match mark.sort() {
                Sort::Observed => Interval::around(at, self.uncertainty_ms),
                Sort::Declared | Sort::Planned => Interval::point(at),
            };
            facts.moments.insert(mark, interval);
        }
        facts
    }
}

/// The value under a name; its error says which name.
fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<T, A::Error> {
    map.next_value::<T>().map_err(|error| Error::custom(format!("{name}: {error}")))
}

fn time<E: Error>(name: &str, text: &str) -> Result<Timestamp, E> {
    beijing::parse(text).map_err(|error| Error::custom(format!("{name} {text:?}: {error}")))
}

/// A planned moment may be a bare date.
fn planned<E: Error>(name: &str, text: &str) -> Result<Timestamp, E> {
    match Day::parse(text) {
        Some(day) => Ok(day.begin()),
        None if Day::is_shaped(text) => {
            Err(Error::custom(format!("{name} {text:?}: {}", TimeError::NoInstant)))
        }
        None => time(name, text),
    }
}

fn severity<E: Error>(text: &str) -> Result<Severity, E> {
    text.parse().map_err(|error| Error::custom(format!("severity: {error}")))
}

fn statements<'de, T, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    read: impl Fn(&str) -> Result<T, A::Error>,
) -> Result<Vec<Stated<T>>, A::Error> {
    let raw = value::<Option<Vec<RawStated>>, A>(name, map)?.unwrap_or_default();
    let one = |raw: RawStated| {
        let at = match &raw.at {
            Some(text) => Some(time(name, text)?),
            None => None,
        };
        Ok(Stated { at, value: read(&raw.value)? })
    };
    let mut statements: Vec<Stated<T>> = raw.into_iter().map(one).collect::<Result<_, A::Error>>()?;
    if statements.iter().all(|stated| stated.at.is_some()) {
        statements.sort_by_key(|stated| stated.at);
    }
    Ok(statements)
}

fn outages<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Vec<Outage>, A::Error> {
    let raw = value::<Option<Vec<RawOutage>>, A>(name, map)?.unwrap_or_default();
    let one = |raw: RawOutage| {
        let from = time(name, &raw.from)?;
        let to = match &raw.to {
            Some(text) => Some(time(name, text)?),
            None => None,
        };
        if to.is_some_and(|to| to < from) {
            return Err(Error::custom(format!("{name}: the outage ends before it begins")));
        }
        Ok(Outage { from, to, recorded_by: raw.recorded_by })
    };
    raw.into_iter().map(one).collect()
}

fn checked<E: Error>(name: Trait, texts: Vec<String>) -> Result<Vec<String>, E> {
    let known = name.values();
    match texts.iter().find(|text| !known.is_empty() && !known.contains(&text.as_str())) {
        Some(text) => {
            let word = name.word();
            Err(Error::custom(format!("{word}: {text:?} is not known; write one of: {}", known.join(", "))))
        }
        None => Ok(texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fact: &str) -> Result<Facts, serde_json::Error> {
        serde_json::from_str(&format!("{{{fact}}}"))
    }

    #[test]
    fn a_trait_is_read_in_the_form_that_the_schema_names_and_in_no_other() {
        for (fact, name, values) in [
            ("\"sensitive\": true", Trait::Sensitive, vec!["true"]),
            ("\"content_items\": 2", Trait::ContentItems, vec!["2"]),
            ("\"content_items\": [2, 9]", Trait::ContentItems, vec!["2", "9"]),
            ("\"category\": \"生产安全事故\"", Trait::Category, vec!["生产安全事故"]),
            ("\"category\": [\"a\", \"b\"]", Trait::Category, vec!["a", "b"]),
        ] {
            assert_eq!(read(fact).unwrap().values(name).unwrap(), values, "{fact}");
        }
        for fact in [
            "\"sensitive\": \"true\"",
            "\"sensitive\": []",
            "\"sensitive\": [true, false]",
            "\"content_items\": \"2\"",
            "\"content_items\": [\"2\"]",
            "\"content_items\": 10",
            "\"category\": 5",
            "\"category\": [true]",
            "\"period\": \"weekly\"",
            "\"clock_uncertainty_ms\": -1",
            "\"departure\": \"2026-02-30\"",
            "\"speed\": 1",
        ] {
            let name = fact.split('"').nth(1).unwrap();
            assert!(read(fact).unwrap_err().to_string().contains(name), "{fact}");
        }
        assert_eq!(read("\"kind\": null, \"category\": null").unwrap(), Facts::default());
    }
}
