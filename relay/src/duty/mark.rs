//! The moments that facts can name, each under the name that it has in a file of facts. Three sorts: *observed* by a
//! machine's clock, so that they carry its uncertainty; *declared* by a person, a point; and *planned*, a day to come.

use crate::message::word::words;

words! {
    /// A moment of a case.
    Mark, "moment 时刻" {
        LearnedAt = "learned_at" "接报",
        PhoneCompletedAt = "phone_completed_at" "电话报告结束",
        AcceptedAt = "accepted_at" "已入队",
        SentAt = "sent_at" "首个枢纽接管",
        HandedOverAt = "handed_over_at" "交到收方线路",
        DeliveredAt = "delivered_at" "送达",
        AcknowledgedAt = "acknowledged_at" "签收",
        RequestHandedOverAt = "request_handed_over_at" "通知交到线路",
        RequestDeliveredAt = "request_delivered_at" "通知送达",
        ReplyPhoneAt = "reply_phone_at" "电话反馈结束",
        ReplyDeliveredAt = "reply_delivered_at" "书面反馈送达",
        InstructionReceivedAt = "instruction_received_at" "接到批示",
        FeedbackDeliveredAt = "feedback_delivered_at" "落实反馈送达",
        ReceivedHereAt = "received_here_at" "本级接到报告",
        DeliveredNextLevelAt = "delivered_next_level_at" "送达上一级",
        ChangedAt = "changed_at" "变更",
        PeriodStart = "period_start" "时段开始",
        HolidayLastDay = "holiday_last_day" "节假日最后一日",
        Departure = "departure" "离开",
        VisitDate = "visit_date" "来访",
        MeetingStart = "meeting_start" "会商开始",
        NoticeDue = "notice_due" "通知要求的时间",
        ApprovedRequestAt = "approved_request_at" "请假获批",
        FiledAt = "filed_at" "报备送达",
        PartyCopyAt = "party_copy_at" "报党委",
        GovernmentCopyAt = "government_copy_at" "报同级政府",
    }
}

/// How a moment is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By a machine's clock.
    Observed,
    /// By what a person says.
    Declared,
    /// It is to come; a bare date stands for its first instant.
    Planned,
}

impl Mark {
    /// How it is known. The end of a telephone call is what both officers declared.
    pub const fn sort(self) -> Sort {
        match self {
            Self::LearnedAt | Self::PhoneCompletedAt | Self::ReplyPhoneAt | Self::ChangedAt => Sort::Declared,
            Self::PeriodStart
            | Self::HolidayLastDay
            | Self::Departure
            | Self::VisitDate
            | Self::MeetingStart
            | Self::NoticeDue => Sort::Planned,
            Self::AcceptedAt
            | Self::SentAt
            | Self::HandedOverAt
            | Self::DeliveredAt
            | Self::AcknowledgedAt
            | Self::RequestHandedOverAt
            | Self::RequestDeliveredAt
            | Self::ReplyDeliveredAt
            | Self::InstructionReceivedAt
            | Self::FeedbackDeliveredAt
            | Self::ReceivedHereAt
            | Self::DeliveredNextLevelAt
            | Self::ApprovedRequestAt
            | Self::FiledAt
            | Self::PartyCopyAt
            | Self::GovernmentCopyAt => Sort::Observed,
        }
    }
}
