//! A report on an event (突发事件信息): first report, follow-ups, final report, correction. Little is demanded, so
//! that the first report is not late for want of an element; the rest is asked for.

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    category::Category,
    declared_time::DeclaredTime,
    error::{MessageError, required, required_text},
    field::{Casualties, Person, Place, Severity},
    line::{Lines, Said, Say},
    occurrence::Occurrence,
    word::words,
};

words! {
    /// Which report of its case this is.
    Stage, "stage of a report 报告阶段" {
        First = "first" "首报",
        Followup = "followup" "续报",
        Final = "final" "终报",
        Correction = "correction" "更正",
    }
}

/// A report. Only title, time (which may be 不明), place and what happened are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// 报告阶段
    pub stage: Stage,
    /// 续报序号: 1 for 续报一
    pub stage_no: Option<u16>,
    /// 标题
    pub title: String,
    /// 事件编号, as the origin's log book has it
    pub incident_no: Option<String>,
    /// 类别
    pub category: Option<Category>,
    /// 级别
    pub severity: Option<Severity>,
    /// 定级依据
    pub severity_basis: Option<String>,
    /// 敏感事件, with the shorter limits of one
    pub sensitive: bool,
    /// 敏感原因
    pub sensitive_reasons: Vec<String>,
    /// 发生时间 (t0)
    pub occurred_at: Option<Occurrence>,
    /// 接报时间 (t1)
    pub learned_at: Option<DeclaredTime>,
    /// 地点
    pub place: Place,
    /// 信息来源: who called, of which unit, from which telephone
    pub source: Option<Person>,
    /// 涉事单位
    pub unit_involved: Option<String>,
    /// 事件经过
    pub what: String,
    /// 伤亡情况
    pub casualties: Option<Casualties>,
    /// 伤亡人员
    pub victims: Vec<Victim>,
    /// 初步损失
    pub loss_estimate: Option<String>,
    /// 影响
    pub impact: Option<String>,
    /// 发展态势
    pub trend: Option<String>,
    /// 已采取措施
    pub measures: Option<String>,
    /// 现场领导
    pub leader_on_scene: Option<Person>,
    /// 意见建议
    pub opinion: Option<String>,
    /// 批示落实情况
    pub instructions_carried_out: Option<String>,
    /// 请求事项
    pub requests: Option<String>,
    /// 联系人
    pub contact: Option<Person>,
    /// 迟报原因
    pub late_reason: Option<String>,
}

/// A person harmed by the event: personal data, destroyed when the response is over (突发事件应对法 art. 85).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Victim {
    /// 姓名
    pub name: String,
    /// 情况: injury, hospital
    pub condition: Option<String>,
    /// 电话, of the person or the family
    pub phone: Option<String>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            stage: Stage::First,
            stage_no: None,
            title: String::new(),
            incident_no: None,
            category: None,
            severity: None,
            severity_basis: None,
            sensitive: false,
            sensitive_reasons: Vec::new(),
            occurred_at: None,
            learned_at: None,
            place: Place::default(),
            source: None,
            unit_involved: None,
            what: String::new(),
            casualties: None,
            victims: Vec::new(),
            loss_estimate: None,
            impact: None,
            trend: None,
            measures: None,
            leader_on_scene: None,
            opinion: None,
            instructions_carried_out: None,
            requests: None,
            contact: None,
            late_reason: None,
        }
    }
}

impl Report {
    fn add_narrative(&self, lines: &mut Lines) {
        lines.add("what", &self.what);
        lines.given("casualties", &self.casualties);
        lines.given("loss_estimate", &self.loss_estimate);
        lines.given("impact", &self.impact);
        lines.given("trend", &self.trend);
        lines.given("measures", &self.measures);
        lines.given("opinion", &self.opinion);
        lines.given("instructions_carried_out", &self.instructions_carried_out);
        lines.given("requests", &self.requests);
        lines.given("late_reason", &self.late_reason);
    }

    fn add_people(&self, lines: &mut Lines) {
        lines.given("source", &self.source);
        lines.given("leader_on_scene", &self.leader_on_scene);
        lines.given("contact", &self.contact);
        for victim in &self.victims {
            let parts = [Some(victim.name.as_str()), victim.condition.as_deref(), victim.phone.as_deref()];
            lines.add("victims", &parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
        }
    }
}

impl Body for Report {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("title", &self.title)?;
        required("occurred_at", self.occurred_at.is_some())?;
        self.place.check()?;
        required_text("what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("occurred_at.at", self.occurred_at.is_some_and(|occurrence| occurrence.at().is_some())),
            ("category", self.category.is_some()),
            ("severity", self.severity.is_some()),
            ("learned_at", self.learned_at.is_some()),
            ("place.code", self.place.code.is_some()),
            ("source", self.source.is_some()),
            ("unit_involved", self.unit_involved.is_some()),
            ("casualties", self.casualties.is_some()),
            ("loss_estimate", self.loss_estimate.is_some()),
            ("impact", self.impact.is_some()),
            ("trend", self.trend.is_some()),
            ("measures", self.measures.is_some()),
            ("leader_on_scene", self.leader_on_scene.is_some()),
            ("contact", self.contact.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.add("stage", &Numbered(self.stage, self.stage_no));
        lines.given("incident_no", &self.incident_no);
        lines.given("category", &self.category);
        lines.given("severity", &self.severity);
        lines.given("severity_basis", &self.severity_basis);
        lines.flag("sensitive", self.sensitive);
        lines.add("sensitive_reasons", &self.sensitive_reasons.join(", "));
        lines.given("occurred_at", &self.occurred_at);
        lines.given("learned_at", &self.learned_at);
        lines.add("place", &self.place);
        lines.given("unit_involved", &self.unit_involved);
        self.add_narrative(lines);
        self.add_people(lines);
    }
}

/// 续报 2
struct Numbered(Stage, Option<u16>);

impl Say for Numbered {
    fn say(&self, said: &mut Said) {
        self.0.say(said);
        if let Some(number) = self.1 {
            said.text(format!(" {number}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimal() -> Report {
        Report {
            title: "火情".into(),
            what: "厂房起火".into(),
            occurred_at: Some(Occurrence::Unknown),
            place: Place { text: "方城县".into(), ..Place::default() },
            ..Report::default()
        }
    }

    #[test]
    fn four_elements_are_enough_to_send_and_the_rest_is_asked_for() {
        let report = minimal();
        assert_eq!(report.check(), Ok(()));
        let missing = report.missing();
        for element in ["occurred_at.at", "casualties", "contact", "leader_on_scene"] {
            assert!(missing.contains(&element), "{element}");
        }
    }

    #[test]
    fn each_required_element_is_named_when_it_is_missing() {
        let cases = [
            (Report { title: " ".into(), ..minimal() }, "title"),
            (Report { occurred_at: None, ..minimal() }, "occurred_at"),
            (Report { place: Place::default(), ..minimal() }, "place.text"),
            (Report { what: String::new(), ..minimal() }, "what"),
        ];
        for (report, expected) in cases {
            assert!(matches!(report.check(), Err(MessageError::Required { key }) if key == expected));
        }
        let error = Report { occurred_at: None, ..minimal() }.check().unwrap_err().to_string();
        assert!(error.contains("occurred_at") && error.contains("\"不明\""), "{error}");
    }
}
