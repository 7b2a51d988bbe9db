//! Promises 1, 2 and 7 in a short long run: seven rooms, mixed traffic, cuts, pauses and kills. `tests long --minutes N` is
//! the same for as long as one likes, and compares memory, descriptors and disk over it.

use std::{path::Path, time::Duration};

use tests::campaign::long;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SEED: u64 = 20_261_127;

#[tokio::test(flavor = "multi_thread")]
async fn seven_rooms_with_faults_lose_nothing_and_leave_nothing_behind() {
    let long = long::run(Path::new(PROGRAM), SEED, 2, Duration::from_secs(15)).await;
    println!("seed {SEED}: {long}");
    // Of memory two short rounds say nothing; a descriptor that is left behind shows at once.
    for (room, used) in &long.samples[1].rooms {
        let before = long.samples[0].rooms[room];
        assert!(used.descriptors <= before.descriptors + 4, "{room} keeps descriptors: {long}");
    }
}
