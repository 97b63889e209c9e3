//! `waypost serve`: resolves the configuration, starts logging, hands over to the server.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::Flags;

/// Where the configuration is read from, for every command that reads one.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration file; without one the built-in defaults hold
    #[arg(long, value_name = "FILE", env = "WAYPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

impl ConfigFile {
    /// Defaults, this file, then the environment, as `serve` resolves them.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        self.load_with(&Flags::default())
    }

    pub(crate) fn load_with(&self, flags: &Flags) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref(), environment(), flags)?)
    }
}

/// The environment as text. A variable that is not UTF-8 cannot be one of ours and is left out.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    settings: Settings,
}

/// The five settings that are also flags. They win over the file and the environment.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Settings {
    /// The folder for the journal, the store, the click files and the admin key [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where redirects are answered [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    redirect: Option<String>,
    /// Where the dashboard and the API listen [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Where links and counters live: embedded:FOLDER [default: in the data folder]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Where click files go: a folder, s3://BUCKET/PREFIX, gs://… or az://… [default: in the data folder]
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
}

impl Settings {
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            data: self.data.clone(),
            redirect: self.redirect.clone(),
            admin: self.admin.clone(),
            store: self.store.clone(),
            archive: self.archive.clone(),
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.file.load_with(&args.settings.flags())?;
    crate::telemetry::start_logging(&config.log)?;
    crate::server::run(&config)
}
