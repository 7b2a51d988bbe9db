//! Writes an evidence file: documents, the named head, groups as they come, and at the end the manifest over all of them.

use std::io::Write;

use certs::signature::{Digest, Signer, digest};
use topology::RoomId;

use super::{
    DatedHead, EVIDENCE_VERSION, Group,
    container::{ContainerError, Writer},
    manifest::{Manifest, Subject, listed},
    names,
    span::Span,
};
use crate::{checkpoint::Head, tick::TickRef, timestamp::Timestamp};

/// What the exporter says about the file.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The network.
    pub network: String,
    /// The room that exports.
    pub exporter: RoomId,
    /// When.
    pub at: Timestamp,
    /// The newest tick it has seen.
    pub tick: Option<TickRef>,
    /// What it is about.
    pub subject: Subject,
    /// Whether texts are in it.
    pub text: bool,
    /// Whether personal blocks are in it.
    pub personal: bool,
}

/// The signed documents of the file.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// The plan.
    pub plan: Vec<u8>,
    /// Older plans that messages cite, by version.
    pub plans: Vec<Vec<u8>>,
    /// The sheets, the nearest to the root first.
    pub sheets: Vec<Vec<u8>>,
    /// The rule packs, in the order of the plan.
    pub packs: Vec<Vec<u8>>,
    /// The years of the calendar that these need.
    pub calendars: Vec<Vec<u8>>,
    /// The newest dated head of the exporter's log.
    pub as_of: Option<(Head, DatedHead)>,
    /// A stretch of that log, with all its leaves.
    pub span: Option<Span>,
}

/// A file being written.
pub struct FileWriter<W> {
    out: Writer<W>,
    manifest: Manifest,
    groups: usize,
}

impl<W: Write> FileWriter<W> {
    /// Begins with what does not depend on messages.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn begin(out: W, heading: Heading, documents: &Documents) -> Result<Self, ContainerError> {
        let manifest = Manifest {
            v: EVIDENCE_VERSION,
            at: heading.at,
            text: heading.text,
            tick: heading.tick,
            as_of: documents.as_of.as_ref().map(|(head, _)| *head),
            suite: certs::signature::Suite::Ed25519.id(),
            entries: Vec::new(),
            network: heading.network,
            subject: heading.subject,
            personal: heading.personal,
            exporter: heading.exporter,
            messages: 0,
            receipts: 0,
            envelopes: Vec::new(),
        };
        let mut file = Self { out: Writer::new(out), manifest, groups: 0 };
        file.add(names::README, super::README.as_bytes())?;
        file.add(names::PLAN, &documents.plan)?;
        for (folder, all) in [
            ("map/plans", &documents.plans),
            ("map/sheets", &documents.sheets),
            ("rules", &documents.packs),
            ("calendars", &documents.calendars),
        ] {
            for (index, bytes) in all.iter().enumerate() {
                file.add(&names::numbered(folder, index + 1, "cose"), bytes)?;
            }
        }
        if let Some((_, head)) = &documents.as_of {
            file.add(names::AS_OF, &head.encode())?;
        }
        if let Some(span) = &documents.span {
            file.add(names::SPAN, &span.encode())?;
        }
        Ok(file)
    }

    /// Adds a group.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn group(&mut self, group: &Group) -> Result<(), ContainerError> {
        self.groups += 1;
        self.add(&names::numbered("evidence", self.groups, "cbor"), &group.encode())?;
        let receipts = group.messages.iter().map(|message| message.receipts.len() as u64).sum::<u64>();
        self.manifest.messages += group.messages.len() as u64;
        self.manifest.receipts += receipts;
        if self.manifest.subject.lists_envelopes() {
            let digests = group.messages.iter().map(|message| digest(&message.header));
            self.manifest.envelopes.extend(digests.collect::<Vec<Digest>>());
        }
        Ok(())
    }

    /// Signs the manifest and closes the file.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn finish(mut self, signer: &dyn Signer) -> Result<W, ContainerError> {
        self.manifest.suite = signer.suite().id();
        let signed = self.manifest.sign(signer);
        self.out.add(names::MANIFEST, &signed)?;
        self.out.finish()
    }

    fn add(&mut self, name: &str, data: &[u8]) -> Result<(), ContainerError> {
        self.out.add(name, data)?;
        self.manifest.entries.push(listed(name, data));
        Ok(())
    }
}
