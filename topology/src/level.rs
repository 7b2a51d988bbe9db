//! The level of a room (层级): whose duty room it is.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The level of the body that keeps a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// 省级
    Province,
    /// 市级
    City,
    /// 县级
    County,
    /// 乡级
    Township,
    /// A department of any level, 部门.
    Department,
    /// An enterprise, 企业.
    Enterprise,
    /// Whoever is outside the hierarchy, 外部单位.
    External,
}

impl Level {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Province,
        Self::City,
        Self::County,
        Self::Township,
        Self::Department,
        Self::Enterprise,
        Self::External,
    ];

    /// The word of map files and of JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::City => "city",
            Self::County => "county",
            Self::Township => "township",
            Self::Department => "department",
            Self::Enterprise => "enterprise",
            Self::External => "external",
        }
    }

    /// The word on a screen.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Province => "省级",
            Self::City => "市级",
            Self::County => "县级",
            Self::Township => "乡级",
            Self::Department => "部门",
            Self::Enterprise => "企业",
            Self::External => "外部单位",
        }
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL.into_iter().find(|level| level.word() == text).ok_or(LevelError)
    }
}

/// The text is not a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a level: province, city, county, township, department, enterprise or external is wanted")]
pub struct LevelError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_level() {
        for level in Level::ALL {
            assert_eq!(level.word().parse(), Ok(level));
        }
        assert_eq!("countyy".parse::<Level>(), Err(LevelError));
    }
}
