//! A relation (关系) beside the tree: the transport tree is not the graph of who answers to whom.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RoomId;

/// One relation beside the tree, written at the room that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// What the other room is to this one.
    pub kind: RelationKind,
    /// The other room.
    pub room: RoomId,
}

/// What another room is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// The government of the territory, 块.
    TerritorialSuperior,
    /// The department above in the same line of work, 条.
    LineSuperior,
    /// The party committee's room of the same level, 同级党委.
    PartyCommittee,
    /// A room that it deals with as an equal.
    Peer,
}

impl RelationKind {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::TerritorialSuperior, Self::LineSuperior, Self::PartyCommittee, Self::Peer];

    /// The word of map files and of JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TerritorialSuperior => "territorial_superior",
            Self::LineSuperior => "line_superior",
            Self::PartyCommittee => "party_committee",
            Self::Peer => "peer",
        }
    }

    /// Whether the other room may direct this one.
    pub const fn is_superior(self) -> bool {
        match self {
            Self::TerritorialSuperior | Self::LineSuperior => true,
            Self::PartyCommittee | Self::Peer => false,
        }
    }
}

impl FromStr for RelationKind {
    type Err = RelationKindError;

    fn from_str(text: &str) -> Result<Self, RelationKindError> {
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or(RelationKindError)
    }
}

/// The text names no relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a relation: territorial_superior, line_superior, party_committee or peer is wanted")]
pub struct RelationKindError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_relation_and_only_superiors_direct() {
        for kind in RelationKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert_eq!(kind.word().ends_with("_superior"), kind.is_superior());
        }
        assert_eq!("friend".parse::<RelationKind>(), Err(RelationKindError));
    }
}
