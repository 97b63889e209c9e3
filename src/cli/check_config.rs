//! `waypost check-config`: reads the configuration as `serve` would, says what is wrong, prints what holds.

use super::print;
use super::serve::{ConfigFile, Settings, environment};
use crate::config::{Config, without_passwords};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    settings: Settings,
    /// Print every setting with the value that holds
    #[arg(long)]
    print: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let flags = args.settings.flags();
    let (settings, config) = Config::resolve(args.file.config.as_deref(), environment(), &flags)?;
    crate::tally::rules::classifier(&config.classify)?;
    if args.print { Ok(print(&render(settings)?)?) } else { Ok(print("ok")?) }
}

/// The settings as a configuration file that would lead to the same values, passwords left out.
fn render(settings: toml::Table) -> anyhow::Result<String> {
    Ok(toml::to_string(&without_passwords(&settings.into()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn what_is_printed_can_be_read_back_as_a_configuration() {
        let flags = Flags { data: Some("/srv/waypost".to_owned()), ..Flags::default() };
        let printed = render(Config::resolve(None, [], &flags).unwrap().0).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.toml");
        std::fs::write(&path, &printed).unwrap();
        let config = Config::load(Some(&path), [], &Flags::default()).unwrap();
        assert_eq!(config.data, std::path::Path::new("/srv/waypost"));
        assert_eq!(config.journal.sync_ms, Config::default_values().journal.sync_ms);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.toml");
        for (text, named) in [
            ("[journal]\nsync_mss = 4\n", "sync_mss"),
            ("[journal]\nsync_ms = \"soon\"\n", "sync_ms"),
            ("[redirect]\naddress = \"8080\"\n", "address"),
            ("[log]\nlevel = \"loud\"\n", "log.level"),
            ("[report]\ntime_zone = \"Mars\"\n", "report.time_zone"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Config::load(Some(&path), [], &Flags::default()).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
