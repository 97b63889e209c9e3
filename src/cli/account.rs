//! `waypost account`: the people who may sign in.

use std::io::Read;

use anyhow::Context;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Body, Client, block_on, segment};
use super::connect::Connect;
use super::table::{Left, Table, shown};
use super::{Usage, print, when};

/// The longest password that is read.
const PASSWORD_BYTES_MAX: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an account; the first one is an owner. Prints a random password unless one is given
    Add {
        /// A name such as ada, or a mail address
        name: String,
        /// What it may do: see, make and change, or decide about accounts and settings too
        #[arg(long, value_parser = ["viewer", "editor", "owner"])]
        role: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// List the accounts
    List,
    /// Set an account's password and sign it out everywhere. Prints a random one unless one is given
    Password {
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Change what an account may do
    Role {
        name: String,
        #[arg(value_parser = ["viewer", "editor", "owner"])]
        role: String,
    },
    /// Remove an account and sign it out everywhere
    Remove { name: String },
}

/// Not as an argument, which every user of the machine could read.
#[derive(Debug, clap::Args)]
struct PasswordFrom {
    /// Read the password from standard input, to the end of the first line
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordFrom {
    fn read(&self) -> anyhow::Result<Option<String>> {
        if !self.password_stdin {
            return Ok(None);
        }
        let mut text = String::new();
        std::io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text).context("cannot read the password")?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(Usage("there is no password on standard input".to_owned()).into());
        }
        Ok(Some(line.to_owned()))
    }
}

/// What is used of the answers about accounts.
#[derive(Debug, Deserialize)]
struct Account {
    name: String,
    role: String,
    made_at: String,
    signed_in_at: Option<String>,
    /// Only when it was made by the server.
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Accounts {
    accounts: Vec<Account>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(ask(&client, &args.command))?;
    if args.connect.json {
        return Ok(print(answer.json())?);
    }
    Ok(print(&told(&args.command, &answer)?)?)
}

async fn ask(client: &Client, command: &Command) -> anyhow::Result<Answer> {
    let (method, path, body) = match command {
        Command::List => return client.get("/api/v1/accounts", &[]).await,
        Command::Add { name, role, password } => {
            let body = json!({ "name": name, "role": role, "password": password.read()? });
            (Method::POST, "/api/v1/accounts".to_owned(), Body::Json(body))
        }
        Command::Password { name, password } => {
            (Method::POST, path(name, "/password"), Body::Json(json!({ "password": password.read()? })))
        }
        Command::Role { name, role } => (Method::PATCH, path(name, ""), Body::Json(json!({ "role": role }))),
        Command::Remove { name } => (Method::DELETE, path(name, ""), Body::None),
    };
    client.send(method, &path, &[], body).await
}

fn path(name: &str, below: &str) -> String {
    format!("/api/v1/accounts/{}{below}", segment(name))
}

fn told(command: &Command, answer: &Answer) -> anyhow::Result<String> {
    Ok(match command {
        Command::List => list(&answer.read()?),
        Command::Add { .. } => made(&answer.read()?, "may sign in"),
        Command::Password { .. } => made(&answer.read()?, "has another password and is signed out everywhere"),
        Command::Role { .. } => {
            let account: Account = answer.read()?;
            format!("{} is {} now\n", shown(&account.name), account.role)
        }
        Command::Remove { name } => format!("{} is removed and signed out everywhere\n", shown(name)),
    })
}

fn made(account: &Account, what: &str) -> String {
    let name = shown(&account.name);
    match &account.password {
        Some(password) => format!("{name} {what}. The password, which is not told again:\n{password}\n"),
        None => format!("{name} {what}\n"),
    }
}

fn list(accounts: &Accounts) -> String {
    if accounts.accounts.is_empty() {
        return "nobody has an account yet: `waypost account add NAME --role owner` makes the first\n".to_owned();
    }
    let mut table = Table::new([("name", Left), ("role", Left), ("made", Left), ("signed in", Left)]);
    for account in &accounts.accounts {
        let signed_in = account.signed_in_at.as_deref().map_or_else(|| "never".to_owned(), when::minute);
        table.row([account.name.clone(), account.role.clone(), when::minute(&account.made_at), signed_in]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_listed_and_a_password_is_told_where_there_is_one() {
        let text =
            r#"{"accounts":[{"name":"ada","role":"owner","made_at":"2026-11-21T10:00:00Z","signed_in_at":null}]}"#;
        let listed = list(&serde_json::from_str(text).unwrap());
        assert_eq!(listed.lines().last().unwrap(), "ada   owner  2026-11-21 10:00Z  never");
        assert!(list(&Accounts { accounts: Vec::new() }).contains("--role owner"));
        let account: Account = serde_json::from_str(
            r#"{"name":"a\u001bb","role":"viewer","made_at":"x","signed_in_at":null,"password":"secret"}"#,
        )
        .unwrap();
        let told = made(&account, "may sign in");
        assert!(told.ends_with("told again:\nsecret\n") && !told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(path("a/../b@c", "/password"), "/api/v1/accounts/a%2F%2E%2E%2Fb%40c/password");
    }
}
