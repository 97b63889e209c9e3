//! `waypost why`: the latest hits that were no clicks, and why; or of one hit why it is what it is.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use serde::Deserialize;

use super::client::block_on;
use super::connect::Connect;
use super::lookup::{self, LinkName};
use super::print;
use super::table::{self, Left, Table};
use crate::domain::verdict::Verdict;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A slug, a short URL, or id:NUMBER; without one, all links together
    #[arg(value_name = "LINK", value_parser = LinkName::parse)]
    link: Option<LinkName>,
    /// The domain of the link, if the slug is on several
    #[arg(long)]
    domain: Option<String>,
    /// Only hits of this verdict
    #[arg(long, value_parser = PossibleValuesParser::new(Verdict::ALL.into_iter().skip(1).map(Verdict::as_str)))]
    verdict: Option<String>,
    /// Only hits of this reason, such as user-agent:curl
    #[arg(long)]
    reason: Option<String>,
    /// The most hits, newest first
    #[arg(long, default_value_t = 20)]
    limit: u16,
    /// One hit, by its id: the first column of an export
    #[arg(long, value_name = "ID", conflicts_with_all = ["link", "domain", "verdict", "reason"])]
    hit: Option<uuid::Uuid>,
    #[command(flatten)]
    connect: Connect,
}

/// What is shown of one hit.
#[derive(Debug, Deserialize)]
struct Hit {
    id: String,
    time: String,
    slug: String,
    verdict: String,
    reason: String,
    why: String,
    source: String,
    source_why: String,
    evidence: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
struct Filtered {
    hits: Vec<Hit>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(async {
        if let Some(id) = args.hit {
            return client.get(&format!("/api/v1/clicks/{id}"), &[]).await;
        }
        let link = match &args.link {
            Some(name) => Some(lookup::find(&client, name, args.domain.as_deref()).await?.id.to_string()),
            None => None,
        };
        let limit = Some(args.limit.to_string());
        let query =
            [("link", link), ("verdict", args.verdict.clone()), ("reason", args.reason.clone()), ("limit", limit)];
        client.get("/api/v1/filtered", &query).await
    })?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    let text = if args.hit.is_some() { one(&answer.read()?) } else { list(&answer.read::<Filtered>()?.hits) };
    Ok(print(&text)?)
}

fn list(hits: &[Hit]) -> String {
    if hits.is_empty() {
        return "No hit was filtered out.\n".to_owned();
    }
    let mut table = Table::new([("time", Left), ("link", Left), ("verdict", Left), ("reason", Left), ("why", Left)]);
    for hit in hits {
        table.row([hit.time.clone(), hit.slug.clone(), hit.verdict.clone(), hit.reason.clone(), hit.why.clone()]);
    }
    table.render()
}

fn one(hit: &Hit) -> String {
    let mut table = Table::new([("", Left), ("", Left)]);
    table.row(["hit".to_owned(), hit.id.clone()]);
    table.row(["time".to_owned(), hit.time.clone()]);
    table.row(["link".to_owned(), hit.slug.clone()]);
    table.row(["verdict".to_owned(), format!("{} ({}): {}", hit.verdict, hit.reason, hit.why)]);
    table.row(["source".to_owned(), format!("{}: {}", hit.source, hit.source_why)]);
    for (name, value) in &hit.evidence {
        if let Some(value) = value {
            table.row([name.clone(), table::shown(value).to_string()]);
        }
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit() -> Hit {
        serde_json::from_value(serde_json::json!({
            "id": "018bcfe5-6800-7000-8000-000000000000", "time": "2026-11-21T10:00:00.000Z", "link": 1, "slug": "spring",
            "verdict": "bot", "reason": "user-agent:curl", "why": "The user agent names curl.", "source": "direct",
            "source_rule": "direct", "source_why": "Nothing says where it came from.", "rules_version": 3,
            "evidence": { "user_agent": "curl/8\u{1b}", "app": null }
        }))
        .unwrap()
    }

    #[test]
    fn each_hit_is_a_line_with_its_reason_in_words() {
        let text = list(&[hit()]);
        assert!(text.contains("bot      user-agent:curl  The user agent names curl."), "{text}");
        assert_eq!(list(&[]), "No hit was filtered out.\n");
    }

    #[test]
    fn one_hit_is_shown_with_what_is_known_of_it() {
        let text = one(&hit());
        assert!(text.contains("bot (user-agent:curl): The user agent"), "{text}");
        assert!(text.contains("curl/8\\u{1b}") && !text.contains("app"), "{text}");
    }
}
