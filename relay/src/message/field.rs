//! The elements (要素) that papers share: how grave, how many, where, who. What is not known is
//! written 不明 (unknown), which is neither zero nor silence: three different things to whoever reads it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};

use super::{
    error::{Fault, MessageError, required},
    line::{Said, Say},
    occurrence::Precision,
    word::words,
};

words! {
    /// What an envelope is for; a drill is marked as one wherever it is shown.
    Status, "status 状态" {
        Actual = "actual" "实战",
        Exercise = "exercise" "演练",
        Test = "test" "测试",
    }
}

#[expect(clippy::derivable_impls, reason = "the list macro derives no default")]
impl Default for Status {
    fn default() -> Self {
        Self::Actual
    }
}

words! {
    /// How grave an event is (突发事件应对法 art. 3), gravest first.
    Severity, "severity 级别" {
        Exceptional = "exceptional" "特别重大",
        Major = "major" "重大",
        Serious = "serious" "较大",
        Ordinary = "ordinary" "一般",
        Undetermined = "undetermined" "待定",
    }
}

/// A number, or the statement that it is not known. A field that was not filled in is an `Option` around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known<T> {
    /// The number.
    Value(T),
    /// 不明
    Unknown,
}

impl<T: Serialize> Serialize for Known<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Unknown => serializer.serialize_str(Precision::Unknown.word()),
        }
    }
}

impl<'de> Deserialize<'de> for Known<u32> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KnownVisitor)
    }
}

struct KnownVisitor;

impl Visitor<'_> for KnownVisitor {
    type Value = Known<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 4294967295, or \"不明\" (\"unknown\")")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Known<u32>, E> {
        let number =
            u32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
        Ok(Known::Value(number))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Known<u32>, E> {
        let number = u32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))?;
        Ok(Known::Value(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Known<u32>, E> {
        match text.parse() {
            Ok(Precision::Unknown) => Ok(Known::Unknown),
            Ok(Precision::Exact | Precision::About) | Err(_) => {
                Err(E::invalid_value(Unexpected::Str(text), &self))
            }
        }
    }
}

/// The people an event has harmed (伤亡情况).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Casualties {
    /// 死亡
    pub dead: Option<Known<u32>>,
    /// 失联
    pub missing: Option<Known<u32>>,
    /// 重伤
    pub serious: Option<Known<u32>>,
    /// 轻伤
    pub light: Option<Known<u32>>,
    /// 被困
    pub trapped: Option<Known<u32>>,
    /// 受灾
    pub affected: Option<Known<u32>>,
}

impl Say for Casualties {
    fn say(&self, said: &mut Said) {
        let counts = [
            ("dead", self.dead),
            ("missing", self.missing),
            ("serious", self.serious),
            ("light", self.light),
            ("trapped", self.trapped),
            ("affected", self.affected),
        ];
        let given = counts.into_iter().filter_map(|(name, count)| Some((name, count?)));
        for (place, (name, count)) in given.enumerate() {
            said.text(if place == 0 { "" } else { ", " });
            said.word("element", format!("casualties.{name}"));
            said.text(" ");
            match count {
                Known::Value(number) => said.text(number.to_string()),
                Known::Unknown => Precision::Unknown.say(said),
            }
        }
    }
}

/// Where it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The division code (GB/T 2260 and below), 6 to 14 digits.
    pub code: Option<String>,
    /// The place in words; the only part that is required.
    #[serde(default)]
    pub text: String,
    /// Latitude and longitude in degrees (CGCS2000 or WGS 84), as `"33.254100,112.992800"`.
    pub coordinates: Option<String>,
}

impl Place {
    pub(super) fn check(&self) -> Result<(), MessageError> {
        required("place.text", !self.text.trim().is_empty())?;
        if self.code.as_ref().is_some_and(|code| !is_division_code(code)) {
            return Err(MessageError::Field { key: "place.code".into(), fault: Fault::DivisionCode });
        }
        if self.coordinates.as_ref().is_some_and(|text| !is_coordinates(text)) {
            return Err(MessageError::Field { key: "place.coordinates".into(), fault: Fault::Coordinates });
        }
        Ok(())
    }
}

fn is_division_code(code: &str) -> bool {
    (6..=14).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_coordinates(text: &str) -> bool {
    let within =
        |part: &str, limit: f64| part.trim().parse::<f64>().is_ok_and(|degrees| degrees.abs() <= limit);
    text.split_once(',')
        .is_some_and(|(latitude, longitude)| within(latitude, 90.0) && within(longitude, 180.0))
}

impl Say for Place {
    fn say(&self, said: &mut Said) {
        said.text(&self.text);
        let extra = [self.code.as_deref(), self.coordinates.as_deref()];
        let extra: Vec<&str> = extra.into_iter().flatten().collect();
        if !extra.is_empty() {
            said.text(format!(" ({})", extra.join("; ")));
        }
    }
}

/// A person or an office that can be asked: caller, contact, leader on the scene.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// 姓名
    pub name: Option<String>,
    /// 单位
    pub unit: Option<String>,
    /// 职务
    pub post: Option<String>,
    /// 电话
    pub phone: Option<String>,
}

impl Say for Person {
    fn say(&self, said: &mut Said) {
        let parts = [&self.name, &self.unit, &self.post, &self.phone];
        let given: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
        said.text(given.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::line::{Piece, said};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Form {
        casualties: Option<Casualties>,
    }

    fn form(text: &str) -> Result<Form, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn unknown_and_zero_and_absent_are_three_things() {
        let text = "[casualties]\ndead = 0\nmissing = \"不明\"\nserious = \"unknown\"\nlight = 5";
        let casualties = form(text).unwrap().casualties.unwrap();
        assert_eq!(casualties.dead, Some(Known::Value(0)));
        assert_eq!(casualties.missing, Some(Known::Unknown));
        assert_eq!(casualties.serious, Some(Known::Unknown));
        assert_eq!(casualties.trapped, None);
        let told: Vec<String> = said(&casualties)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Word { list, word } => format!("<{list} {word}>"),
            })
            .collect();
        let counts = "<element casualties.dead> 0, <element casualties.missing> <precision unknown>, \
                      <element casualties.serious> <precision unknown>, <element casualties.light> 5";
        assert_eq!(told.concat(), counts);
    }

    #[test]
    fn a_count_is_not_negative_and_not_a_guess() {
        for bad in ["-1", "4294967296", "\"about five\"", "1.5"] {
            let error = form(&format!("[casualties]\ndead = {bad}")).unwrap_err();
            assert!(error.contains("不明"), "{error}");
        }
    }

    #[test]
    fn a_place_needs_words_and_a_plausible_code() {
        let place = |code: &str, text: &str, coordinates: &str| Place {
            code: Some(code.into()),
            text: text.into(),
            coordinates: Some(coordinates.into()),
        };
        assert_eq!(place("411322", "方城县", "33.2541,112.9928").check(), Ok(()));
        assert!(place("411322", "  ", "33.2541,112.9928").check().is_err());
        assert!(place("4113", "方城县", "33.2541,112.9928").check().is_err());
        assert!(place("411322", "方城县", "112.9928,33.2541").check().is_err(), "latitude comes first");
        assert!(place("411322", "方城县", "NaN,0").check().is_err());
    }
}
