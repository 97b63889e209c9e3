//! The command line: one file per command. Everything but `serve` and the offline tools speaks to the admin API.

pub(crate) mod classify;

use std::process::ExitCode;

/// Runs the program; the exit code is 0, 1 (it failed) or 2 (it was asked wrongly).
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
