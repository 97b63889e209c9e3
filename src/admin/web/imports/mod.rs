//! Impressions: files are dropped, shown as they would be imported, imported, and undone.
//!
//! A file goes the way of every upload: it is parsed in a limited child process, and stored whole or not at all. Between
//! the showing and the yes it waits (`admin::waiting`); nothing is imported before.

use axum::Form;
use axum::extract::multipart::{Field as Part, Multipart, MultipartError, MultipartRejection};
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use bytes::Bytes;
use maud::Markup;
use serde::Deserialize;

use super::layout::{Place, Question};
use super::text::counted;
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::waiting::Held;
use crate::domain::import::ImportId;
use crate::impressions::mapping::Mapping;

mod check;
mod columns;
mod desk;
mod manual;
mod report;
mod said;
mod shown;

pub(super) use check::{explain, page as check_page, store};
pub(super) use desk::{Tab, tabs};
pub(super) use manual::{keep as keep_manual, page as manual_page};
pub(in crate::admin) use said::Said;
pub(super) use shown::page as show;

/// The largest form with files, in bytes.
pub(super) const FORM_BYTES_MAX: usize = 64 << 20;

/// The most files of one form.
const FILES_MAX: usize = 20;

/// The name of a text that came without one.
const UNNAMED: &str = "pasted.csv";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Params {
    /// The imports that were just made, separated by commas.
    done: String,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    let done: Vec<u64> = params.done.split(',').filter_map(|id| id.parse().ok()).collect();
    desk::page(&admin, &done, None).await
}

/// Takes files in, to be looked at: nothing is stored.
pub(super) async fn receive(
    State(admin): State<Admin>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<axum::response::Response, Refused> {
    use axum::response::IntoResponse;
    let form = form.map_err(|error| Problem::malformed(format!("the form is not understood: {error}")))?;
    // Whoever waits too long is told so by the deadline of every page.
    let _turn = admin.uploads.acquire().await.map_err(|_| Problem::unavailable("the server is stopping"))?;
    let files = received(form).await?;
    if files.is_empty() {
        let page = desk::page(&admin, &[], Some("Choose a file, or paste a table.")).await?;
        return Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let token = admin.waiting.put(files, admin.clock.now_ms()).await?;
    Ok(Redirect::to(&check::path(&token)).into_response())
}

/// The files of a form, each with what the form says of all of them.
async fn received(mut form: Multipart) -> Result<Vec<Held<Said>>, Problem> {
    let mut said = Said::default();
    let (mut files, mut pasted, mut pasted_name) = (Vec::new(), String::new(), String::new());
    while let Some(part) = form.next_field().await.map_err(broken)? {
        match part.name().unwrap_or_default().to_owned().as_str() {
            "file" => files.extend(file(part).await?),
            "csv" => pasted = part.text().await.map_err(broken)?,
            "file_name" => pasted_name = part.text().await.map_err(broken)?,
            name => said.set(name, part.text().await.map_err(broken)?)?,
        }
        if files.len() > FILES_MAX {
            return Err(Problem::malformed(format!("{FILES_MAX} files at a time are the most")));
        }
    }
    if !pasted.trim().is_empty() {
        files.push((named(&pasted_name), unix(&pasted)));
        said.is_pasted = true;
    }
    Ok(files.into_iter().map(|(name, bytes)| Held { name, bytes, said: said.clone() }).collect())
}

/// An input without a file is sent as a part without a name.
async fn file(part: Part<'_>) -> Result<Option<(String, Bytes)>, Problem> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let bytes = part.bytes().await.map_err(broken)?;
    Ok((!name.is_empty() || !bytes.is_empty()).then_some((name, bytes)))
}

fn named(name: &str) -> String {
    Some(name.trim()).filter(|name| !name.is_empty()).unwrap_or(UNNAMED).to_owned()
}

/// Forms send line breaks as CR LF; a pasted file shall be the same import as the file itself.
fn unix(text: &str) -> Bytes {
    text.replace("\r\n", "\n").into_bytes().into()
}

fn broken(error: MultipartError) -> Problem {
    match error.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            error.status(),
            format!(
                "the files are larger than {} MB together: `waypost import FILE` takes files of up to 200 MB",
                FORM_BYTES_MAX >> 20
            ),
        ),
        _ => Problem::malformed(format!("the files did not arrive whole: {}", error.body_text())),
    }
}

/// The columns to be forgotten.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    map: String,
}

pub(super) async fn forget_columns(
    State(admin): State<Admin>,
    form: Result<Form<Forget>, FormRejection>,
) -> Result<Redirect, Refused> {
    let Form(Forget { map }) = form.map_err(unreadable)?;
    let map = Mapping::parse(&map).map_err(|why| Problem::invalid("map", why))?;
    // Somebody else may have forgotten it first: it is gone either way.
    admin.imports.forget_columns(&map).await?;
    Ok(Redirect::to("/imports"))
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
