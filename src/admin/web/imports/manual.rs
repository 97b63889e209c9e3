//! Numbers that somebody reads off a screen, of platforms that export none.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::desk::{Tab, tabs};
use super::report;
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::web::field::Field;
use crate::admin::web::form::PLATFORMS;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::{Refused, unreadable};
use crate::domain::placement::Level;
use crate::impressions::import::ImportError;
use crate::impressions::manual::{Count, Manual};
use crate::impressions::wire::ImportReport;

/// Every metric that is asked for, with its name for people.
const METRICS: [(&str, &str); 8] = [
    ("views", "Views"),
    ("impressions", "Impressions"),
    ("reach", "Reach"),
    ("profile_visits", "Profile visits"),
    ("story_views", "Story views"),
    ("delivered", "Delivered mails"),
    ("clicks_link", "Link clicks"),
    ("clicks_all", "Clicks of every kind"),
];

/// The inputs as they were sent.
#[derive(Clone, Debug, Default)]
struct Inputs {
    platform: String,
    post: String,
    level: String,
    account: String,
    day: String,
    as_of: String,
    numbers: BTreeMap<&'static str, String>,
    /// Whether they are to be kept rather than checked.
    is_meant: bool,
}

impl Inputs {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut inputs = Self::default();
        for (name, value) in pairs {
            let input = match name.as_str() {
                "platform" => &mut inputs.platform,
                "post" => &mut inputs.post,
                "level" => &mut inputs.level,
                "account" => &mut inputs.account,
                "day" => &mut inputs.day,
                "as_of" => &mut inputs.as_of,
                "do" => {
                    inputs.is_meant = value == "keep";
                    continue;
                }
                other => {
                    let known = METRICS.iter().find(|(metric, _)| *metric == other);
                    let unknown = || Problem::malformed("the form has an input that no page of ours has");
                    inputs.numbers.entry(known.ok_or_else(unknown)?.0).or_default()
                }
            };
            *input = value;
        }
        Ok(inputs)
    }

    /// # Errors
    /// When an input is no day, instant or number; it is named.
    fn entry(&self) -> Result<Manual, Problem> {
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let day = given(&self.day).map(|text| text.parse()).transpose();
        let as_of = given(&self.as_of).map(|text| text.parse()).transpose();
        let numbers: BTreeMap<String, Count> = self
            .numbers
            .iter()
            .filter_map(|(metric, text)| Some(((*metric).to_owned(), Count::Text(given(text)?))))
            .collect();
        if numbers.is_empty() {
            return Err(Problem::invalid("views", "give at least one number, such as views"));
        }
        if given(&self.platform).is_none() {
            return Err(Problem::invalid("platform", "which platform shows these numbers? Such as threads"));
        }
        Ok(Manual {
            platform: self.platform.trim().to_owned(),
            post: self.post.trim().to_owned(),
            level: given(&self.level),
            account: given(&self.account),
            day: day.map_err(|_| Problem::invalid("day", "this is no day: write it like 2026-11-21"))?,
            as_of: as_of
                .map_err(|_| Problem::invalid("as_of", "this is no instant: write it like 2026-11-21T12:00:00Z"))?,
            numbers,
        })
    }
}

pub(in crate::admin::web) async fn page() -> Markup {
    draw(&Inputs { level: Level::Post.as_str().to_owned(), ..Inputs::default() }, None, None, &jiff::tz::TimeZone::UTC)
}

/// Shows what the numbers would change, or keeps them.
pub(in crate::admin::web) async fn keep(
    State(admin): State<Admin>,
    pairs: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let inputs = Inputs::read(pairs)?;
    let zone = &admin.report_zone;
    let answer = match inputs.entry() {
        Ok(entry) => admin.imports.manual(&entry, !inputs.is_meant, admin.clock.now()).await.map_err(problem),
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(ImportReport { import: Some(id), .. }) if inputs.is_meant => {
            Ok(Redirect::to(&format!("/imports?done={id}")).into_response())
        }
        Ok(report) => Ok(draw(&inputs, Some(&report), None, zone).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        Err(problem) => Ok((problem.status(), draw(&inputs, None, Some(&problem), zone)).into_response()),
    }
}

/// What is wrong with the words is wrong with one input; which, the message says.
fn problem(error: ImportError) -> Problem {
    let ImportError::Wrong(message) = &error else { return error.into() };
    let metric = METRICS.iter().find(|(metric, _)| message.starts_with(&format!("{metric}:")));
    let input = match metric {
        Some((metric, _)) => metric,
        None if message.starts_with("platform") => "platform",
        None if message.contains("names no post") || message.starts_with("the post's name") => "post",
        None => return error.into(),
    };
    Problem::invalid(input, message.clone())
}

fn draw(inputs: &Inputs, report: Option<&ImportReport>, wrong: Option<&Problem>, zone: &jiff::tz::TimeZone) -> Markup {
    let field = |name: &'static str, label| {
        let blamed = wrong.filter(|wrong| wrong.field() == Some(name));
        Field::new(name, label).wrong(blamed.map(Problem::detail))
    };
    let levels: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    let content = html! {
        header.head.top {
            div {
                h1 { "Impressions by hand" }
                div.about { "Numbers as the platform shows them, where there is nothing to download." }
            }
        }
        (tabs(Tab::Manual))
        @if let Some(report) = report {
            section.card.welcome role="status" { h2 { "What keeping them would do" } (report::foreseen(report, zone)) }
        }
        section.card {
            form.fields method="post" action="/imports/manual" {
                @if let Some(wrong) = wrong { p.wrong role="alert" { (crate::admin::web::text::sentence(wrong.detail())) } }
                fieldset {
                    legend { "Whose numbers" }
                    (field("platform", "Platform").suggested(&inputs.platform, &PLATFORMS))
                    (field("level", "Level").choice(&inputs.level, &levels))
                    (field("post", "Post").wide().example("https://www.threads.net/@you/post/C8abcDEF").hint("Its permalink or id; empty for an account.").text(&inputs.post))
                    (field("account", "Account").hint("Of numbers that are an account's.").text(&inputs.account))
                }
                fieldset {
                    legend { "Numbers" }
                    @for (metric, called) in METRICS {
                        @let value = inputs.numbers.get(metric).map_or("", String::as_str);
                        (field(metric, called).text(value))
                    }
                }
                p.hint { "As they are shown: 1234, 1,234, 1.2K. Leave out what is not shown; unknown is not 0." }
                fieldset {
                    legend { "When" }
                    (field("day", "Day").hint("Of numbers of one day; empty for those since publication.").typed("date", &inputs.day))
                    (field("as_of", "As of").example("now").hint("When the platform showed them, such as 2026-11-21T12:00:00Z.").text(&inputs.as_of))
                }
                div.actions {
                    button name="do" value="check" .plain[report.is_some()] { "Check" }
                    @if report.is_some() { button name="do" value="keep" { "Keep" } }
                }
            }
        }
    };
    let title = if wrong.is_some() { "Not kept: impressions by hand" } else { "Impressions by hand" };
    layout::page(Place::Imports, title, &content)
}
