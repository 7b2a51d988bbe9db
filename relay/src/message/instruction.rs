//! What comes down and has to be carried out (批示, 交办, 督办), and what goes up about it (落实反馈).

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    declared_time::DeclaredTime,
    error::{MessageError, required_text},
    field::Person,
    line::Lines,
    word::words,
};

words! {
    /// How far an instruction has been carried out.
    Progress, "progress 落实进度" {
        Done = "done" "已落实",
        Ongoing = "ongoing" "正在落实",
        NotDone = "not_done" "未落实",
    }
}

/// A leader's instruction (批示指示).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instruction {
    /// 标题
    pub title: String,
    /// 批示内容
    pub what: String,
    /// 批示领导
    pub issued_by: Option<String>,
    /// 批示时间
    pub issued_at: Option<DeclaredTime>,
    /// 反馈时限
    pub due_at: Option<DeclaredTime>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Instruction {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("批示内容", "what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("批示领导", self.issued_by.is_some()),
            ("批示时间", self.issued_at.is_some()),
            ("反馈时限", self.due_at.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("批示内容", "Instruction", &self.what);
        lines.given("批示领导", "Issued by", &self.issued_by);
        lines.given("批示时间", "Issued at", &self.issued_at);
        lines.given("反馈时限", "Feedback due", &self.due_at);
        lines.given("联系人", "Contact", &self.contact);
    }
}

/// What has been done about an instruction, an assignment or an urging (落实反馈).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feedback {
    /// 标题
    pub title: String,
    /// 落实情况
    pub what: String,
    /// 落实进度
    pub progress: Option<Progress>,
    /// 下一步安排
    pub next_steps: Option<String>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Feedback {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("落实情况", "what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.progress.is_some() { vec![] } else { vec!["落实进度"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.given("落实进度", "Progress", &self.progress);
        lines.add("落实情况", "Carried out", &self.what);
        lines.given("下一步安排", "Next steps", &self.next_steps);
        lines.given("联系人", "Contact", &self.contact);
    }
}

/// A task with a time to be done by (交办).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assignment {
    /// 标题
    pub title: String,
    /// 交办事项
    pub what: String,
    /// 牵头单位
    pub lead_unit: Option<String>,
    /// 办理时限
    pub due_at: Option<DeclaredTime>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Assignment {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("交办事项", "what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.due_at.is_some() { vec![] } else { vec!["办理时限"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("交办事项", "Task", &self.what);
        lines.given("牵头单位", "Lead unit", &self.lead_unit);
        lines.given("办理时限", "Due", &self.due_at);
        lines.given("联系人", "Contact", &self.contact);
    }
}

/// A reminder that something is owed (督办).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Urge {
    /// 标题
    pub title: String,
    /// 督办事项
    pub what: String,
    /// 办理时限
    pub due_at: Option<DeclaredTime>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Urge {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("督办事项", "what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.due_at.is_some() { vec![] } else { vec!["办理时限"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("督办事项", "Urged", &self.what);
        lines.given("办理时限", "Due", &self.due_at);
        lines.given("联系人", "Contact", &self.contact);
    }
}
