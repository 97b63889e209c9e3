//! The form of a hook, for a new one and for an edit. What it says goes to the desk as it is: what is wrong with a value
//! is decided there.

use maud::{Markup, html};
use serde::Deserialize;

use super::hooks::PATH;
use super::text::sentence;
use crate::admin::api::problem::Problem;
use crate::forward::{Hook, HookFields, Kind, Shown};
use crate::links::Change;

/// The inputs as they were sent. A box that is not ticked sends nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Inputs {
    name: String,
    kind: String,
    url: String,
    site: String,
    event: String,
    /// Never sent back.
    secret: String,
    clicks: Option<String>,
    links: Option<String>,
    imports: Option<String>,
    /// Separated by commas.
    verdicts: String,
    /// One on each line, as are domains.
    campaigns: String,
    domains: String,
}

impl Inputs {
    pub(super) fn blank() -> Self {
        let on = Some("on".to_owned());
        Self { kind: Kind::Webhook.as_str().to_owned(), clicks: on, verdicts: "human".to_owned(), ..Self::default() }
    }

    pub(super) fn of(hook: &Hook, default_host: &str) -> Self {
        let ticked = |is_on: bool| is_on.then(|| "on".to_owned());
        let verdicts: Vec<_> = hook.filter.verdicts.iter().map(|verdict| verdict.as_str()).collect();
        let host = |domain: &String| if domain.is_empty() { default_host.to_owned() } else { domain.clone() };
        Self {
            name: hook.name.clone(),
            kind: hook.kind.as_str().to_owned(),
            url: hook.url.clone(),
            site: hook.site.clone(),
            event: hook.event.clone(),
            secret: String::new(),
            clicks: ticked(hook.events.clicks),
            links: ticked(hook.events.links),
            imports: ticked(hook.events.imports),
            verdicts: verdicts.join(", "),
            campaigns: hook.filter.campaigns.join("\n"),
            domains: hook.filter.domains.iter().map(host).collect::<Vec<_>>().join("\n"),
        }
    }

    pub(super) fn fields(&self) -> HookFields {
        let is_webhook = self.kind == Kind::Webhook.as_str();
        let text =
            |text: &str| if text.trim().is_empty() { Change::Clear } else { Change::Set(text.trim().to_owned()) };
        let list = |text: &str, by: &[char]| {
            let parts = text.split(by).map(str::trim).filter(|part| !part.is_empty());
            Change::Set(parts.map(str::to_owned).collect::<Vec<_>>())
        };
        let ticked = [("clicks", &self.clicks), ("links", &self.links), ("imports", &self.imports)];
        let events = ticked.into_iter().filter_map(|(name, box_)| box_.as_ref().map(|_| name.to_owned())).collect();
        HookFields {
            name: text(&self.name),
            kind: if self.kind.is_empty() { Change::Keep } else { Change::Set(self.kind.clone()) },
            url: text(&self.url),
            // What does not go with the kind is left out, so that nobody has to empty it.
            site: if is_webhook { Change::Keep } else { text(&self.site) },
            event: if is_webhook { Change::Keep } else { text(&self.event) },
            secret: if self.secret.trim().is_empty() { Change::Keep } else { text(&self.secret) },
            events: if is_webhook { Change::Set(events) } else { Change::Keep },
            verdicts: if is_webhook { list(&self.verdicts, &[',']) } else { Change::Keep },
            campaigns: list(&self.campaigns, &['\n']),
            domains: list(&self.domains, &['\n']),
            active: Change::Keep,
        }
    }
}

/// One input and what is to be known of it.
struct Field<'a> {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: &'a str,
}

/// The form with `inputs` in it; `of` is the hook that is edited.
pub(super) fn draw(inputs: &Inputs, wrong: Option<&Problem>, of: Option<&Shown>) -> Markup {
    let input = |field: Field<'_>, kind: &str| {
        let Field { name, label, hint, value } = field;
        let is_wrong = wrong.is_some_and(|wrong| wrong.field() == Some(name));
        html! {
            div.field {
                label for=(name) { (label) }
                @if kind == "lines" {
                    textarea id=(name) name=(name) rows="2" aria-describedby={ (name) "-hint" } aria-invalid=[is_wrong.then_some("true")] { "\n" (value) }
                } @else {
                    input id=(name) name=(name) type=(kind) value=(value) autocomplete="off" aria-describedby={ (name) "-hint" } aria-invalid=[is_wrong.then_some("true")];
                }
                p.hint id={ (name) "-hint" } { (hint) }
            }
        }
    };
    let is_webhook = of.is_none_or(|shown| shown.hook.kind == Kind::Webhook);
    let is_product = of.is_none_or(|shown| shown.hook.kind != Kind::Webhook);
    let action = of.map_or_else(|| PATH.to_owned(), |shown| format!("{PATH}/{}", shown.id));
    html! {
        form.fields method="post" action=(action) {
            @if let Some(problem) = wrong { p.wrong role="alert" { (sentence(problem.detail())) } }
            fieldset {
                @match of {
                    Some(shown) => { input type="hidden" name="kind" value=(shown.hook.kind.as_str()); },
                    None => (kinds(&inputs.kind)),
                }
                (input(Field { name: "name", label: "Name", hint: "To find it in the list.", value: &inputs.name }, "text"))
                (input(Field { name: "url", label: "Address", hint: "Where a webhook is sent to; or where the product is, if not at its usual address.", value: &inputs.url }, "text"))
            }
            @if is_webhook { (told(inputs)) }
            @if is_product {
                fieldset {
                    legend { "For a product" }
                    (input(Field { name: "site", label: "Site", hint: "Analytics: measurement id. Plausible: domain. Umami: website id. Matomo: number.", value: &inputs.site }, "text"))
                    (input(Field { name: "secret", label: "Secret", hint: "The API secret of Analytics, or Matomo's token. Left empty, it stays as it is.", value: "" }, "password"))
                    (input(Field { name: "event", label: "Event", hint: "What a click is called there. Left empty: short_link_click.", value: &inputs.event }, "text"))
                }
            }
            fieldset {
                legend { "Only clicks of" }
                (input(Field { name: "campaigns", label: "Campaigns", hint: "One on each line. Left empty: all.", value: &inputs.campaigns }, "lines"))
                (input(Field { name: "domains", label: "Domains", hint: "One on each line. Left empty: all.", value: &inputs.domains }, "lines"))
                @if is_webhook {
                    (input(Field { name: "verdicts", label: "Verdicts", hint: "Of a webhook; separated by commas. Products get human clicks alone.", value: &inputs.verdicts }, "text"))
                }
            }
            div.actions { button { @if of.is_some() { "Save" } @else { "Make hook" } } }
        }
    }
}

fn kinds(chosen: &str) -> Markup {
    html! {
        div.field {
            label for="kind" { "Kind" }
            select #kind name="kind" {
                @for kind in Kind::ALL { option value=(kind.as_str()) selected[kind.as_str() == chosen] { (kind.name()) } }
            }
        }
    }
}

fn told(inputs: &Inputs) -> Markup {
    let boxes = [
        ("clicks", "Clicks", &inputs.clicks),
        ("links", "Links", &inputs.links),
        ("imports", "Imports", &inputs.imports),
    ];
    html! {
        fieldset {
            legend { "A webhook tells of" }
            @for (name, label, ticked) in boxes {
                label.check { input type="checkbox" name=(name) checked[ticked.is_some()]; (label) }
            }
        }
    }
}
