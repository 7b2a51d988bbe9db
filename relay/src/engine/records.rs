//! The bounded cache of records: what the store holds, for as long as it is of use.

use std::collections::BTreeMap;

use crate::{envelope_id::EnvelopeKey, limits::RECORDS_CACHED, record::Record};

/// Records by envelope, oldest use first to go. An envelope known to be absent is remembered as such.
#[derive(Debug, Default)]
pub(super) struct Records {
    by_key: BTreeMap<EnvelopeKey, Entry>,
    by_use: BTreeMap<u64, EnvelopeKey>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    record: Option<Record>,
    used: u64,
}

impl Records {
    /// Whether presence or absence is known.
    pub(super) fn knows(&self, key: &EnvelopeKey) -> bool {
        self.by_key.contains_key(key)
    }

    /// How many are known, absent ones included.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Takes what the store says, unless something newer is here.
    pub(super) fn supply(&mut self, key: EnvelopeKey, record: Option<Record>) {
        if !self.knows(&key) {
            self.insert(key, record);
        }
    }

    /// The record, as this batch has left it, to look at.
    pub(super) fn peek(&self, key: &EnvelopeKey) -> Option<&Record> {
        self.by_key.get(key)?.record.as_ref()
    }

    /// The record, as this batch has left it.
    pub(super) fn find(&mut self, key: &EnvelopeKey) -> Option<Record> {
        let record = self.by_key.get(key)?.record.clone()?;
        self.touch(key);
        Some(record)
    }

    /// Keeps a new or changed record.
    pub(super) fn put(&mut self, record: Record) {
        self.insert(record.key, Some(record));
    }

    /// Lets the oldest go until [`RECORDS_CACHED`] are left.
    pub(super) fn trim(&mut self) {
        while self.by_key.len() > RECORDS_CACHED {
            let Some((_, key)) = self.by_use.pop_first() else { return };
            self.by_key.remove(&key);
        }
    }

    fn insert(&mut self, key: EnvelopeKey, record: Option<Record>) {
        self.uses += 1;
        if let Some(old) = self.by_key.insert(key, Entry { record, used: self.uses }) {
            self.by_use.remove(&old.used);
        }
        self.by_use.insert(self.uses, key);
    }

    fn touch(&mut self, key: &EnvelopeKey) {
        self.uses += 1;
        if let Some(entry) = self.by_key.get_mut(key) {
            self.by_use.remove(&entry.used);
            entry.used = self.uses;
            self.by_use.insert(self.uses, *key);
        }
    }
}
