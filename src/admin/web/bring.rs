//! Bring links from elsewhere: a file of another tool is checked first, then imported; imports are listed and undone.
//!
//! The file goes the way of every import of links. Between check and import it stays in the form, not on the server.

use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::layout::{self, Place, Question};
use super::text::{count, counted, sentence, when};
use super::{Refused, may};
use crate::admin::Admin;
use crate::admin::api::link_import::{cut, run, source};
use crate::admin::api::problem::Problem;
use crate::links::import::wire::{LinkImportReport, RefusedRow};
use crate::links::import::{self, About, How, Source, Upload};

/// The largest form, in bytes; larger files go through the command line.
pub(super) const FORM_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The name of a text that came without one.
const UNNAMED: &str = "pasted.csv";

const EXAMPLE: &str =
    "short_url,long_url,title,tags,clicks\nhttps://bit.ly/Spring,https://example.com/shop,Spring,sale,1204";

#[derive(Clone, Debug, Default)]
struct Inputs {
    text: String,
    file_name: String,
    from: String,
    domain: String,
    skip_refused: bool,
}

impl Inputs {
    async fn read(form: Result<Multipart, MultipartRejection>) -> Result<Self, Refused> {
        let mut form = form.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
        let mut inputs = Self::default();
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(cut);
            let bytes = field.bytes().await.map_err(unreadable)?;
            match name.as_str() {
                // A file that was chosen stands above what was pasted.
                "file" if !bytes.is_empty() => {
                    (inputs.text, inputs.file_name) = (decoded(&bytes)?, file_name.unwrap_or_default());
                }
                "text" if inputs.text.is_empty() => inputs.text = decoded(&bytes)?,
                "file_name" if inputs.file_name.is_empty() => inputs.file_name = cut(&decoded(&bytes)?),
                "from" => inputs.from = decoded(&bytes)?,
                "domain" => inputs.domain = decoded(&bytes)?,
                "skip_refused" => inputs.skip_refused = true,
                _ => {}
            }
        }
        Ok(inputs)
    }

    fn upload(&self, dry_run: bool) -> Result<Upload, Problem> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let how = How {
            file_name: given(&self.file_name).unwrap_or_else(|| UNNAMED.to_owned()),
            from: given(&self.from).map(|word| source(&word)).transpose()?,
            domain: given(&self.domain),
            dry_run,
            skip_refused: self.skip_refused,
        };
        Ok(Upload { bytes: self.text.clone().into_bytes(), how })
    }
}

fn unreadable(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "this file is too large for the page: `waypost link import FILE` takes up to 64 MiB",
        ),
        _ => Problem::malformed(format!("the form is not understood: {}", error.body_text())),
    }
}

/// UTF-8, or what a byte order mark says.
fn decoded(bytes: &[u8]) -> Result<String, Problem> {
    let (text, _, is_wrong) = encoding_rs::UTF_8.decode(bytes);
    if is_wrong {
        return Err(Problem::invalid("file", "the file is not UTF-8: save it as \"CSV UTF-8\" and try again"));
    }
    Ok(text.into_owned())
}

/// What the form is answered with.
enum Outcome {
    Asked,
    Foreseen(LinkImportReport),
    Done(LinkImportReport),
    Wrong(Problem),
}

pub(super) async fn page(State(admin): State<Admin>) -> Result<Markup, Refused> {
    draw(&admin, &Inputs::default(), &Outcome::Asked).await
}

/// Says what an import would do, and does nothing.
pub(super) async fn check(
    State(admin): State<Admin>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refused> {
    answer(&admin, Inputs::read(form).await?, true).await
}

pub(super) async fn store(
    State(admin): State<Admin>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refused> {
    answer(&admin, Inputs::read(form).await?, false).await
}

async fn answer(admin: &Admin, inputs: Inputs, dry_run: bool) -> Result<Response, Refused> {
    let done = match inputs.upload(dry_run) {
        Ok(upload) => run(admin, upload).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(report) if dry_run => Ok(draw(admin, &inputs, &Outcome::Foreseen(report)).await?.into_response()),
        Ok(report) => Ok(draw(admin, &Inputs::default(), &Outcome::Done(report)).await?.into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        Err(problem) => {
            let status = problem.status();
            Ok((status, draw(admin, &inputs, &Outcome::Wrong(problem)).await?).into_response())
        }
    }
}

type Number = Result<Path<u64>, PathRejection>;

pub(super) async fn confirm_undo(State(admin): State<Admin>, number: Number) -> Result<Markup, Refused> {
    let Path(id) = number?;
    let all = import::list(&*admin.store).await?;
    let about = all.iter().find(|about| about.id == id);
    let about =
        about.ok_or_else(|| Problem::not_found(format!("import {id} does not exist, or was undone already")))?;
    let question = Question {
        at: Place::Links,
        title: &format!("Undo the import of {}?", about.file_name),
        consequence: &format!(
            "Its {} are removed, changed ones too: their short URLs answer 404 from then on. Clicks that were counted stay \
             in the totals and in exports.",
            counted(about.made, "link")
        ),
        verb: "Remove these links",
        action: &format!("/links/import/{id}/undo"),
        back: "/links/import",
    };
    Ok(question.page())
}

pub(super) async fn undo(State(admin): State<Admin>, number: Number) -> Result<Redirect, Refused> {
    let Path(id) = number?;
    import::undo(&admin.catalog, &*admin.store, id).await.map_err(Problem::from)?;
    Ok(Redirect::to("/links/import"))
}

async fn draw(admin: &Admin, inputs: &Inputs, outcome: &Outcome) -> Result<Markup, Refused> {
    let imports = import::list(&*admin.store).await?;
    let content = html! {
        h1 { "Bring links from elsewhere" }
        (told(outcome))
        (form(admin, inputs, outcome))
        (list(&imports, &admin.report_zone))
    };
    let title = match outcome {
        Outcome::Asked => "Bring links from elsewhere",
        Outcome::Foreseen(_) => "Check the links",
        Outcome::Done(_) => "Links imported",
        Outcome::Wrong(_) => "Not imported",
    };
    Ok(layout::page(Place::Links, title, &content))
}

fn told(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Asked => html! {},
        Outcome::Wrong(problem) => html! {
            section.card.refusal role="alert" { h2 { "Nothing was imported" } p { (sentence(problem.detail())) } }
        },
        Outcome::Foreseen(report) => html! {
            section.card.welcome role="status" { h2 { "What an import would do" } (report_of(report)) }
        },
        Outcome::Done(report) => html! {
            section.card.welcome role="status" { h2 { (counted(report.made, "link")) " imported" } (report_of(report)) }
        },
    }
}

fn report_of(report: &LinkImportReport) -> Markup {
    html! {
        dl.totals {
            div { dt { "From" } dd { (report.from) } }
            div { dt { "New links" } dd { (count(report.made)) } }
            div { dt { "Here already" } dd { (count(report.there)) } }
            div { dt { "Refused" } dd { (count(report.refused)) } }
            div { dt { "Clicks counted there" } dd { (count(report.imported_clicks)) } }
        }
        @if report.imported_clicks > 0 {
            p { "Those clicks are " (report.counted) ". They are shown beside a link's clicks here, and are in no sum and no rate." }
        }
        @for host in &report.hosts { p { (counted(host.links, "link")) " of " (host.host) " will be served on " (host.to) "." } }
        @for (what, links) in &report.left_out { p.warning { (counted(*links, "link")) " had " (what) ", which does not come along." } }
        (refusals(report.refused, &report.refusals))
        @if !report.sample.is_empty() {
            details {
                summary { "The first of them" }
                table {
                    thead { tr { th scope="col" { "Short URL" } th scope="col" { "Leads to" } th.number scope="col" { "Clicks there" } } }
                    tbody {
                        @for link in &report.sample {
                            tr { td { (link.short_url) } td { (link.destination) } td.number { @if let Some(clicks) = link.clicks { (count(clicks)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn refusals(all: u64, rows: &[RefusedRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            table {
                caption { (counted(all, "link")) " cannot come along" }
                thead { tr { th scope="col" { "Row" } th scope="col" { "Slug" } th scope="col" { "Why" } } }
                tbody { @for row in rows { tr { th scope="row" { (row.row) } td { (row.slug) } td { (sentence(&row.message)) } } } }
            }
            @if all > rows.len() as u64 { p.hint { "and " (count(all - rows.len() as u64)) " more" } }
        }
    }
}

fn form(admin: &Admin, inputs: &Inputs, outcome: &Outcome) -> Markup {
    let foreseen = if let Outcome::Foreseen(report) = outcome { Some(report) } else { None };
    html! {
        section.card {
            h2 { @if foreseen.is_some() { "Import them" } @else { "A file of links" } }
            form.fields method="post" action="/links/import/check" enctype="multipart/form-data" {
                div.inner {
                    @if foreseen.is_some() {
                        input type="hidden" name="file_name" value=(inputs.file_name);
                        // Not `hidden`: a control that is hidden in this way keeps its text and is sent.
                        details.wide { summary { "The file" } textarea name="text" rows="8" readonly aria-label="The file" { "\n" (inputs.text) } }
                    } @else {
                        div.field.wide {
                            label for="file" { "File" }
                            input #file type="file" name="file" accept=".csv,.tsv,.txt,.json,.jsonl,text/csv,application/json" aria-describedby="file-hint";
                            p.hint #file-hint { "As the other tool lets you download it: CSV, JSON, or JSON lines. Up to 16 MB here, 64 MB by " code { "waypost link import" } "." }
                        }
                        div.field.wide {
                            label for="text" { "Or its text" }
                            textarea #text name="text" rows="6" placeholder=(EXAMPLE) spellcheck="false" { "\n" (inputs.text) }
                        }
                    }
                    (choices(admin, inputs))
                }
                div.actions {
                    @if let Some(report) = foreseen {
                        @if report.made > 0 { button formaction="/links/import" { "Import " (counted(report.made, "link")) } }
                        button.plain { "Check again" }
                        a.button.plain href="/links/import" { "Another file" }
                    } @else { button { "Check" } span.hint { "Nothing is imported yet." } }
                }
            }
        }
    }
}

fn choices(admin: &Admin, inputs: &Inputs) -> Markup {
    let hosts: Vec<&str> = admin.catalog.domains().hosts().collect();
    html! {
        div.field {
            label for="from" { "From" }
            select #from name="from" {
                option value="" { "Known by its columns" }
                @for source in Source::ALL { option value=(source.as_str()) selected[inputs.from == source.as_str()] { (source.as_str()) } }
            }
        }
        @if hosts.len() > 1 {
            div.field {
                label for="domain" { "Onto the domain" }
                select #domain name="domain" {
                    option value="" { "That of each short URL" }
                    @for host in hosts { option value=(host) selected[inputs.domain == host] { (host) } }
                }
            }
        }
        div.field.wide {
            label.check { input type="checkbox" name="skip_refused" value="true" checked[inputs.skip_refused]; " Import the others when some cannot be" }
        }
    }
}

fn list(imports: &[About], zone: &TimeZone) -> Markup {
    html! {
        section.card {
            h2 { "Imported" }
            @if imports.is_empty() {
                p.hint { "No links were brought here yet. They keep their slugs, so that what was posted goes on working once the domain leads here." }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "File" }
                            th scope="col" { "From" }
                            th.roomy scope="col" { "Imported" }
                            th.number scope="col" { "Links" }
                            th.number scope="col" { "Clicks there" }
                            th.number scope="col" { span.unseen { "Undo" } }
                        }
                    }
                    tbody {
                        @for about in imports.iter().rev() {
                            tr {
                                td { (about.file_name) }
                                td { (about.from) }
                                td.roomy { (when(about.imported_at, zone)) }
                                td.number { (count(about.made)) }
                                td.number { (count(about.clicks)) }
                                @let undo = format!("/links/import/{}/undo", about.id);
                                td.number { @if may::open(&undo) { a href=(undo) aria-label={ "Undo the import of " (about.file_name) } { "Undo" } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
