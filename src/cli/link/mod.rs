//! `waypost link`: make, list, show, change and remove links.

mod import;
mod qr;
mod settings;
mod view;

use std::io::{IsTerminal, Write};

use anyhow::Context;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use self::settings::{Settings, put_switch, put_texts};
use self::view::{Link, describe, list_table};
use super::client::{Answer, Body, Client, block_on};
use super::connect::Connect;
use super::lookup::{self, LinkName};
use super::table::shown;
use super::{Usage, print, tell};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a link; its short URL is the first line of the answer
    Add(Add),
    /// List links
    List(List),
    /// Show one link
    Show(Named),
    /// Change a link; an empty value ("") clears a setting
    Edit(Edit),
    /// Remove a link; its clicks stay in the click files
    Remove(Remove),
    /// Write the QR code of a link; what is scanned can be told from other clicks
    Qr(qr::Qr),
    /// Bring links from another tool: Bitly, Dub, Shlink, YOURLS, Kutt, Short.io, Rebrandly, Sink, Chhoto, any table
    Import(import::Import),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Where the link leads
    url: String,
    /// The slug; without one a short random slug is made
    #[arg(long)]
    slug: Option<String>,
    /// The domain of the link, if several are configured
    #[arg(long)]
    domain: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only links of this campaign
    #[arg(long)]
    campaign: Option<String>,
    /// Only links with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only links with this text in slug, title or destination
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Links that were put out of the way: `yes` (those alone), `no` or `all`
    #[arg(long, value_name = "WHICH", default_value = "no", value_parser = ["yes", "no", "all"])]
    archived: String,
    /// The most links to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=LINKS_MAX))]
    limit: u32,
}

/// The most links one `link list` reads.
const LINKS_MAX: i64 = 100_000;
/// The most links of one answer, as the API has it.
const PAGE_MAX: usize = 1000;

#[derive(Debug, clap::Args)]
struct Named {
    /// A slug, a short URL, or id:NUMBER
    #[arg(value_parser = LinkName::parse)]
    link: LinkName,
    /// The domain of the link, if the slug is on several
    #[arg(long)]
    domain: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Edit {
    #[command(flatten)]
    named: Named,
    /// Where the link leads
    #[arg(long)]
    url: Option<String>,
    /// The slug it gets instead
    #[arg(long, value_name = "SLUG")]
    new_slug: Option<String>,
    /// The domain it moves to
    #[arg(long, value_name = "DOMAIN")]
    new_domain: Option<String>,
    /// Answer its clicks again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Answer like an unknown link
    #[arg(long)]
    disable: bool,
    /// Leave it out of lists; it answers and counts as before
    #[arg(long, conflicts_with = "unarchive")]
    archive: bool,
    /// Show it in lists again
    #[arg(long)]
    unarchive: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct Remove {
    #[command(flatten)]
    named: Named,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Add {
    fn body(&self) -> Value {
        let mut body = self.settings.body();
        body.insert("url".to_owned(), self.url.clone().into());
        put_texts(&mut body, [("slug", &self.slug), ("domain", &self.domain)]);
        // A new link has nothing to clear.
        body.retain(|_, value| !value.is_null());
        if let Some(Value::Object(utm)) = body.get_mut("utm") {
            utm.retain(|_, value| !value.is_null());
        }
        body.into()
    }
}

impl Edit {
    fn body(&self) -> Result<Value, Usage> {
        let mut body = self.settings.body();
        put_texts(&mut body, [("url", &self.url), ("slug", &self.new_slug), ("domain", &self.new_domain)]);
        put_switch(&mut body, "enabled", self.enable, self.disable);
        put_switch(&mut body, "archived", self.archive, self.unarchive);
        if body.is_empty() {
            return Err(Usage(
                "nothing to change: give at least one setting; see `waypost link edit --help`".to_owned(),
            ));
        }
        Ok(body.into())
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Command::Edit(edit) = &args.command {
        edit.body()?;
    }
    let client = args.connect.open()?;
    let json = args.connect.json;
    block_on(async {
        match &args.command {
            Command::Add(add) => {
                show(&client.send(Method::POST, "/api/v1/links", &[], Body::Json(add.body())).await?, json)
            }
            Command::List(list) => list_links(&client, list, json).await,
            Command::Show(named) => show(&client.get(&path_of(&client, named).await?, &[]).await?, json),
            Command::Edit(edit) => {
                let path = path_of(&client, &edit.named).await?;
                show(&client.send(Method::PATCH, &path, &[], Body::Json(edit.body()?)).await?, json)
            }
            Command::Remove(remove) => remove_link(&client, remove, json).await,
            Command::Qr(qr) => qr::run(&client, qr).await,
            Command::Import(import) => import::run(&client, import, json).await,
        }
    })
}

async fn path_of(client: &Client, named: &Named) -> anyhow::Result<String> {
    let found = lookup::find(client, &named.link, named.domain.as_deref()).await?;
    Ok(format!("/api/v1/links/{}", found.id))
}

fn show(answer: &Answer, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(print(&answer.text)?);
    }
    let link: Link = answer.read()?;
    print(&describe(&link))?;
    for warning in &link.warnings {
        tell(&format!("warning: {warning}"));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Page {
    links: Vec<Value>,
    next: Option<String>,
}

async fn list_links(client: &Client, list: &List, json: bool) -> anyhow::Result<()> {
    let page = read_pages(client, list).await?;
    if json {
        return Ok(print(&json!({ "links": page.links, "next": page.next }).to_string())?);
    }
    let links: Vec<Link> =
        serde_json::from_value(page.links.into()).context("the server's answer is not understood")?;
    if links.is_empty() {
        tell("no links yet, or none that match: make one with `waypost link add URL`");
        return Ok(());
    }
    print(&list_table(&links))?;
    if page.next.is_some() {
        tell("there are more links: raise --limit");
    }
    Ok(())
}

/// Asks page by page until there are as many links as wanted or no more.
async fn read_pages(client: &Client, list: &List) -> anyhow::Result<Page> {
    let wanted = list.limit as usize;
    let mut all = Page { links: Vec::new(), next: None };
    loop {
        let query = [
            ("after", all.next.take()),
            ("limit", Some((wanted - all.links.len()).min(PAGE_MAX).to_string())),
            ("campaign", list.campaign.clone()),
            ("tag", list.tag.clone()),
            ("q", list.query.clone()),
            ("archived", Some(list.archived.clone())),
        ];
        let page: Page = client.get("/api/v1/links", &query).await?.read()?;
        let got = page.links.len();
        all.links.extend(page.links);
        all.next = page.next;
        if all.links.len() >= wanted || all.next.is_none() || got == 0 {
            return Ok(all);
        }
    }
}

async fn remove_link(client: &Client, remove: &Remove, json: bool) -> anyhow::Result<()> {
    let found = lookup::find(client, &remove.named.link, remove.named.domain.as_deref()).await?;
    if !remove.yes && !agreed(&found.short_url)? {
        anyhow::bail!("{} was not removed", found.short_url);
    }
    client.send(Method::DELETE, &format!("/api/v1/links/{}", found.id), &[], Body::None).await?;
    if json {
        return Ok(print(&json!({ "removed": found.id }).to_string())?);
    }
    tell(&format!("removed {}; its clicks stay in the click files", found.short_url));
    Ok(())
}

fn agreed(short_url: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage("there is nobody to ask: give --yes to remove the link".to_owned()).into());
    }
    let mut err = std::io::stderr();
    write!(err, "Remove {}? It will answer 404 from then on. [y/N] ", shown(short_url))?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &[&str]) -> Command {
        Line::try_parse_from([&["link"], line].concat()).unwrap().args.command
    }

    #[test]
    fn adding_sends_what_was_given_and_nothing_else() {
        let line = ["add", "https://example.com/", "--slug", "s", "--campaign", "c", "--utm-id", "", "--tag", "t"];
        let Command::Add(add) = parse(&line) else { panic!("not an add") };
        let expected = json!({"url": "https://example.com/", "slug": "s", "utm": {"campaign": "c"}, "tags": ["t"]});
        assert_eq!(add.body(), expected);
    }

    #[test]
    fn editing_sends_null_for_what_is_cleared() {
        let line = ["edit", "s", "--title", "", "--tag", "", "--source", "", "--disable", "--expires-at", "2026-12-01"];
        let Command::Edit(edit) = parse(&line) else { panic!("not an edit") };
        let expected = json!({"title": null, "tags": [], "utm": {"source": null}, "enabled": false,
            "expires_at": "2026-12-01T00:00:00Z"});
        assert_eq!(edit.body().unwrap(), expected);
    }

    #[test]
    fn editing_nothing_is_asked_wrongly() {
        let Command::Edit(edit) = parse(&["edit", "s"]) else { panic!("not an edit") };
        assert!(edit.body().is_err());
    }

    #[test]
    fn only_redirect_statuses_and_known_levels_are_taken() {
        for wrong in [["--status", "200"], ["--level", "bio"], ["--expires-at", "soon"]] {
            let line = [&["link", "add", "https://example.com/"][..], &wrong[..]].concat();
            assert_eq!(Line::try_parse_from(line).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }
}
