//! The packs and calendars that the program brings along: the five documents, the base in national law, and the holidays
//! from 2015 to 2026. They are ordinary files of the project; a network that signs its own uses those.

use super::{calendar::Calendars, pack::RulePack, pack_file};

/// Every pack file of the program, as `(file name, text)`.
pub const PACK_FILES: [(&str, &str); 6] = [
    ("cn-baseline-2024.toml", include_str!("../../data/packs/cn-baseline-2024.toml")),
    ("shaanxi-2018.toml", include_str!("../../data/packs/shaanxi-2018.toml")),
    ("transport-dept-2016.toml", include_str!("../../data/packs/transport-dept-2016.toml")),
    ("henan-2021.toml", include_str!("../../data/packs/henan-2021.toml")),
    ("heze-2018.toml", include_str!("../../data/packs/heze-2018.toml")),
    ("panshan-2015.toml", include_str!("../../data/packs/panshan-2015.toml")),
];

/// Every calendar file of the program, as `(file name, text)`.
pub const CALENDAR_FILES: [(&str, &str); 12] = [
    ("2015.toml", include_str!("../../data/calendars/2015.toml")),
    ("2016.toml", include_str!("../../data/calendars/2016.toml")),
    ("2017.toml", include_str!("../../data/calendars/2017.toml")),
    ("2018.toml", include_str!("../../data/calendars/2018.toml")),
    ("2019.toml", include_str!("../../data/calendars/2019.toml")),
    ("2020.toml", include_str!("../../data/calendars/2020.toml")),
    ("2021.toml", include_str!("../../data/calendars/2021.toml")),
    ("2022.toml", include_str!("../../data/calendars/2022.toml")),
    ("2023.toml", include_str!("../../data/calendars/2023.toml")),
    ("2024.toml", include_str!("../../data/calendars/2024.toml")),
    ("2025.toml", include_str!("../../data/calendars/2025.toml")),
    ("2026.toml", include_str!("../../data/calendars/2026.toml")),
];

/// All packs of the program. None of them has a base.
///
/// # Panics
/// Never: a test reads every file.
pub fn packs() -> Vec<RulePack> {
    let read =
        |(name, text)| pack_file::parse(name, text, &[]).expect("a test reads every pack of the program");
    PACK_FILES.into_iter().map(read).collect()
}

/// The pack with this name, if the program brings it along.
pub fn pack(name: &str) -> Option<RulePack> {
    let (file, text) = PACK_FILES.into_iter().find(|(file, _)| file.strip_suffix(".toml") == Some(name))?;
    pack_file::parse(file, text, &[]).ok()
}

/// All years of the program.
///
/// # Panics
/// Never: a test reads every file.
pub fn calendars() -> Calendars {
    let mut calendars = Calendars::new();
    for (name, text) in CALENDAR_FILES {
        calendars.read(name, text).expect("a test reads every calendar of the program");
    }
    calendars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_of_the_program_reads_without_a_mistake_and_is_named_like_its_file() {
        for (file, text) in PACK_FILES {
            let pack = pack_file::parse(file, text, &[]).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(format!("{}.toml", pack.name), file);
            assert_eq!(super::pack(&pack.name).as_ref(), Some(&pack));
            for rule in &pack.rules {
                let clause = &rule.clause;
                let texts = [&clause.place, &clause.place_en, &clause.says, &clause.says_en, &clause.quote];
                assert!(texts.iter().all(|text| !text.is_empty()), "{} lacks a part of its clause", rule.id);
            }
        }
    }

    #[test]
    fn every_calendar_of_the_program_is_the_year_of_its_file() {
        for (file, text) in CALENDAR_FILES {
            let year = Calendars::new().read(file, text).unwrap();
            assert_eq!(format!("{year}.toml"), file);
        }
        assert_eq!(calendars().years().collect::<Vec<_>>(), (2015..=2026).collect::<Vec<_>>());
    }
}
