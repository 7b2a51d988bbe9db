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
        required_text("title", &self.title)?;
        required_text("what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("issued_by", self.issued_by.is_some()),
            ("issued_at", self.issued_at.is_some()),
            ("due_at", self.due_at.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.given("issued_by", &self.issued_by);
        lines.given("issued_at", &self.issued_at);
        lines.given("due_at", &self.due_at);
        lines.given("contact", &self.contact);
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
        required_text("title", &self.title)?;
        required_text("what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.progress.is_some() { vec![] } else { vec!["progress"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.given("progress", &self.progress);
        lines.add("what", &self.what);
        lines.given("next_steps", &self.next_steps);
        lines.given("contact", &self.contact);
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
        required_text("title", &self.title)?;
        required_text("what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.due_at.is_some() { vec![] } else { vec!["due_at"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.given("lead_unit", &self.lead_unit);
        lines.given("due_at", &self.due_at);
        lines.given("contact", &self.contact);
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
        required_text("title", &self.title)?;
        required_text("what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.due_at.is_some() { vec![] } else { vec!["due_at"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.given("due_at", &self.due_at);
        lines.given("contact", &self.contact);
    }
}
