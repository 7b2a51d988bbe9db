//! Beside the form: whether it would be sent, which limits apply by when, what is missing, and the paper as it will print.

use crate::{
    catalogue::Language,
    console::{
        page::{Mark, clock_time, remaining},
        words::Words,
    },
    control::view::{Limit, Preview},
};

/// What a preview says, in words.
pub(crate) struct Panel {
    /// What, why and what to do, where something keeps it back.
    pub(crate) problem: Option<[String; 3]>,
    /// The form could be read; else nothing can be said of scanner and elements.
    pub(crate) is_read: bool,
    /// The scanner found what may not leave.
    pub(crate) is_secret: bool,
    pub(crate) to: String,
    pub(crate) copied_to: String,
    pub(crate) precedence: String,
    pub(crate) limits: Vec<LimitLine>,
    pub(crate) missing: Vec<String>,
    pub(crate) lines: Vec<(String, String)>,
}

/// One limit.
pub(crate) struct LimitLine {
    pub(crate) is_phone: bool,
    pub(crate) says: String,
    pub(crate) clause: String,
    pub(crate) force: String,
    pub(crate) due: String,
    /// What is left, with its mark, once the clock runs.
    pub(crate) left: Option<(i64, String, Mark)>,
}

impl Panel {
    pub(crate) fn of(preview: Preview, kind: &str, w: &Words) -> Self {
        let named = |(room, role): &(_, String)| format!("{} ({})", w.room(room), w.word("address", role));
        Self {
            is_read: preview.is_read,
            is_secret: preview.secrecy.is_some(),
            problem: preview.secrecy.or(preview.problem).map(|problem| {
                let said = w.catalogue().explain_on_page(&problem);
                [said.what, said.why, said.remedy]
            }),
            to: w.list(preview.to.iter().map(named)),
            copied_to: w.list(preview.copied_to.iter().map(|room| w.room(room))),
            precedence: preview.precedence.map(|word| w.word("precedence", &word)).unwrap_or_default(),
            limits: preview.limits.into_iter().map(|limit| line(limit, w)).collect(),
            missing: preview.missing.iter().map(|key| w.catalogue().element(kind, key)).collect(),
            lines: w.elements(kind, &preview.elements),
        }
    }
}

fn line(limit: Limit, w: &Words) -> LimitLine {
    let is_zh = w.catalogue().language() == Language::Chinese;
    LimitLine {
        is_phone: limit.channel == "phone",
        says: if is_zh || limit.says_en.is_empty() { limit.says } else { limit.says_en },
        clause: limit.clause,
        force: w.word("force", &limit.force),
        due: limit.due_at_ms.map_or(limit.limit, clock_time),
        left: limit.remaining_ms.map(|ms| (ms, remaining(ms), Mark::of(ms))),
    }
}
