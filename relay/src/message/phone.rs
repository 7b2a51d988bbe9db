//! A record of a telephone call (电话记录). The tightest limits are telephone limits; a call counts when both
//! ends have signed a note of it, and the pairing code that was read aloud ties the two together.

pub mod call;
pub mod code;
pub mod pairing;

use serde::{Deserialize, Serialize};

use call::SignedCall;

use super::{
    body::Body,
    declared_time::DeclaredTime,
    error::{Fault, MessageError, required, required_text},
    field::Person,
    line::Lines,
    word::words,
};

words! {
    /// Who called whom.
    Direction, "direction 来去" {
        Out = "out" "去电",
        In = "in" "来电",
    }
}

words! {
    /// Over which sort of telephone.
    PhoneLine, "telephone line 电话类型" {
        Ordinary = "ordinary" "普通电话",
        Secure = "secure" "保密电话",
    }
}

/// One end's note of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneNote {
    /// 标题
    pub title: String,
    /// 来去
    pub direction: Option<Direction>,
    /// 电话类型
    pub phone: Option<PhoneLine>,
    /// 通话开始
    pub started_at: Option<DeclaredTime>,
    /// 通话结束 (t2)
    pub ended_at: Option<DeclaredTime>,
    /// 对口令: the three characters read aloud
    pub pairing_code: Option<String>,
    /// 敏感事项
    pub sensitive: bool,
    /// The statement that the officer signed; a note without one is paper and pairs with nothing.
    pub call: Option<SignedCall>,
    /// 通话内容
    pub what: String,
    /// 来电人
    pub caller: Option<Person>,
    /// 接电人
    pub callee: Option<Person>,
    /// 已回拨核实
    pub called_back: bool,
    /// 处理情况
    pub measures: Option<String>,
}

impl Body for PhoneNote {
    fn title(&self) -> &str {
        &self.title
    }

    fn what(&self) -> &str {
        &self.what
    }

    fn check(&self) -> Result<(), MessageError> {
        required_text("title", &self.title)?;
        required("direction", self.direction.is_some())?;
        required("started_at", self.started_at.is_some())?;
        required_text("what", &self.what)?;
        if self.pairing_code.as_ref().is_some_and(|code| !(1..=16).contains(&code.chars().count())) {
            return Err(MessageError::Field { key: "pairing_code".into(), fault: Fault::PairingCode });
        }
        if self.ended_at.is_some_and(|ended| self.started_at.is_some_and(|started| ended < started)) {
            return Err(MessageError::Field { key: "ended_at".into(), fault: Fault::EndsFirst });
        }
        Ok(())
    }

    fn missing(&self) -> Vec<&'static str> {
        let elements = [
            ("ended_at", self.ended_at.is_some()),
            ("phone", self.phone.is_some()),
            ("pairing_code", self.pairing_code.is_some()),
            ("caller", self.caller.is_some()),
            ("callee", self.callee.is_some()),
        ];
        elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
    }

    fn add_lines(&self, lines: &mut Lines) {
        lines.given("direction", &self.direction);
        lines.given("phone", &self.phone);
        lines.given("started_at", &self.started_at);
        lines.given("ended_at", &self.ended_at);
        lines.given("pairing_code", &self.pairing_code);
        lines.flag("sensitive", self.sensitive);
        lines.flag("call", self.call.is_some());
        lines.given("caller", &self.caller);
        lines.given("callee", &self.callee);
        lines.add("what", &self.what);
        lines.flag("called_back", self.called_back);
        lines.given("measures", &self.measures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_does_not_end_before_it_starts() {
        let at = |text: &str| Some(text.parse().unwrap());
        let note = PhoneNote {
            title: "电话报告".into(),
            what: "报告火情".into(),
            direction: Some(Direction::Out),
            started_at: at("2026-11-22 02:41:00"),
            ended_at: at("2026-11-22 02:40:59"),
            ..PhoneNote::default()
        };
        assert!(matches!(note.check(), Err(MessageError::Field { key, .. }) if key == "ended_at"));
        assert_eq!(PhoneNote { ended_at: note.started_at, ..note.clone() }.check(), Ok(()));
        let no_start = PhoneNote { started_at: None, ..note };
        assert!(matches!(no_start.check(), Err(MessageError::Required { key: "started_at" })));
    }
}
