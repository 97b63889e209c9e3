//! `waypost share`: addresses with which anybody may look at the numbers of one link or campaign.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Body, Client, block_on, segment};
use super::connect::Connect;
use super::lookup::{LinkName, find};
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
    /// Share the numbers of a link or a campaign, and print the address, once
    Add {
        /// A slug, a short URL, or id:7
        #[arg(value_parser = LinkName::parse, required_unless_present = "campaign", conflicts_with = "campaign")]
        link: Option<LinkName>,
        /// A campaign, by its utm_campaign
        #[arg(long, value_name = "NAME")]
        campaign: Option<String>,
        /// When it ends, as 2027-01-01 or 2027-01-01T00:00:00Z
        #[arg(long, value_name = "WHEN", value_parser = when::instant)]
        expires_at: Option<Timestamp>,
    },
    /// List the share links
    List,
    /// Revoke a share link: its address leads nowhere from now on
    Revoke {
        /// As `share list` shows it
        id: String,
    },
}

/// What is used of the answers about share links.
#[derive(Debug, Deserialize)]
struct Share {
    id: String,
    link: Option<u64>,
    campaign: Option<String>,
    made_at: String,
    made_by: String,
    expires_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Shares {
    shares: Vec<Share>,
}

#[derive(Debug, Deserialize)]
struct Made {
    url: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(ask(&client, &args.command))?;
    if args.connect.json {
        return Ok(print(answer.json())?);
    }
    Ok(print(&match &args.command {
        Command::Add { .. } => shown(&answer.read::<Made>()?.url).into_owned(),
        Command::List => list(&answer.read()?),
        Command::Revoke { id } => format!("share link {} leads nowhere any more\n", shown(id)),
    })?)
}

async fn ask(client: &Client, command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::List => client.get("/api/v1/shares", &[]).await,
        Command::Add { link, campaign, expires_at } => {
            let link = match link {
                Some(link) => Some(find(client, link, None).await?.id),
                None => None,
            };
            let expires_at = expires_at.map(|at| at.to_string());
            let body = json!({ "link": link, "campaign": campaign, "expires_at": expires_at });
            client.send(Method::POST, "/api/v1/shares", &[], Body::Json(body)).await
        }
        Command::Revoke { id } => {
            client.send(Method::DELETE, &format!("/api/v1/shares/{}", segment(id)), &[], Body::None).await
        }
    }
}

fn list(shares: &Shares) -> String {
    if shares.shares.is_empty() {
        return "nothing is shared: `waypost share add LINK` makes an address\n".to_owned();
    }
    let mut table = Table::new(["id", "of", "made", "by", "ends"].map(|column| (column, Left)));
    for share in &shares.shares {
        let of = match (share.link, &share.campaign) {
            (Some(link), _) => format!("link {link}"),
            (None, campaign) => format!("campaign {}", campaign.as_deref().unwrap_or_default()),
        };
        let ends = share.expires_at.as_deref().map_or_else(|| "never".to_owned(), when::minute);
        table.row([share.id.clone(), of, when::minute(&share.made_at), share.made_by.clone(), ends]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_links_are_listed_with_what_they_show() {
        let text = r#"{"shares":[{"id":"0a1b","link":7,"campaign":null,"made_at":"2026-11-21T10:00:00Z","made_by":"ada",
            "expires_at":null}]}"#;
        let listed = list(&serde_json::from_str(text).unwrap());
        assert_eq!(listed.lines().last().unwrap(), "0a1b  link 7  2026-11-21 10:00Z  ada  never");
        assert!(list(&Shares { shares: Vec::new() }).contains("nothing is shared"));
    }
}
