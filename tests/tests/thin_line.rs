//! Promise 3 on a thin line: 50 kbit/s, 96 MiB queued; a flash reaches the next hop within three seconds, and the link
//! holds. In a file of its own, so that nothing else runs beside it.

use std::{path::Path, time::Duration};

use data_encoding::BASE64;
use node::clock::Clock;
use relay::limits::ATTACHMENTS_BYTES_MAX;
use tests::{
    campaign::lines::Lab,
    cluster::{LONG, Letter, until_true},
    lab::{has, line::Line, spaces::SPACES_NEED},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SEED: u64 = 20_261_127;
const COUNTY: &str = "411322";
const CITY: &str = "411300";
/// As large as attachments may be; twelve are 96 MiB.
const LARGE: usize = 12;
/// 50 kbit/s, behind a buffer of half a second and behind one that seems to have no end.
const BUFFERS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
const FLASHES: usize = 8;
/// What is promised of a 4 KiB flash on such a line.
const FLASH_WITHIN: Duration = Duration::from_secs(3);
/// Longer than a link that hears nothing lives.
const WATCHED: Duration = Duration::from_secs(12);

fn large(number: usize) -> Letter {
    let file = format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"附件{number}\"\noccurred_at = \"不明\"\nwhat = \"见附件\"\n\
         attachments = [\"large.bin\"]\n[place]\ntext = \"方城县\"\n"
    );
    let content = BASE64.encode(&vec![u8::try_from(number).expect("a small number"); ATTACHMENTS_BYTES_MAX]);
    Letter::file("report", &[CITY], &file, vec![("large.bin".to_owned(), content)]).precedence("routine")
}

fn thin(buffer: Duration) -> Line {
    Line { delay: Duration::from_millis(30), bits_per_s: 50_000, buffer, ..Line::default() }
}

/// How long flashes take to the city, one after the other, while the line is full of large ones.
async fn flashes(lab: &Lab) -> Vec<Duration> {
    let (county, city) = (lab.cluster.room(COUNTY), lab.cluster.room(CITY));
    let (mut took, watched) = (Vec::new(), Clock::instant());
    while took.len() < FLASHES || watched.elapsed() < WATCHED {
        let (_, mut bytes) = (lab.spaces.lines().carried(), 0);
        until_true("the line is busy", LONG, async || {
            bytes += lab.spaces.lines().carried().bytes;
            bytes > 6000
        })
        .await;
        let letter = Letter::test("report", &[CITY], &"急".repeat(1365)).precedence("flash");
        let started = Clock::instant();
        let id = county.send(&letter).await;
        city.has_in_inbox(&id).await;
        took.push(started.elapsed());
        county.receipt(&id, "delivered").await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_thin_line_with_a_hundred_megabytes_queued_a_flash_takes_three_seconds_and_the_link_holds() {
    if !has(&SPACES_NEED) {
        return;
    }
    let lab = Lab::start(Path::new(PROGRAM), SEED).await;
    let county = lab.cluster.room(COUNTY);
    let since = county.link_is(CITY, "up").await.since_ms;
    lab.spaces.lines().set_both(2, 3, thin(BUFFERS[0]));
    for number in 0..LARGE {
        county.send(&large(number)).await;
    }
    for buffer in BUFFERS {
        lab.spaces.lines().set_both(2, 3, thin(buffer));
        let took = flashes(&lab).await;
        println!(
            "a buffer of {buffer:?}: {} flashes of 4 KiB behind {LARGE} x 8 MiB: {took:.1?}",
            took.len()
        );
        assert!(*took.last().expect("there were some") <= FLASH_WITHIN, "a buffer of {buffer:?}: {took:?}");
    }
    assert_eq!(county.link_is(CITY, "up").await.since_ms, since, "the link held");
    let waiting = county.link(CITY).await.map_or(0, |link| link.queued);
    assert!(waiting >= LARGE as u64 - 2, "the queue was there all the time: {waiting}");
}
