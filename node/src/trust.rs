//! The trust book: the plan in force, everybody's keys, and what the plan judges by, as this node knows them now.
//!
//! Readers get a snapshot that never changes; whoever accepts a newer plan or sheet verifies it, stores it, and only
//! then publishes the next snapshot. Versions only grow.

mod rules;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use certs::{
    peer::Publisher,
    plan::{PlanError, verify_plan},
    sheet::{Change, KeyConflict, KnownKeys, SheetError, verify_sheet},
};
use relay::{duty::signed::digest_of, timestamp::Timestamp};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use topology::Map;

use self::rules::Rule;
pub use self::rules::{RuleError, Rules, furnish as furnish_rules};
use crate::{directory::Directory, problem::Problem};

/// One moment's knowledge.
pub struct Trust {
    /// The plan in force, as a map.
    pub map: Arc<Map>,
    /// The plan as it was signed.
    pub plan: Arc<[u8]>,
    /// Who owns which key.
    pub keys: Arc<KnownKeys>,
    /// The rule packs and calendars that the plan names, as far as they are here.
    pub rules: Arc<Rules>,
    /// The network's root certificate.
    pub root: CertificateDer<'static>,
}

impl Trust {
    /// The version of each sheet that is held.
    pub fn sheet_versions(&self) -> Vec<(Publisher, u64)> {
        self.keys.sheets().map(|sheet| (sheet.sheet().publisher, sheet.sheet().version)).collect()
    }

    /// Sheets that a neighbour with these versions lacks, the nearest to the root first.
    pub fn sheets_newer_than(&self, held: &[(Publisher, u64)]) -> Vec<Vec<u8>> {
        let held: BTreeMap<Publisher, u64> = held.iter().copied().collect();
        let mut newer: Vec<_> = self
            .keys
            .sheets()
            .filter(|sheet| held.get(&sheet.sheet().publisher).is_none_or(|v| *v < sheet.sheet().version))
            .collect();
        newer.sort_by_key(|sheet| depth(&self.map, sheet.sheet().publisher));
        newer.into_iter().map(|sheet| sheet.bytes().to_vec()).collect()
    }
}

/// Keeps the knowledge of one node and lets it grow.
#[derive(Clone)]
pub struct TrustBook {
    directory: Directory,
    current: Arc<watch::Sender<Arc<Trust>>>,
    growing: Arc<Mutex<()>>,
}

/// Why a plan or a sheet does not count.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The plan does not verify.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The sheet does not verify.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The sheet contradicts what is known: an alarm.
    #[error(transparent)]
    Conflict(#[from] KeyConflict),
    /// The rule pack or calendar does not count.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] Problem),
}

const PLAN_FILE: &str = "map/plan.cose";

/// Where a plan lies that was in force before: evidence of its time is judged by it.
fn older_plan_file(version: u64) -> String {
    format!("map/plan@{version}.cose")
}

impl TrustBook {
    /// Reads what the directory holds; every signature is verified again.
    ///
    /// # Errors
    /// `trust_damaged` when the plan or the root certificate does not verify.
    pub fn open(directory: &Directory, now: Timestamp) -> Result<Self, Problem> {
        let damaged = |what: &str, error: &dyn std::fmt::Display| {
            Problem::failed("trust_damaged").with("path", what).with("detail", error)
        };
        let roots = certs::certificate::certificates_from_pem(&directory.read_text("anchor.pem")?)
            .map_err(|error| damaged("anchor.pem", &error))?;
        let root = roots.into_iter().next().ok_or_else(|| damaged("anchor.pem", &"no certificate in it"))?;
        let plan =
            verify_plan(&directory.read(PLAN_FILE)?, &root).map_err(|error| damaged(PLAN_FILE, &error))?;
        let trust = Trust {
            map: Arc::new(plan.map),
            plan: plan.bytes.into(),
            keys: Arc::new(KnownKeys::new()),
            rules: Arc::default(),
            root,
        };
        let book = Self {
            directory: directory.clone(),
            current: Arc::new(watch::Sender::new(Arc::new(trust))),
            growing: Arc::default(),
        };
        book.read_sheets(now);
        Ok(book)
    }

    /// Sheets that do not count any more (their plan changed) are left aside: neighbours have the current ones.
    fn read_sheets(&self, now: Timestamp) {
        let trust = self.current();
        let files = std::fs::read_dir(self.directory.file("map/sheets")).into_iter().flatten().flatten();
        let paths =
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "cose"));
        let sheets = paths.filter_map(|path| {
            std::fs::read(&path)
                .inspect_err(
                    |error| tracing::error!(path = %path.display(), %error, "a sheet cannot be read"),
                )
                .ok()
        });
        let keys = keys_under(&trust.map, &trust.root, sheets, now);
        let rules = Arc::new(Rules::read(&self.directory, &trust.map, &keys));
        self.publish(Trust { keys: Arc::new(keys), rules, ..copy(&trust) });
    }

    /// The signed plan of this version, if it was in force here once.
    pub fn older_plan(&self, version: u64) -> Option<Vec<u8>> {
        self.directory.read(&older_plan_file(version)).ok()
    }

    /// What is known now.
    pub fn current(&self) -> Arc<Trust> {
        self.current.borrow().clone()
    }

    /// Wakes at every change.
    pub fn changes(&self) -> watch::Receiver<Arc<Trust>> {
        self.current.subscribe()
    }

    /// Takes a newer plan. False when it is not newer.
    ///
    /// # Errors
    /// [`TrustError`]; nothing is changed then.
    pub fn accept_plan(&self, bytes: &[u8], now: Timestamp) -> Result<bool, TrustError> {
        self.grow_plan(bytes, None, now)
    }

    /// Takes a newer plan with the rule packs and calendars that it names: all of them, or nothing is changed. False
    /// when it is not newer.
    ///
    /// # Errors
    /// [`TrustError`]; nothing is changed then.
    pub fn accept_plan_with(
        &self,
        bytes: &[u8],
        documents: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<bool, TrustError> {
        self.grow_plan(bytes, Some(documents), now)
    }

    fn grow_plan(
        &self,
        bytes: &[u8],
        documents: Option<&[Vec<u8>]>,
        now: Timestamp,
    ) -> Result<bool, TrustError> {
        let _growing = self.growing.lock().expect("no holder of the trust book panics");
        let trust = self.current();
        let plan = verify_plan(bytes, &trust.root)?;
        if plan.map.version() <= trust.map.version() {
            return Ok(false);
        }
        let map = Arc::new(plan.map);
        let sheets = trust.keys.sheets().map(|sheet| sheet.bytes().to_vec());
        let keys = keys_under(&map, &trust.root, sheets, now);
        let mut rules = Rules::read(&self.directory, &map, &keys);
        if let Some(documents) = documents {
            self.take_rules(&mut rules, documents, &map, &keys)?;
        }
        self.directory.write(&older_plan_file(trust.map.version()), &trust.plan)?;
        self.directory.write(PLAN_FILE, bytes)?;
        tracing::info!(version = map.version(), "a newer plan is in force");
        let (plan, rules, root) = (bytes.into(), Arc::new(rules), trust.root.clone());
        self.publish(Trust { map, plan, keys: Arc::new(keys), rules, root });
        Ok(true)
    }

    /// Adds what comes with a plan; all that it names must then be there. A file that no plan names yet does no harm.
    fn take_rules(
        &self,
        rules: &mut Rules,
        documents: &[Vec<u8>],
        map: &Map,
        keys: &KnownKeys,
    ) -> Result<(), TrustError> {
        let mut given = Vec::new();
        for document in documents.iter().filter(|document| !rules.holds(&digest_of(document))) {
            given.push(Rule::verify(document, map, keys)?);
        }
        for rule in given {
            rule.store(&self.directory)?;
            rules.insert(rule);
        }
        match rules.missing(map).into_iter().next() {
            Some(missing) => Err(RuleError::Missing(missing).into()),
            None => Ok(()),
        }
    }

    /// Takes a rule pack or a calendar that the plan in force names. False when it is here already.
    ///
    /// # Errors
    /// [`TrustError`]; nothing is changed then.
    pub fn accept_rule(&self, bytes: &[u8]) -> Result<bool, TrustError> {
        let _growing = self.growing.lock().expect("no holder of the trust book panics");
        let trust = self.current();
        if trust.rules.holds(&digest_of(bytes)) {
            return Ok(false);
        }
        let rule = Rule::verify(bytes, &trust.map, &trust.keys)?;
        rule.store(&self.directory)?;
        let mut rules = Rules::clone(&trust.rules);
        rules.insert(rule);
        self.publish(Trust { rules: Arc::new(rules), ..copy(&trust) });
        Ok(true)
    }

    /// Takes a newer sheet. False when it is not newer.
    ///
    /// # Errors
    /// [`TrustError`]; nothing is changed then.
    pub fn accept_sheet(&self, bytes: &[u8], now: Timestamp) -> Result<bool, TrustError> {
        let _growing = self.growing.lock().expect("no holder of the trust book panics");
        let trust = self.current();
        let sheet = verify_sheet(bytes, &trust.map, &trust.root, now.as_ms())?;
        let publisher = sheet.sheet().publisher;
        let mut keys = KnownKeys::clone(&trust.keys);
        let Change::Taken { unannounced, .. } = keys.insert(sheet)? else { return Ok(false) };
        for (room, key) in unannounced {
            tracing::warn!(%room, %key, "a room has a new key that its old one did not announce");
        }
        self.directory.write(&sheet_file(publisher), bytes)?;
        self.publish(Trust { keys: Arc::new(keys), ..copy(&trust) });
        Ok(true)
    }

    fn publish(&self, trust: Trust) {
        self.current.send_replace(Arc::new(trust));
    }
}

/// Judges sheets that counted before: at a start, and under another plan, where other entries count. Those farthest from
/// the root come first. A hub's list refuses what comes after it, and these came before: what was revoked since then is
/// judged by its revocation, and is not forgotten.
fn keys_under(
    map: &Map,
    root: &CertificateDer<'static>,
    sheets: impl Iterator<Item = Vec<u8>>,
    now: Timestamp,
) -> KnownKeys {
    let mut counting = Vec::new();
    for sheet in sheets {
        match verify_sheet(&sheet, map, root, now.as_ms()) {
            Ok(sheet) => counting.push(sheet),
            Err(error) => tracing::warn!(%error, "a sheet does not count under the plan in force"),
        }
    }
    counting.sort_by_key(|sheet| std::cmp::Reverse(depth(map, sheet.sheet().publisher)));
    let mut keys = KnownKeys::new();
    for sheet in counting {
        let publisher = sheet.sheet().publisher;
        if let Err(error) = keys.insert(sheet) {
            tracing::error!(?publisher, %error, "a sheet contradicts the others");
        }
    }
    keys
}

/// How far a publisher is from the root.
fn depth(map: &Map, publisher: Publisher) -> usize {
    match publisher {
        Publisher::Authority => 0,
        Publisher::Hub(room) => 1 + map.ancestors(room).count(),
    }
}

fn copy(trust: &Trust) -> Trust {
    Trust {
        map: trust.map.clone(),
        plan: trust.plan.clone(),
        keys: trust.keys.clone(),
        rules: trust.rules.clone(),
        root: trust.root.clone(),
    }
}

/// Where a publisher's sheet is kept.
pub fn sheet_file(publisher: Publisher) -> String {
    match publisher {
        Publisher::Authority => "map/sheets/authority.cose".to_owned(),
        Publisher::Hub(room) => format!("map/sheets/{room}.cose"),
    }
}
