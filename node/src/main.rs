//! The binary `yichuan`: everything it does is `node::run`.

fn main() -> std::process::ExitCode {
    node::run(std::env::args_os()).into()
}
