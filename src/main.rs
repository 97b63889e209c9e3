//! Parses arguments, runs, turns an error into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    waypost::cli::main()
}
