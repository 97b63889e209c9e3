//! `waypost import manual`: numbers that somebody read off a screen, of platforms that export none.

use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::cli::client::{Body, Client};
use crate::cli::{Usage, print, when};
use crate::impressions::wire::ImportReport;

#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// Where the post is: threads, bluesky, mastodon, reddit, …
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// Its permalink or id; not needed with `--level profile`
    #[arg(long, value_name = "POST", default_value = "")]
    post: String,
    /// What the numbers are about: post, profile, story, ad, email or other [default: post]
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The day that the numbers are of [default: from publication on]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    day: Option<Date>,
    /// Until when the numbers hold, if not until now
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    as_of: Option<Timestamp>,
    /// As the platform shows it: 1234, 1,234, 1.2K
    #[arg(long, value_name = "COUNT")]
    views: Option<String>,
    #[arg(long, value_name = "COUNT")]
    impressions: Option<String>,
    #[arg(long, value_name = "COUNT")]
    reach: Option<String>,
    #[arg(long, value_name = "COUNT")]
    profile_visits: Option<String>,
    /// Clicks on the link, as the platform counts them
    #[arg(long, value_name = "COUNT")]
    clicks_link: Option<String>,
    /// Any other metric: story_views=1200
    #[arg(long = "number", value_name = "METRIC=COUNT")]
    numbers: Vec<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
}

impl Manual {
    fn body(&self) -> Result<Value, Usage> {
        let named = [
            ("views", &self.views),
            ("impressions", &self.impressions),
            ("reach", &self.reach),
            ("profile_visits", &self.profile_visits),
            ("clicks_link", &self.clicks_link),
        ];
        let given = named.into_iter().filter_map(|(name, count)| Some((name.to_owned(), json!(count.as_ref()?))));
        let mut numbers: Map<String, Value> = given.collect();
        for number in &self.numbers {
            let (name, count) =
                number.split_once('=').ok_or_else(|| Usage(format!("{number:?}: write METRIC=COUNT")))?;
            numbers.insert(name.to_owned(), json!(count));
        }
        if numbers.is_empty() {
            return Err(Usage("no number is given, such as --views 1234".to_owned()));
        }
        let mut body = json!({"platform": self.platform, "post": self.post, "numbers": numbers});
        for (name, value) in [
            ("level", self.level.clone()),
            ("account", self.account.clone()),
            ("day", self.day.map(|day| day.to_string())),
            ("as_of", self.as_of.map(|at| at.to_string())),
        ] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        Ok(body)
    }
}

pub(super) async fn run(client: &Client, entry: &Manual, as_json: bool) -> anyhow::Result<()> {
    let query = [("dry_run", Some(entry.dry_run.to_string()))];
    let answer = client.send(Method::POST, "/api/v1/imports/manual", &query, Body::Json(entry.body()?)).await?;
    if as_json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&super::told::render(&answer.read::<ImportReport>()?))?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        manual: Manual,
    }

    fn body(line: &[&str]) -> Result<Value, Usage> {
        Line::parse_from(["x", "--platform", "threads"].iter().chain(line)).manual.body()
    }

    #[test]
    fn an_entry_sends_what_was_given_and_nothing_else() {
        let sent = body(&["--post", "u", "--views", "1.2K", "--number", "clicks_all=7"]).unwrap();
        let expected = json!({"platform": "threads", "post": "u", "numbers": {"views": "1.2K", "clicks_all": "7"}});
        assert_eq!(sent, expected);
        assert!(body(&["--post", "u"]).is_err());
        assert!(body(&["--number", "views"]).is_err());
    }
}
