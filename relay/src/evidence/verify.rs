//! The verifier: a pure function of a file and the network's root certificate. It reads the file once from front to back,
//! holds one group at a time, and stops at the first object that does not hold.
//! *Against:* whatever the modules of this folder name; a file that only looks whole.

mod call;
mod case;
mod documents;
mod group;
mod keys;
mod leaf;
mod message;
mod span;

use std::io::Read;

use certs::{certificate::CertificateDer, signature::Digest};

use self::documents::MapSoFar;
use super::{
    Invalid, Listener, Manifest, Rules, SpanAccount, Subject, VerifyError,
    container::Reader,
    invalid::{Fault, Place},
    manifest::listed,
    names,
};
use crate::duty::{
    RulePack,
    signed::{Document, Signed, SignedCalendar, SignedPack},
};
use group::Groups;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// What the exporter signed.
    pub manifest: Manifest,
    /// When the root hub had the named head of the exporter's log; absent while it has not.
    pub as_of: Option<crate::timestamp::Timestamp>,
    /// The stretch of the exporter's log that is in the file.
    pub span: Option<SpanAccount>,
    /// The map of the file.
    pub map: topology::Map,
}

/// Verifies everything and tells `listener` what holds.
///
/// # Errors
/// [`VerifyError`] names the first object that does not hold.
pub fn verify(
    input: impl Read,
    root: &CertificateDer<'_>,
    listener: &mut dyn Listener,
) -> Result<Conclusion, VerifyError> {
    let mut reader = Reader::new(input);
    let mut entries = Entries { reader: &mut reader, contained: Vec::new(), ahead: None };
    entries.expect(names::README)?;
    let mut map = MapSoFar::begin(&entries.expect(names::PLAN)?, root)?;
    while let Some((name, data)) = entries.numbered("map/plans", "cose", map.plans())? {
        map.add_plan(&name, &data)?;
    }
    while let Some((name, data)) = entries.numbered("map/sheets", "cose", map.sheets())? {
        map.add_sheet(&name, &data)?;
    }
    let packs: Vec<SignedPack> = entries.documents("rules", &map)?;
    map.check_packs(&packs)?;
    let years: Vec<SignedCalendar> = entries.documents("calendars", &map)?;
    let packs: Vec<RulePack> = packs.into_iter().map(SignedPack::into_content).collect();
    let left_out = packs.iter().flat_map(|pack| pack.left_out.iter().copied());
    let mut groups = Groups::new(&map, left_out.collect());
    if let Some(data) = entries.optional(names::AS_OF)? {
        groups.as_of(&data)?;
    }
    let span = entries.optional(names::SPAN)?.map(|data| groups.span(&data)).transpose()?;
    let rules = Rules {
        map: map.map().clone(),
        packs,
        calendars: documents::calendars(&years)?,
        now: groups.dated(),
    };
    listener.rules(rules);
    while let Some((name, data)) = entries.numbered("evidence", "cbor", groups.count())? {
        groups.add(&name, &data, listener)?;
    }
    let signed = entries.expect(names::MANIFEST)?;
    let contained = entries.finish()?;
    let manifest = manifest(&signed, &map, &contained)?;
    let as_of = groups.close(&manifest)?;
    check_silence(&manifest, span.as_ref())?;
    Ok(Conclusion { manifest, as_of, span, map: map.into_map() })
}

/// Whether the leaves of the file show what the manifest claims. A span stands in a file of that claim only.
fn check_silence(manifest: &Manifest, span: Option<&SpanAccount>) -> Result<(), VerifyError> {
    let fault = |fault| Err(invalid(names::SPAN, "", fault).into());
    match (&manifest.subject, span) {
        (Subject::Silence(silence), Some(span)) => match span.broken_by(silence) {
            _ if silence.peer == manifest.exporter => fault(Fault::Policy("a room is not silent to itself")),
            _ if !span.covers(silence) => fault(Fault::Policy("its heads do not span the time")),
            Some(receipt) => fault(Fault::NotSilent { leaf: receipt.leaf }),
            None => Ok(()),
        },
        (Subject::Silence(_), None) => fault(Fault::Manifest("the span of the log, which is missing")),
        (Subject::Message(_) | Subject::Case(_) | Subject::All, Some(_)) => {
            fault(Fault::Manifest("a span of the log"))
        }
        (Subject::Message(_) | Subject::Case(_) | Subject::All, None) => Ok(()),
    }
}

/// The entries of a file in their order, and what the manifest must list of them.
struct Entries<'r, R> {
    reader: &'r mut Reader<R>,
    /// Each name with what a manifest lists of it.
    contained: Vec<(String, Digest)>,
    ahead: Option<(String, Vec<u8>)>,
}

impl<R: Read> Entries<'_, R> {
    fn peek(&mut self) -> Result<Option<&str>, VerifyError> {
        if self.ahead.is_none() {
            self.ahead = self.reader.next_entry()?;
        }
        Ok(self.ahead.as_ref().map(|(name, _)| name.as_str()))
    }

    /// The next entry if it has this name.
    fn optional(&mut self, name: &str) -> Result<Option<Vec<u8>>, VerifyError> {
        if self.peek()? != Some(name) {
            return Ok(None);
        }
        let Some((name, data)) = self.ahead.take() else { return Ok(None) };
        let listed = listed(&name, &data);
        self.contained.push((name, listed));
        Ok(Some(data))
    }

    fn expect(&mut self, name: &'static str) -> Result<Vec<u8>, VerifyError> {
        if let Some(data) = self.optional(name)? {
            return Ok(data);
        }
        let entry = self.peek()?.unwrap_or("the end").to_owned();
        let place = Place { entry, object: String::new() };
        Err(Invalid { place, fault: Fault::Order { wanted: name } }.into())
    }

    fn numbered(
        &mut self,
        folder: &str,
        ending: &str,
        so_far: usize,
    ) -> Result<Option<(String, Vec<u8>)>, VerifyError> {
        let name = names::numbered(folder, so_far + 1, ending);
        Ok(self.optional(&name)?.map(|data| (name, data)))
    }

    /// Signed rule packs or calendars.
    fn documents<T: Document>(
        &mut self,
        folder: &str,
        map: &MapSoFar<'_>,
    ) -> Result<Vec<Signed<T>>, VerifyError> {
        let mut documents = Vec::new();
        while let Some((name, data)) = self.numbered(folder, "cose", documents.len())? {
            documents.push(map.document(&name, &data)?);
        }
        Ok(documents)
    }

    /// Nothing follows the manifest, which does not list itself.
    fn finish(mut self) -> Result<Vec<(String, Digest)>, VerifyError> {
        if let Some(name) = self.peek()? {
            let place = Place { entry: name.to_owned(), object: String::new() };
            return Err(Invalid { place, fault: Fault::Order { wanted: "the end" } }.into());
        }
        self.contained.pop();
        Ok(self.contained)
    }
}

fn manifest(signed: &[u8], map: &MapSoFar, contained: &[(String, Digest)]) -> Result<Manifest, VerifyError> {
    let invalid = |fault| invalid(names::MANIFEST, "", fault);
    let keys = keys::Witnessed::new(map.keys());
    let manifest = Manifest::verify(signed, map.map().network(), &keys)
        .map_err(|error| invalid(Fault::Object(error.to_string())))?;
    // The exporter's own word for the time: a key that is known to be stolen does not sign manifests any more.
    keys.check(None, None).map_err(invalid)?;
    let mut numbered = contained.iter().enumerate();
    let other = numbered.find(|(index, (_, found))| manifest.entries.get(*index) != Some(found));
    match other {
        Some((_, (name, _))) => Err(self::invalid(name, "", Fault::NotListed).into()),
        None if contained.len() < manifest.entries.len() => {
            Err(invalid(Fault::Manifest("the number of entries")).into())
        }
        None => Ok(manifest),
    }
}

/// Names the object that fails.
fn invalid(entry: &str, object: &str, fault: Fault) -> Invalid {
    Invalid { place: Place { entry: entry.to_owned(), object: object.to_owned() }, fault }
}
