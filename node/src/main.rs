//! The binary `yichuan`: everything it does is `node::run`.

/// See `Cargo.toml` for why.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    node::run(std::env::args_os()).into()
}
