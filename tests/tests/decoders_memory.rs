//! Promise 8, memory: no decoder allocates more than so many times the length of what it is given, whatever lengths stand in
//! it. The allocator of this binary counts, so that everything in it is one test.

use std::{alloc::System, fs, path::Path};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::{adversary::bombs::bombs, decoders::DECODERS};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a decoder may allocate besides: serde reserves at most 1 MiB for a list by its announced length, for as long as it
/// takes to find that the list is not there; and errors in words.
const BESIDE: usize = 1280 * 1024;
/// In all, freed or not, for each byte that it is given.
const TIMES: usize = 200;

fn allocated(act: impl FnOnce()) -> usize {
    let region = Region::new(COUNTED);
    act();
    let change = region.change();
    change.bytes_allocated + usize::try_from(change.bytes_reallocated).unwrap_or(0)
}

/// The corpora, each seed also with the largest numbers written over every place in turn.
fn inputs(decoder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(decoder);
    let seeds =
        fs::read_dir(folder).into_iter().flatten().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let seeds: Vec<Vec<u8>> = seeds.filter(|bytes| bytes.len() < 20_000).collect();
    let huge: [&[u8]; 5] = [
        &[0xff; 9],
        &[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x5a, 0x7f, 0xff, 0xff, 0xff],
        &[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[252, 0xff, 0xff, 0xff, 0x0f],
    ];
    let mut inputs: Vec<Vec<u8>> = bombs().into_iter().map(|(_, bytes)| bytes).collect();
    for seed in &seeds {
        inputs.push(seed.clone());
        for at in (0..seed.len()).step_by((seed.len() / 64).max(1)) {
            for number in huge {
                let mut spoilt = seed.clone();
                spoilt.splice(at..(at + number.len()).min(seed.len()), number.iter().copied());
                inputs.push(spoilt);
            }
        }
    }
    inputs
}

#[test]
fn no_decoder_allocates_more_than_so_many_times_what_it_is_given() {
    let control = allocated(|| drop(vec![0_u8; 5_000_000]));
    assert!(control >= 5_000_000, "the control: {control} bytes were counted");
    // What is unfolded from an attached package has a limit of its own, with its own test (relay/src/message/package.rs).
    for (name, decoder) in DECODERS.into_iter().filter(|(name, _)| *name != "attachment") {
        decoder(b"the first use");
        let (mut judged, mut most) = (0, 0);
        for bytes in inputs(name) {
            let used = allocated(|| {
                decoder(&bytes);
            });
            let allowed = BESIDE + TIMES * bytes.len();
            assert!(
                used <= allowed,
                "{name}: {used} bytes for {}: {:02x?}",
                bytes.len(),
                &bytes[..bytes.len().min(64)]
            );
            (judged, most) = (judged + 1, most.max(used));
        }
        eprintln!("{name}: {judged} inputs, at most {} KiB each", most / 1024);
        assert!(judged >= 10, "{name}");
    }
}
