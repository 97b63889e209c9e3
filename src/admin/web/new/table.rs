//! Links from a table: one row for each link, pasted or as a file. What would be made is shown first; all of it is made
//! or nothing.

use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::made;
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::web::Refused;
use crate::admin::web::field::Field;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::text::{counted, sentence};
use crate::links::catalog::CatalogError;
use crate::links::kit::{Foreseen, KitError, LINKS_MAX};
use crate::links::{Change, LinkFields, UtmFields};

/// The largest table, in bytes.
pub(in crate::admin::web) const FORM_BYTES_MAX: usize = 2 << 20;

/// The most rows that are shown one by one.
const SHOWN: usize = 200;

const EXAMPLE: &str = "url,title,platform,level,source,medium,campaign,content\nhttps://example.com/page,Story,instagram,story,instagram,social,spring,story";

/// A column and the headers it is known by, in lower case.
const COLUMNS: [(Column, &[&str]); 14] = [
    (Column::Url, &["url", "destination", "long url", "long_url", "target"]),
    (Column::Slug, &["slug", "path", "back-half", "keyword"]),
    (Column::Domain, &["domain"]),
    (Column::Title, &["title", "name"]),
    (Column::Tags, &["tags", "tag"]),
    (Column::Platform, &["platform", "network"]),
    (Column::Level, &["level", "placement"]),
    (Column::Posts, &["posts", "post", "permalink"]),
    (Column::Source, &["source", "utm_source"]),
    (Column::Medium, &["medium", "utm_medium"]),
    (Column::Campaign, &["campaign", "utm_campaign"]),
    (Column::Term, &["term", "utm_term"]),
    (Column::Content, &["content", "utm_content"]),
    (Column::Id, &["id", "utm_id"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Url,
    Slug,
    Domain,
    Title,
    Tags,
    Platform,
    Level,
    Posts,
    Source,
    Medium,
    Campaign,
    Term,
    Content,
    Id,
}

/// Reads a table: comma, semicolon or tab, as its header has most of.
///
/// # Errors
/// When it has no header, a column that no link has, or too many rows; in words.
fn read(text: &str) -> Result<Vec<LinkFields>, String> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter =
        [b',', b';', b'\t'].into_iter().max_by_key(|sign| header.bytes().filter(|byte| byte == sign).count());
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| format!("this is no table: {error}"))?.clone();
    let columns = headers.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    if !columns.contains(&Column::Url) {
        return Err("the first line names the columns, and one of them is url: where each link leads".to_owned());
    }
    let mut links = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("this is no table: {error}"))?;
        if links.len() == LINKS_MAX {
            return Err(format!("{LINKS_MAX} links at once are the most: make the rest with a second table"));
        }
        links.push(fields(&columns, &row));
    }
    if links.is_empty() { Err("there is no row below the header".to_owned()) } else { Ok(links) }
}

fn column(header: &str) -> Result<Column, String> {
    let folded = header.trim().trim_start_matches('\u{feff}').to_lowercase();
    let known = COLUMNS.iter().find(|(_, names)| names.contains(&folded.as_str()));
    known.map(|(column, _)| *column).ok_or_else(|| {
        let names: Vec<_> = COLUMNS.iter().map(|(_, names)| names[0]).collect();
        format!("a link has no {header:?}: columns are {}", names.join(", "))
    })
}

fn fields(columns: &[Column], row: &csv::StringRecord) -> LinkFields {
    let mut fields = LinkFields::default();
    let mut utm = UtmFields::default();
    for (column, cell) in columns.iter().zip(row) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let text = || Change::Set(cell.to_owned());
        let list = || Change::Set(cell.split([',', ';']).map(|part| part.trim().to_owned()).collect());
        match column {
            Column::Url => fields.url = text(),
            Column::Slug => fields.slug = text(),
            Column::Domain => fields.domain = text(),
            Column::Title => fields.title = text(),
            Column::Tags => fields.tags = list(),
            Column::Platform => fields.platform = text(),
            Column::Level => fields.level = text(),
            Column::Posts => fields.posts = Change::Set(cell.split_whitespace().map(str::to_owned).collect()),
            Column::Source => utm.source = text(),
            Column::Medium => utm.medium = text(),
            Column::Campaign => utm.campaign = text(),
            Column::Term => utm.term = text(),
            Column::Content => utm.content = text(),
            Column::Id => utm.id = text(),
        }
    }
    fields.utm = Change::Set(utm);
    fields
}

/// What the form is answered with.
enum Outcome {
    Asked,
    /// One answer for each row.
    Foreseen(Vec<Result<Foreseen, CatalogError>>),
    /// Rows that are wrong, by their place.
    Refused(Vec<(usize, CatalogError)>),
    Unreadable(String),
}

pub(in crate::admin::web) async fn page() -> Markup {
    draw("", &Outcome::Asked)
}

pub(in crate::admin::web) async fn submit(
    State(admin): State<Admin>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refused> {
    let form = form.map_err(|error| Problem::malformed(format!("the form is not understood: {error}")))?;
    let (text, is_meant) = received(form).await?;
    let links = match read(&text) {
        Ok(links) => links,
        Err(why) => return Ok(refused(&text, &Outcome::Unreadable(why))),
    };
    if !is_meant {
        return Ok(draw(&text, &Outcome::Foreseen(admin.catalog.foresee_all(&links).await)).into_response());
    }
    match admin.catalog.create_all(&links).await {
        Ok(made) => Ok(Redirect::to(&made::path(made.iter().map(|saved| saved.link.id))).into_response()),
        Err(KitError::Lines(wrong)) if !matches!(wrong.first(), Some((_, CatalogError::Store(_)))) => {
            Ok(refused(&text, &Outcome::Refused(wrong)))
        }
        Err(error) => Err(Problem::from(error).into()),
    }
}

fn refused(text: &str, outcome: &Outcome) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, draw(text, outcome)).into_response()
}

/// The table, a chosen file over a pasted one, and whether it shall be made.
async fn received(mut form: Multipart) -> Result<(String, bool), Problem> {
    let broken = |error: MultipartError| {
        Problem::new(error.status(), format!("the table did not arrive: {}", error.body_text()))
    };
    let (mut pasted, mut file, mut is_meant) = (String::new(), String::new(), false);
    while let Some(part) = form.next_field().await.map_err(broken)? {
        match part.name().unwrap_or_default() {
            "table" => pasted = part.text().await.map_err(broken)?,
            "file" => file = String::from_utf8_lossy(&part.bytes().await.map_err(broken)?).into_owned(),
            "do" => is_meant = part.text().await.map_err(broken)? == "make",
            _ => return Err(Problem::malformed("the form has an input that no page of ours has")),
        }
    }
    Ok((if file.trim().is_empty() { pasted } else { file }, is_meant))
}

fn draw(text: &str, outcome: &Outcome) -> Markup {
    let is_wrong = match outcome {
        Outcome::Asked => false,
        Outcome::Foreseen(answers) => answers.iter().any(Result::is_err),
        Outcome::Refused(_) | Outcome::Unreadable(_) => true,
    };
    let is_ready = matches!(outcome, Outcome::Foreseen(_)) && !is_wrong;
    let unreadable = match outcome {
        Outcome::Unreadable(why) => Some(why.as_str()),
        _ => None,
    };
    let names: Vec<_> = COLUMNS.iter().map(|(_, names)| names[0]).collect();
    let hint = format!("The first line names the columns: {}. Only url is needed.", names.join(", "));
    let content = html! {
        section.card {
            div.head { h1 { "Links from a table" } a href="/links/new" { "One campaign" } }
            form.fields method="post" action="/links/new/table" enctype="multipart/form-data" {
                (Field::new("table", "Table").wide().example(EXAMPLE).hint(&hint).wrong(unreadable).lines(text))
                div.field { label for="file" { "Or a CSV file" } input #file type="file" name="file" accept=".csv,.tsv,.txt"; }
                div.actions {
                    @if is_ready { button name="do" value="make" { "Make links" } button.plain name="do" value="check" { "Check again" } }
                    @else { button name="do" value="check" { "Check" } span.hint { "Nothing is made yet." } }
                }
            }
        }
        (answers(outcome))
    };
    layout::page(Place::New, if is_wrong { "Not made: links from a table" } else { "Links from a table" }, &content)
}

fn answers(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Asked | Outcome::Unreadable(_) => html! {},
        Outcome::Refused(wrong) => wrongs(wrong.iter().map(|(at, error)| (*at, error.to_string()))),
        Outcome::Foreseen(answers) if answers.iter().any(Result::is_err) => {
            let wrong =
                answers.iter().enumerate().filter_map(|(at, answer)| Some((at, answer.as_ref().err()?.to_string())));
            wrongs(wrong)
        }
        Outcome::Foreseen(answers) => foreseen(answers),
    }
}

fn wrongs(wrong: impl Iterator<Item = (usize, String)>) -> Markup {
    let wrong: Vec<_> = wrong.collect();
    html! {
        section.card.refusal role="alert" {
            h2 { "Nothing would be made" }
            p { "All links of a table are made or none, and " (counted(wrong.len() as u64, "row")) " cannot be:" }
            table {
                thead { tr { th scope="col" { "Row" } th scope="col" { "What is wrong" } } }
                tbody { @for (at, why) in wrong.iter().take(SHOWN) { tr { th scope="row" { (at + 1) } td { (sentence(why)) } } } }
            }
        }
    }
}

fn foreseen(answers: &[Result<Foreseen, CatalogError>]) -> Markup {
    let links: Vec<&Foreseen> = answers.iter().flatten().collect();
    html! {
        section.card.welcome role="status" {
            h2 { (counted(links.len() as u64, "link")) " would be made" }
            ul.foreseen {
                @for link in links.iter().take(SHOWN) {
                    li {
                        b { (link.spec.title.as_deref().unwrap_or("Untitled")) }
                        @if link.has_slug { p.short { (link.spec.slug.as_str()) } }
                        p.leads { (link.spec.destination.as_str()) }
                        @for warning in &link.warnings { p.warning { (sentence(warning)) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_its_headers_whatever_divides_it() {
        for text in [
            "url,utm_source,Tags\nhttps://e.com,x,\"a, b\"\n",
            "\u{feff}URL;source;tags\r\nhttps://e.com;x;\"a;b\"\r\n",
            "Destination\tSource\tTag\nhttps://e.com\tx\ta,b",
        ] {
            let links = read(text).unwrap();
            let Change::Set(utm) = &links[0].utm else { panic!("no utm") };
            assert_eq!(links[0].url, Change::Set("https://e.com".to_owned()));
            assert_eq!(utm.source, Change::Set("x".to_owned()));
            assert_eq!(links[0].tags, Change::Set(vec!["a".to_owned(), "b".to_owned()]));
        }
    }

    #[test]
    fn a_table_that_is_none_says_why() {
        for (text, words) in [
            ("", "one of them is url"),
            ("source\nx", "one of them is url"),
            ("url", "no row below"),
            ("url,colour\nhttps://e.com,red", "a link has no \"colour\""),
            (&format!("url\n{}", "https://e.com\n".repeat(LINKS_MAX + 1)), "1000 links at once"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
}
