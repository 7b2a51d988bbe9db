//! Rule packs and calendars: what is in force, what would be, what the root hub has signed.

use serde::{Deserialize, Serialize};

use super::Room;

/// What the root hub has signed for a map that is about to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SignedDocuments {
    /// As the plan is to name them.
    #[schema(value_type = serde_json::Value)]
    pub in_force: crate::rulebook::InForce,
    /// The signed bytes, in base64.
    pub documents: Vec<String>,
}

/// What would be in force, beside what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesPreview {
    /// Packs as `name@version`.
    pub packs: Vec<String>,
    /// Years of the calendar.
    pub calendars: Vec<i16>,
    /// Packs that the plan in force names.
    pub packs_now: Vec<String>,
    /// Years that it names.
    pub calendars_now: Vec<i16>,
}

/// `rules ls` at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesInForce {
    /// Version of the plan that names them.
    pub map_version: u64,
    /// The packs that are here.
    pub packs: Vec<PackLine>,
    /// The years that are here.
    pub calendars: Vec<CalendarLine>,
    /// What the plan names and is not here yet.
    pub missing: Vec<String>,
}

/// One rule pack in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackLine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the signed bytes, in hex.
    pub digest: String,
    /// Who signed it.
    pub issuer: Room,
    /// The document's title.
    pub title: String,
    /// The title in English.
    pub title_en: String,
    /// The document's number.
    pub document: String,
    /// The pack that it tightens.
    pub base: Option<String>,
    /// First instant at which it judges, Beijing time.
    pub effective: String,
    /// First instant at which it judges no more.
    pub repealed: Option<String>,
    /// How many rules.
    pub rules: u64,
    /// How many duties without a clock.
    pub duties: u64,
}

/// One year of the calendar in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CalendarLine {
    /// The year.
    pub year: i16,
    /// SHA-256 of the signed bytes, in hex.
    pub digest: String,
    /// Who signed it.
    pub issuer: Room,
    /// Where its data comes from.
    pub source: String,
}
