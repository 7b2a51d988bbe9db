//! What sort of event it is: the four classes of the law (自然灾害, 事故灾难, 公共卫生事件, 社会安全事件) and their
//! sub-classes under stable keys of our own. The codes of GB/T 35561 can be mapped to them later.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A class of events: `nat.`, `acc.`, `hea.` or `soc.` and a key. A key that is not in [`Category::KEYS`] is
/// carried as it is: an installation may have its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Category(String);

impl Category {
    /// The sub-classes with their names, from the text of the national plan.
    pub const KEYS: &[(&str, &str)] = &[
        ("nat.flood", "水旱灾害"),
        ("nat.weather", "气象灾害"),
        ("nat.earthquake", "地震灾害"),
        ("nat.geology", "地质灾害"),
        ("nat.ocean", "海洋灾害"),
        ("nat.biology", "生物灾害"),
        ("nat.wildfire", "森林草原火灾"),
        ("nat.other", "其他自然灾害"),
        ("acc.industry", "工矿商贸事故"),
        ("acc.hazmat", "危险化学品事故"),
        ("acc.fire", "火灾事故"),
        ("acc.traffic", "交通运输事故"),
        ("acc.facility", "公共设施设备事故"),
        ("acc.nuclear", "核与辐射事故"),
        ("acc.pollution", "环境污染"),
        ("acc.ecology", "生态破坏"),
        ("acc.network", "网络安全事件"),
        ("acc.other", "其他事故灾难"),
        ("hea.infectious", "传染病疫情"),
        ("hea.unexplained", "群体性不明原因疾病"),
        ("hea.food", "食品安全"),
        ("hea.occupational", "职业危害"),
        ("hea.animal", "动物疫情"),
        ("hea.other", "其他公共卫生事件"),
        ("soc.crime", "刑事案件"),
        ("soc.terror", "恐怖袭击事件"),
        ("soc.ethnic", "民族宗教事件"),
        ("soc.economy", "经济安全事件"),
        ("soc.foreign", "涉外突发事件"),
        ("soc.mass", "群体性事件"),
        ("soc.other", "其他社会安全事件"),
    ];

    /// The key, such as `acc.hazmat`.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The class alone: `nat`, `acc`, `hea` or `soc`.
    pub fn class(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(class, _)| class)
    }

    /// Whether it is one of [`Category::KEYS`] and not an installation's own.
    pub fn is_listed(&self) -> bool {
        Self::KEYS.iter().any(|(key, _)| *key == self.0)
    }
}

/// 自然灾害, 事故灾难, 公共卫生事件, 社会安全事件
const CLASSES: [&str; 4] = ["nat", "acc", "hea", "soc"];

impl FromStr for Category {
    type Err = CategoryError;

    fn from_str(text: &str) -> Result<Self, CategoryError> {
        if let Some((key, _)) = Self::KEYS.iter().find(|(_, name)| *name == text) {
            return Ok(Self((*key).to_owned()));
        }
        let (class, tail) = text.split_once('.').unwrap_or_default();
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
        let is_key = (1..=40).contains(&tail.len()) && tail.bytes().all(is_plain);
        if is_key && CLASSES.contains(&class) { Ok(Self(text.to_owned())) } else { Err(CategoryError) }
    }
}

impl TryFrom<String> for Category {
    type Error = CategoryError;

    fn try_from(text: String) -> Result<Self, CategoryError> {
        text.parse()
    }
}

impl From<Category> for String {
    fn from(category: Category) -> Self {
        category.0
    }
}

/// The text is no class of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a category 类别: write nat., acc., hea. or soc. and a key, such as nat.flood 水旱灾害 or acc.hazmat 危险化学品事故"
)]
pub struct CategoryError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_lead_to_the_same_category() {
        for (key, name) in Category::KEYS {
            let category: Category = key.parse().unwrap();
            assert_eq!(name.parse(), Ok(category.clone()));
            assert!(category.is_listed() && CLASSES.contains(&category.class()));
        }
    }

    #[test]
    fn an_installation_may_have_keys_of_its_own_but_no_classes() {
        let own: Category = "acc.mine.gas".parse().unwrap();
        assert_eq!((own.class(), own.is_listed()), ("acc", false));
        for bad in ["", "acc", "acc.", "fun.party", "acc.Gas", "acc.a b"] {
            assert_eq!(bad.parse::<Category>(), Err(CategoryError), "{bad}");
        }
    }
}
