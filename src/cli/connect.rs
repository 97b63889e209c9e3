//! Which server a command means: one named by URL and key, or the one that runs on a data folder.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::Usage;
use super::client::Client;

pub(crate) const DATA_DEFAULT: &str = "./data";

/// Which server to ask, and how to show its answer.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Connect {
    /// The data folder of a server on this machine [default: ./data] [env: WAYPOST_DATA=]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Server")]
    pub(crate) data: Option<PathBuf>,
    /// The admin address of a server elsewhere, such as <https://admin.example.com> [env: WAYPOST_SERVER=]
    #[arg(long, value_name = "URL", global = true, help_heading = "Server")]
    pub(crate) server: Option<String>,
    /// Its admin key; better given as a variable, where other users cannot see it [env: WAYPOST_KEY=]
    #[arg(long, value_name = "KEY", global = true, help_heading = "Server")]
    pub(crate) key: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Where the way to a server is looked up.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Server { url: String, key: Option<String> },
    Folder { data: PathBuf, key: Option<String> },
}

impl Connect {
    pub(crate) fn open(&self) -> anyhow::Result<Client> {
        match self.way(|name| std::env::var(name).ok().filter(|value| !value.is_empty())) {
            Way::Server { url, key: Some(key) } => Client::new(&url, key),
            Way::Server { url, key: None } => {
                Err(Usage(format!("{url} needs its admin key: give --key or set WAYPOST_KEY")).into())
            }
            Way::Folder { data, key } => {
                let (url, found) = (Running::read(&data)?.admin, key.map_or_else(|| read_key(&data), Ok)?);
                Client::new(&url, found)
            }
        }
    }

    /// Whether a server is named, or one has left its address in the data folder.
    pub(crate) fn finds_a_server(&self) -> bool {
        match self.way(|name| std::env::var(name).ok().filter(|value| !value.is_empty())) {
            Way::Server { .. } => true,
            Way::Folder { data, .. } => Running::file(&data).exists(),
        }
    }

    /// A flag always wins over a variable, so that a variable meant for one server cannot catch a command that
    /// names another.
    fn way(&self, variable: impl Fn(&str) -> Option<String>) -> Way {
        let key = self.key.clone();
        if let Some(url) = &self.server {
            return Way::Server { url: url.clone(), key: key.or_else(|| variable("WAYPOST_KEY")) };
        }
        if let Some(data) = &self.data {
            return Way::Folder { data: data.clone(), key };
        }
        match variable("WAYPOST_SERVER") {
            Some(url) => Way::Server { url, key: key.or_else(|| variable("WAYPOST_KEY")) },
            None => {
                let data = variable("WAYPOST_DATA").unwrap_or_else(|| DATA_DEFAULT.to_owned());
                Way::Folder { data: data.into(), key }
            }
        }
    }
}

/// What a running server says of itself in `DATA/server.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Running {
    pub(crate) admin: String,
    pub(crate) redirect: String,
    pub(crate) pid: u32,
}

impl Running {
    /// The file that a server writes when it starts and removes when it stops.
    pub(crate) fn file(data: &Path) -> PathBuf {
        data.join("server.json")
    }

    /// The server of this folder.
    ///
    /// # Errors
    /// When there is none; the text says how to start one.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = Self::file(data);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => anyhow::bail!("{}", start_one(data)),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        serde_json::from_str(&text).with_context(|| format!("{} is damaged; restart the server", path.display()))
    }
}

fn start_one(data: &Path) -> String {
    let folder = data.display();
    let command = if data == Path::new(DATA_DEFAULT) {
        "waypost serve".to_owned()
    } else {
        format!("waypost serve --data {folder}")
    };
    let missing = if data.is_dir() { "" } else { " (there is no such folder yet)" };
    format!(
        "no server is running on {folder}{missing}: start one with `{command}`, or name one with --server and --key"
    )
}

fn read_key(data: &Path) -> anyhow::Result<String> {
    let path = data.join("admin.key");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read the admin key in {} (run as the user the server runs as, or give --key)", path.display())
    })?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(connect: &Connect, variables: &[(&str, &str)]) -> Way {
        connect.way(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn folder(path: &str) -> Way {
        Way::Folder { data: path.into(), key: None }
    }

    #[test]
    fn a_flag_wins_over_a_variable_of_any_kind() {
        let variables = [("WAYPOST_SERVER", "http://far"), ("WAYPOST_KEY", "k"), ("WAYPOST_DATA", "d")];
        let by_data = Connect { data: Some("here".into()), ..Connect::default() };
        assert_eq!(way(&by_data, &variables), folder("here"));
        let far = |url: &str| Way::Server { url: url.to_owned(), key: Some("k".to_owned()) };
        let by_server = Connect { server: Some("http://near".to_owned()), ..Connect::default() };
        assert_eq!(way(&by_server, &variables), far("http://near"));
        assert_eq!(way(&Connect::default(), &variables), far("http://far"));
        assert_eq!(way(&Connect::default(), &variables[2..]), folder("d"));
        assert_eq!(way(&Connect::default(), &[]), folder("./data"));
    }

    #[test]
    fn a_folder_without_a_server_says_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let error = Running::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no server is running on") && error.contains("waypost serve --data"), "{error}");
        let error = Running::read(Path::new("./no-such-folder")).unwrap_err().to_string();
        assert!(error.contains("there is no such folder yet"), "{error}");
    }
}
