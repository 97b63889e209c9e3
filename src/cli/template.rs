//! `waypost template`: named lists of placements with their UTM, and a campaign's links made from one.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Body, Client, block_on, segment};
use super::connect::Connect;
use super::table::{Left, Table};
use super::{print, tell};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Keep a template, in the place of one of the same name
    Add(Add),
    /// List templates
    List,
    /// Show a template's placements
    Show(Named),
    /// Remove a template; links made from it stay
    Remove(Named),
    /// Make a link for each placement of a template: all of them or none
    Make(Make),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The template's name
    name: String,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What it is called
    name: String,
    /// A placement: a name, then platform, level, source, medium, term, content or id, as in
    /// "Instagram story,platform=instagram,level=story,source=instagram,medium=social"; {platform}, {level}, {campaign}
    /// and {day} in UTM are filled in later; may be given several times
    #[arg(long = "placement", value_name = "PLACEMENT", required = true, value_parser = placement)]
    placements: Vec<Value>,
    /// utm_campaign of all of its links
    #[arg(long, default_value = "")]
    campaign: String,
    /// A tag of all of its links; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Make {
    /// The template's name
    name: String,
    /// Where all of the links lead
    url: String,
    /// utm_campaign, instead of the template's
    #[arg(long)]
    campaign: Option<String>,
    /// The beginning of each link's title
    #[arg(long, default_value = "")]
    title: String,
    /// The domain of the links, if several are configured
    #[arg(long)]
    domain: Option<String>,
    /// A tag besides the template's; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Tell where the links would lead, and make none
    #[arg(long)]
    dry_run: bool,
}

/// What a placement may say after its name.
const PARTS: [&str; 7] = ["platform", "level", "source", "medium", "term", "content", "id"];

fn placement(text: &str) -> Result<Value, String> {
    let mut parts = text.split(',');
    let mut spot = Map::new();
    spot.insert("name".to_owned(), parts.next().unwrap_or_default().trim().into());
    spot.insert("level".to_owned(), "other".into());
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        if !PARTS.contains(&key.trim()) {
            return Err(format!("{part:?} is none of {}", PARTS.map(|part| format!("{part}=…")).join(", ")));
        }
        spot.insert(key.trim().to_owned(), value.trim().into());
    }
    Ok(spot.into())
}

/// What is used of a template.
#[derive(Debug, Deserialize)]
struct Template {
    name: String,
    campaign: String,
    placements: Vec<Spot>,
}

#[derive(Debug, Deserialize)]
struct Spot {
    name: String,
    platform: String,
    level: String,
    source: String,
    medium: String,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Templates {
    templates: Vec<Template>,
}

/// What is used of links that were made, or would be.
#[derive(Debug, Deserialize)]
struct Made {
    links: Vec<Link>,
    destinations: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Link {
    short_url: String,
    #[serde(default)]
    warnings: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let json = args.connect.json;
    block_on(async {
        match &args.command {
            Command::Add(asked) => add(&client, asked, json).await,
            Command::List => list(&client, json).await,
            Command::Show(named) => show(&client, &named.name, json).await,
            Command::Remove(named) => remove(&client, &named.name).await,
            Command::Make(asked) => make(&client, asked, json).await,
        }
    })
}

fn path(name: &str) -> String {
    format!("/api/v1/templates/{}", segment(name))
}

async fn add(client: &Client, asked: &Add, json: bool) -> anyhow::Result<()> {
    let Add { name, placements, campaign, tags } = asked;
    let body = json!({ "name": name, "placements": placements, "campaign": campaign, "tags": tags });
    let answer = client.send(Method::POST, "/api/v1/templates", &[], Body::Json(body)).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    tell(&format!("kept {name:?} with {} placements", placements.len()));
    Ok(())
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let answer = client.get("/api/v1/templates", &[]).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let Templates { templates } = answer.read()?;
    if templates.is_empty() {
        tell("no templates yet: `waypost template add NAME --placement …` keeps one");
        return Ok(());
    }
    let mut table = Table::new([("template", Left), ("campaign", Left), ("placements", Left)]);
    for template in templates {
        let names: Vec<_> = template.placements.into_iter().map(|spot| spot.name).collect();
        table.row([template.name, template.campaign, names.join(", ")]);
    }
    Ok(print(&table.render())?)
}

async fn show(client: &Client, name: &str, json: bool) -> anyhow::Result<()> {
    let answer = client.get(&path(name), &[]).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let template: Template = answer.read()?;
    let columns = ["placement", "platform", "level", "source", "medium", "content"];
    let mut table = Table::new(columns.map(|column| (column, Left)));
    for spot in template.placements {
        table.row([spot.name, spot.platform, spot.level, spot.source, spot.medium, spot.content]);
    }
    Ok(print(&table.render())?)
}

async fn remove(client: &Client, name: &str) -> anyhow::Result<()> {
    client.send(Method::DELETE, &path(name), &[], Body::None).await?;
    tell(&format!("removed {name:?}"));
    Ok(())
}

async fn make(client: &Client, asked: &Make, json: bool) -> anyhow::Result<()> {
    let Make { name, url, campaign, title, domain, tags, dry_run } = asked;
    let mut body = json!({ "url": url, "title": title, "tags": tags, "dry_run": dry_run });
    for (key, value) in [("campaign", campaign), ("domain", domain)] {
        if let Some(value) = value {
            body[key] = value.as_str().into();
        }
    }
    let answer = client.send(Method::POST, &format!("{}/links", path(name)), &[], Body::Json(body)).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let made: Made = answer.read()?;
    made.links.iter().flat_map(|link| &link.warnings).for_each(|warning| tell(&format!("warning: {warning}")));
    Ok(print(&render(&made))?)
}

fn render(made: &Made) -> String {
    let mut table = Table::new([("link", Left), ("leads to", Left)]);
    for (at, destination) in made.destinations.iter().enumerate() {
        let short = made.links.get(at).map_or("(not made)", |link| link.short_url.as_str());
        table.row([short.to_owned(), destination.clone()]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placement_is_a_name_and_what_its_link_gets() {
        let spot = placement("Instagram story, platform=instagram,level=story,content={level}-a=b").unwrap();
        let expected =
            json!({"name": "Instagram story", "platform": "instagram", "level": "story", "content": "{level}-a=b"});
        assert_eq!(spot, expected);
        assert!(placement("Story,plattform=x").unwrap_err().contains("platform=…, level=…"));
    }

    #[test]
    fn what_would_be_made_has_no_short_url_yet() {
        let made = |json: &str| render(&serde_json::from_str(json).unwrap());
        assert!(made(r#"{"links":[],"destinations":["https://e.com/"]}"#).contains("(not made)"));
        let links = r#"{"links":[{"short_url":"https://go.e/a"}],"destinations":["https://e.com/"]}"#;
        assert!(made(links).contains("https://go.e/a"));
    }
}
