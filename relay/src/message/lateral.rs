//! Between rooms of the same rank (平级): telling one another (通报), consulting (会商), handing over what belongs to
//! another (移送, 突发事件应对法 art. 60: at once).

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    category::Category,
    declared_time::DeclaredTime,
    error::{MessageError, required_text},
    field::{Person, Place},
    line::Lines,
    occurrence::Occurrence,
};

/// Telling related rooms (通报).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// 标题
    pub title: String,
    /// 通报内容
    pub what: String,
    /// 发生时间
    pub occurred_at: Option<Occurrence>,
    /// 地点
    pub place: Option<Place>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Notify {
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
        lines.given("occurred_at", &self.occurred_at);
        lines.given("place", &self.place);
        lines.given("contact", &self.contact);
    }
}

/// An invitation to consult (会商).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consult {
    /// 标题
    pub title: String,
    /// 会商事项
    pub what: String,
    /// 会商时间
    pub meeting_at: Option<DeclaredTime>,
    /// 会商方式: where, or on which line
    pub meeting_by: Option<String>,
    /// 回复时限
    pub due_at: Option<DeclaredTime>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Consult {
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
        if self.meeting_at.is_some() || self.due_at.is_some() { vec![] } else { vec!["meeting_at"] }
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.given("meeting_at", &self.meeting_at);
        lines.given("meeting_by", &self.meeting_by);
        lines.given("due_at", &self.due_at);
        lines.given("contact", &self.contact);
    }
}

/// Handing over what another room is responsible for (移送).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transfer {
    /// 标题
    pub title: String,
    /// 移送事项
    pub what: String,
    /// 移送理由
    pub reason: String,
    /// 类别
    pub category: Option<Category>,
    /// 发生时间
    pub occurred_at: Option<Occurrence>,
    /// 接报时间
    pub learned_at: Option<DeclaredTime>,
    /// 地点
    pub place: Option<Place>,
    /// 信息来源
    pub source: Option<Person>,
    /// 联系人
    pub contact: Option<Person>,
}

impl Body for Transfer {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("title", &self.title)?;
        required_text("what", &self.what)?;
        required_text("reason", &self.reason)?;
        self.place.as_ref().map_or(Ok(()), Place::check)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("learned_at", self.learned_at.is_some()),
            ("source", self.source.is_some()),
            ("contact", self.contact.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.add("reason", &self.reason);
        lines.given("category", &self.category);
        lines.given("occurred_at", &self.occurred_at);
        lines.given("learned_at", &self.learned_at);
        lines.given("place", &self.place);
        lines.given("source", &self.source);
        lines.given("contact", &self.contact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handing_over_needs_a_reason() {
        let transfer = Transfer { title: "移送".into(), what: "线索".into(), ..Transfer::default() };
        assert!(matches!(transfer.check(), Err(MessageError::Required { key: "reason" })));
        assert_eq!(Transfer { reason: "事发地属南召县".into(), ..transfer }.check(), Ok(()));
    }
}
