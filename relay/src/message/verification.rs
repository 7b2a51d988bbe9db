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
        required_text("title", &self.title)?;
        required_text("what", &self.what)?;
        self.place.as_ref().map_or(Ok(()), Place::check)
    }

    fn missing(&self) -> Vec<&'static str> {
        if self.contact.is_some() { vec![] } else { vec!["contact"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.add("written_required", &self.written_required);
        lines.flag("sensitive", self.sensitive);
        lines.given("link", &self.link);
        lines.given("occurred_at", &self.occurred_at);
        lines.given("place", &self.place);
        lines.given("contact", &self.contact);
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
        required_text("title", &self.title)?;
        required_text("what", &self.what)?;
        self.place.as_ref().map_or(Ok(()), Place::check)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("conclusion", self.conclusion.is_some()),
            ("measures", self.measures.is_some()),
            ("contact", self.contact.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.given("conclusion", &self.conclusion);
        lines.add("what", &self.what);
        lines.given("occurred_at", &self.occurred_at);
        lines.given("place", &self.place);
        lines.given("casualties", &self.casualties);
        lines.given("measures", &self.measures);
        lines.given("contact", &self.contact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::line::{Line, said};

    #[test]
    fn a_reply_is_a_text_and_its_conclusion_is_asked_for() {
        let reply =
            VerifyReply {
                title: "核报反馈".into(), what: "已联系派出所".into(), ..VerifyReply::default()
            };
        assert_eq!(reply.check(), Ok(()));
        assert!(reply.missing().contains(&"conclusion"));
        let silent = VerifyReply { what: "\n ".into(), ..reply };
        assert!(matches!(silent.check(), Err(MessageError::Required { key: "what" })));
    }

    #[test]
    fn a_request_says_whether_it_wants_writing() {
        let mut lines = Lines::default();
        VerifyRequest { written_required: true, ..VerifyRequest::default() }.add_lines(&mut lines);
        assert!(lines.0.contains(&Line { element: "written_required", said: said(&true) }));
    }
}
