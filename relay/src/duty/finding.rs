//! What the judge says about one rule: start, due, stop, verdict, cause, and everything a person should know beside it.
//! Its JSON is the published one: times in RFC 3339 at +08:00, with milliseconds where they are not zero.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{
    beijing::rfc3339,
    condition::Trait,
    event::{Event, RuleKind},
    interval::Interval,
    rule::{Channel, Force},
};
use crate::{message::word::words, timestamp::Timestamp};

words! {
    /// 时效结论
    Verdict, "verdict 时效结论" {
        OnTime = "on_time" "及时",
        Late = "late" "超时",
        Undecidable = "undecidable" "无法判定",
        Pending = "pending" "未到期",
        NoLimit = "no_limit" "无时限",
        Refused = "refused" "退回",
    }
}

words! {
    /// Where the delay lies.
    Cause, "cause 原因" {
        Desk = "desk" "值班环节",
        Line = "line" "线路中断(上级记录)",
        LineClaimed = "line_claimed" "线路中断(自述)",
        Hub = "hub" "枢纽传输",
        Recipient = "recipient" "收方",
    }
}

words! {
    /// What stands beside a verdict.
    FlagName, "flag 提示" {
        SeverityRaised = "severity_raised" "级别上调",
        SeverityLowered = "severity_lowered" "级别下调",
        RaisedAfterDue = "severity_raised_after_due" "到期后上调级别",
        SeverityPending = "severity_pending" "级别待定,按最严",
        OccurrenceCorrected = "occurrence_corrected" "事发时间更正",
        CorrectedAfterDue = "occurrence_corrected_after_due" "到期后更正事发时间",
        CorrectedVerdict = "verdict_by_correction" "按更正时间的结论",
        OccurrenceUnknown = "occurrence_unknown" "事发时间不明",
        StartImplied = "start_implied" "起点为隐含",
        StartLocal = "start_local" "起点为本地规定",
        StartFromHandOver = "start_from_hand_over" "自交到线路起算",
        AlternativeClock = "alternative_clock" "另计",
        Reading = "reading" "读法",
        Calendar = "calendar" "日历",
        CalendarMissing = "calendar_missing" "缺日历",
        LocalCutoff = "local_cutoff" "本地截止",
        CutoffNotSet = "cutoff_not_set" "未设截止",
        LeadUnspecified = "lead_unspecified" "提前量未定",
        NoNumber = "no_number" "原文无数字",
        Inherited = "inherited" "沿用上级规则",
        NoUpperPack = "no_upper_pack" "无上级规则包",
        Tightens = "tightens" "收紧",
        Elapsed = "elapsed_ms" "已用毫秒",
        Open = "open" "未完成",
        Binds = "binds" "先到期",
        EarlierBinds = "earlier_binds" "另有先到期",
        MissingStep = "missing_step" "缺步骤",
        NeedsStep = "needs_step" "须先完成",
        MissingFields = "missing_fields" "缺要素",
        MissingFact = "missing" "缺事实",
        MissingWitness = "missing_witness" "缺见证",
        Interval = "interval" "区间",
        NowFromFacts = "now_from_facts" "以所述最后时刻为准",
        SecrecyWarning = "secrecy_warning" "保密提示",
        PhoneClaimed = "phone_claimed" "电话仅一方记录",
        Remark = "remark" "注意",
        OutOfRange = "out_of_range" "时间超出日历",
    }
}

/// One thing beside a verdict, printed as `name` or `name:detail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Which.
    pub name: FlagName,
    /// Its value; empty when the name says all.
    pub detail: String,
}

impl Flag {
    /// A flag that says all by its name.
    pub const fn new(name: FlagName) -> Self {
        Self { name, detail: String::new() }
    }

    /// A flag with a value.
    pub fn with(name: FlagName, detail: impl fmt::Display) -> Self {
        Self { name, detail: detail.to_string() }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.word())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ":{}", self.detail) }
    }
}

/// The same rule on another clock, where the document leaves the start open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The event at which that clock starts.
    pub event: Event,
    /// When that was.
    pub start: Interval,
    /// When it is due then.
    pub due: Option<Timestamp>,
    /// The verdict then.
    pub verdict: Verdict,
}

/// What the judge says about one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// The pack's version.
    pub pack_version: u32,
    /// What the rule is about.
    pub kind: RuleKind,
    /// How strongly it binds.
    pub force: Force,
    /// By which way it is met.
    pub channel: Channel,
    /// Document number and place.
    pub clause: String,
    /// The event at which the clock starts.
    pub start_event: Event,
    /// When that was.
    pub start: Option<Interval>,
    /// The event that stops it.
    pub stop_event: Event,
    /// When that was.
    pub met: Option<Interval>,
    /// When it is due: absent without a number.
    pub due: Option<Interval>,
    /// The verdict to `delivered` (送达时效), or to the end of the call.
    pub verdict: Verdict,
    /// By how much it is late.
    pub late_by_ms: Option<i64>,
    /// The verdict to the first custody (报送时效); absent where nothing written is delivered, or that is not known.
    pub sent_verdict: Option<Verdict>,
    /// Where the delay lies; absent when there is none.
    pub cause: Option<Cause>,
    /// The other clock.
    pub alternative: Option<Alternative>,
    /// Everything else.
    pub flags: Vec<Flag>,
}

impl Finding {
    /// The instant to show as due.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due.as_ref().and_then(Interval::shown)
    }

    /// The instant to show as the start.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.start.as_ref().and_then(Interval::shown)
    }

    /// The instant to show as the stop.
    pub fn met_at(&self) -> Option<Timestamp> {
        self.met.as_ref().and_then(Interval::shown)
    }

    /// Whether it calls for somebody: late, undecidable or refused.
    pub fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::Late | Verdict::Undecidable | Verdict::Refused)
    }

    /// Whether this flag stands beside it.
    pub fn has(&self, name: FlagName) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |instant: Option<Timestamp>| instant.map(rfc3339);
        let flags: Vec<String> = self.flags.iter().map(Flag::to_string).collect();
        let mut out = serializer.serialize_struct("Finding", 11)?;
        out.serialize_field("rule", &self.rule)?;
        out.serialize_field("force", &self.force)?;
        out.serialize_field("clause", &self.clause)?;
        out.serialize_field("start", &text(self.started_at()))?;
        out.serialize_field("due", &text(self.due_at()))?;
        out.serialize_field("met_at", &text(self.met_at()))?;
        out.serialize_field("verdict", &self.verdict)?;
        out.serialize_field("late_by_ms", &self.late_by_ms)?;
        out.serialize_field("sent_verdict", &self.sent_verdict)?;
        out.serialize_field("cause", &self.cause)?;
        out.serialize_field("flags", &flags)?;
        out.end()
    }
}

/// Why a rule was considered and does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// It is about another kind of paper.
    OtherKind {
        /// What it is about.
        kind: RuleKind,
    },
    /// The pack was not yet in force.
    NotYetEffective {
        /// When it begins.
        effective_at: Timestamp,
    },
    /// The pack was repealed.
    Repealed {
        /// Since when.
        repealed_at: Timestamp,
    },
    /// A newer version of the pack is in force.
    OtherVersion {
        /// Which.
        version: u32,
    },
    /// A local pack says it more tightly.
    Tightened {
        /// Which.
        pack: String,
    },
    /// The case does not meet its conditions.
    Condition {
        /// The trait that is lacking or different.
        name: Trait,
    },
    /// What it takes for granted is not so.
    Assumption {
        /// The trait that is different.
        name: Trait,
    },
    /// Its clock has not started.
    NotStarted {
        /// The event that has not been.
        event: Event,
    },
}

/// A rule that was considered and does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// Document number and place.
    pub clause: String,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Everything the judge says about a case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The rules that apply, in the order of packs and rules.
    pub findings: Vec<Finding>,
    /// The rules that do not.
    pub set_aside: Vec<SetAside>,
}
