//! From wishes to packs and years: what is meant by each name, whether it is free of mistakes, and whether it goes forward.

use relay::duty::{Calendars, RulePack, builtin, calendar::CalendarYear, pack_file};

use super::{Wish, Wished};
use crate::problem::Problem;

/// The packs that are wished, with the versions of former times of each.
pub(super) fn packs(wish: &Wish, in_force: &[RulePack]) -> Result<Vec<RulePack>, Problem> {
    let known = known_packs(in_force);
    let bases = bases(wish, &known);
    let mut chosen: Vec<RulePack> = Vec::new();
    for wished in &wish.packs {
        let pack = one_pack(wish, wished, &known, &bases)?;
        check_forward(wish, wished, &pack, in_force)?;
        if chosen.iter().any(|other| other.name == pack.name) {
            return Err(bad(
                wish,
                wished,
                &format!("the pack {} is chosen twice: keep one of them", pack.name),
            ));
        }
        chosen.push(pack);
    }
    for wished_and_pack in wish.packs.iter().zip(chosen.clone()) {
        check_base(wish, wished_and_pack, &chosen, in_force)?;
    }
    let stays = |pack: &&RulePack| wish.keeps_packs || chosen.iter().any(|new| new.name == pack.name);
    let former: Vec<RulePack> = in_force.iter().filter(stays).cloned().collect();
    let mut packs = former;
    packs.extend(chosen.into_iter().filter(|new| !in_force.contains(new)));
    packs.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
    Ok(packs)
}

/// What a name means: the pack in force, or the program's own where that is newer.
fn known_packs(in_force: &[RulePack]) -> Vec<RulePack> {
    let mut known: Vec<RulePack> = in_force.iter().cloned().chain(builtin::packs()).collect();
    // Of equal versions the one in force comes first, for the sort is stable.
    known.sort_by(|a, b| (&a.name, b.version).cmp(&(&b.name, a.version)));
    known.dedup_by(|next, first| next.name == first.name);
    known
}

/// What a pack may stand on: the other files of the wish that read by themselves, then what is known.
fn bases(wish: &Wish, known: &[RulePack]) -> Vec<RulePack> {
    let files = wish.packs.iter().filter_map(|wished| Some((&wished.name, wished.text.as_ref()?)));
    let read = files.filter_map(|(name, text)| pack_file::parse(name, text, known).ok());
    read.chain(known.iter().cloned()).collect()
}

fn one_pack(
    wish: &Wish,
    wished: &Wished,
    known: &[RulePack],
    bases: &[RulePack],
) -> Result<RulePack, Problem> {
    if let Some(text) = &wished.text {
        return pack_file::parse(&wished.name, text, bases).map_err(|errors| {
            Problem::failed("rules_pack_invalid").with("file", errors.file()).with("detail", &errors)
        });
    }
    known.iter().find(|pack| pack.name == wished.name).cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|pack| pack.name.as_str()).collect();
        let why = format!(
            "no rule pack {:?} is known: write \"./{}.toml\" for a file, or one of {}",
            wished.name,
            wished.name,
            names.join(", ")
        );
        bad(wish, wished, &why)
    })
}

fn check_forward(
    wish: &Wish,
    wished: &Wished,
    pack: &RulePack,
    in_force: &[RulePack],
) -> Result<(), Problem> {
    let newest = in_force.iter().filter(|held| held.name == pack.name).max_by_key(|held| held.version);
    let Some(held) = newest.filter(|held| *held != pack && held.version >= pack.version) else {
        return Ok(());
    };
    let (name, version, next) = (&pack.name, held.version, held.version.saturating_add(1));
    let why = format!(
        "{name} is in force as version {version}, which judges for ever: give the changed pack version {next}"
    );
    Err(bad(wish, wished, &why))
}

fn check_base(
    wish: &Wish,
    (wished, pack): (&Wished, RulePack),
    chosen: &[RulePack],
    in_force: &[RulePack],
) -> Result<(), Problem> {
    let Some(base) = &pack.base else { return Ok(()) };
    let stays = wish.keeps_packs && in_force.iter().any(|held| held.name == *base);
    if stays || chosen.iter().any(|other| other.name == *base) {
        return Ok(());
    }
    let why = format!("{} stands on {base}, which is not chosen: choose it too", pack.name);
    Err(bad(wish, wished, &why))
}

/// The years that are wished, the earliest first.
pub(super) fn calendars(wish: &Wish, in_force: &[CalendarYear]) -> Result<Vec<CalendarYear>, Problem> {
    let mut years: Vec<CalendarYear> = Vec::new();
    for wished in &wish.calendars {
        let year = one_year(wish, wished, in_force)?;
        if years.iter().any(|other| other.year == year.year) {
            return Err(bad(wish, wished, &format!("the year {} is chosen twice: keep one", year.year)));
        }
        years.push(year);
    }
    if wish.keeps_calendars {
        let new = years;
        years = in_force.to_vec();
        years.extend(new.into_iter().filter(|year| in_force.iter().all(|held| held.year != year.year)));
    }
    years.sort_by_key(|year| year.year);
    Ok(years)
}

/// A file counts before what is in force, so that a correction of the State Council can be taken in.
fn one_year(wish: &Wish, wished: &Wished, in_force: &[CalendarYear]) -> Result<CalendarYear, Problem> {
    let invalid = |error: &dyn std::fmt::Display| {
        Problem::failed("rules_calendar_invalid").with("file", &wished.name).with("detail", error)
    };
    if let Some(text) = &wished.text {
        let year: CalendarYear = toml::from_str(text).map_err(|error| invalid(&error))?;
        Calendars::new().insert(&wished.name, &year).map_err(|error| invalid(&error))?;
        return Ok(year);
    }
    let held = in_force.iter().find(|held| held.year.to_string() == wished.name).cloned();
    held.or_else(|| program_year(&wished.name)).ok_or_else(|| {
        let why = format!(
            "there is no calendar of {:?} in the program: write \"./{}.toml\" for a file",
            wished.name, wished.name
        );
        bad(wish, wished, &why)
    })
}

fn program_year(year: &str) -> Option<CalendarYear> {
    let file = format!("{year}.toml");
    let (_, text) = builtin::CALENDAR_FILES.into_iter().find(|(name, _)| *name == file)?;
    toml::from_str(text).ok()
}

fn bad(wish: &Wish, wished: &Wished, why: &str) -> Problem {
    let detail = format!("{}:{}: {why}", wish.file, wished.line);
    Problem::failed("map_file_invalid").with("file", &wish.file).with("detail", detail)
}
