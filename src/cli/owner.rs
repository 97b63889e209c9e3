//! `waypost owner`: the address that marks a browser as the owner's, to be opened in that browser.

use serde::Deserialize;

use super::client::block_on;
use super::connect::Connect;
use super::print;
use super::table::{self, Left, Table};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the addresses that take the mark off again
    #[arg(long)]
    unmark: bool,
    #[command(flatten)]
    connect: Connect,
}

/// What is used of `GET /api/v1/owner`.
#[derive(Debug, Deserialize)]
pub(crate) struct Tickets {
    expires_at: String,
    pub(crate) domains: Vec<Domain>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Domain {
    url: String,
    mark: String,
    unmark: String,
    pub(crate) address: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(client.get("/api/v1/owner", &[]))?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&render(&answer.read()?, args.unmark))?)
}

fn render(tickets: &Tickets, unmark: bool) -> String {
    let mut table = Table::new([("domain", Left), ("open in the browser", Left)]);
    for domain in &tickets.domains {
        let address = if unmark { &domain.unmark } else { &domain.mark };
        table.row([domain.url.clone(), address.clone()]);
    }
    format!("{}Good until {}.\n", table.render(), table::shown(&tickets.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_domain_has_an_address_that_marks_and_one_that_unmarks() {
        let tickets: Tickets = serde_json::from_str(
            r#"{"expires_at":"2026-11-21T10:00:00Z","domains":[{"url":"https://go.example.com","mark":"https://m","unmark":"https://u","address":"https://a"}]}"#,
        )
        .unwrap();
        assert!(render(&tickets, false).contains("https://m") && render(&tickets, true).contains("https://u"));
        assert!(render(&tickets, false).ends_with("Good until 2026-11-21T10:00:00Z.\n"));
    }
}
