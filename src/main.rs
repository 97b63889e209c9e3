//! Parses arguments, runs, turns an error into an exit code.

mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_free_memory();
    waypost::cli::main()
}
