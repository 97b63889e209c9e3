//! Parses arguments, runs, turns an error into an exit code.

use std::process::ExitCode;

/// A click makes and drops a few small texts on one thread and hands others to a second; this allocator is made for
/// that, and is the same on every system that Waypost is built on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    waypost::cli::main()
}
