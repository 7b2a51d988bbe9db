//! What stands above the form, whatever the kind: the case it belongs to, what it refers to, how it is marked,
//! who wrote, read and signed it.

use serde::{Deserialize, Serialize};
use topology::Precedence;

use super::{
    case_id::CaseId, declared_time::DeclaredTime, field::Status, line::Lines, marking::Marking,
    scanner::Override,
};
use crate::envelope_id::EnvelopeKey;

/// The heading of a message. All of it is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Heading {
    /// 事件
    pub case: Option<CaseId>,
    /// 事件内序号, gap-free in its case
    pub case_seq: Option<u32>,
    /// 关联文电: what this answers, follows or recalls
    pub relates_to: Vec<EnvelopeKey>,
    /// 替代文电: what this correction takes the place of
    pub supersedes: Option<EnvelopeKey>,
    /// 标识
    pub marking: Marking,
    /// 状态
    pub status: Status,
    /// 紧急程度, when it is not the usual one of the kind
    pub precedence: Option<Precedence>,
    /// 起草时间 (t3)
    pub composed_at: Option<DeclaredTime>,
    /// 签发时间 (t4)
    pub signed_off_at: Option<DeclaredTime>,
    /// 越级理由
    pub skip_level_reason: Option<String>,
    /// 拟稿人
    pub drafted_by: Option<String>,
    /// 审核人
    pub reviewed_by: Option<String>,
    /// 签发人
    pub signed_by: Option<String>,
    /// 标识复核: who let a suspicious word pass, and why
    pub marking_override: Option<Override>,
}

impl Heading {
    pub(super) fn add_lines(&self, lines: &mut Lines) {
        if self.status != Status::Actual {
            lines.add("状态", "Status", self.status);
        }
        if self.marking != Marking::None {
            lines.add("标识", "Marking", self.marking);
        }
        lines.given("越级理由", "Reason for skipping a level", &self.skip_level_reason);
        lines.given("事件", "Case", &self.case);
        lines.given("事件内序号", "Number in its case", &self.case_seq);
        for key in &self.relates_to {
            lines.add("关联文电", "Relates to", format!("{} ({})", key.id, key.origin));
        }
        if let Some(key) = &self.supersedes {
            lines.add("替代文电", "Supersedes", format!("{} ({})", key.id, key.origin));
        }
    }

    pub(super) fn add_closing_lines(&self, lines: &mut Lines) {
        lines.given("起草时间", "Drafted at", &self.composed_at);
        lines.given("拟稿人", "Drafted by", &self.drafted_by);
        lines.given("审核人", "Reviewed by", &self.reviewed_by);
        lines.given("签发时间", "Signed off at", &self.signed_off_at);
        lines.given("签发人", "Signed off by", &self.signed_by);
        if let Some(pass) = &self.marking_override {
            lines.add("标识复核", "Marking reviewed by", format!("{}: {}", pass.officer, pass.reason));
        }
    }
}
