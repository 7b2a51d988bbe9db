//! How rule packs and calendars get into force: a map file chooses them, the root hub, who issues them, signs them, and the
//! plan names their digests. A pack with a mistake, one that loosens its base, or one that would turn back to an earlier
//! version is refused with file, line and reason, and nothing is changed.
//!
//! *Against:* two texts under one name and version, old cases that lose the version by which they are judged.

mod choose;
mod read;
#[cfg(test)]
mod tests;

pub use choose::{Wish, Wished};

use certs::signature::{Digest, Signer};
use relay::duty::{
    RulePack,
    calendar::CalendarYear,
    signed::{SignedCalendar, SignedPack},
};
use serde::{Deserialize, Serialize};
use topology::{CalendarInForce, PackInForce, Plan, RoomId, RuleDigest};

use crate::problem::Problem;

/// Signed packs and calendars, as a plan names them.
#[derive(Debug, Clone, Default)]
pub struct SignedRules {
    /// The packs, versions of former times before later ones.
    pub packs: Vec<SignedPack>,
    /// The years, the earliest first.
    pub calendars: Vec<SignedCalendar>,
}

impl SignedRules {
    /// Reads what a map file wishes, beside what is in force, and signs what is new as the root hub. What is in force
    /// and has not changed keeps its signature.
    ///
    /// # Errors
    /// `rules_pack_invalid` and `map_file_invalid`, with file, line and reason.
    pub fn make(wish: &Wish, in_force: &Self, issuer: RoomId, signer: &dyn Signer) -> Result<Self, Problem> {
        let packs = read::packs(wish, &in_force.contents())?;
        let calendars = read::calendars(wish, &in_force.years())?;
        let pack = |pack: RulePack| {
            let held = in_force.packs.iter().find(|held| *held.content() == pack);
            held.cloned().unwrap_or_else(|| SignedPack::sign(pack, issuer, signer))
        };
        let calendar = |year: CalendarYear| {
            let held = in_force.calendars.iter().find(|held| *held.content() == year);
            held.cloned().unwrap_or_else(|| SignedCalendar::sign(year, issuer, signer))
        };
        Ok(Self {
            packs: packs.into_iter().map(pack).collect(),
            calendars: calendars.into_iter().map(calendar).collect(),
        })
    }

    /// The packs themselves.
    pub fn contents(&self) -> Vec<RulePack> {
        self.packs.iter().map(|pack| pack.content().clone()).collect()
    }

    /// The years themselves.
    pub fn years(&self) -> Vec<CalendarYear> {
        self.calendars.iter().map(|year| year.content().clone()).collect()
    }

    /// As a plan names them.
    pub fn in_force(&self) -> InForce {
        let pack = |pack: &SignedPack| PackInForce {
            name: pack.content().name.clone(),
            version: pack.content().version,
            digest: named(pack.digest()),
        };
        let year = |year: &SignedCalendar| CalendarInForce {
            year: year.content().year,
            digest: named(year.digest()),
        };
        InForce {
            packs: self.packs.iter().map(pack).collect(),
            calendars: self.calendars.iter().map(year).collect(),
        }
    }

    /// What a plan names of all of them.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let packs = self.packs.iter().map(SignedPack::digest);
        packs.chain(self.calendars.iter().map(SignedCalendar::digest))
    }

    /// The signed bytes of all of them.
    pub fn documents(&self) -> impl Iterator<Item = &[u8]> {
        let packs = self.packs.iter().map(|pack| pack.bytes().as_ref());
        packs.chain(self.calendars.iter().map(|year| year.bytes().as_ref()))
    }
}

/// What a plan says about rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The packs.
    pub packs: Vec<PackInForce>,
    /// The years.
    pub calendars: Vec<CalendarInForce>,
}

impl InForce {
    /// The plan with these in force.
    pub fn in_plan(&self, plan: &Plan) -> Plan {
        Plan { packs: self.packs.clone(), calendars: self.calendars.clone(), ..plan.clone() }
    }
}

/// The packs, as name and version, and the years that would be in force if a wish were fulfilled; nothing is signed.
///
/// # Errors
/// As [`SignedRules::make`].
pub fn preview(wish: &Wish, in_force: &SignedRules) -> Result<(Vec<String>, Vec<i16>), Problem> {
    let packs = read::packs(wish, &in_force.contents())?;
    let years = read::calendars(wish, &in_force.years())?;
    let packs = packs.iter().map(|pack| format!("{}@{}", pack.name, pack.version)).collect();
    Ok((packs, years.iter().map(|year| year.year).collect()))
}

/// A digest as the plan writes it.
fn named(digest: Digest) -> RuleDigest {
    RuleDigest::from_bytes(*digest.as_bytes())
}
