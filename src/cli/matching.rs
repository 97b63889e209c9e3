//! `waypost match`: which links stand in which imported posts, and deciding about it.

use reqwest::Method;
use serde_json::json;

use super::client::{Body, Client, block_on};
use super::connect::Connect;
use super::figures;
use super::lookup::{LinkName, find};
use super::table::{self, Left, Table};
use super::{print, tell};
use crate::impressions::wire::{DecisionList, MatchList, MatchedPost};

/// Posts asked for with one request.
const PAGE: usize = 500;
/// How many posts are shown unless more are asked for.
const SHOWN: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List imported posts with the links that stand in them and why
    List(List),
    /// Say that a link stands in an imported post
    Confirm(Pair),
    /// Say that a link does not stand in a post, whatever the rules say
    Refuse(Pair),
    /// Connect a link with a post that nothing points to, or that is still to be imported
    Make(Pair),
    /// Take a decision back, so that the rules speak again
    Undo(Pair),
    /// List what was decided
    Decisions,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only posts that no link stands in
    #[arg(long)]
    unmatched: bool,
    /// Only posts that this link stands in
    #[arg(long, value_name = "LINK", value_parser = LinkName::parse)]
    link: Option<LinkName>,
    /// Only this post: its permalink or id
    #[arg(long, value_name = "POST")]
    post: Option<String>,
    /// The most posts to list
    #[arg(long, value_name = "COUNT", default_value_t = SHOWN)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Pair {
    /// A slug, a short URL, or id:7
    #[arg(value_parser = LinkName::parse)]
    link: LinkName,
    /// The post's permalink, or its name as `match list` shows it
    post: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let json = args.connect.json;
    block_on(async {
        match &args.command {
            Command::List(asked) => list(&client, asked, json).await,
            Command::Confirm(pair) => decide(&client, pair, "confirmed", json).await,
            Command::Refuse(pair) => decide(&client, pair, "refused", json).await,
            Command::Make(pair) => decide(&client, pair, "made", json).await,
            Command::Undo(pair) => undo(&client, pair, json).await,
            Command::Decisions => decisions(&client, json).await,
        }
    })
}

async fn list(client: &Client, asked: &List, json: bool) -> anyhow::Result<()> {
    let link = match &asked.link {
        Some(link) => Some(find(client, link, None).await?.id),
        None => None,
    };
    let mut all = MatchList::default();
    loop {
        let query = [
            ("unmatched", asked.unmatched.then(|| "true".to_owned())),
            ("link", link.map(|id| id.to_string())),
            ("post", asked.post.clone()),
            ("after", all.next.take()),
            ("limit", Some(PAGE.min(asked.limit - all.posts.len()).to_string())),
        ];
        let page: MatchList = client.get("/api/v1/matches", &query).await?.read()?;
        all.posts.extend(page.posts);
        all.next = page.next;
        if all.next.is_none() || all.posts.len() >= asked.limit {
            break;
        }
    }
    if json {
        return Ok(print(&serde_json::to_string(&all)?)?);
    }
    if all.posts.is_empty() {
        tell("no such posts: `waypost import FILE` brings some");
        return Ok(());
    }
    print(&render(&all.posts))?;
    if all.next.is_some() {
        tell(&format!("and more; --limit {} shows more of them", asked.limit * 10));
    }
    Ok(())
}

fn render(posts: &[MatchedPost]) -> String {
    let mut table = Table::new([("post", Left), ("text", Left), ("link", Left), ("why", Left)]);
    for post in posts {
        let text = table::cut(&post.text, 30);
        let name = if post.shared { format!("{} *", post.post) } else { post.post.clone() };
        for (at, link) in post.links.iter().enumerate() {
            let (name, text) = if at == 0 { (name.clone(), text.clone()) } else { Default::default() };
            let label = if link.label.is_empty() { format!("id:{} (gone)", link.link) } else { link.label.clone() };
            table.row([name, text, label, format!("{}: {}", link.rule, link.evidence)]);
        }
        if let ([], open) = (&post.links[..], &post.suggestions) {
            let perhaps = open.first().map(|open| (open.label.clone(), open.evidence.clone())).unwrap_or_default();
            let why = if perhaps.1.is_empty() { String::new() } else { format!("perhaps: {}", perhaps.1) };
            let link = if perhaps.0.is_empty() { "-".to_owned() } else { format!("{}?", perhaps.0) };
            table.row([name, text, link, why]);
        }
    }
    let mut text = table.render();
    if posts.iter().any(|post| post.shared) {
        text.push_str("* shares a link with other posts: their rate is that of all of them together\n");
    }
    let open = posts.iter().filter(|post| post.links.is_empty() && !post.suggestions.is_empty()).count();
    if open > 0 {
        let posts = figures::counted(open as u64, "post has", "posts have");
        text.push_str(&format!("{posts} a suggestion: `waypost match confirm LINK POST` or `refuse`\n"));
    }
    text
}

async fn decide(client: &Client, pair: &Pair, says: &str, json: bool) -> anyhow::Result<()> {
    let link = find(client, &pair.link, None).await?;
    let body = json!({ "link": link.id, "post": pair.post, "says": says });
    let answer = client.send(Method::POST, "/api/v1/matches", &[], Body::Json(body)).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let stands = if says == "refused" { "does not stand" } else { "stands" };
    tell(&format!("{} {stands} in {}; `waypost match undo` takes this back", link.short_url, pair.post));
    Ok(())
}

async fn undo(client: &Client, pair: &Pair, json: bool) -> anyhow::Result<()> {
    let link = find(client, &pair.link, None).await?;
    let query = [("link", Some(link.id.to_string())), ("post", Some(pair.post.clone()))];
    client.send(Method::DELETE, "/api/v1/matches", &query, Body::None).await?;
    if json {
        return Ok(print(&json!({ "link": link.id, "post": pair.post }).to_string())?);
    }
    tell(&format!("nothing is decided about {} and {} any more", link.short_url, pair.post));
    Ok(())
}

async fn decisions(client: &Client, json: bool) -> anyhow::Result<()> {
    let answer = client.get_all("/api/v1/matches/decisions", "decisions").await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let all: DecisionList = answer.read()?;
    let mut table = Table::new([("link", Left), ("post", Left), ("", Left), ("decided at", Left)]);
    for decision in all.decisions {
        let at = super::when::minute(&decision.at.to_string());
        table.row([format!("id:{}", decision.link), decision.post, decision.says, at]);
    }
    Ok(print(&table.render())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impressions::wire::{MatchLine, SuggestionLine};

    #[test]
    fn a_list_says_why_each_link_is_there_and_what_may_be_confirmed() {
        let line = |label: &str, rule: &str, evidence: &str| MatchLine {
            link: 1,
            label: label.to_owned(),
            rule: rule.to_owned(),
            evidence: evidence.to_owned(),
        };
        let open = SuggestionLine {
            link: 2,
            label: "bio".to_owned(),
            hint: "time".to_owned(),
            evidence: "made 4 minutes before it was published".to_owned(),
        };
        let matched = MatchedPost {
            post: "x:1".to_owned(),
            text: "Hello".to_owned(),
            links: vec![line("spring", "text", "go.example.com/spring"), line("", "decision", "decided 2026-11-21")],
            shared: true,
            ..MatchedPost::default()
        };
        let unmatched = MatchedPost { post: "x:2".to_owned(), suggestions: vec![open], ..MatchedPost::default() };
        let expected = "\
post   text   link         why
x:1 *  Hello  spring       text: go.example.com/spring
              id:1 (gone)  decision: decided 2026-11-21
x:2           bio?         perhaps: made 4 minutes before it was published
* shares a link with other posts: their rate is that of all of them together
1 post has a suggestion: `waypost match confirm LINK POST` or `refuse`
";
        assert_eq!(render(&[matched, unmatched]), expected);
    }
}
