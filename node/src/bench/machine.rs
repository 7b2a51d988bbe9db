//! On what machine the figures came about, so that runs can be compared.

use std::{collections::BTreeMap, fs::read_to_string};

/// Processor, cores, memory, system, program.
pub(super) fn describe() -> BTreeMap<&'static str, String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let field = |path: &str, key: &str| {
        let text = read_to_string(path).unwrap_or_default();
        value_of(&text, key).unwrap_or("?").to_owned()
    };
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    BTreeMap::from([
        ("processor", field("/proc/cpuinfo", "model name")),
        ("cores", cores.to_string()),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("system", read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()),
        ("program", format!("{} {build}", env!("CARGO_PKG_VERSION"))),
    ])
}

/// The value of `key : value` in a file of /proc.
pub(super) fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "VmRSSx:\t1 kB\nVmRSS:\t  20480 kB\nmodel name\t: EPYC: 2\n";
        assert_eq!(value_of(text, "VmRSS"), Some("20480 kB"));
        assert_eq!(value_of(text, "model name"), Some("EPYC: 2"));
        assert_eq!(value_of(text, "VmHWM"), None);
    }
}
