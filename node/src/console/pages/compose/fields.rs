//! The forms (公文模板): which elements each kind of message has, in the order of the paper. A field's name is its key in
//! the message file, so that a new element is one line here and one text in each language.

use relay::message::Kind;

/// One element of a form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// The key in the message file, dotted.
    pub(crate) key: &'static str,
    pub(crate) shape: Shape,
    /// Without these the message cannot be sent; everything else is asked for only.
    pub(crate) is_required: bool,
}

/// What is typed into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Line,
    Text,
    /// Beijing time, to the second.
    Time,
    /// How many of something, or 不明.
    Count,
    /// A sequence number.
    Number,
    Flag,
    /// One of these words, whose names stand under this group of the catalogue.
    Choice(&'static str, &'static [&'static str]),
    /// A class of events.
    Category,
}

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, is_required: false }
}

const fn wanted(key: &'static str, shape: Shape) -> Field {
    Field { key, shape, is_required: true }
}

const SEVERITY: Shape =
    Shape::Choice("severity", &["undetermined", "ordinary", "serious", "major", "exceptional"]);
const PRECISION: Shape = Shape::Choice("precision", &["about", "exact", "unknown"]);
const STAGE: Shape = Shape::Choice("stage", &["first", "followup", "final", "correction"]);

const TITLE: Field = wanted("title", Shape::Line);
const WHAT: Field = wanted("what", Shape::Text);
const OCCURRED: Field = field("occurred_at.at", Shape::Time);
const OCCURRED_HOW: Field = field("occurred_at.precision", PRECISION);
const PLACE: Field = field("place.text", Shape::Line);
const CONTACT: Field = field("contact.name", Shape::Line);
const CONTACT_PHONE: Field = field("contact.phone", Shape::Line);
const DUE: Field = field("due_at", Shape::Time);
const DEAD: Field = field("casualties.dead", Shape::Count);
const MISSING: Field = field("casualties.missing", Shape::Count);
const SERIOUS: Field = field("casualties.serious", Shape::Count);
const LIGHT: Field = field("casualties.light", Shape::Count);
const TRAPPED: Field = field("casualties.trapped", Shape::Count);
const MEASURES: Field = field("measures", Shape::Text);

const REPORT: [Field; 31] = [
    field("stage", STAGE),
    field("stage_no", Shape::Number),
    TITLE,
    field("category", Shape::Category),
    field("severity", SEVERITY),
    field("occurred_at.precision", PRECISION),
    OCCURRED,
    field("learned_at", Shape::Time),
    wanted("place.text", Shape::Line),
    field("place.code", Shape::Line),
    field("source.name", Shape::Line),
    field("source.phone", Shape::Line),
    field("unit_involved", Shape::Line),
    WHAT,
    DEAD,
    MISSING,
    SERIOUS,
    LIGHT,
    TRAPPED,
    field("loss_estimate", Shape::Line),
    field("impact", Shape::Line),
    field("trend", Shape::Line),
    MEASURES,
    field("leader_on_scene.name", Shape::Line),
    field("leader_on_scene.phone", Shape::Line),
    field("requests", Shape::Line),
    field("opinion", Shape::Line),
    field("sensitive", Shape::Flag),
    CONTACT,
    CONTACT_PHONE,
    field("late_reason", Shape::Line),
];

const VERIFY_REQUEST: [Field; 9] = [
    TITLE,
    WHAT,
    field("link", Shape::Line),
    field("written_required", Shape::Flag),
    field("sensitive", Shape::Flag),
    OCCURRED_HOW,
    OCCURRED,
    PLACE,
    CONTACT,
];

const VERIFY_REPLY: [Field; 13] = [
    TITLE,
    field(
        "conclusion",
        Shape::Choice("conclusion", &["in_progress", "true", "partly", "false", "unverifiable"]),
    ),
    WHAT,
    OCCURRED_HOW,
    OCCURRED,
    PLACE,
    DEAD,
    MISSING,
    SERIOUS,
    LIGHT,
    MEASURES,
    CONTACT,
    CONTACT_PHONE,
];

const INSTRUCTION: [Field; 6] =
    [TITLE, WHAT, field("issued_by", Shape::Line), field("issued_at", Shape::Time), DUE, CONTACT];

const FEEDBACK: [Field; 5] = [
    TITLE,
    field("progress", Shape::Choice("progress", &["ongoing", "done", "not_done"])),
    WHAT,
    field("next_steps", Shape::Text),
    CONTACT,
];

const ASSIGNMENT: [Field; 5] = [TITLE, WHAT, field("lead_unit", Shape::Line), DUE, CONTACT];
const URGE: [Field; 4] = [TITLE, WHAT, DUE, CONTACT];
const NOTIFY: [Field; 6] = [TITLE, WHAT, OCCURRED_HOW, OCCURRED, PLACE, CONTACT];

const CONSULT: [Field; 6] =
    [TITLE, WHAT, field("meeting_at", Shape::Time), field("meeting_by", Shape::Line), DUE, CONTACT];

const TRANSFER: [Field; 9] = [
    TITLE,
    WHAT,
    wanted("reason", Shape::Line),
    field("category", Shape::Category),
    OCCURRED_HOW,
    OCCURRED,
    PLACE,
    field("source.name", Shape::Line),
    CONTACT,
];

const RECALL: [Field; 2] = [TITLE, wanted("reason", Shape::Text)];

/// The form of a kind. A telephone note has a page of its own.
pub(crate) const fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Report => &REPORT,
        Kind::PhoneNote => &[],
        Kind::VerifyRequest => &VERIFY_REQUEST,
        Kind::VerifyReply => &VERIFY_REPLY,
        Kind::Instruction => &INSTRUCTION,
        Kind::Feedback => &FEEDBACK,
        Kind::Assignment => &ASSIGNMENT,
        Kind::Urge => &URGE,
        Kind::Notify => &NOTIFY,
        Kind::Consult => &CONSULT,
        Kind::Transfer => &TRANSFER,
        Kind::Recall => &RECALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{Catalogue, Language},
        console::pages::compose::draft::Draft,
    };

    #[test]
    fn every_field_and_every_choice_has_its_name_in_both_languages() {
        for language in [Language::Chinese, Language::English] {
            let catalogue = Catalogue::new(language);
            for field in Kind::ALL.into_iter().flat_map(fields) {
                assert_ne!(catalogue.element("", field.key), field.key);
                let Shape::Choice(group, words) = field.shape else { continue };
                for word in words {
                    let id = format!("{group}-{}", word.replace('_', "-"));
                    assert!(catalogue.find_text(&id, &[]).is_some(), "{id}");
                }
            }
        }
    }

    #[test]
    fn every_form_filled_in_is_read_as_a_message_of_its_kind() {
        for kind in Kind::ALL.into_iter().filter(|kind| !fields(*kind).is_empty()) {
            let value = |field: &Field| match field.shape {
                Shape::Line if field.key == "place.code" => "411322",
                Shape::Line => "甲\"\\乙 '''[x]",
                Shape::Text if field.key == "what" => "甲\"\\乙\r\n'''[x]\n丙",
                Shape::Text => "丙",
                Shape::Time => "2026-11-22T02:31",
                Shape::Count | Shape::Number => "3",
                Shape::Flag => "on",
                Shape::Choice(_, words) => words[0],
                Shape::Category => "acc.fire",
            };
            let pairs = fields(kind).iter().map(|field| (field.key.to_owned(), value(field).to_owned()));
            let draft = Draft::new(kind, pairs.collect());
            let file = draft.file();
            let mut none = |_: &str| Err(String::new());
            let message = relay::message::Message::from_toml("form", &file, &mut none);
            let message = message.unwrap_or_else(|error| panic!("{error}\n{file}"));
            assert_eq!(message.kind(), kind);
            let again = Draft::of_message(kind, &serde_json::to_value(&message.content).unwrap());
            for field in fields(kind) {
                let told = again.one(field.key).trim_end_matches(":00");
                assert_eq!(told, value(field).replace("\r\n", "\n"), "{kind} {}", field.key);
            }
        }
    }
}
