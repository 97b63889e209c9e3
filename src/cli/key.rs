//! `waypost key`: what programs may ask with.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Body, Client, block_on, segment};
use super::connect::Connect;
use super::table::{Left, Table, shown};
use super::{print, when};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key and print it, once
    Add {
        /// What it is for
        name: String,
        /// What it may do; may be given several times
        #[arg(long, value_name = "SCOPE", value_parser = ["read", "links", "imports", "admin"], required = true)]
        scope: Vec<String>,
        /// When it ends, as 2027-01-01 or 2027-01-01T00:00:00Z
        #[arg(long, value_name = "WHEN", value_parser = when::instant)]
        expires_at: Option<Timestamp>,
    },
    /// List the keys
    List,
    /// Revoke a key: it opens nothing from now on
    Revoke {
        /// As `key list` shows it
        id: String,
    },
}

/// What is used of the answers about keys.
#[derive(Debug, Deserialize)]
struct Key {
    id: String,
    name: String,
    scopes: Vec<String>,
    made_at: String,
    made_by: String,
    expires_at: Option<String>,
    used_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Made {
    key: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(ask(&client, &args.command))?;
    if args.connect.json {
        return Ok(print(answer.json())?);
    }
    Ok(print(&match &args.command {
        // The key alone, so that it can be put into a variable.
        Command::Add { .. } => answer.read::<Made>()?.key,
        Command::List => list(&answer.read()?),
        Command::Revoke { id } => format!("key {} opens nothing any more\n", shown(id)),
    })?)
}

async fn ask(client: &Client, command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::List => client.get("/api/v1/keys", &[]).await,
        Command::Add { name, scope, expires_at } => {
            let expires_at = expires_at.map(|at| at.to_string());
            let body = json!({ "name": name, "scopes": scope, "expires_at": expires_at });
            client.send(Method::POST, "/api/v1/keys", &[], Body::Json(body)).await
        }
        Command::Revoke { id } => {
            client.send(Method::DELETE, &format!("/api/v1/keys/{}", segment(id)), &[], Body::None).await
        }
    }
}

fn list(keys: &Keys) -> String {
    if keys.keys.is_empty() {
        return "there is no key: `waypost key add NAME --scope read` makes one\n".to_owned();
    }
    let columns = ["id", "name", "may", "made", "by", "used", "ends"];
    let mut table = Table::new(columns.map(|column| (column, Left)));
    for key in &keys.keys {
        let minute = |at: &Option<String>| at.as_deref().map_or_else(|| "never".to_owned(), when::minute);
        let (used, ends) = (minute(&key.used_at), minute(&key.expires_at));
        let made = when::minute(&key.made_at);
        table.row([key.id.clone(), key.name.clone(), key.scopes.join(", "), made, key.made_by.clone(), used, ends]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_without_what_opens() {
        let text = r#"{"keys":[{"id":"0a1b","name":"deploys","scopes":["read","links"],"made_at":"2026-11-21T10:00:00Z",
            "made_by":"ada","expires_at":null,"used_at":"2026-11-21T11:00:00Z"}]}"#;
        let listed = list(&serde_json::from_str(text).unwrap());
        let row = "0a1b  deploys  read, links  2026-11-21 10:00Z  ada  2026-11-21 11:00Z  never";
        assert_eq!(listed.lines().last().unwrap(), row);
        assert!(list(&Keys { keys: Vec::new() }).contains("waypost key add"));
    }
}
