//! The settings of a link as flags, and the JSON they become. Empty text clears, what was not given is not sent.

use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};

use crate::cli::when;
use crate::domain::link::Status;
use crate::domain::placement::Level;

/// What `add` and `edit` have in common.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Settings {
    /// utm_source, such as instagram
    #[arg(long, help_heading = "UTM")]
    source: Option<String>,
    /// utm_medium, such as social
    #[arg(long, help_heading = "UTM")]
    medium: Option<String>,
    /// utm_campaign
    #[arg(long, help_heading = "UTM")]
    campaign: Option<String>,
    /// utm_term
    #[arg(long, help_heading = "UTM")]
    term: Option<String>,
    /// utm_content
    #[arg(long, help_heading = "UTM")]
    content: Option<String>,
    /// utm_id
    #[arg(long, help_heading = "UTM", value_name = "ID")]
    utm_id: Option<String>,
    /// Where the link is shown, such as instagram, x or newsletter
    #[arg(long, help_heading = "Placement")]
    platform: Option<String>,
    /// What kind of place that is; it decides which impressions its clicks are divided by
    #[arg(long, help_heading = "Placement", value_parser = PossibleValuesParser::new(Level::ALL.map(Level::as_str)))]
    level: Option<String>,
    /// A post it stands in: permalink or id; may be given several times
    #[arg(long = "post", help_heading = "Placement", value_name = "POST")]
    posts: Vec<String>,
    /// A title, for you
    #[arg(long)]
    title: Option<String>,
    /// A tag, for you; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The status of the answer: 302, or 301, 307, 308
    #[arg(long, value_parser = status)]
    status: Option<u16>,
    /// Merge the visitor's query into the destination (the default)
    #[arg(long, conflicts_with = "no_passthrough")]
    passthrough: bool,
    /// Leave the visitor's query out of the destination
    #[arg(long)]
    no_passthrough: bool,
    /// Let the visitor's utm_* win over the link's
    #[arg(long, conflicts_with = "no_visitor_utm")]
    visitor_utm: bool,
    /// Let the link's utm_* win (the default)
    #[arg(long)]
    no_visitor_utm: bool,
    /// When the link ends: 2026-12-01 or 2026-12-01T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = when::instant_or_nothing)]
    expires_at: Option<String>,
    /// Where it leads after that, instead of answering "gone"
    #[arg(long, value_name = "URL")]
    expired_url: Option<String>,
}

fn status(text: &str) -> Result<u16, String> {
    let code = text.parse().ok().and_then(Status::from_code).map(Status::code);
    code.ok_or_else(|| "a redirect's status is 301, 302, 307 or 308".to_owned())
}

impl Settings {
    /// The JSON of what was given; an empty text becomes `null`, which clears.
    pub(super) fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        let texts = [
            ("platform", &self.platform),
            ("level", &self.level),
            ("title", &self.title),
            ("expires_at", &self.expires_at),
            ("expired_url", &self.expired_url),
        ];
        put_texts(&mut body, texts);
        let mut utm = Map::new();
        let names = [
            ("source", &self.source),
            ("medium", &self.medium),
            ("campaign", &self.campaign),
            ("term", &self.term),
            ("content", &self.content),
            ("id", &self.utm_id),
        ];
        put_texts(&mut utm, names);
        if !utm.is_empty() {
            body.insert("utm".to_owned(), utm.into());
        }
        put_list(&mut body, "posts", &self.posts);
        put_list(&mut body, "tags", &self.tags);
        if let Some(status) = self.status {
            body.insert("status".to_owned(), status.into());
        }
        put_switch(&mut body, "passthrough", self.passthrough, self.no_passthrough);
        put_switch(&mut body, "visitor_utm", self.visitor_utm, self.no_visitor_utm);
        body
    }
}

pub(super) fn put_texts<'a>(
    body: &mut Map<String, Value>,
    texts: impl IntoIterator<Item = (&'static str, &'a Option<String>)>,
) {
    for (name, text) in texts {
        if let Some(text) = text {
            let value = if text.is_empty() { Value::Null } else { text.clone().into() };
            body.insert(name.to_owned(), value);
        }
    }
}

fn put_list(body: &mut Map<String, Value>, name: &str, items: &[String]) {
    if !items.is_empty() {
        let items: Vec<_> = items.iter().filter(|item| !item.is_empty()).cloned().collect();
        body.insert(name.to_owned(), items.into());
    }
}

pub(super) fn put_switch(body: &mut Map<String, Value>, name: &str, on: bool, off: bool) {
    if on || off {
        body.insert(name.to_owned(), on.into());
    }
}
