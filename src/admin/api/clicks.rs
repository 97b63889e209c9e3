//! `GET /api/v1/clicks`: clicks as CSV, JSON lines or Parquet, streamed in constant memory.
//!
//! The archive is read on a blocking thread that writes into a short channel. A client that goes away, or stops
//! reading, ends the export; an archive that cannot be read breaks the answer off instead of ending it early.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{AskedOf, FilterParams};
use super::problem::Problem;
use crate::admin::Admin;
use crate::archive::{ArchiveError, ClickQuery, Conversion, Format, Receiver, Scan, export, upload};
use crate::domain::facet::{ClickFacet, Facet};
use crate::domain::filter::ClickFilter;
use crate::domain::verdict::Verdict;
use crate::stats::click_filter;
use crate::stats::query::{QueryError, parse_day};

/// Exports under way at once; each holds a thread.
pub(in crate::admin) const EXPORTS_MAX: usize = 4;

/// Bytes of one piece, and pieces on their way to the client.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_MAX: usize = 4;

const VERDICT: Facet = Facet::Click(ClickFacet::Verdict);

/// How long a client may read nothing before its export ends.
const STALL_MAX: Duration = Duration::from_secs(60);

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(download)).routes(routes!(upload_file))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// `csv` (unless said), `jsonl` or `parquet`.
    format: Option<String>,
    /// The first day, `2026-11-01`.
    from: Option<String>,
    /// The last day.
    to: Option<String>,
}

/// Clicks as a file, streamed. docs/click-files.md says what the columns mean. Unless a `verdict` is given, only those of
/// people; `verdict=all` is every hit.
#[utoipa::path(get, path = "/clicks", operation_id = "exportClicks", tag = "Clicks", params(Params, FilterParams),
    responses((status = OK, content(
        (String = "text/csv; charset=utf-8; header=present"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    ))))]
async fn download(State(admin): State<Admin>, asked: AskedOf<Params>) -> Result<Response, Problem> {
    let AskedOf(mut filter, params) = asked;
    let format = format(params.format.as_deref())?;
    if filter.choice(VERDICT).is_none() {
        filter = filter.with(VERDICT, Verdict::Human.as_str());
    }
    let days = Days { from: params.from, to: params.to };
    let query = days.query(click_filter(&*admin.store, &filter).await?, &admin.report_zone)?;
    let name = (format.file_name().to_owned(), format.content_type());
    streamed(&admin, query, name, move |scan, pieces| export(scan, format, pieces)).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadParams {
    /// Who takes the file: `google-ads`, `microsoft-ads`, `meta` or `ga4`.
    r#for: String,
    /// What each click is called there: a conversion action, a goal or an event. `Link click` unless said.
    name: Option<String>,
    /// What each click is worth, such as `1.50`; it needs `currency`.
    value: Option<String>,
    /// ISO 4217, such as `EUR`.
    currency: Option<String>,
    /// The first day, `2026-11-01`.
    from: Option<String>,
    /// The last day.
    to: Option<String>,
}

/// Clicks of people that carry an id of an advertising platform, as a file that it takes; or clicks by day and UTM for
/// Analytics 4. docs/moving.md says what each expects.
#[utoipa::path(get, path = "/clicks/upload", operation_id = "exportUpload", tag = "Clicks",
    params(UploadParams, FilterParams),
    responses((status = OK, content((String = "text/csv; charset=utf-8; header=present")))))]
async fn upload_file(State(admin): State<Admin>, asked: AskedOf<UploadParams>) -> Result<Response, Problem> {
    let AskedOf(filter, params) = asked;
    let known = || Receiver::ALL.map(Receiver::as_str).join(", ");
    let receiver = Receiver::parse(&params.r#for)
        .ok_or_else(|| Problem::invalid("for", format!("{:?} is none of {}", params.r#for, known())))?;
    let conversion = conversion(params.name, params.value, params.currency)?;
    let filter = filter.with(VERDICT, Verdict::Human.as_str());
    let days = Days { from: params.from, to: params.to };
    let query = days.query(click_filter(&*admin.store, &filter).await?, &admin.report_zone)?;
    let name = (format!("{}.csv", receiver.as_str()), Format::Csv.content_type());
    let zone = admin.report_zone.clone();
    streamed(&admin, query, name, move |scan, pieces| upload(scan, receiver, &conversion, &zone, pieces)).await
}

/// The longest name of a conversion, in characters.
const NAME_CHARS_MAX: usize = 100;

fn conversion(name: Option<String>, value: Option<String>, currency: Option<String>) -> Result<Conversion, Problem> {
    let name = name.unwrap_or_else(|| "Link click".to_owned());
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", format!("a name has 1 to {NAME_CHARS_MAX} characters and no line break")));
    }
    let value = match (value, currency) {
        (None, None) => None,
        (Some(value), Some(currency)) => Some((value, currency)),
        (Some(_), None) => return Err(Problem::invalid("currency", "a value needs its currency, such as EUR")),
        (None, Some(_)) => return Err(Problem::invalid("value", "a currency needs a value")),
    };
    if let Some((value, currency)) = &value {
        let is_number = value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_number || value.parse::<f64>().is_err() {
            return Err(Problem::invalid("value", format!("{value:?} is no amount: write it like 1.50")));
        }
        if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(Problem::invalid("currency", "a currency is three upper-case letters (ISO 4217), such as EUR"));
        }
    }
    Ok(Conversion { name, value })
}

/// What `write` makes of the clicks asked for, as a download of this name and media type.
async fn streamed(
    admin: &Admin,
    query: ClickQuery,
    (file_name, content_type): (String, &'static str),
    write: impl FnOnce(Scan, &mut Pieces) -> io::Result<u64> + Send + 'static,
) -> Result<Response, Problem> {
    let busy = |_| Problem::unavailable(format!("{EXPORTS_MAX} exports are under way: try again when one is done"));
    let turn = Arc::clone(&admin.exports).try_acquire_owned().map_err(busy)?;
    let archive = Arc::clone(&admin.archive);
    let scan = tokio::task::spawn_blocking(move || archive.scan(query)).await;
    let scan = scan.unwrap_or(Err(ArchiveError::Thread))?;
    let (pieces, mut received) = mpsc::channel(PIECES_MAX);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        write_all(scan, write, Pieces { pieces, runtime, filling: BytesMut::new() });
        drop(turn);
    });
    let body = Body::from_stream(futures_util::stream::poll_fn(move |context| received.poll_recv(context)));
    let disposition = format!("attachment; filename=\"{file_name}\"");
    let headers = [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, body).into_response())
}

fn write_all(scan: Scan, write: impl FnOnce(Scan, &mut Pieces) -> io::Result<u64>, mut pieces: Pieces) {
    let written = write(scan, &mut pieces).and_then(|_| io::Write::flush(&mut pieces));
    let Err(error) = written else { return };
    if error.kind() != io::ErrorKind::BrokenPipe {
        tracing::error!("an export broke off: {error}");
    }
    // An error is the only way to say in the middle of a body that it is not whole.
    let _ = pieces.send(Err(error));
}

/// Gathers what an export writes into pieces, and hands them to the answer as fast as the client reads.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    filling: BytesMut,
}

impl Pieces {
    fn send(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        let sent = self.runtime.block_on(async { tokio::time::timeout(STALL_MAX, self.pieces.send(piece)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.filling.extend_from_slice(bytes);
        if self.filling.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.filling.is_empty() {
            return Ok(());
        }
        let piece = self.filling.split().freeze();
        self.send(Ok(piece))
    }
}

pub(super) fn format(text: Option<&str>) -> Result<Format, Problem> {
    let Some(text) = text else { return Ok(Format::default()) };
    let known = || Format::ALL.map(Format::as_str).join(", ");
    Format::parse(text).ok_or_else(|| Problem::invalid("format", format!("{text:?} is none of {}", known())))
}

/// The days of an export; one that is not said has no end.
struct Days {
    from: Option<String>,
    to: Option<String>,
}

impl Days {
    fn query(&self, filter: ClickFilter, zone: &TimeZone) -> Result<ClickQuery, Problem> {
        let from = self.from.as_deref().map(|text| parse_day("from", text)).transpose()?;
        let to = self.to.as_deref().map(|text| parse_day("to", text)).transpose()?;
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::invalid("from", format!("the window ends before it begins: {from} is after {to}")));
        }
        Ok(ClickQuery {
            from_ms: from.map(|day| begins("from", day, zone)).transpose()?,
            to_ms: to.map(|day| begins("to", day.tomorrow().unwrap_or(day), zone)).transpose()?,
            filter,
        })
    }
}

/// When a day of the report time zone begins, in milliseconds since 1970-01-01T00:00:00Z.
fn begins(field: &'static str, day: Date, zone: &TimeZone) -> Result<i64, QueryError> {
    let begin = day.to_zoned(zone.clone());
    let begin =
        begin.map_err(|_| QueryError { field, message: format!("{day} is beyond the days that can be told") })?;
    Ok(begin.timestamp().as_millisecond())
}
