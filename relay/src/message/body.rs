//! The elements of a message by kind: each kind is a form of its own, and a form knows what it must say, what it
//! should say, and how it reads.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::MessageError,
    instruction::{Assignment, Feedback, Instruction, Urge},
    kind::Kind,
    lateral::{Consult, Notify, Transfer},
    line::Lines,
    phone::PhoneNote,
    recall::Recall,
    report::Report,
    verification::{VerifyReply, VerifyRequest},
};

/// What every form can say about itself.
pub(super) trait Body {
    /// One line for lists.
    fn title(&self) -> &str;

    /// The main text.
    fn what(&self) -> &str;

    /// An error when an element is missing or senseless without which the form cannot be sent.
    fn check(&self) -> Result<(), MessageError>;

    /// The keys of the elements that are asked for and not there.
    fn missing(&self) -> Vec<&'static str>;

    /// Adds the elements that are there, in reading order.
    fn add_lines(&self, lines: &mut Lines);
}

/// The filled-in form of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// 突发事件信息
    Report(Box<Report>),
    /// 电话记录
    PhoneNote(Box<PhoneNote>),
    /// 核报通知
    VerifyRequest(Box<VerifyRequest>),
    /// 核报反馈
    VerifyReply(Box<VerifyReply>),
    /// 批示指示
    Instruction(Box<Instruction>),
    /// 落实反馈
    Feedback(Box<Feedback>),
    /// 交办
    Assignment(Box<Assignment>),
    /// 督办
    Urge(Box<Urge>),
    /// 通报
    Notify(Box<Notify>),
    /// 会商
    Consult(Box<Consult>),
    /// 移送
    Transfer(Box<Transfer>),
    /// 撤回
    Recall(Box<Recall>),
}

/// Where a form is read from: a message file or an opened block.
pub(super) trait Source {
    /// Why it cannot be read.
    type Error;

    /// Reads one form.
    fn read<T: DeserializeOwned>(self) -> Result<T, Self::Error>;
}

impl Content {
    /// The form of this kind with nothing in it.
    pub fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Report => Self::Report(Box::default()),
            Kind::PhoneNote => Self::PhoneNote(Box::default()),
            Kind::VerifyRequest => Self::VerifyRequest(Box::default()),
            Kind::VerifyReply => Self::VerifyReply(Box::default()),
            Kind::Instruction => Self::Instruction(Box::default()),
            Kind::Feedback => Self::Feedback(Box::default()),
            Kind::Assignment => Self::Assignment(Box::default()),
            Kind::Urge => Self::Urge(Box::default()),
            Kind::Notify => Self::Notify(Box::default()),
            Kind::Consult => Self::Consult(Box::default()),
            Kind::Transfer => Self::Transfer(Box::default()),
            Kind::Recall => Self::Recall(Box::default()),
        }
    }

    pub(super) fn read<S: Source>(kind: Kind, source: S) -> Result<Self, S::Error> {
        Ok(match kind {
            Kind::Report => Self::Report(source.read()?),
            Kind::PhoneNote => Self::PhoneNote(source.read()?),
            Kind::VerifyRequest => Self::VerifyRequest(source.read()?),
            Kind::VerifyReply => Self::VerifyReply(source.read()?),
            Kind::Instruction => Self::Instruction(source.read()?),
            Kind::Feedback => Self::Feedback(source.read()?),
            Kind::Assignment => Self::Assignment(source.read()?),
            Kind::Urge => Self::Urge(source.read()?),
            Kind::Notify => Self::Notify(source.read()?),
            Kind::Consult => Self::Consult(source.read()?),
            Kind::Transfer => Self::Transfer(source.read()?),
            Kind::Recall => Self::Recall(source.read()?),
        })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Report(_) => Kind::Report,
            Self::PhoneNote(_) => Kind::PhoneNote,
            Self::VerifyRequest(_) => Kind::VerifyRequest,
            Self::VerifyReply(_) => Kind::VerifyReply,
            Self::Instruction(_) => Kind::Instruction,
            Self::Feedback(_) => Kind::Feedback,
            Self::Assignment(_) => Kind::Assignment,
            Self::Urge(_) => Kind::Urge,
            Self::Notify(_) => Kind::Notify,
            Self::Consult(_) => Kind::Consult,
            Self::Transfer(_) => Kind::Transfer,
            Self::Recall(_) => Kind::Recall,
        }
    }

    pub(super) fn body(&self) -> &dyn Body {
        match self {
            Self::Report(body) => &**body,
            Self::PhoneNote(body) => &**body,
            Self::VerifyRequest(body) => &**body,
            Self::VerifyReply(body) => &**body,
            Self::Instruction(body) => &**body,
            Self::Feedback(body) => &**body,
            Self::Assignment(body) => &**body,
            Self::Urge(body) => &**body,
            Self::Notify(body) => &**body,
            Self::Consult(body) => &**body,
            Self::Transfer(body) => &**body,
            Self::Recall(body) => &**body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_form_of_any_kind_is_refused_for_its_title() {
        for kind in Kind::ALL {
            let content = Content::empty(kind);
            assert_eq!(content.kind(), kind);
            let refused = content.body().check();
            assert!(matches!(refused, Err(MessageError::Required { key: "title" })), "{kind}");
        }
    }
}
