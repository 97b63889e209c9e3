//! Parses arguments, runs, turns an error into an exit code.

use std::process::ExitCode;

/// Measured against the system's: see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    waypost::cli::main()
}
