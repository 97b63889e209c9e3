//! `waypost man DIR`: a manual page for the program and one for each command, `waypost-link-add.1` and so on.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::print;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  waypost man /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// The folder for the pages; made when it is not there
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, command: clap::Command) -> anyhow::Result<()> {
    let failed = || format!("cannot write manual pages into {}", args.folder.display());
    fs::create_dir_all(&args.folder).with_context(failed)?;
    // One page per command at every depth, without those that are hidden from the help.
    clap_mangen::generate_to(command, &args.folder).with_context(failed)?;
    print(&format!("wrote the manual pages into {}", args.folder.display()))?;
    Ok(())
}
