//! The events at which a rule's clock starts and stops, and the moments of the facts that stand for each: a report is
//! delivered at `delivered_at`, a reply at `reply_delivered_at`, a filing at `filed_at`.

use super::mark::Mark;
use crate::message::word::words;

words! {
    /// What a rule is about; a file of facts names the same words.
    RuleKind, "kind 文种" {
        ReportFirst = "report.first" "首报",
        ReportRelay = "report.relay" "逐级上报",
        ReportAny = "report.any" "报告",
        VerifyReply = "verify.reply" "核报反馈",
        InstructionFeedback = "instruction.feedback" "批示落实反馈",
        DailyReport = "daily_report" "日报告",
        ZeroReport = "zero_report" "零报告",
        Roster = "roster" "值班安排",
        HolidaySummary = "holiday_summary" "节假日值班综合情况",
        LeaveRequest = "leave_request" "请假",
        LeaveFiling = "leave_filing" "外出报备",
        VisitNotice = "visit_notice" "来访报告",
        MeetingAttendees = "meeting_attendees" "会商参加人员报备",
        AnnualSummary = "annual_summary" "年度值班情况",
        ContactChange = "contact_change" "联系方式变更",
        Rectify = "rectify" "整改",
    }
}

words! {
    /// A start or a stop of a rule.
    Event, "event 事项" {
        Occurrence = "occurrence" "事发",
        Learned = "learned" "接报",
        NoticeReceived = "notice_received" "接到通知",
        InstructionReceived = "instruction_received" "接到批示",
        ReportReceived = "report_received" "本级接到报告",
        PartyCopySent = "party_copy_sent" "报党委",
        Change = "change" "变更",
        PeriodStart = "period_start" "时段开始",
        HolidayLastDay = "holiday_last_day" "节假日最后一日",
        YearStart = "year_start" "年初",
        Departure = "departure" "外出",
        VisitDate = "visit_date" "来访",
        MeetingStart = "meeting_start" "会商开始",
        PhoneReportCompleted = "phone_report_completed" "电话报告完成",
        PhoneFeedbackCompleted = "phone_feedback_completed" "电话反馈完成",
        Delivered = "delivered" "送达",
        FeedbackDelivered = "feedback_delivered" "反馈送达",
        DeliveredNextLevel = "delivered_next_level" "送达上一级",
        GovernmentCopyDelivered = "government_copy_delivered" "同级政府收到",
        Approved = "approved" "获批",
    }
}

impl RuleKind {
    /// Whether facts of this kind fall under a rule of that kind.
    pub const fn falls_under(self, rule: Self) -> bool {
        let is_report = matches!(self, Self::ReportFirst | Self::ReportRelay | Self::ReportAny);
        self as u8 == rule as u8
            || matches!((self, rule), (Self::ZeroReport, Self::DailyReport))
            || (is_report && matches!(rule, Self::ReportAny))
    }

    /// The events at which a clock of this kind may start.
    pub const fn starts(self) -> &'static [Event] {
        match self {
            Self::ReportFirst => &[Event::Occurrence, Event::Learned, Event::PhoneReportCompleted],
            Self::ReportRelay => &[Event::ReportReceived],
            Self::ReportAny => &[Event::Occurrence, Event::Learned, Event::PartyCopySent],
            Self::VerifyReply | Self::Rectify => &[Event::NoticeReceived],
            Self::InstructionFeedback => &[Event::InstructionReceived],
            Self::DailyReport | Self::ZeroReport => &[Event::PeriodStart],
            Self::Roster => &[Event::PeriodStart, Event::NoticeReceived],
            Self::HolidaySummary => &[Event::HolidayLastDay],
            Self::LeaveRequest | Self::LeaveFiling => &[Event::Departure],
            Self::VisitNotice => &[Event::VisitDate],
            Self::MeetingAttendees => &[Event::MeetingStart],
            Self::AnnualSummary => &[Event::YearStart],
            Self::ContactChange => &[Event::Change],
        }
    }

    /// The events at which a clock of this kind may stop.
    pub const fn stops(self) -> &'static [Event] {
        match self {
            Self::ReportFirst => &[Event::Delivered, Event::PhoneReportCompleted],
            Self::ReportRelay => &[Event::DeliveredNextLevel, Event::Delivered, Event::PhoneReportCompleted],
            Self::ReportAny => {
                &[Event::Delivered, Event::PhoneReportCompleted, Event::GovernmentCopyDelivered]
            }
            Self::VerifyReply | Self::InstructionFeedback => {
                &[Event::Delivered, Event::FeedbackDelivered, Event::PhoneFeedbackCompleted]
            }
            Self::Rectify => &[Event::Delivered, Event::FeedbackDelivered],
            Self::LeaveRequest | Self::LeaveFiling => &[Event::Delivered, Event::Approved],
            Self::DailyReport
            | Self::ZeroReport
            | Self::Roster
            | Self::HolidaySummary
            | Self::VisitNotice
            | Self::MeetingAttendees
            | Self::AnnualSummary
            | Self::ContactChange => &[Event::Delivered],
        }
    }

    /// The moments at which the writing of this kind was delivered, the usual one first.
    const fn delivery(self) -> &'static [Mark] {
        match self {
            Self::ReportFirst | Self::ReportAny | Self::ContactChange => &[Mark::DeliveredAt, Mark::FiledAt],
            Self::ReportRelay => &[Mark::DeliveredNextLevelAt, Mark::DeliveredAt],
            Self::VerifyReply => &[Mark::ReplyDeliveredAt, Mark::FeedbackDeliveredAt, Mark::DeliveredAt],
            Self::InstructionFeedback | Self::Rectify => {
                &[Mark::FeedbackDeliveredAt, Mark::ReplyDeliveredAt, Mark::DeliveredAt]
            }
            // What is filed is the absence, once the request for it was granted.
            Self::LeaveRequest => &[Mark::DeliveredAt, Mark::FiledAt],
            Self::DailyReport
            | Self::ZeroReport
            | Self::Roster
            | Self::HolidaySummary
            | Self::LeaveFiling
            | Self::VisitNotice
            | Self::MeetingAttendees
            | Self::AnnualSummary => &[Mark::FiledAt, Mark::DeliveredAt],
        }
    }
}

impl Event {
    /// Whether it lies ahead when the duty arises, so that a lead time counts back from it.
    pub const fn is_planned(self) -> bool {
        matches!(
            self,
            Self::PeriodStart
                | Self::HolidayLastDay
                | Self::YearStart
                | Self::Departure
                | Self::VisitDate
                | Self::MeetingStart
        )
    }

    /// Whether it is the end of a telephone call.
    pub const fn is_phone(self) -> bool {
        matches!(self, Self::PhoneReportCompleted | Self::PhoneFeedbackCompleted)
    }

    /// Whether it can be the stop of a rule.
    pub const fn is_stop(self) -> bool {
        self.is_phone()
            || matches!(
                self,
                Self::Delivered
                    | Self::FeedbackDelivered
                    | Self::DeliveredNextLevel
                    | Self::GovernmentCopyDelivered
                    | Self::Approved
            )
    }

    /// Whether it is the arrival of something written, which has a first custody before it.
    pub const fn is_written_delivery(self) -> bool {
        matches!(self, Self::Delivered | Self::FeedbackDelivered | Self::DeliveredNextLevel)
    }

    /// The moments that stand for it in the facts of this kind, the usual one first.
    pub const fn marks(self, kind: RuleKind) -> &'static [Mark] {
        match self {
            Self::Occurrence => &[],
            Self::Learned => &[Mark::LearnedAt],
            Self::NoticeReceived => &[Mark::RequestDeliveredAt],
            Self::InstructionReceived => &[Mark::InstructionReceivedAt, Mark::RequestDeliveredAt],
            Self::ReportReceived => &[Mark::ReceivedHereAt],
            Self::PartyCopySent => &[Mark::PartyCopyAt],
            Self::Change => &[Mark::ChangedAt],
            Self::PeriodStart | Self::YearStart => &[Mark::PeriodStart],
            Self::HolidayLastDay => &[Mark::HolidayLastDay],
            Self::Departure => &[Mark::Departure],
            Self::VisitDate => &[Mark::VisitDate],
            Self::MeetingStart => &[Mark::MeetingStart],
            Self::PhoneReportCompleted => &[Mark::PhoneCompletedAt],
            Self::PhoneFeedbackCompleted => &[Mark::ReplyPhoneAt, Mark::PhoneCompletedAt],
            Self::Delivered | Self::FeedbackDelivered | Self::DeliveredNextLevel => kind.delivery(),
            Self::GovernmentCopyDelivered => &[Mark::GovernmentCopyAt],
            Self::Approved => &[Mark::ApprovedRequestAt],
        }
    }

    /// The telephone call that counts as well where the channel is any.
    pub const fn phone_twin(kind: RuleKind) -> Option<Self> {
        match kind {
            RuleKind::ReportFirst | RuleKind::ReportAny | RuleKind::ReportRelay => {
                Some(Self::PhoneReportCompleted)
            }
            RuleKind::VerifyReply | RuleKind::InstructionFeedback => Some(Self::PhoneFeedbackCompleted),
            RuleKind::DailyReport
            | RuleKind::ZeroReport
            | RuleKind::Roster
            | RuleKind::HolidaySummary
            | RuleKind::LeaveRequest
            | RuleKind::LeaveFiling
            | RuleKind::VisitNotice
            | RuleKind::MeetingAttendees
            | RuleKind::AnnualSummary
            | RuleKind::ContactChange
            | RuleKind::Rectify => None,
        }
    }
}
