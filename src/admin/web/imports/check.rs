//! What an import would do, file by file, before anybody says yes: a view with an address of its own, as long as the
//! files wait.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Said, columns, named, report, said, unix};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::waiting::Held;
use crate::admin::web::field::Field;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::text::counted;
use crate::admin::web::{Refused, unreadable};
use crate::impressions::child::ParseError;
use crate::impressions::import::ImportError;
use crate::impressions::reading::Refusal;
use crate::impressions::wire::ImportReport;

/// Where the files of `token` are looked at.
pub(super) fn path(token: &str) -> String {
    format!("/imports/check?upload={token}")
}

/// What a file is answered with.
pub(super) enum Outcome {
    /// What an import would do, or did.
    Foreseen(Box<ImportReport>),
    /// The file is not read, and why.
    NotRead(Refusal),
    /// Something else that its sender can change.
    Wrong(Problem),
}

impl Outcome {
    pub(super) fn is_readable(&self) -> bool {
        matches!(self, Self::Foreseen(_))
    }

    /// The input to blame, and why.
    pub(super) fn blamed(&self) -> Option<(&str, &str)> {
        let Self::Wrong(problem) = self else { return None };
        Some((problem.field()?, problem.detail()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin::web) struct Params {
    upload: String,
}

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(Params { upload }) = params?;
    let mut files = waiting(&admin, &upload).await?;
    let mut outcomes = Vec::with_capacity(files.len());
    for (at, file) in files.iter_mut().enumerate() {
        let outcome = run(&admin, file, true).await?;
        learn(&admin, &upload, at, file, &outcome).await?;
        outcomes.push(outcome);
    }
    Ok(draw(&admin, &upload, &files, &outcomes))
}

async fn waiting(admin: &Admin, upload: &str) -> Result<Vec<Held<Said>>, Problem> {
    let none = || Problem::not_found("these files do not wait here any more: choose them again under Impressions");
    admin.waiting.get(upload, admin.clock.now_ms()).await?.ok_or_else(none)
}

/// Remembers the columns of a file that nobody knows.
async fn learn(
    admin: &Admin,
    upload: &str,
    at: usize,
    file: &mut Held<Said>,
    outcome: &Outcome,
) -> Result<(), Problem> {
    let Outcome::NotRead(refusal) = outcome else { return Ok(()) };
    if refusal.columns.is_empty() || refusal.columns == file.said.samples {
        return Ok(());
    }
    file.said.samples.clone_from(&refusal.columns);
    let columns = refusal.columns.clone();
    admin.waiting.change(upload, at, admin.clock.now_ms(), |file| file.said.samples = columns).await
}

/// An answer that is shown with the file, or one that ends the page.
async fn run(admin: &Admin, file: &Held<Said>, dry_run: bool) -> Result<Outcome, Refused> {
    let upload = match said::upload(file, dry_run) {
        Ok(upload) => upload,
        Err(problem) => return Ok(Outcome::Wrong(problem)),
    };
    match admin.imports.import(upload, admin.clock.now()).await {
        Ok(report) => Ok(Outcome::Foreseen(Box::new(report))),
        Err(ImportError::Parse(ParseError::NotRead(refusal))) => Ok(Outcome::NotRead(refusal)),
        Err(ImportError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Outcome::Wrong(error.into())),
    }
}

/// What is said about one of the files, instead of what was said before.
pub(in crate::admin::web) async fn explain(
    State(admin): State<Admin>,
    pairs: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let Explained { upload, file, said, pasted } = Explained::read(pairs)?;
    waiting(&admin, &upload).await?;
    let change = |held: &mut Held<Said>| {
        let (samples, is_pasted) = (std::mem::take(&mut held.said.samples), held.said.is_pasted);
        held.said = said;
        (held.said.samples, held.said.is_pasted) = (samples, is_pasted);
        if let Some((text, name)) = pasted.filter(|_| is_pasted) {
            held.bytes = unix(&text);
            held.name = named(&name);
        }
    };
    admin.waiting.change(&upload, file, admin.clock.now_ms(), change).await?;
    Ok(Redirect::to(&format!("{}#file-{file}", path(&upload))).into_response())
}

#[derive(Default)]
struct Explained {
    upload: String,
    file: usize,
    said: Said,
    /// A pasted text and its name.
    pasted: Option<(String, String)>,
}

impl Explained {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut explained = Self::default();
        let mut mapped = columns::Mapped::default();
        for (name, value) in pairs {
            match name.as_str() {
                "upload" => explained.upload = value,
                "file" => explained.file = value.parse().unwrap_or(usize::MAX),
                "csv" => explained.pasted.get_or_insert_default().0 = value,
                "file_name" => explained.pasted.get_or_insert_default().1 = value,
                "header" | "holds" => mapped.read(&name, value),
                name => explained.said.set(name, value)?,
            }
        }
        explained.said.columns = mapped.columns()?;
        Ok(explained)
    }
}

/// The upload that is to be imported.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin::web) struct Confirmed {
    upload: String,
}

/// Imports every file that can be read: each whole or not at all.
pub(in crate::admin::web) async fn store(
    State(admin): State<Admin>,
    form: Result<Form<Confirmed>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(Confirmed { upload }) = form.map_err(unreadable)?;
    let files = waiting(&admin, &upload).await?;
    let (mut done, mut outcomes) = (Vec::new(), Vec::new());
    for file in &files {
        let outcome = run(&admin, file, false).await?;
        if let Outcome::Foreseen(report) = &outcome {
            done.extend(report.import.map(|id| id.to_string()));
        }
        outcomes.push(outcome);
    }
    if done.is_empty() {
        let page = draw(&admin, &upload, &files, &outcomes);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    admin.waiting.forget(&upload, admin.clock.now_ms()).await?;
    Ok(Redirect::to(&format!("/imports?done={}", done.join(","))).into_response())
}

fn draw(admin: &Admin, upload: &str, files: &[Held<Said>], outcomes: &[Outcome]) -> Markup {
    let readable = outcomes.iter().filter(|outcome| outcome.is_readable()).count();
    let content = html! {
        header.head.top {
            div {
                h1 { "Check the import" }
                div.about { "Nothing is stored yet. Compare the sums with what the platform shows." }
            }
            form.actions method="post" action="/imports" {
                input type="hidden" name="upload" value=(upload);
                @if readable > 0 {
                    button { @if files.len() > 1 { "Import " (counted(readable as u64, "file")) } @else { "Import" } }
                }
                a.button.plain href="/imports" { "Cancel" }
            }
        }
        @for (at, (file, outcome)) in files.iter().zip(outcomes).enumerate() {
            (card(admin, upload, at, file, outcome))
        }
    };
    layout::page(Place::Imports, if readable > 0 { "Check the import" } else { "Not imported" }, &content)
}

fn card(admin: &Admin, upload: &str, at: usize, file: &Held<Said>, outcome: &Outcome) -> Markup {
    let needs_words = !outcome.is_readable() && (!file.said.samples.is_empty() || outcome.blamed().is_some());
    let is_open = needs_words || (!outcome.is_readable() && file.said.is_pasted);
    html! {
        section.card.refusal[!outcome.is_readable()] id={ "file-" (at) } {
            h2 { (file.name) }
            (report::outcome(outcome, &admin.report_zone))
            details open[is_open] {
                summary {
                    @if !file.said.samples.is_empty() { "Say what its columns hold" } @else { "Say what the file leaves open" }
                }
                (form(upload, at, file, outcome))
            }
        }
    }
}

fn form(upload: &str, at: usize, file: &Held<Said>, outcome: &Outcome) -> Markup {
    html! {
        form.fields method="post" action="/imports/explain" {
            input type="hidden" name="upload" value=(upload);
            input type="hidden" name="file" value=(at);
            @if file.said.is_pasted {
                div.inner {
                    (Field::new("csv", "Table").wide().lines(&String::from_utf8_lossy(&file.bytes)))
                    (Field::new("file_name", "Name").text(&file.name))
                }
            }
            @if !file.said.samples.is_empty() { (columns::inputs(&file.said)) }
            (file.said.inputs(Some(at), outcome.blamed()))
            div.actions { button { "Check again" } }
        }
    }
}
