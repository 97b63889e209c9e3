//! `waypost hook`: where clicks and changes are passed on to. A secret is printed once, when it is made.

use std::io::{IsTerminal, Read};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Answer, Body, Client, block_on};
use super::connect::Connect;
use super::figures::count;
use super::table::{self, Left, Right, Table};
use super::{AlreadyTold, Usage, print, tell};

/// The longest secret that is read on standard input.
const SECRET_BYTES_MAX: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a hook; it is told of what comes from now on
    Add(Box<Add>),
    /// List hooks and how they fare
    List,
    /// Show one hook
    Show(Named),
    /// Change a hook; one that is paused goes on
    Edit(Box<Edit>),
    /// Remove a hook with everything that waits for it
    Remove(Named),
    /// Make a webhook's secret anew; for a day both sign
    Rotate(Named),
    /// Send a test message at once
    Test(Named),
    /// Show what was sent last, and what was given up
    Deliveries(Named),
    /// Send messages again that were given up
    Replay(Replay),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The number of the hook, as `waypost hook list` shows it
    id: u64,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Where a webhook is sent to; or where the product is, if not at its usual address
    url: Option<String>,
    /// What it speaks
    #[arg(long, value_parser = ["webhook", "ga4", "plausible", "umami", "matomo"])]
    kind: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct Edit {
    #[command(flatten)]
    named: Named,
    /// Where it is sent to
    #[arg(long)]
    url: Option<String>,
    /// Let it send, also when it was paused
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Send nothing; what comes meanwhile is never sent
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What `add` and `edit` have in common. An empty text clears.
#[derive(Debug, clap::Args)]
struct Settings {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// The measurement id (ga4), domain (plausible), website id (umami) or site id (matomo)
    #[arg(long)]
    site: Option<String>,
    /// What a click is called there; "pageview" counts it as one
    #[arg(long)]
    event: Option<String>,
    /// Read ga4's API secret or matomo's token on standard input, where no other user can see it
    #[arg(long)]
    secret: bool,
    /// What a webhook tells of; may be given several times
    #[arg(long = "tell", value_name = "WHAT", value_parser = ["clicks", "links", "imports"])]
    events: Vec<String>,
    /// Verdicts of the clicks that a webhook is told of [default: human]; may be given several times
    #[arg(long = "verdict", value_name = "VERDICT")]
    verdicts: Vec<String>,
    /// Only clicks of this campaign; may be given several times
    #[arg(long = "campaign", value_name = "CAMPAIGN")]
    campaigns: Vec<String>,
    /// Only clicks on this domain; may be given several times
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Replay {
    #[command(flatten)]
    named: Named,
    /// The numbers of dead letters, as `waypost hook deliveries` shows them; all, if none is given
    letters: Vec<u64>,
}

impl Settings {
    fn body(&self, secret: Option<String>) -> Map<String, Value> {
        let mut body = Map::new();
        let texts = [("name", &self.name), ("site", &self.site), ("event", &self.event), ("secret", &secret)];
        for (field, text) in texts {
            if let Some(text) = text {
                body.insert(field.to_owned(), if text.is_empty() { Value::Null } else { text.as_str().into() });
            }
        }
        let lists = [
            ("events", &self.events),
            ("verdicts", &self.verdicts),
            ("campaigns", &self.campaigns),
            ("domains", &self.domains),
        ];
        for (field, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            let list: Vec<_> = list.iter().filter(|one| !one.is_empty()).cloned().collect();
            body.insert(field.to_owned(), list.into());
        }
        body
    }

    fn read_secret(&self) -> anyhow::Result<Option<String>> {
        if !self.secret {
            return Ok(None);
        }
        if std::io::stdin().is_terminal() {
            tell("paste the secret, then press Enter and Ctrl-D:");
        }
        let mut text = String::new();
        std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
        Ok(Some(text.trim().to_owned()))
    }
}

impl Add {
    fn body(&self, secret: Option<String>) -> Value {
        let mut body = self.settings.body(secret);
        body.extend(self.url.iter().map(|url| ("url".to_owned(), url.as_str().into())));
        body.extend(self.kind.iter().map(|kind| ("kind".to_owned(), kind.as_str().into())));
        body.into()
    }
}

impl Edit {
    fn body(&self, secret: Option<String>) -> Result<Value, Usage> {
        let mut body = self.settings.body(secret);
        body.extend(self.url.iter().map(|url| ("url".to_owned(), url.as_str().into())));
        if self.on || self.off {
            body.insert("active".to_owned(), self.on.into());
        }
        if body.is_empty() {
            return Err(Usage(
                "nothing to change: give at least one setting; see `waypost hook edit --help`".to_owned(),
            ));
        }
        Ok(body.into())
    }
}

/// What is used of a hook.
#[derive(Debug, Deserialize)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    name: String,
    kind: String,
    url: String,
    site: String,
    event: String,
    events: Vec<String>,
    verdicts: Vec<String>,
    campaigns: Vec<String>,
    domains: Vec<String>,
    former_secret_until: Option<String>,
    created_at: String,
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    next_try: Option<String>,
    behind: u64,
    pub(crate) dead_letters: u64,
    passed_on: PassedOn,
}

#[derive(Debug, Deserialize)]
struct PassedOn {
    messages: u64,
    clicks: u64,
    failures: u64,
    given_up: u64,
    pub(crate) skipped: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hooks {
    pub(crate) hooks: Vec<Hook>,
}

#[derive(Debug, Deserialize)]
struct WithSecret {
    hook: Hook,
    secret: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tested {
    taken: bool,
    said: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Deliveries {
    recent: Vec<Try>,
    dead_letters: Vec<DeadLetter>,
}

#[derive(Debug, Deserialize)]
struct Try {
    at: String,
    event: String,
    clicks: u64,
    took_ms: u64,
    attempt: u32,
    taken: bool,
    said: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DeadLetter {
    letter: u64,
    at: String,
    event: String,
    clicks: u64,
    error: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let secret = match &args.command {
        Command::Add(add) => add.settings.read_secret()?,
        Command::Edit(edit) => {
            edit.body(edit.settings.secret.then(String::new))?;
            edit.settings.read_secret()?
        }
        _ => None,
    };
    let client = args.connect.open()?;
    block_on(answer(&client, &args.command, secret, args.connect.json))
}

async fn answer(client: &Client, command: &Command, secret: Option<String>, json: bool) -> anyhow::Result<()> {
    let send = async |method: Method, path: String, body: Body| client.send(method, &path, &[], body).await;
    let of = |named: &Named, rest: &str| format!("/api/v1/hooks/{}{rest}", named.id);
    match command {
        Command::Add(add) => {
            let body = Body::Json(add.body(secret));
            show_secret(&send(Method::POST, "/api/v1/hooks".to_owned(), body).await?, json)
        }
        Command::List => list(&client.get("/api/v1/hooks", &[]).await?, json),
        Command::Show(named) => show(&client.get(&of(named, ""), &[]).await?, json),
        Command::Edit(edit) => {
            let body = Body::Json(edit.body(secret)?);
            show(&send(Method::PATCH, of(&edit.named, ""), body).await?, json)
        }
        Command::Remove(named) => {
            send(Method::DELETE, of(named, ""), Body::None).await?;
            said(json, &json!({ "removed": named.id }), &format!("removed hook {}", named.id))
        }
        Command::Rotate(named) => show_secret(&send(Method::POST, of(named, "/secret"), Body::None).await?, json),
        Command::Test(named) => tested(&send(Method::POST, of(named, "/test"), Body::None).await?, json),
        Command::Deliveries(named) => {
            deliveries(&client.get_all(&of(named, "/deliveries"), "dead_letters").await?, json)
        }
        Command::Replay(replay) => {
            let body = Body::Json(json!({ "letters": replay.letters }));
            let answer = send(Method::POST, of(&replay.named, "/replay"), body).await?;
            let queued: Value = answer.read()?;
            let letters = queued["letters"].as_u64().unwrap_or(0);
            said(json, &queued, &format!("{} dead letters are sent again in their turn", count(letters)))
        }
    }
}

fn said(json: bool, value: &Value, text: &str) -> anyhow::Result<()> {
    if json {
        return Ok(print(&value.to_string())?);
    }
    tell(text);
    Ok(())
}

fn show(answer: &Answer, json: bool) -> anyhow::Result<()> {
    let text = if json { answer.text.clone() } else { describe(&answer.read()?) };
    Ok(print(&text)?)
}

fn show_secret(answer: &Answer, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(print(&answer.text)?);
    }
    let made: WithSecret = answer.read()?;
    print(&describe(&made.hook))?;
    if let Some(secret) = made.secret {
        print(&format!("secret      {}", table::shown(&secret)))?;
        tell("This is the only time that the secret is shown: give it to whoever checks the signatures.");
    }
    Ok(())
}

fn list(answer: &Answer, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(print(&answer.text)?);
    }
    let Hooks { hooks } = answer.read()?;
    if hooks.is_empty() {
        tell("no hooks yet: make one with `waypost hook add URL`");
        return Ok(());
    }
    let mut table = Table::new([
        ("id", Right),
        ("name", Left),
        ("kind", Left),
        ("status", Left),
        ("clicks", Right),
        ("behind", Right),
        ("dead", Right),
        ("sent to", Left),
    ]);
    for hook in &hooks {
        table.row([
            hook.id.to_string(),
            table::cut(&hook.name, 24),
            hook.kind.clone(),
            hook.status.clone(),
            count(hook.passed_on.clicks),
            count(hook.behind),
            count(hook.dead_letters),
            table::cut(&hook.url, 48),
        ]);
    }
    print(&table.render())?;
    for hook in hooks.iter().filter(|hook| hook.error.is_some()) {
        tell(&format!("hook {} is {}: {}", hook.id, hook.status, hook.error.as_deref().unwrap_or_default()));
    }
    Ok(())
}

fn describe(hook: &Hook) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let sent = &hook.passed_on;
    let domain = |domain: &String| if domain.is_empty() { "(default)".to_owned() } else { domain.clone() };
    table::description(&[
        ("hook", hook.id.to_string()),
        ("name", hook.name.clone()),
        ("kind", hook.kind.clone()),
        ("sent to", hook.url.clone()),
        ("site", hook.site.clone()),
        ("event", hook.event.clone()),
        ("tells of", hook.events.join(", ")),
        ("verdicts", hook.verdicts.join(", ")),
        ("campaigns", hook.campaigns.join(", ")),
        ("domains", hook.domains.iter().map(domain).collect::<Vec<_>>().join(", ")),
        ("made", hook.created_at.clone()),
        ("status", hook.status.clone()),
        ("why", text(&hook.error)),
        ("next try", text(&hook.next_try)),
        ("passed on", format!("{} messages with {} clicks", count(sent.messages), count(sent.clicks))),
        ("not taken", format!("{} tries, {} messages given up", count(sent.failures), count(sent.given_up))),
        ("skipped", if sent.skipped == 0 { String::new() } else { count(sent.skipped) }),
        ("behind", count(hook.behind)),
        ("dead", count(hook.dead_letters)),
        ("two sign", hook.former_secret_until.as_ref().map_or_else(String::new, |until| format!("until {until}"))),
    ])
}

fn tested(answer: &Answer, json: bool) -> anyhow::Result<()> {
    let tested: Tested = answer.read()?;
    let said = tested.said.unwrap_or_default();
    if json {
        print(&answer.text)?;
    } else if tested.taken {
        print(&format!("taken {said}"))?;
    } else {
        tell(&format!("not taken: {said}"));
    }
    if tested.taken { Ok(()) } else { Err(AlreadyTold.into()) }
}

fn deliveries(answer: &Answer, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(print(&answer.text)?);
    }
    let Deliveries { recent, dead_letters } = answer.read()?;
    if recent.is_empty() && dead_letters.is_empty() {
        tell("nothing was sent yet");
        return Ok(());
    }
    let mut tries =
        Table::new([("when", Left), ("what", Left), ("clicks", Right), ("try", Right), ("ms", Right), ("", Left)]);
    for one in &recent {
        let taken = if one.taken { "taken" } else { "not taken" };
        let said = one.said.as_ref().map_or_else(|| taken.to_owned(), |said| format!("{taken}: {said}"));
        let numbers = [one.clicks, u64::from(one.attempt), one.took_ms].map(count);
        let [clicks, attempt, took] = numbers;
        tries.row([one.at.clone(), one.event.clone(), clicks, attempt, took, said]);
    }
    print(&tries.render())?;
    if dead_letters.is_empty() {
        return Ok(());
    }
    let mut dead =
        Table::new([("letter", Right), ("given up", Left), ("what", Left), ("clicks", Right), ("why", Left)]);
    for one in &dead_letters {
        dead.row([one.letter.to_string(), one.at.clone(), one.event.clone(), count(one.clicks), one.error.clone()]);
    }
    Ok(print(&format!("\n{}", dead.render()))?)
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
        Line::try_parse_from([&["hook"], line].concat()).unwrap().args.command
    }

    #[test]
    fn adding_sends_what_was_given_and_nothing_else() {
        let line =
            ["add", "https://h.example/", "--tell", "clicks", "--tell", "links", "--campaign", "c", "--name", "n"];
        let Command::Add(add) = parse(&line) else { panic!("not an add") };
        let expected =
            json!({"url": "https://h.example/", "events": ["clicks", "links"], "campaigns": ["c"], "name": "n"});
        assert_eq!(add.body(None), expected);
        let Command::Add(add) = parse(&["add", "--kind", "ga4", "--site", "G-1", "--secret"]) else {
            panic!("not an add")
        };
        assert_eq!(add.body(Some("s".to_owned())), json!({"kind": "ga4", "site": "G-1", "secret": "s"}));
    }

    #[test]
    fn editing_clears_with_an_empty_text_and_switches() {
        let Command::Edit(edit) = parse(&["edit", "3", "--campaign", "", "--event", "", "--off"]) else {
            panic!("no edit")
        };
        assert_eq!(edit.body(None).unwrap(), json!({"campaigns": [], "event": null, "active": false}));
        let Command::Edit(edit) = parse(&["edit", "3"]) else { panic!("no edit") };
        assert!(edit.body(None).is_err());
        assert!(Line::try_parse_from(["hook", "edit", "3", "--on", "--off"]).is_err());
    }
}
