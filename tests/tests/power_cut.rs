//! Promise 1 under power cuts: drives with a volatile cache under ext4, at every hop, under load; nothing that was
//! acknowledged before a cut is lost. Two controls show that this rig finds what is not synced.

use std::path::Path;

use tests::{
    campaign::power::{self, Control},
    lab::{has, volume::DISK_NEEDS},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SEED: u64 = 20_261_127;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_power_cuts_under_load_lose_nothing_that_was_acknowledged() {
    if !has(&DISK_NEEDS) {
        return;
    }
    let cuts = power::run(Path::new(PROGRAM), SEED, 60).await;
    println!("seed {SEED}: {cuts}");
    assert!(cuts.sectors > 0, "no cut met anything that was not flushed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_sync_a_power_cut_loses_what_was_acknowledged() {
    if has(&DISK_NEEDS) {
        control(Control::NoSync).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_log_that_no_commit_syncs_a_power_cut_loses_what_was_acknowledged() {
    if has(&[&DISK_NEEDS[..], &["strace"]].concat()) {
        control(Control::LogNotSynced).await;
    }
}

async fn control(control: Control) {
    let lost = power::run_control(Path::new(PROGRAM), SEED, control, 10).await;
    println!("{control:?}: {lost:?} (number of the cut, how many were lost)");
    assert!(lost.is_some(), "{control:?} lost nothing in ten cuts");
}
