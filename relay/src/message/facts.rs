//! The facts of a message: what a verdict on timeliness needs, readable when text and personal data have long
//! been destroyed.

use serde::Deserialize;

use super::{
    block::{BlockError, Blocks},
    case_id::CaseId,
    category::Category,
    declared_time::DeclaredTime,
    document::{LAYOUT_VERSION, Part, typed},
    field::{Severity, Status},
    kind::Kind,
    marking::Marking,
    occurrence::Occurrence,
    phone::{Direction, PhoneLine, call::SignedCall},
    report::Stage,
    verification::Conclusion,
};
use crate::envelope_id::EnvelopeKey;

/// The facts block of any kind; what the kind does not have is absent. Elements of later versions are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Facts {
    /// 文种
    pub kind: Kind,
    /// 事件
    pub case: Option<CaseId>,
    /// 事件内序号
    pub case_seq: Option<u32>,
    /// 关联文电
    #[serde(default)]
    pub relates_to: Vec<EnvelopeKey>,
    /// 替代文电
    pub supersedes: Option<EnvelopeKey>,
    /// 标识
    #[serde(default)]
    pub marking: Marking,
    /// 状态
    #[serde(default)]
    pub status: Status,
    /// 起草时间 (t3)
    pub composed_at: Option<DeclaredTime>,
    /// 签发时间 (t4)
    pub signed_off_at: Option<DeclaredTime>,
    /// 报告阶段
    pub stage: Option<Stage>,
    /// 类别
    pub category: Option<Category>,
    /// 级别
    pub severity: Option<Severity>,
    /// 敏感事件
    #[serde(default)]
    pub sensitive: bool,
    /// 发生时间 (t0)
    pub occurred_at: Option<Occurrence>,
    /// 接报时间 (t1)
    pub learned_at: Option<DeclaredTime>,
    /// 迟报原因, of a report that was sent after a limit had passed
    pub late_reason: Option<String>,
    /// 要求书面反馈
    #[serde(default)]
    pub written_required: bool,
    /// 核实结论
    pub conclusion: Option<Conclusion>,
    /// 时限 set by the sender
    pub due_at: Option<DeclaredTime>,
    /// 来去 of a telephone call
    pub direction: Option<Direction>,
    /// 电话类型
    pub phone: Option<PhoneLine>,
    /// 通话开始
    pub started_at: Option<DeclaredTime>,
    /// 通话结束 (t2)
    pub ended_at: Option<DeclaredTime>,
    /// 对口令
    pub pairing_code: Option<String>,
    /// What the officer signed about the call
    pub call: Option<SignedCall>,
}

impl Facts {
    /// Reads the facts of a body.
    ///
    /// # Errors
    /// [`BlockError`] when the block is gone, damaged, or of a version or kind that is not known here.
    pub fn from_blocks(blocks: &Blocks) -> Result<Self, BlockError> {
        let value =
            blocks.block(Part::Facts).ok_or(BlockError::Destroyed(Part::Facts))?.value(Part::Facts)?;
        let head: Head = typed(&value).map_err(BlockError::Shape)?;
        head.kind()?;
        typed(&value).map_err(BlockError::Shape)
    }
}

/// The two elements that decide whether the rest can be read.
#[derive(Deserialize)]
pub(super) struct Head {
    v: u16,
    kind: u16,
}

impl Head {
    pub(super) fn kind(&self) -> Result<Kind, BlockError> {
        if self.v != LAYOUT_VERSION {
            return Err(BlockError::UnknownVersion(self.v));
        }
        Ok(Kind::from_number(self.kind)?)
    }
}
