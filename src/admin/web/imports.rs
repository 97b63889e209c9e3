//! Impressions: what was imported, undoing it, and a form that says what a file would do before it does it.
//!
//! The text goes the way of every upload: it is parsed in a limited child process, and stored whole or not at all.

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Deserialize;

use super::help::{Word, defined};
use super::layout::{self, Place, Question};
use super::text::{count, counted, plain, sentence, when};
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::child::ParseError;
use crate::impressions::import::{ImportError, Upload};
use crate::impressions::options::Options;
use crate::impressions::reading::{Listed, RowError};
use crate::impressions::wire::ImportReport;

/// The largest form with a pasted file, in bytes; line breaks and commas take three bytes each.
pub(super) const FORM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The name of a text that came without one.
const UNNAMED: &str = "pasted.csv";

/// Imports of one page; the newest come first.
const IMPORTS: usize = 200;

const EXAMPLE: &str = "link,date,impressions\nspring,2026-11-20,1200\nspring,2026-11-21,1350";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Inputs {
    csv: String,
    file_name: String,
    as_of: String,
}

impl Inputs {
    fn upload(&self, dry_run: bool) -> Result<Upload, Problem> {
        let as_of = Some(self.as_of.trim()).filter(|text| !text.is_empty());
        let wrong =
            |_| Problem::invalid("as_of", "this is no instant: write it like 2026-11-21T12:00:00Z, or leave it out");
        let file_name = Some(self.file_name.trim()).filter(|name| !name.is_empty());
        Ok(Upload {
            // Forms send line breaks as CR LF; a pasted file shall be the same import as the file itself.
            bytes: self.csv.replace("\r\n", "\n").into_bytes(),
            options: Options { file_name: file_name.unwrap_or(UNNAMED).to_owned(), ..Options::default() },
            as_of: as_of.map(str::parse::<Timestamp>).transpose().map_err(wrong)?,
            dry_run,
        })
    }
}

/// What the form is answered with.
enum Outcome {
    /// Nothing was sent yet.
    Asked,
    /// What an import would do.
    Foreseen(ImportReport),
    /// Rows that keep the whole text out.
    Rows(Listed<RowError>),
    Wrong(Problem),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The import that was just made.
    done: Option<u64>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    draw(&admin, &Inputs::default(), &Outcome::Asked, params.done).await
}

/// Says what an import would do, and does nothing.
pub(super) async fn check(
    State(admin): State<Admin>,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(unreadable)?;
    match run(&admin, &inputs, true).await? {
        Ok(report) => Ok(draw(&admin, &inputs, &Outcome::Foreseen(report), None).await?.into_response()),
        Err(refusal) => refused(&admin, &inputs, refusal).await,
    }
}

pub(super) async fn store(
    State(admin): State<Admin>,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(unreadable)?;
    match run(&admin, &inputs, false).await? {
        Ok(report) => {
            let done = report.import.map(|id| format!("?done={id}")).unwrap_or_default();
            Ok(Redirect::to(&format!("/imports{done}")).into_response())
        }
        Err(refusal) => refused(&admin, &inputs, refusal).await,
    }
}

/// A refusal that is shown with the form, or one that ends the page.
async fn run(admin: &Admin, inputs: &Inputs, dry_run: bool) -> Result<Result<ImportReport, Outcome>, Refused> {
    let upload = match inputs.upload(dry_run) {
        Ok(upload) => upload,
        Err(problem) => return Ok(Err(Outcome::Wrong(problem))),
    };
    match admin.imports.import(upload, admin.clock.now()).await {
        Ok(report) => Ok(Ok(report)),
        Err(ImportError::Parse(ParseError::NotRead(refusal))) if !refusal.rows.is_empty() => {
            Ok(Err(Outcome::Rows(refusal.rows)))
        }
        Err(ImportError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Err(Outcome::Wrong(error.into()))),
    }
}

async fn refused(admin: &Admin, inputs: &Inputs, outcome: Outcome) -> Result<Response, Refused> {
    let status = match &outcome {
        Outcome::Wrong(problem) => problem.status(),
        _ => axum::http::StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, draw(admin, inputs, &outcome, None).await?).into_response())
}

pub(super) async fn confirm_undo(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Markup, Refused> {
    let Path(id) = number?;
    let imports = admin.imports.list().await?;
    let import = imports.iter().find(|import| import.id.0 == id).ok_or_else(|| gone(id))?;
    let question = Question {
        at: Place::Imports,
        title: &format!("Undo the import of {}?", import.about.file_name),
        consequence: &format!(
            "Its {} are taken away. Numbers that it replaced are in force again, and the file can be imported again.",
            counted(import.about.numbers, "number")
        ),
        verb: "Undo import",
        action: &format!("/imports/{id}/undo"),
        back: "/imports",
    };
    Ok(question.page())
}

pub(super) async fn undo(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Redirect, Refused> {
    let Path(id) = number?;
    if !admin.imports.undo(ImportId(id)).await? {
        return Err(gone(id).into());
    }
    Ok(Redirect::to("/imports"))
}

fn gone(id: u64) -> Problem {
    Problem::not_found(format!("import {id} does not exist, or was undone already"))
}

async fn draw(admin: &Admin, inputs: &Inputs, outcome: &Outcome, done: Option<u64>) -> Result<Markup, Refused> {
    let imports = admin.imports.list().await?;
    let stored = imports.iter().find(|import| Some(import.id.0) == done);
    let content = html! {
        h1.unseen { "Impressions" }
        @if let Some(import) = stored {
            p.done role="status" { "Imported: " (import.about.file_name) ", " (counted(import.about.numbers, "number")) ". " a href="/ctr" { "See the click-through rates" } }
        }
        (answer(outcome))
        (form(inputs, outcome))
        (list(&imports, &admin.report_zone))
    };
    let title = match outcome {
        Outcome::Asked => "Impressions",
        Outcome::Foreseen(_) => "Check the import",
        Outcome::Rows(_) | Outcome::Wrong(_) => "Not imported",
    };
    Ok(layout::page(Place::Imports, title, &content))
}

fn answer(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Asked => html! {},
        Outcome::Foreseen(report) => foreseen(report),
        Outcome::Wrong(problem) => html! {
            section.card.refusal role="alert" { h2 { "Nothing was imported" } p { (sentence(problem.detail())) } }
        },
        Outcome::Rows(rows) => html! {
            section.card.refusal role="alert" {
                h2 { "Nothing was imported" }
                p { "A file is imported whole or not at all, and " (counted(rows.count, "row")) " cannot be:" }
                table {
                    thead { tr { th scope="col" { "Row" } th scope="col" { "What is wrong" } } }
                    tbody { @for row in &rows.first { tr { th scope="row" { (row.row) } td { (sentence(&row.message)) } } } }
                }
                (rest(rows.count, rows.first.len()))
            }
        },
    }
}

fn foreseen(report: &ImportReport) -> Markup {
    html! {
        section.card.welcome role="status" {
            h2 { "What an import would do" }
            dl.totals {
                div { dt { "New numbers" } dd { (count(report.added)) } }
                div { dt { "Replaced" } dd { (count(report.replaced)) } }
                div { dt { "Older than stored, ignored" } dd { (count(report.kept)) } }
                @for (kind, sum) in &report.sum { div { dt { "Sum of " (plain(kind)) } dd { (count(*sum)) } } }
            }
            @if let (Some(first), Some(last)) = (report.first, report.last) {
                p { (counted(report.rows, "number")) " of the days " (first) " to " (last) ". Compare the sum with what the platform shows." }
            }
            (unmatched(report))
            (skipped(report))
        }
    }
}

fn unmatched(report: &ImportReport) -> Markup {
    html! {
        @if report.unmatched_count > 0 {
            p.warning { "No link stands in " (counted(report.unmatched_count, "post")) " of this file, so there are no clicks to divide:" }
            ul.notes { @for post in &report.unmatched { li { (post.post) } } }
            (rest(report.unmatched_count, report.unmatched.len()))
        }
    }
}

fn skipped(report: &ImportReport) -> Markup {
    html! {
        @let count: u64 = report.tables.iter().map(|table| table.skipped_count).sum();
        @let rows: Vec<_> = report.tables.iter().flat_map(|table| &table.skipped).collect();
        @if count > 0 {
            details {
                summary { (counted(count, "row")) " skipped, because they say nothing" }
                ul.notes { @for row in &rows { li { "Row " (row.row) ": " (row.reason) } } }
                (rest(count, rows.len()))
            }
        }
    }
}

fn rest(all: u64, listed: usize) -> Markup {
    let more = all.saturating_sub(listed as u64);
    html! { @if more > 0 { p.hint { "and " (count(more)) " more" } } }
}

fn form(inputs: &Inputs, outcome: &Outcome) -> Markup {
    let is_checked = matches!(outcome, Outcome::Foreseen(_));
    let wrong_as_of = match outcome {
        Outcome::Wrong(problem) if problem.field() == Some("as_of") => Some("true"),
        _ => None,
    };
    html! {
        section.card {
            h2 { "Import" }
            form.fields method="post" action="/imports/check" {
                div.inner {
                    div.field.wide {
                        label for="csv" { "CSV" }
                        textarea #csv name="csv" rows="8" required placeholder=(EXAMPLE) spellcheck="false" aria-describedby="csv-hint" { "\n" (inputs.csv) }
                        p.hint #csv-hint {
                            "A header with " code { "link" } " or " code { "post" } ", " code { "date" } ", and one or more of "
                            code { "impressions" } ", " code { "views" } ", " code { "reach" } ", " code { "profile_visits" } ", "
                            code { "story_views" } ", " code { "delivered" } ". For a large file: " code { "waypost import FILE" } "."
                        }
                    }
                    div.field {
                        label for="file_name" { "Name" }
                        input #file_name name="file_name" value=(inputs.file_name) placeholder=(UNNAMED) autocomplete="off" aria-describedby="name-hint";
                        p.hint #name-hint { "To find it in the list below." }
                    }
                    div.field {
                        label for="as_of" { "As of" }
                        input #as_of name="as_of" value=(inputs.as_of) placeholder="now" autocomplete="off" aria-invalid=[wrong_as_of] aria-describedby="as-of-hint";
                        p.hint #as-of-hint { "When the platform gave these numbers, such as 2026-11-21T12:00:00Z." }
                    }
                }
                div.actions {
                    @if is_checked {
                        button formaction="/imports" { "Import" }
                        button.plain { "Check again" }
                        a.button.plain href="/imports" { "Cancel" }
                    } @else { button { "Check" } span.hint { "Nothing is stored yet." } }
                }
            }
        }
    }
}

fn list(imports: &[ImportSummary], zone: &TimeZone) -> Markup {
    let mut newest: Vec<&ImportSummary> = imports.iter().collect();
    newest.sort_by_key(|import| std::cmp::Reverse(import.id.0));
    html! {
        section.card {
            h2 { "Imported" }
            @if newest.is_empty() {
                p.hint { "No " (defined(Word::Impressions, "impressions")) " yet. Until there are, clicks have nothing to be divided by." }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { (defined(Word::AsOf, "As of")) }
                            th.roomy scope="col" { "Imported" }
                            th.number scope="col" { "Numbers" }
                            th.number scope="col" { span.unseen { "Undo" } }
                        }
                    }
                    tbody { @for import in newest.iter().take(IMPORTS) { (row(import, zone)) } }
                }
                (rest(newest.len() as u64, newest.len().min(IMPORTS)))
            }
        }
    }
}

fn row(import: &ImportSummary, zone: &TimeZone) -> Markup {
    html! {
        tr {
            td { (import.about.file_name) }
            td { (when(import.about.as_of, zone)) }
            td.roomy { (when(import.about.imported_at, zone)) }
            td.number { (count(import.about.numbers)) }
            td.number { a href={ "/imports/" (import.id.0) "/undo" } aria-label={ "Undo the import of " (import.about.file_name) } { "Undo" } }
        }
    }
}
