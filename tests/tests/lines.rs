//! Promises 1 and 2 on bad lines: three rooms in network namespaces, with everything that lines do to packets between
//! them.

use std::{path::Path, time::Duration};

use tests::{
    campaign::lines,
    lab::{has, spaces::SPACES_NEED},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SEED: u64 = 20_261_127;
/// Longer than a link waits for a silent neighbour, which is what a longer outage is to it.
const OUTAGE: Duration = Duration::from_secs(14);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_lines_do_to_packets_everything_accepted_arrives_once() {
    if has(&SPACES_NEED) {
        println!("seed {SEED}:\n{}", lines::bad(Path::new(PROGRAM), SEED).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_and_while_a_line_was_gone_arrives_once() {
    if has(&SPACES_NEED) {
        println!("seed {SEED}:\n{}", lines::gone(Path::new(PROGRAM), SEED, OUTAGE).await);
    }
}
