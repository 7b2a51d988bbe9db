//! The messages of the demonstration: the example files of the handbook, and a few short texts.

use relay::message::Kind;

use crate::control::request::SendRequest;

/// A first report by a county (首报).
pub(super) const REPORT_FIRST: &str = include_str!("../../../docs/examples/report-first.toml");
/// Its first follow-up (续报一).
pub(super) const REPORT_FOLLOWUP: &str = include_str!("../../../docs/examples/report-followup.toml");
/// A request to verify (核报通知).
pub(super) const VERIFY_REQUEST: &str = include_str!("../../../docs/examples/verify-request.toml");
/// Its answer (核报反馈).
pub(super) const VERIFY_REPLY: &str = include_str!("../../../docs/examples/verify-reply.toml");

/// What the city makes of the county's report.
pub(super) const PASSED_ON: &str = "\
南阳市方城县××化工有限公司火灾情况(转报)
据方城县政府值班室报告,11月22日2时31分许,方城县××化工有限公司二号仓库发生火灾,目前2人重伤、3人轻伤,被困人数不明。\
市消防救援支队已增援泡沫车2台,市应急管理局工作组正在赶赴现场。";
/// What the city tells the department.
pub(super) const NOTIFY: &str = "\
关于方城县化工厂火灾的通报
方城县××化工有限公司二号仓库存放乙酸乙酯约12吨,请派危险化学品专家指导处置。";
/// What a county may not keep for its city alone.
pub(super) const SKIPPING: &str = "\
中牟县官渡镇在建厂房坍塌,多人被困
3时40分许,中牟县官渡镇一在建厂房坍塌,初步了解有10余人被困,县消防救援大队、120急救中心已到场,请求省、市支援。";
/// Why.
pub(super) const SKIPPING_REASON: &str = "可能造成群死群伤,情况紧急";

/// A message file, as `--file` reads it.
pub(super) fn file(kind: Kind, to: &str, text: &str) -> SendRequest {
    SendRequest {
        kind: kind.word().to_owned(),
        to: vec![to.to_owned()],
        file: Some(text.to_owned()),
        ..SendRequest::default()
    }
}

/// A plain text, as `--text` takes it.
pub(super) fn text(kind: Kind, to: &str, text: &str) -> SendRequest {
    SendRequest {
        kind: kind.word().to_owned(),
        to: vec![to.to_owned()],
        text: Some(text.to_owned()),
        ..SendRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use relay::message::Message;

    use super::*;

    #[test]
    fn every_message_of_the_demonstration_may_be_sent() {
        let mut none = |_: &str| Err("no attachments".to_owned());
        for (kind, file) in [
            (Kind::Report, REPORT_FIRST),
            (Kind::Report, REPORT_FOLLOWUP),
            (Kind::VerifyRequest, VERIFY_REQUEST),
            (Kind::VerifyReply, VERIFY_REPLY),
        ] {
            assert_eq!(Message::from_toml("example", file, &mut none).unwrap().kind(), kind);
        }
        for (kind, text) in [(Kind::Report, PASSED_ON), (Kind::Notify, NOTIFY), (Kind::Report, SKIPPING)] {
            let message = Message::new_text(kind, text).unwrap();
            assert!(message.title().chars().count() < 60, "{}", message.title());
        }
    }
}
