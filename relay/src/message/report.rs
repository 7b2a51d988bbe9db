//! A report on an event (突发事件信息): first report, follow-ups, final report, correction. Little is demanded, so
//! that the first report is not late for want of an element; the rest is asked for.

use serde::{Deserialize, Serialize};

use super::{
    body::Body,
    category::Category,
    declared_time::DeclaredTime,
    error::{MessageError, required, required_text},
    field::{Casualties, Person, Place, Severity},
    line::Lines,
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
        lines.add("事件经过", "What happened", &self.what);
        lines.given("伤亡情况", "Casualties", &self.casualties);
        lines.given("初步损失", "Loss estimate", &self.loss_estimate);
        lines.given("影响", "Impact", &self.impact);
        lines.given("发展态势", "Trend", &self.trend);
        lines.given("已采取措施", "Measures taken", &self.measures);
        lines.given("意见建议", "Opinion", &self.opinion);
        lines.given("批示落实情况", "Instructions carried out", &self.instructions_carried_out);
        lines.given("请求事项", "Requests", &self.requests);
        lines.given("迟报原因", "Reason for lateness", &self.late_reason);
    }

    fn add_people(&self, lines: &mut Lines) {
        lines.given("信息来源", "Source", &self.source);
        lines.given("现场领导", "Leader on scene", &self.leader_on_scene);
        lines.given("联系人", "Contact", &self.contact);
        for victim in &self.victims {
            let parts = [Some(victim.name.as_str()), victim.condition.as_deref(), victim.phone.as_deref()];
            lines.add("伤亡人员", "Victim", parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
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
        required_text("标题", "title", &self.title)?;
        required("发生时间", "occurred_at", self.occurred_at.is_some())?;
        self.place.check()?;
        required_text("事件经过", "what", &self.what)
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("准确的发生时间", self.occurred_at.is_some_and(|occurrence| occurrence.at().is_some())),
            ("类别", self.category.is_some()),
            ("级别", self.severity.is_some()),
            ("接报时间", self.learned_at.is_some()),
            ("地点区划代码", self.place.code.is_some()),
            ("信息来源", self.source.is_some()),
            ("涉事单位", self.unit_involved.is_some()),
            ("伤亡情况", self.casualties.is_some()),
            ("初步损失", self.loss_estimate.is_some()),
            ("影响", self.impact.is_some()),
            ("发展态势", self.trend.is_some()),
            ("已采取措施", self.measures.is_some()),
            ("领导到位情况", self.leader_on_scene.is_some()),
            ("联系人", self.contact.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        match self.stage_no {
            Some(number) => lines.add("报告阶段", "Stage", format!("{} {number}", self.stage)),
            None => lines.add("报告阶段", "Stage", self.stage),
        }
        lines.given("事件编号", "Incident number", &self.incident_no);
        lines.given("类别", "Category", &self.category);
        lines.given("级别", "Severity", &self.severity);
        lines.given("定级依据", "Basis of severity", &self.severity_basis);
        lines.flag("敏感事件", "Sensitive event", self.sensitive);
        lines.add("敏感原因", "Why sensitive", self.sensitive_reasons.join(", "));
        lines.given("发生时间", "Occurred at", &self.occurred_at);
        lines.given("接报时间", "Learned at", &self.learned_at);
        lines.add("地点", "Place", &self.place);
        lines.given("涉事单位", "Unit involved", &self.unit_involved);
        self.add_narrative(lines);
        self.add_people(lines);
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
        for element in ["准确的发生时间", "伤亡情况", "联系人", "领导到位情况"] {
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
            assert!(matches!(report.check(), Err(MessageError::Required { key, .. }) if key == expected));
        }
        let error = Report { occurred_at: None, ..minimal() }.check().unwrap_err().to_string();
        assert!(error.contains("发生时间") && error.contains("\"不明\""), "{error}");
    }
}
