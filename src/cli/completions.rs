//! `waypost completions SHELL`: what lets a shell complete commands and options, on standard output.

use std::io::{self, Write};

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell to complete in
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  waypost completions bash > ~/.local/share/bash-completion/completions/waypost
  waypost completions zsh > ~/.zfunc/_waypost
  waypost completions fish > ~/.config/fish/completions/waypost.fish";

pub(crate) fn run(args: &Args, command: clap::Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut for_people(&command), "waypost", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

/// Without the commands that are hidden from the help, which completion would offer.
fn for_people(command: &clap::Command) -> clap::Command {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new("waypost").subcommands(shown)
}
