//! Verification (核报): a superior has heard of something and asks; the room that is asked answers, first by
//! telephone and, where the request says so, in writing.

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    error::{MessageError, required_text},
    field::{Casualties, Person, Place},
    line::Lines,
    occurrence::Occurrence,
    word::words,
};

words! {
    /// What verification found.
    Conclusion, "conclusion 核实结论" {
        True = "true" "属实",
        Partly = "partly" "部分属实",
        False = "false" "不实",
        Unverifiable = "unverifiable" "无法核实",
        InProgress = "in_progress" "正在核实",
    }
}

/// A request to verify (核报通知).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyRequest {
    /// 标题
    pub title: String,
    /// 核实事项
    pub what: String,
    /// 要求书面反馈
    pub written_required: bool,
    /// 敏感事件
    pub sensitive: bool,
    /// 线索链接
    pub link: Option<String>,
    /// 据称发生时间
    pub occurred_at: Option<Occurrence>,
    /// 据称地点
    pub place: Option<Place>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for VerifyRequest {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("核实事项", "what", &self.what)?;
        self.place.as_ref().map_or(Ok(()), Place::check)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.contact.is_some() { vec![] } else { vec!["联系人"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("核实事项", "To verify", &self.what);
        let written = if self.written_required { "要求 (required)" } else { "不要求 (not required)" };
        lines.add("书面反馈", "Written reply", written);
        lines.flag("敏感事件", "Sensitive event", self.sensitive);
        lines.given("线索链接", "Link", &self.link);
        lines.given("据称发生时间", "Said to have occurred at", &self.occurred_at);
        lines.given("据称地点", "Said place", &self.place);
        lines.given("联系人", "Contact", &self.contact);
    }
}

/// The answer to a request to verify (核报反馈). "In progress" is shown to the asking room and stops no clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyReply {
    /// 标题
    pub title: String,
    /// 核实结论
    pub conclusion: Option<Conclusion>,
    /// 核实情况
    pub what: String,
    /// 发生时间
    pub occurred_at: Option<Occurrence>,
    /// 地点
    pub place: Option<Place>,
    /// 伤亡情况
    pub casualties: Option<Casualties>,
    /// 已采取措施
    pub measures: Option<String>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for VerifyReply {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("标题", "title", &self.title)?;
        required_text("核实情况", "what", &self.what)?;
        self.place.as_ref().map_or(Ok(()), Place::check)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("核实结论", self.conclusion.is_some()),
            ("已采取措施", self.measures.is_some()),
            ("联系人", self.contact.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.given("核实结论", "Conclusion", &self.conclusion);
        lines.add("核实情况", "Findings", &self.what);
        lines.given("发生时间", "Occurred at", &self.occurred_at);
        lines.given("地点", "Place", &self.place);
        lines.given("伤亡情况", "Casualties", &self.casualties);
        lines.given("已采取措施", "Measures taken", &self.measures);
        lines.given("联系人", "Contact", &self.contact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_text_and_its_conclusion_is_asked_for() {
        let reply =
            VerifyReply {
                title: "核报反馈".into(), what: "已联系派出所".into(), ..VerifyReply::default()
            };
        assert_eq!(reply.check(), Ok(()));
        assert!(reply.missing().contains(&"核实结论"));
        let silent = VerifyReply { what: "\n ".into(), ..reply };
        assert!(matches!(silent.check(), Err(MessageError::Required { element: "核实情况", .. })));
    }

    #[test]
    fn a_request_says_whether_it_wants_writing() {
        let mut lines = Lines::default();
        VerifyRequest { written_required: true, ..VerifyRequest::default() }.add_lines(&mut lines);
        assert!(lines.0.iter().any(|line| line.label_zh == "书面反馈" && line.value.contains("required")));
        assert!(lines.0.iter().all(|line| !line.value.contains("not required")));
    }
}
