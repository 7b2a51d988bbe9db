//! Promise 1 and 2 under `kill -9`: at random instants, at each of the three hops, under load, nothing acknowledged is
//! lost and nothing enters an inbox twice.

use std::path::Path;

use tests::campaign::kill;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SEED: u64 = 20_261_127;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_kills_under_load_lose_nothing_and_double_nothing() {
    let kills = kill::run(Path::new(PROGRAM), SEED, 60).await;
    println!("seed {SEED}: {kills}");
    assert_eq!(kills.by_room.len(), 3, "every hop was killed");
    assert!(kills.counted.custody > kills.counted.accepted / 4, "the hub took over what went through it");
}
