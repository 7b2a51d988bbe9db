//! Making an evidence file out of what this node keeps: one state of the store, every signature verified again, and the
//! finished file put through the very verifier that others will use.
//! *Against:* a damaged store that exports half a case, evidence that turns out invalid in front of others.

mod gather;
mod group;
mod silence;

use std::collections::BTreeSet;

use certs::peer::Publisher;
use relay::{
    duty::{case::is_judged_by, pack::parts::PartKind, signed::SignedPack},
    envelope_id::EnvelopeKey,
    evidence::{
        self, Documents, FileWriter, Group, Heading, Invalid, Listener, MessageAccount, Rules, Span, Subject,
        VerifyError, account::LineAccount, invalid::Fault, verify,
    },
};
use topology::{PackInForce, RoomId};

pub use self::silence::{is_dated_after, silence};

use self::gather::Gather;
use crate::{daemon::Node, problem::Problem, trust::Trust};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// One message, or the case that it belongs to.
    pub whole_case: bool,
    /// With text blocks and attachments.
    pub text: bool,
    /// With personal blocks.
    pub personal: bool,
}

/// A finished file.
#[derive(Debug)]
pub struct Exported {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Messages in it.
    pub messages: u64,
    /// Receipts in it.
    pub receipts: u64,
}

/// Exports a message or its case.
///
/// # Errors
/// [`Problem`] when anything is damaged or missing; nothing is handed out then.
pub async fn export(node: &Node, key: EnvelopeKey, wish: Wish) -> Result<Exported, Problem> {
    let trust = node.trust.current();
    let mut gather = Gather::begin(node, &trust, wish).await?;
    let subject = match wish.whole_case {
        true => Subject::Case(gather.case_of(key).await?),
        false => Subject::Message(key),
    };
    let keys = match subject {
        Subject::Case(case) => gather.keys_of_case(case).await?,
        Subject::Message(_) | Subject::All | Subject::Silence(_) => gather.keys_about(key).await?,
    };
    let groups = gather.groups(&keys).await?;
    write(&trust, gather, subject, &groups, None).await
}

async fn write(
    trust: &Trust,
    mut gather: Gather<'_>,
    subject: Subject,
    groups: &[Group],
    span: Option<Span>,
) -> Result<Exported, Problem> {
    let node = gather.node;
    let rooms = gather.rooms();
    let packs = packs(trust)?;
    let kinds = gather.kinds.clone();
    let is_needed = |part: PartKind| kinds.iter().any(|kind| is_judged_by(*kind, part));
    let mut rules = packs.iter().flat_map(|pack| &pack.content().rules);
    let needs_calendar = rules.any(|rule| rule.needs_calendar() && is_needed(Some(rule.kind)));
    let documents = Documents {
        plan: trust.plan.to_vec(),
        plans: gather.plans(),
        sheets: sheets_of(trust, &rooms),
        packs: packs.iter().map(|pack| pack.abridged(is_needed)).collect(),
        calendars: if needs_calendar { calendars(trust, gather.years()) } else { Vec::new() },
        as_of: gather.as_of(),
        span,
    };
    let heading = Heading {
        network: trust.map.network().to_owned(),
        exporter: node.config.room,
        at: node.clock.now(),
        tick: gather.newest_tick().await?,
        subject,
        text: gather.wish().text,
        personal: gather.wish().personal,
    };
    let failed = |error: evidence::container::ContainerError| {
        Problem::failed("evidence_too_large").with("detail", error)
    };
    let mut file = FileWriter::begin(Vec::new(), heading, &documents).map_err(failed)?;
    for group in groups {
        file.group(group).map_err(failed)?;
    }
    let bytes = file.finish(node.identity.signing.as_ref()).map_err(failed)?;
    check(trust, &bytes)
}

/// The sheets that these rooms' keys stand on, and those that say whether a signer of one of them was revoked; the nearest
/// to the root first.
fn sheets_of(trust: &Trust, rooms: &BTreeSet<RoomId>) -> Vec<Vec<u8>> {
    let map = &trust.map;
    let all = rooms.iter().flat_map(|room| std::iter::once(*room).chain(map.ancestors(*room)));
    let wanted: BTreeSet<Publisher> = all.filter_map(|room| Publisher::of(map, room)).collect();
    let newer = trust.sheets_newer_than(&[]);
    let of_wanted = |bytes: &Vec<u8>| {
        let sheet = trust.keys.sheets().find(|sheet| sheet.bytes() == bytes.as_slice());
        sheet.is_some_and(|sheet| wanted.contains(&sheet.sheet().publisher))
    };
    newer.into_iter().filter(of_wanted).collect()
}

/// The rule packs in force, in the order of the plan.
fn packs(trust: &Trust) -> Result<Vec<&SignedPack>, Problem> {
    let held = &trust.rules.signed().packs;
    let pack = |named: &PackInForce| {
        let pack = held.iter().find(|pack| pack.digest().as_bytes() == named.digest.as_bytes());
        pack.ok_or_else(|| Problem::failed("evidence_pack_missing").with("name", &named.name))
    };
    trust.map.plan().packs.iter().map(pack).collect()
}

/// The years of the calendar that limits of these messages can reach into.
fn calendars(trust: &Trust, (first, last): (i16, i16)) -> Vec<Vec<u8>> {
    let held = trust.rules.signed().calendars.iter();
    let near = held.filter(|year| (first - 1..=last + 1).contains(&year.content().year));
    near.map(|year| year.bytes().to_vec()).collect()
}

/// What is handed out must hold for others.
fn check(trust: &Trust, bytes: &[u8]) -> Result<Exported, Problem> {
    struct Silent;
    impl Listener for Silent {
        fn rules(&mut self, _: Rules) {}
        fn line(&mut self, _: LineAccount) {}
        fn message(&mut self, _: MessageAccount, _: bool) {}
    }
    let conclusion = verify(bytes, &trust.root, &mut Silent).map_err(|error| match error {
        VerifyError::Invalid(Invalid { fault: Fault::CaseGap { seq }, .. }) => {
            Problem::failed("evidence_case_gap").with("seq", seq)
        }
        VerifyError::Invalid(_) | VerifyError::Unreadable(_) => {
            Problem::failed("evidence_damaged").with("detail", error)
        }
    })?;
    Ok(Exported {
        bytes: bytes.to_vec(),
        messages: conclusion.manifest.messages,
        receipts: conclusion.manifest.receipts,
    })
}
