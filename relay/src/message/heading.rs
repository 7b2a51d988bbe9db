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
            lines.add("status", &self.status);
        }
        if self.marking != Marking::None {
            lines.add("marking", &self.marking);
        }
        lines.given("skip_level_reason", &self.skip_level_reason);
        lines.given("case", &self.case);
        lines.given("case_seq", &self.case_seq);
        for key in &self.relates_to {
            lines.add("relates_to", &format!("{} ({})", key.id, key.origin));
        }
        if let Some(key) = &self.supersedes {
            lines.add("supersedes", &format!("{} ({})", key.id, key.origin));
        }
    }

    pub(super) fn add_closing_lines(&self, lines: &mut Lines) {
        lines.given("composed_at", &self.composed_at);
        lines.given("drafted_by", &self.drafted_by);
        lines.given("reviewed_by", &self.reviewed_by);
        lines.given("signed_off_at", &self.signed_off_at);
        lines.given("signed_by", &self.signed_by);
        if let Some(pass) = &self.marking_override {
            lines.add("marking_override", &format!("{}: {}", pass.officer, pass.reason));
        }
    }
}
