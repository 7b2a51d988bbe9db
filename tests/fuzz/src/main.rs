//! LLVM's libFuzzer over one decoder, whose name is in `YICHUAN_FUZZ`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../src/decoders.rs"]
mod decoders;

fn chosen() -> decoders::Decoder {
    static CHOSEN: OnceLock<decoders::Decoder> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("YICHUAN_FUZZ").unwrap_or_default();
        decoders::named(&name).unwrap_or_else(|| {
            let names: Vec<&str> = decoders::DECODERS.iter().map(|(name, _)| *name).collect();
            panic!("YICHUAN_FUZZ names one of {}", names.join(", "))
        })
    })
}

fuzz_target!(|bytes: &[u8]| {
    chosen()(bytes);
});
