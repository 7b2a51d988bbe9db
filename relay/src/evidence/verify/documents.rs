//! The map of the file: the plan by the root certificate, the sheets by standard path validation and the plan.

use std::collections::BTreeMap;

use certs::{
    cbor,
    certificate::CertificateDer,
    plan::verify_plan,
    sheet::{Change, KnownKeys, Sheet, verify_sheet},
    signature::{self, ContentType},
};
use topology::Map;

use super::{
    super::{VerifyError, invalid::Fault, names},
    invalid,
    keys::Witnessed,
};
use crate::duty::{
    Calendars,
    signed::{Document, Signed, SignedCalendar, SignedPack},
};

/// The map as far as it was read.
pub(super) struct MapSoFar<'r> {
    map: Map,
    older: BTreeMap<u64, Map>,
    root: &'r CertificateDer<'r>,
    keys: KnownKeys,
    sheets: usize,
}

impl<'r> MapSoFar<'r> {
    pub(super) fn begin(plan: &[u8], root: &'r CertificateDer<'r>) -> Result<Self, VerifyError> {
        let plan = verify_plan(plan, root)
            .map_err(|error| invalid(names::PLAN, "", Fault::Object(error.to_string())))?;
        Ok(Self { map: plan.map, older: BTreeMap::new(), root, keys: KnownKeys::new(), sheets: 0 })
    }

    /// A plan that was in force before, for the messages that cite it.
    pub(super) fn add_plan(&mut self, name: &str, bytes: &[u8]) -> Result<(), VerifyError> {
        let plan = verify_plan(bytes, self.root)
            .map_err(|error| invalid(name, "", Fault::Object(error.to_string())))?;
        let version = plan.map.version();
        let last = self.older.last_key_value().map(|(version, _)| *version);
        if last.is_some_and(|last| version <= last) || version >= self.map.version() {
            return Err(invalid(name, "", Fault::Policy("older plans stand by version")).into());
        }
        self.older.insert(version, plan.map);
        Ok(())
    }

    pub(super) fn plans(&self) -> usize {
        self.older.len()
    }

    /// The plan that an envelope cites; the newest where that is not in the file.
    pub(super) fn map_of(&self, version: u64) -> &Map {
        self.older.get(&version).unwrap_or(&self.map)
    }

    /// A sheet, verified at the time at which it was issued: certificates that have ended since do not spoil it.
    pub(super) fn add_sheet(&mut self, name: &str, bytes: &[u8]) -> Result<(), VerifyError> {
        let fault = |error: &dyn std::fmt::Display| invalid(name, "", Fault::Object(error.to_string()));
        let payload = signature::peek_payload_unverified(bytes, ContentType::Sheet).map_err(|e| fault(&e))?;
        let claimed: Sheet =
            cbor::decode(&payload, ContentType::Sheet.size_bytes_max()).map_err(|error| fault(&error))?;
        let sheet = verify_sheet(bytes, &self.map, self.root, claimed.issued_at_ms).map_err(|e| fault(&e))?;
        match self.keys.insert(sheet).map_err(|error| fault(&error))? {
            Change::Taken { .. } => {}
            Change::Unchanged | Change::Older => return Err(fault(&"a publisher has two sheets").into()),
        }
        self.sheets += 1;
        Ok(())
    }

    /// A rule pack or a year of the calendar: signed by the root hub and named by the plan.
    pub(super) fn document<T: Document>(&self, name: &str, bytes: &[u8]) -> Result<Signed<T>, VerifyError> {
        let keys = Witnessed::new(&self.keys);
        let signed = Signed::<T>::verify_some(bytes, &keys)
            .map_err(|error| invalid(name, "", Fault::Object(error.to_string())))?;
        let plan = self.map.plan();
        let packs = plan.packs.iter().map(|pack| pack.digest);
        let mut named = packs.chain(plan.calendars.iter().map(|year| year.digest));
        if signed.issuer() != self.map.root()
            || !named.any(|named| named.as_bytes() == signed.digest().as_bytes())
        {
            return Err(invalid(name, "", Fault::Policy("the plan does not put it in force")).into());
        }
        Ok(signed)
    }

    /// Whether every pack that the plan puts in force is there: a limit that was left out cannot be judged by.
    pub(super) fn check_packs(&self, packs: &[SignedPack]) -> Result<(), VerifyError> {
        let named = self.map.plan().packs.iter();
        let same = named.map(|pack| *pack.digest.as_bytes()).eq(packs.iter().map(|p| *p.digest().as_bytes()));
        if same {
            Ok(())
        } else {
            Err(invalid("rules", "", Fault::Policy("a rule pack in force is missing")).into())
        }
    }

    pub(super) fn sheets(&self) -> usize {
        self.sheets
    }

    pub(super) fn map(&self) -> &Map {
        &self.map
    }

    pub(super) fn keys(&self) -> &KnownKeys {
        &self.keys
    }

    pub(super) fn into_map(self) -> Map {
        self.map
    }
}

/// The years of the file as one calendar.
pub(super) fn calendars(years: &[SignedCalendar]) -> Result<Calendars, VerifyError> {
    let mut calendars = Calendars::new();
    for (index, year) in years.iter().enumerate() {
        let name = names::numbered("calendars", index + 1, "cose");
        let inserted = calendars.insert(&name, year.content());
        inserted.map_err(|error| invalid(&name, "", Fault::Object(error.to_string())))?;
    }
    Ok(calendars)
}
