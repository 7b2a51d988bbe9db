//! The binary `yichuan`.
fn main() {}
