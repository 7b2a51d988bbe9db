//! From a message to its blocks and back. What is read back must be exactly what this program would have written
//! for it, except for elements of a later version, which are counted and shown as not read.

use std::collections::BTreeMap;

use ciborium::Value;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use super::{
    Message,
    attachment::{Attachment, AttachmentEntry},
    block::{Block, BlockError, Blocks, SALT_LEN, Salts},
    body::{Content, Source},
    document::{Document, Part, content_keys, heading_keys, part_of, typed},
    error::MessageError,
    facts::Head,
    heading::Heading,
    kind::Kind,
};

impl Message {
    /// Lays the message out in blocks, ready to be sealed.
    ///
    /// # Errors
    /// [`MessageError`] when the message may not be sent as it is.
    pub fn to_blocks(&self, salts: Salts) -> Result<Blocks, MessageError> {
        self.check()?;
        let [facts, text, personal] = salts;
        let block = |part, salt| self.block(part, salt);
        let attachments =
            self.attachments.iter().map(|attachment| ByteBuf::from(attachment.bytes.clone())).collect();
        let (facts, text) = (block(Part::Facts, facts), block(Part::Text, text));
        Ok(Blocks::new(facts, text, block(Part::Personal, personal), attachments))
    }

    /// One block of the message under this salt.
    pub(super) fn block(&self, part: Part, salt: [u8; SALT_LEN]) -> Block {
        Block::new(salt, &Document::of(self).part(part))
    }

    /// Reads a message from its blocks; the personal one may have been destroyed. Check them against the
    /// header first ([`Blocks::check`]).
    ///
    /// # Errors
    /// [`BlockError`] when the blocks are not the exact form of a message that may be sent.
    pub fn from_blocks(blocks: &Blocks) -> Result<Self, BlockError> {
        let (kind, received) = merged(blocks)?;
        let mut rest = received.clone();
        let entries = rest.take("attachments").map_or(Ok(vec![]), |list| Untyped(list).read::<Vec<_>>())?;
        let mut message = Self {
            content: Content::read(kind, Untyped(rest.take_all(content_keys(kind))))?,
            heading: Untyped(rest.take_all(heading_keys())).read::<Heading>()?,
            attachments: attachments(&entries, blocks)?,
            unread: vec![],
        };
        message.unread = rest.into_keys();
        check_canonical(&message, &received)?;
        message.check()?;
        Ok(message)
    }
}

/// All elements of all blocks by key, without version and kind; each known one stands in its own block.
fn merged(blocks: &Blocks) -> Result<(Kind, Document), BlockError> {
    let facts = map_of(blocks, Part::Facts)?;
    let kind = typed::<Head>(&Value::Map(facts.clone())).map_err(BlockError::Shape)?.kind()?;
    let is_known = |key: &str| {
        let is_own = content_keys(kind).contains(key) || heading_keys().contains(key);
        is_own || matches!(key, "v" | "kind" | "attachments")
    };
    let personal =
        if blocks.block(Part::Personal).is_some() { map_of(blocks, Part::Personal)? } else { vec![] };
    let mut entries = BTreeMap::new();
    for (part, map) in
        [(Part::Facts, facts), (Part::Text, map_of(blocks, Part::Text)?), (Part::Personal, personal)]
    {
        for (key, value) in map {
            let key = key.into_text().map_err(|_| BlockError::Shape("a key is not a text".into()))?;
            if entries.contains_key(&key) || (is_known(&key) && part_of(&key) != part) {
                return Err(BlockError::Misplaced { key, part });
            }
            entries.insert(key, value);
        }
    }
    let mut document = Document::from_entries(entries);
    document.take("v");
    document.take("kind");
    Ok((kind, document))
}

fn map_of(blocks: &Blocks, part: Part) -> Result<Vec<(Value, Value)>, BlockError> {
    let value = blocks.block(part).ok_or(BlockError::Destroyed(part))?.value(part)?;
    value.into_map().map_err(|_| BlockError::Shape(format!("the {} block is not a map", part.word())))
}

/// What was read must be what this program writes, but for the elements that it does not know.
fn check_canonical(message: &Message, received: &Document) -> Result<(), BlockError> {
    let written = Document::of(message);
    let is_same = |key: &String, value: &Value| {
        message.unread.contains(key) || written.entries().get(key) == Some(value)
    };
    match received.entries().iter().find(|(key, value)| !is_same(key, value)) {
        Some((key, _)) => Err(BlockError::NotCanonical { key: key.clone() }),
        None => Ok(()),
    }
}

fn attachments(entries: &[AttachmentEntry], blocks: &Blocks) -> Result<Vec<Attachment>, BlockError> {
    if entries.len() != blocks.attachments().len() {
        let name = entries.get(blocks.attachments().len()).map_or("(unnamed)", |entry| &entry.name);
        return Err(BlockError::Attachment { name: name.to_owned() });
    }
    let pairs = entries.iter().zip(blocks.attachments());
    pairs.map(|(entry, bytes)| attachment(entry, bytes)).collect()
}

fn attachment(entry: &AttachmentEntry, bytes: &[u8]) -> Result<Attachment, BlockError> {
    let attachment =
        Attachment { name: entry.name.clone(), media_type: entry.media_type.clone(), bytes: bytes.to_vec() };
    if attachment.entry() == *entry {
        Ok(attachment)
    } else {
        Err(BlockError::Attachment { name: entry.name.clone() })
    }
}

struct Untyped(Value);

impl Source for Untyped {
    type Error = BlockError;

    fn read<T: DeserializeOwned>(self) -> Result<T, BlockError> {
        typed(&self.0).map_err(BlockError::Shape)
    }
}

#[cfg(test)]
mod tests {
    use topology::RoomId;

    use super::*;
    use crate::{
        envelope_id::{EnvelopeId, EnvelopeKey},
        limits::BODY_BYTES_MAX,
        message::{
            Line,
            facts::Facts,
            field::{Casualties, Known, Person, Severity},
            kind::UnknownKind,
            line::said,
            occurrence::Occurrence,
            report::Stage,
        },
    };

    const SALTS: Salts = [[1; SALT_LEN], [2; SALT_LEN], [3; SALT_LEN]];

    fn message(kind: Kind) -> Message {
        if kind == Kind::PhoneNote {
            return phone_note();
        }
        let mut message = Message::new_text(kind, "一件事\n第二行").unwrap();
        message.heading.relates_to =
            vec![EnvelopeKey { origin: RoomId::from_bytes([5; 16]), id: EnvelopeId::from_bytes([6; 16]) }];
        message.heading.precedence = Some(topology::Precedence::Flash);
        message.attachments =
            vec![Attachment::new("说明.txt", "附件".into()), Attachment::new("空.bin", vec![])];
        message
    }

    fn phone_note() -> Message {
        let text = include_str!("../../../docs/examples/phone-note.toml");
        Message::from_toml("phone-note.toml", text, &mut |_| Err("none".into())).unwrap()
    }

    fn report() -> Message {
        let mut message = message(Kind::Report);
        if let Content::Report(report) = &mut message.content {
            report.severity = Some(Severity::Major);
            report.sensitive = true;
            report.contact = Some(Person { phone: Some("13800000000".into()), ..Person::default() });
            report.casualties = Some(Casualties {
                dead: Some(Known::Value(0)),
                missing: Some(Known::Unknown),
                ..Casualties::default()
            });
        }
        message
    }

    /// Blocks with one entry put in or replaced, everything else as the message has it.
    fn with_entry(message: &Message, part: Part, key: &str, value: Value) -> Blocks {
        let document = Document::of(message);
        let block = |own| {
            let mut map = document.part(own).into_map().unwrap();
            if own == part {
                map.retain(|(name, _)| name.as_text() != Some(key));
                map.push((Value::Text(key.into()), value.clone()));
            }
            Block::new([0; SALT_LEN], &Value::Map(map))
        };
        let attachments = message.attachments.iter().map(|a| ByteBuf::from(a.bytes.clone())).collect();
        Blocks::new(block(Part::Facts), block(Part::Text), block(Part::Personal), attachments)
    }

    #[test]
    fn a_message_of_every_kind_comes_back_from_its_padded_blocks() {
        for kind in Kind::ALL {
            let message = message(kind);
            let blocks = message.to_blocks(SALTS).unwrap();
            let decoded = Blocks::decode(&blocks.encode_padded(), BODY_BYTES_MAX).unwrap();
            assert_eq!(decoded.check(&blocks.commitments().unwrap()), Ok(()));
            assert_eq!(Message::from_blocks(&decoded), Ok(message), "{kind}");
            assert_eq!(Facts::from_blocks(&decoded).unwrap().kind, kind);
        }
    }

    #[test]
    fn unknown_zero_and_absent_survive_the_journey() {
        let opened = Message::from_blocks(&report().to_blocks(SALTS).unwrap()).unwrap();
        let Content::Report(report) = opened.content else { panic!("a report") };
        let casualties = report.casualties.unwrap();
        assert_eq!(casualties.dead, Some(Known::Value(0)));
        assert_eq!(casualties.missing, Some(Known::Unknown));
        assert_eq!(casualties.serious, None);
        assert_eq!(report.occurred_at, Some(Occurrence::Unknown));
    }

    #[test]
    fn telephones_are_in_the_personal_block_and_the_title_is_in_the_text() {
        let blocks = report().to_blocks(SALTS).unwrap();
        let holds = |part, word: &str| {
            let bytes = blocks.block(part).unwrap().bytes();
            bytes.windows(word.len()).any(|window| window == word.as_bytes())
        };
        for (word, home) in [("13800000000", Part::Personal), ("一件事", Part::Text), ("major", Part::Facts)]
        {
            for part in Part::ALL {
                assert_eq!(holds(part, word), part == home, "{word} in {}", part.word());
            }
        }
    }

    #[test]
    fn facts_outlive_text_and_personal_data() {
        let mut blocks = report().to_blocks(SALTS).unwrap();
        blocks.destroy(Part::Personal);
        let opened = Message::from_blocks(&blocks).unwrap();
        let Content::Report(body) = &opened.content else { panic!("a report") };
        assert_eq!(body.contact, None);
        assert_eq!(opened.title(), "一件事");
        blocks.destroy(Part::Text);
        assert_eq!(Message::from_blocks(&blocks), Err(BlockError::Destroyed(Part::Text)));
        let facts = Facts::from_blocks(&blocks).unwrap();
        assert_eq!(
            (facts.severity, facts.stage, facts.sensitive),
            (Some(Severity::Major), Some(Stage::First), true)
        );
        assert_eq!(facts.relates_to, report().heading.relates_to);
    }

    #[test]
    fn an_unknown_kind_or_version_is_named() {
        let other =
            |key, number: u16| Message::from_blocks(&with_entry(&report(), Part::Facts, key, number.into()));
        assert_eq!(other("kind", 77), Err(BlockError::UnknownKind(UnknownKind { number: 77 })));
        assert_eq!(other("v", 2), Err(BlockError::UnknownVersion(2)));
        assert_eq!(other("v", 1), Ok(Message { ..report() }));
    }

    #[test]
    fn an_element_of_a_later_version_is_passed_over_and_shown() {
        let blocks = with_entry(&report(), Part::Facts, "radiation", 5.into());
        let opened = Message::from_blocks(&blocks).unwrap();
        assert_eq!(opened.unread, ["radiation"]);
        assert!(opened.lines().contains(&Line { element: "unread", said: said("radiation") }));
        assert_eq!(opened.content, report().content);
    }

    #[test]
    fn an_element_in_the_wrong_block_or_form_is_refused() {
        let misplaced = with_entry(&report(), Part::Text, "severity", "ordinary".into());
        assert!(
            matches!(Message::from_blocks(&misplaced), Err(BlockError::Misplaced { key, .. }) if key == "severity")
        );
        let hidden = with_entry(&report(), Part::Facts, "requests", "x".into());
        assert!(
            matches!(Message::from_blocks(&hidden), Err(BlockError::Misplaced { key, .. }) if key == "requests")
        );
        let chinese = with_entry(&report(), Part::Facts, "severity", "重大".into());
        assert_eq!(Message::from_blocks(&chinese), Err(BlockError::NotCanonical { key: "severity".into() }));
        let null = with_entry(&report(), Part::Facts, "learned_at", Value::Null);
        assert_eq!(Message::from_blocks(&null), Err(BlockError::NotCanonical { key: "learned_at".into() }));
        let secret = with_entry(&report(), Part::Facts, "marking", "机密".into());
        assert!(
            matches!(Message::from_blocks(&secret), Err(BlockError::Shape(why)) if why.contains("国家秘密"))
        );
    }

    #[test]
    fn what_may_not_be_sent_is_not_accepted_either() {
        let blank = with_entry(&report(), Part::Text, "title", " ".into());
        let refused = Message::from_blocks(&blank);
        assert!(matches!(refused, Err(BlockError::Message(MessageError::Required { key: "title" }))));
        let escape = with_entry(&report(), Part::Text, "what", "\u{1b}[2J".into());
        let refused = Message::from_blocks(&escape);
        assert!(matches!(refused, Err(BlockError::Message(MessageError::ControlCharacter { .. }))));
        let mut unrelated = message(Kind::Recall);
        unrelated.heading.relates_to.clear();
        assert_eq!(unrelated.to_blocks(SALTS), Err(MessageError::NeedsReference(Kind::Recall)));
    }

    #[test]
    fn a_swapped_or_missing_attachment_is_named() {
        let good = report().to_blocks(SALTS).unwrap();
        let part = |part| good.block(part).unwrap().clone();
        for files in [vec![ByteBuf::from(b"other".to_vec()), ByteBuf::new()], vec![]] {
            let spoilt = Blocks::new(part(Part::Facts), part(Part::Text), part(Part::Personal), files);
            let refused = Message::from_blocks(&spoilt);
            assert_eq!(refused, Err(BlockError::Attachment { name: "说明.txt".into() }));
        }
    }

    #[test]
    fn the_largest_message_fits_the_limit_of_a_body() {
        let mut message = report();
        if let Content::Report(report) = &mut message.content {
            let long = Some("长".repeat(20_000));
            (report.impact, report.trend, report.measures, report.opinion) =
                (long.clone(), long.clone(), long.clone(), long);
        }
        message.attachments = vec![Attachment::new("大.bin", vec![7; crate::limits::ATTACHMENTS_BYTES_MAX])];
        let padded = message.to_blocks(SALTS).unwrap().encode_padded();
        assert_eq!(Message::from_blocks(&Blocks::decode(&padded, BODY_BYTES_MAX).unwrap()), Ok(message));
    }

    proptest::proptest! {
        #[test]
        fn any_spoilt_block_never_panics(at in 0_usize..2000, byte in proptest::prelude::any::<u8>()) {
            let mut spoilt = report().to_blocks(SALTS).unwrap().encode_padded();
            let at = at % spoilt.len();
            spoilt[at] = byte;
            if let Ok(blocks) = Blocks::decode(&spoilt, BODY_BYTES_MAX) {
                drop(Message::from_blocks(&blocks));
                drop(Facts::from_blocks(&blocks));
            }
        }
    }
}
