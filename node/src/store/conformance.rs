//! What every store must do, as one suite for all of them: the one on SQLite, the one in memory, those to come.
//!
//! It panics with a sentence at the first promise that is not kept.

pub mod sample;

mod evidence;
mod log;
mod queue;
mod records;
mod steps;

use self::sample::Sample;
use super::{Store, StoreError};
use relay::step::Write;

/// Holds a store to its promises. `make` gives a new, empty one, `reopen` what a restart finds of one.
pub async fn suite<S: Store>(make: impl AsyncFn() -> S, reopen: impl AsyncFn(S) -> S) {
    records::a_record_is_read_back_as_it_was_written_last(make().await).await;
    records::what_is_due_is_read_in_order_and_in_pages(make().await).await;
    records::a_commit_that_fails_changes_nothing(make().await).await;
    queue::what_waits_is_read_oldest_first_within_the_budget(make().await).await;
    queue::a_place_is_taken_or_given_up_by_the_last_write(make().await).await;
    queue::wrapped_keys_that_come_later_are_added(make().await).await;
    queue::a_large_batch_is_read_back_whole(make().await).await;
    evidence::receipts_are_kept_oldest_first_and_byte_for_byte(make().await).await;
    evidence::an_outbox_is_numbered_without_gaps(make().await).await;
    log::the_log_goes_on_where_it_stopped(make().await).await;
    log::ticks_heads_and_links_are_found_again(make().await).await;

    steps::a_step_is_taken_once_across_a_restart(make().await, &reopen).await;

    let mut store = make().await;
    let before = evidence::fill(&mut store).await;
    let mut store = reopen(store).await;
    evidence::a_restart_finds_everything(&mut store, before).await;
}

async fn commit<S: Store>(store: &mut S, writes: Vec<Write>) {
    store.commit(writes).await.expect("the commit succeeds");
}

/// The commit fails, for another reason than a full disk.
async fn refused<S: Store>(store: &mut S, writes: Vec<Write>) {
    let outcome = store.commit(writes).await;
    assert!(matches!(outcome, Err(StoreError::Database(_))), "the commit must fail: {outcome:?}");
}

/// Stores a sample with its place in the queue.
fn arrive(sample: &Sample) -> Vec<Write> {
    vec![sample.envelope(), Write::Record(sample.record.clone()), Write::Enqueue(sample.place())]
}
