//! The rule packs and calendars that the plan in force names, as far as they are here. A pack counts only when the plan
//! names the digest of its signed bytes and the root hub signed it; one that is missing is an alarm and stops no traffic.
//!
//! ```text
//! map/packs/NAME@VERSION.DIGEST.cose      map/calendars/YEAR.DIGEST.cose
//! ```
//!
//! Files stay when a later plan does not name them any more.
//! *Against:* a pack that the plan does not name, one that another room signed, a name that leads out of the directory.

use std::{fs, os::unix::fs::DirBuilderExt, sync::Arc};

use certs::{sheet::KnownKeys, signature::Digest};
use relay::{
    duty::{
        Calendars, RulePack,
        signed::{DocumentError, SignedCalendar, SignedPack, digest_of},
    },
    frame::DocumentKind,
};
use topology::{Map, RuleDigest};

use crate::{directory::Directory, problem::Problem, rulebook::SignedRules};

/// Why a rule pack or a calendar does not count.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The plan does not know it.
    #[error("the plan in force does not name this rule pack or calendar")]
    NotNamed,
    /// It does not verify.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Another room signed it.
    #[error("the rule pack or calendar is not signed by the root hub, who issues them")]
    NotTheRoot,
    /// The plan names it as something else.
    #[error("the rule pack or calendar is not the one that the plan names with its digest")]
    NamedOtherwise,
    /// A year that contradicts itself.
    #[error("the calendar contradicts itself: {0}")]
    Calendar(#[from] relay::duty::calendar::CalendarError),
    /// The plan names more than there is.
    #[error("{0} is named by the plan and was not handed over with it")]
    Missing(String),
}

/// One pack or calendar that counts.
pub(super) enum Rule {
    Pack(Box<SignedPack>),
    Calendar(SignedCalendar),
}

impl Rule {
    /// Verifies bytes against a plan and the keys of its root hub. Revoked keys verify too: the plan names the digest.
    pub(super) fn verify(bytes: &[u8], map: &Map, keys: &KnownKeys) -> Result<Self, RuleError> {
        let name = RuleDigest::from_bytes(*digest_of(bytes).as_bytes());
        let plan = map.plan();
        let (rule, issuer) = if let Some(entry) = plan.packs.iter().find(|entry| entry.digest == name) {
            let pack = SignedPack::verify(bytes, &keys.archive())?;
            if (&pack.content().name, pack.content().version) != (&entry.name, entry.version) {
                return Err(RuleError::NamedOtherwise);
            }
            let issuer = pack.issuer();
            (Self::Pack(Box::new(pack)), issuer)
        } else if let Some(entry) = plan.calendars.iter().find(|entry| entry.digest == name) {
            let year = SignedCalendar::verify(bytes, &keys.archive())?;
            if year.content().year != entry.year {
                return Err(RuleError::NamedOtherwise);
            }
            Calendars::new().insert("calendar", year.content())?;
            let issuer = year.issuer();
            (Self::Calendar(year), issuer)
        } else {
            return Err(RuleError::NotNamed);
        };
        if issuer == map.root() { Ok(rule) } else { Err(RuleError::NotTheRoot) }
    }

    /// Its file in the node's directory.
    pub(super) fn file(&self) -> String {
        let (place, digest) = match self {
            Self::Pack(pack) => {
                (format!("{PACKS}/{}@{}", pack.content().name, pack.content().version), pack.digest())
            }
            Self::Calendar(year) => (format!("{CALENDARS}/{}", year.content().year), year.digest()),
        };
        let digest: String = digest.to_string().chars().take(16).collect();
        format!("{place}.{digest}.cose")
    }

    /// Writes it, making the directories of a node that was furnished before there were packs.
    pub(super) fn store(&self, directory: &Directory) -> Result<(), Problem> {
        let bytes = match self {
            Self::Pack(pack) => pack.bytes(),
            Self::Calendar(year) => year.bytes(),
        };
        for place in [PACKS, CALENDARS] {
            let path = directory.file(place);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| {
                Problem::failed("write_failed").with("path", path.display()).with("detail", error)
            })?;
        }
        directory.write(&self.file(), bytes)
    }
}

/// Writes signed rules into a directory that a node will be made of.
///
/// # Errors
/// `write_failed`.
pub fn furnish(directory: &Directory, rules: &SignedRules) -> Result<(), Problem> {
    let packs = rules.packs.iter().cloned().map(|pack| Rule::Pack(Box::new(pack)));
    let years = rules.calendars.iter().cloned().map(Rule::Calendar);
    packs.chain(years).try_for_each(|rule| rule.store(directory))
}

/// What a node judges by.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    signed: SignedRules,
    /// What is signed, as the judge takes it.
    packs: Vec<RulePack>,
    calendars: Calendars,
    digests: Vec<Digest>,
}

impl Rules {
    /// Reads from the directory what a plan names.
    pub(super) fn read(directory: &Directory, map: &Map, keys: &KnownKeys) -> Self {
        let mut rules = Self::default();
        for place in [PACKS, CALENDARS] {
            let files = fs::read_dir(directory.file(place)).into_iter().flatten().flatten();
            for path in
                files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "cose"))
            {
                match fs::read(&path).map(|bytes| Rule::verify(&bytes, map, keys)) {
                    Ok(Ok(rule)) => rules.insert(rule),
                    // Of a former plan.
                    Ok(Err(RuleError::NotNamed)) => {}
                    Ok(Err(error)) => {
                        tracing::error!(path = %path.display(), %error, "a rule pack does not count")
                    }
                    Err(error) => {
                        tracing::error!(path = %path.display(), %error, "a rule pack cannot be read")
                    }
                }
            }
        }
        rules
    }

    /// Adds one, in the order of names and versions.
    pub(super) fn insert(&mut self, rule: Rule) {
        match rule {
            Rule::Pack(pack) => {
                self.signed.packs.push(*pack);
                self.signed.packs.sort_by_key(|pack| (pack.content().name.clone(), pack.content().version));
                self.packs = self.signed.contents();
            }
            Rule::Calendar(year) => {
                // It was accepted when it was verified.
                let _ = self.calendars.insert("calendar", year.content());
                self.signed.calendars.push(year);
                self.signed.calendars.sort_by_key(|year| year.content().year);
            }
        }
        self.digests = self.signed.digests().collect();
    }

    /// With the signatures.
    pub fn signed(&self) -> &SignedRules {
        &self.signed
    }

    /// The packs in force.
    pub fn packs(&self) -> &[RulePack] {
        &self.packs
    }

    /// The calendar in force.
    pub fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// The digests of what is here.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Whether this one is here.
    pub fn holds(&self, wanted: &Digest) -> bool {
        self.digests.contains(wanted)
    }

    /// What a neighbour who holds these lacks.
    pub fn lacking(&self, held: &[Digest]) -> Vec<(DocumentKind, Arc<[u8]>)> {
        let packs = self.signed.packs.iter().map(|pack| (DocumentKind::Pack, pack.bytes().clone()));
        let years = self.signed.calendars.iter().map(|year| (DocumentKind::Calendar, year.bytes().clone()));
        packs.chain(years).filter(|(_, bytes)| !held.contains(&digest_of(bytes))).collect()
    }

    /// What the plan names and is not here, as people name it.
    pub fn missing(&self, map: &Map) -> Vec<String> {
        let is_missing = |name: &RuleDigest| !self.holds(&Digest::from_bytes(*name.as_bytes()));
        let plan = map.plan();
        let packs = plan.packs.iter().filter(|entry| is_missing(&entry.digest));
        let years = plan.calendars.iter().filter(|entry| is_missing(&entry.digest));
        packs
            .map(|entry| format!("{}@{}", entry.name, entry.version))
            .chain(years.map(|entry| entry.year.to_string()))
            .collect()
    }
}

const PACKS: &str = "map/packs";
const CALENDARS: &str = "map/calendars";
