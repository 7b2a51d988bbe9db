//! What sort of paper a message is (文种): a report, a verification request, an instruction. The list is
//! closed and only ever grows at its end, because old evidence and old nodes know its numbers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use topology::{Flow, Precedence};

use super::word::WordError;

/// The kind of a message. In text formats it is its word, in binary formats its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 突发事件信息: first report, follow-up, final report, correction
    Report,
    /// 电话记录
    PhoneNote,
    /// 核报通知
    VerifyRequest,
    /// 核报反馈
    VerifyReply,
    /// 批示指示
    Instruction,
    /// 落实反馈
    Feedback,
    /// 交办
    Assignment,
    /// 督办
    Urge,
    /// 通报
    Notify,
    /// 会商
    Consult,
    /// 移送
    Transfer,
    /// 撤回
    Recall,
}

impl Kind {
    /// All kinds; the number of a kind is its place here, counted from 1. New kinds go to the end.
    pub const ALL: [Self; 12] = [
        Self::Report,
        Self::PhoneNote,
        Self::VerifyRequest,
        Self::VerifyReply,
        Self::Instruction,
        Self::Feedback,
        Self::Assignment,
        Self::Urge,
        Self::Notify,
        Self::Consult,
        Self::Transfer,
        Self::Recall,
    ];

    /// Whether its delivery starts the clock of the room that receives it.
    pub const fn wants_answer(self) -> bool {
        matches!(self, Self::VerifyRequest | Self::Instruction)
    }

    /// The number in signed bytes; it never changes.
    pub const fn number(self) -> u16 {
        match self {
            Self::Report => 1,
            Self::PhoneNote => 2,
            Self::VerifyRequest => 3,
            Self::VerifyReply => 4,
            Self::Instruction => 5,
            Self::Feedback => 6,
            Self::Assignment => 7,
            Self::Urge => 8,
            Self::Notify => 9,
            Self::Consult => 10,
            Self::Transfer => 11,
            Self::Recall => 12,
        }
    }

    /// The kind with this number.
    ///
    /// # Errors
    /// [`UnknownKind`] carries the number, so that a target can name it in its signed refusal.
    pub fn from_number(number: u16) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.number() == number).ok_or(UnknownKind { number })
    }

    /// The word of files, of the command line and of JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::PhoneNote => "phone_note",
            Self::VerifyRequest => "verify.request",
            Self::VerifyReply => "verify.reply",
            Self::Instruction => "instruction",
            Self::Feedback => "feedback",
            Self::Assignment => "assignment",
            Self::Urge => "urge",
            Self::Notify => "notify",
            Self::Consult => "consult",
            Self::Transfer => "transfer",
            Self::Recall => "recall",
        }
    }

    /// The word on paper.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Report => "突发事件信息",
            Self::PhoneNote => "电话记录",
            Self::VerifyRequest => "核报通知",
            Self::VerifyReply => "核报反馈",
            Self::Instruction => "批示指示",
            Self::Feedback => "落实反馈",
            Self::Assignment => "交办",
            Self::Urge => "督办",
            Self::Notify => "通报",
            Self::Consult => "会商",
            Self::Transfer => "移送",
            Self::Recall => "撤回",
        }
    }

    /// The flows that this kind may ride, the usual one first. The target checks the sealed kind
    /// against the clear flow that the hubs policed.
    pub const fn flows(self) -> &'static [Flow] {
        match self {
            Self::Report | Self::VerifyReply => &[Flow::Up, Flow::Lateral],
            Self::VerifyRequest => &[Flow::Down, Flow::Lateral],
            Self::PhoneNote => &[Flow::Up, Flow::Down, Flow::Lateral],
            Self::Instruction | Self::Assignment | Self::Urge => &[Flow::Down],
            Self::Feedback => &[Flow::Up],
            // A superior's 通报 to the rooms below it is as usual as one between neighbours.
            // Upwards it says that a limit has passed here: what else goes up starts or meets one.
            Self::Notify => &[Flow::Lateral, Flow::Down, Flow::Up],
            Self::Consult | Self::Transfer => &[Flow::Lateral],
            Self::Recall => &[Flow::Control],
        }
    }

    /// The precedence of this kind when nobody says otherwise and its content does not raise it
    /// (see [`Message::default_precedence`](super::Message::default_precedence)).
    pub const fn default_precedence(self) -> Precedence {
        match self {
            Self::Report
            | Self::PhoneNote
            | Self::VerifyRequest
            | Self::VerifyReply
            | Self::Instruction
            | Self::Urge
            | Self::Transfer
            | Self::Recall => Precedence::Immediate,
            Self::Feedback | Self::Assignment | Self::Notify | Self::Consult => Precedence::Priority,
        }
    }

    /// The kinds that a message of this kind can be the answer to.
    pub const fn answers(self) -> &'static [Self] {
        match self {
            Self::VerifyReply => &[Self::VerifyRequest],
            Self::Feedback => &[Self::Instruction, Self::Assignment, Self::Urge],
            Self::Report
            | Self::PhoneNote
            | Self::VerifyRequest
            | Self::Instruction
            | Self::Assignment
            | Self::Urge
            | Self::Notify
            | Self::Consult
            | Self::Transfer
            | Self::Recall => &[],
        }
    }

    /// The kind that answers a message of this kind; none where nothing does.
    pub fn answered_by(self) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.answers().contains(&self))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        Self::ALL.into_iter().find(|kind| kind.word() == text || kind.chinese() == text).ok_or_else(|| {
            WordError::new("kind of message 文种", text, &Self::ALL.map(|kind| (kind.word(), kind.chinese())))
        })
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.word())
        } else {
            serializer.serialize_u16(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            Self::from_number(u16::deserialize(deserializer)?).map_err(serde::de::Error::custom)
        }
    }
}

/// A kind that a newer program wrote and this one does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "message kind number {number} is not known here; this node is older than the sender and must be upgraded"
)]
pub struct UnknownKind {
    /// The number that came.
    pub number: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_of_kinds_never_change() {
        let table: Vec<(u16, &str)> = Kind::ALL.iter().map(|kind| (kind.number(), kind.word())).collect();
        assert_eq!(
            table,
            vec![
                (1, "report"),
                (2, "phone_note"),
                (3, "verify.request"),
                (4, "verify.reply"),
                (5, "instruction"),
                (6, "feedback"),
                (7, "assignment"),
                (8, "urge"),
                (9, "notify"),
                (10, "consult"),
                (11, "transfer"),
                (12, "recall"),
            ]
        );
    }

    #[test]
    fn a_kind_is_read_from_both_its_words_and_its_number() {
        for kind in Kind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert_eq!(kind.chinese().parse(), Ok(kind));
            assert_eq!(Kind::from_number(kind.number()), Ok(kind));
        }
    }

    #[test]
    fn an_unknown_number_is_named_in_the_error() {
        assert_eq!(Kind::from_number(13), Err(UnknownKind { number: 13 }));
        assert!(Kind::from_number(0).unwrap_err().to_string().contains("number 0"));
        assert!("rollcall".parse::<Kind>().unwrap_err().to_string().contains("verify.request 核报通知"));
    }

    #[test]
    fn orders_flow_down_and_answers_flow_up() {
        for kind in [Kind::Instruction, Kind::Assignment, Kind::Urge] {
            assert_eq!(kind.flows(), [Flow::Down]);
        }
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.answers().is_empty()) {
            assert!(kind.flows().contains(&Flow::Up), "{kind} answers a superior");
        }
        assert_eq!(Kind::Recall.flows(), [Flow::Control]);
    }
}
