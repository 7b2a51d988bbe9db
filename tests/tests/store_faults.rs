//! Promise 1 at the store: every call that it makes to the disk fails once, the first, the second, up to the last; and
//! bits of its file turn over. Nothing acknowledged is lost, nothing is there in part, no altered body is ever served.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use node::store::{
    Store, StoreError,
    conformance::sample::{NEXT, Sample},
    sqlite::{OpenOptions, SqliteStore},
};
use tests::{
    cluster::text,
    lab::{
        has,
        store_work::{self, COMMITS, sample, writes},
    },
};
use topology::Precedence;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

/// One run of the work, all of it on this database and from this commit on; under a tracer that fails one call, if any.
/// Gives the commits that were acknowledged, and whether a call was failed.
fn work(database: &Path, first: u32, fault: Option<(&str, &str, u32)>) -> (BTreeSet<u32>, bool) {
    let trace = database.with_extension("trace");
    let words = [PROGRAM, "store-work", text(database), &first.to_string()].map(str::to_owned).to_vec();
    let mut command = match fault {
        Some((calls, error, number)) => {
            let inject = format!("inject={calls}:error={error}:when={number}");
            let mut under = vec!["-f".to_owned(), "-o".to_owned(), text(&trace).to_owned()];
            under.extend(["-e".to_owned(), format!("trace={calls}"), "-e".to_owned(), inject]);
            for suffix in ["", "-wal", "-shm", "-journal"] {
                under.extend(["-P".to_owned(), format!("{}{suffix}", text(database))]);
            }
            let mut command = Command::new("strace");
            command.args(under).args(words);
            command
        }
        None => {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        }
    };
    let output = command.output().expect("the program is there");
    let said = String::from_utf8_lossy(&output.stdout).lines().map(|line| line.parse().unwrap()).collect();
    let failed = fs::read_to_string(&trace).is_ok_and(|trace| trace.contains("INJECTED"));
    let _ = fs::remove_file(&trace);
    assert!(fault.is_some() || output.status.success(), "{output:?}");
    (said, failed)
}

/// Fails the first of these calls, then the second, until there is none left; gives how many there were.
async fn fail_each(place: &Path, calls: &str, error: &str) -> u32 {
    for number in 1.. {
        let database = place.join(format!("{error}-{number}.db"));
        let (mut acknowledged, failed) = work(&database, 0, Some((calls, error, number)));
        // Whatever was tried last may be there or not; a node tries it again under the same id only if it is not.
        acknowledged.extend(work(&database, COMMITS, None).0);
        store_work::check(&database, 2 * COMMITS, &acknowledged).await;
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", text(&database)));
        }
        if !failed {
            assert_eq!(acknowledged.len() as u32, 2 * COMMITS, "without a fault everything is acknowledged");
            return number - 1;
        }
    }
    unreachable!("the work ends")
}

#[tokio::test]
async fn whichever_call_to_the_disk_fails_nothing_acknowledged_is_lost_or_there_in_part() {
    if !has(&["strace"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (calls, error, at_least) in [
        ("fsync,fdatasync", "EIO", 5),
        ("pwrite64", "EIO", 100),
        ("pwrite64", "ENOSPC", 100),
        ("pread64", "EIO", 1),
        ("openat", "EIO", 2),
        ("ftruncate,fallocate", "ENOSPC", 1),
    ] {
        let failed = fail_each(place.path(), calls, error).await;
        println!("{calls} with {error}: each of {failed} calls failed once");
        assert!(failed >= at_least, "{calls}: only {failed} calls were seen");
    }
}

/// A database with all samples in one file, and its bytes.
async fn filled(place: &Path) -> (PathBuf, Vec<u8>) {
    let database = place.join("whole.db");
    let mut store =
        SqliteStore::open(&database, OpenOptions { create: true, pages_max: None }).await.unwrap();
    for number in 0..SAMPLES {
        store.commit(writes(&sample(number))).await.unwrap();
    }
    store.close().await.unwrap();
    let bytes = fs::read(&database).unwrap();
    (database, bytes)
}

const SAMPLES: u32 = 24;
const FLIPS: u64 = 600;

/// What became of a flipped bit.
#[derive(Debug, Default)]
struct Flipped {
    refused: u32,
    withheld: u32,
    unseen: u32,
}

#[tokio::test]
async fn a_bit_that_turns_over_anywhere_in_the_database_never_alters_a_body_that_is_served() {
    let place = tempfile::tempdir().unwrap();
    let (_, bytes) = filled(place.path()).await;
    let database = place.path().join("flipped.db");
    let samples: Vec<Sample> = (0..SAMPLES).map(sample).collect();
    let mut found = Flipped::default();
    for flip in 0..FLIPS {
        // Every place has its turn, and each bit of a byte.
        let bit = flip.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (bytes.len() as u64 * 8);
        let mut spoilt = bytes.clone();
        spoilt[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        fs::write(&database, &spoilt).unwrap();
        let mut store = match SqliteStore::open(&database, OpenOptions::default()).await {
            Ok(store) => store,
            Err(error) => {
                assert!(!matches!(error, StoreError::Full), "bit {bit}: {error}");
                found.refused += 1;
                continue;
            }
        };
        match store.next_waiting(NEXT, Precedence::Routine, usize::MAX >> 1, u64::MAX >> 1).await {
            Ok(served) => {
                for envelope in &served {
                    let right = samples.iter().any(|sample| sample.bytes == envelope.bytes);
                    assert!(right, "bit {bit}: an altered envelope is served: {:?}", envelope.record.key);
                }
                if served.len() < SAMPLES as usize { found.withheld += 1 } else { found.unseen += 1 }
            }
            Err(_) => found.refused += 1,
        }
        drop(store);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", text(&database)));
        }
    }
    println!("{FLIPS} bits turned over, one at a time: {found:?}; altered bodies served: 0");
    assert!(found.refused > 0 && found.withheld > FLIPS as u32 / 4, "{found:?}");
}
