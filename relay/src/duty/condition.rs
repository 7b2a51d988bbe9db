//! What a rule asks of a case before it applies: values of named traits (级别, 敏感, 报告内容 ...). A condition is met
//! when the case has one of the wanted values.

use std::collections::BTreeMap;

use crate::message::{field::Severity, word::words};

words! {
    /// A trait of a case that rules ask for.
    Trait, "trait 条件" {
        Severity = "severity" "级别",
        Sensitive = "sensitive" "敏感",
        WrittenRequired = "written_required" "要求书面",
        LeavesProvince = "leaves_province" "离开本省",
        ContentItems = "content_items" "报告内容",
        Category = "category" "事件类别",
        SenderClass = "sender_class" "报送单位类别",
        InformationClass = "information_class" "信息类别",
        MayLeadTo = "may_lead_to" "可能引发",
        UrgentNoTimeToWrite = "urgent_no_time_to_write" "来不及形成书面",
        Extreme = "extreme" "特别紧急",
        Addressee = "addressee" "主送",
        Issuer = "issuer" "批示人",
        Subject = "subject" "批示事项",
        Person = "person" "人员",
        Roster = "roster" "安排表",
        Period = "period" "时段",
        Visitor = "visitor" "来访方",
        Rank = "rank" "来访人员级别",
        Meeting = "meeting" "会商",
        Change = "change" "变更事项",
        FoundBy = "found_by" "发现途径",
        FilingChannel = "filing_channel" "报备方式",
        FieldsGiven = "fields_given" "已填要素",
    }
}

/// How a file of facts writes a trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// true or false.
    Flag,
    /// A whole number, or a list of them.
    Number,
    /// A text, or a list of them.
    Text,
}

impl Trait {
    /// How a file of facts writes it.
    pub const fn shape(self) -> Shape {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others hold text")]
        match self {
            Self::Sensitive | Self::WrittenRequired | Self::LeavesProvince | Self::UrgentNoTimeToWrite => {
                Shape::Flag
            }
            Self::ContentItems => Shape::Number,
            _ => Shape::Text,
        }
    }

    /// The only values that a rule may want; none listed means that any text will do.
    pub fn values(self) -> Vec<&'static str> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others hold free text")]
        match self {
            Self::Severity => Severity::ALL.iter().map(|severity| severity.chinese()).collect(),
            _ if self.shape() == Shape::Flag => vec!["true", "false"],
            Self::ContentItems => vec!["1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::Period => vec!["ordinary", "statutory_holiday", "sensitive", "daily", "previous_year"],
            Self::FilingChannel => vec!["fax", "private_network", "platform", "original"],
            _ => Vec::new(),
        }
    }
}

/// Wanted values of several traits; all of them must be met.
pub type Conditions = BTreeMap<Trait, Vec<String>>;
