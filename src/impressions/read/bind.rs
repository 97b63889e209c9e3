//! From a table to the columns that are read: where its header is, which dialect that is, what each column holds.
//!
//! Pure. It must never bind a column by its position or by a part of its header.

use std::collections::HashSet;

use crate::domain::metric::Metric;
use crate::impressions::dialects::{self, About, Dialect, Facts, Look, Role, fold};
use crate::impressions::options::Options;
use crate::impressions::reading::Sample;
use crate::impressions::table::{Numbering, Sheet};

/// How many rows may stand above a header.
const ABOVE_MAX: usize = 40;
/// How much of a cell above a header is kept, and of a header that is shown.
const SHOWN_CHARS_MAX: usize = 200;
/// How many columns of a table that nobody knows are shown, and how many cells of each.
const SAMPLES_MAX: usize = 100;
const SAMPLE_CELLS: usize = 3;
/// The most rows of a table that has its headers in its first column.
const SIDEWAYS_ROWS_MAX: usize = 40;

/// A table and how it is read.
pub(super) struct Bound {
    pub(super) sheet: Sheet,
    pub(super) dialect: &'static Dialect,
    pub(super) facts: Facts,
    /// How many rows stand before the data, the header included.
    pub(super) rows_before: usize,
    pub(super) headers: Vec<String>,
    /// Tables that stand side by side, each with its columns. Mostly one.
    pub(super) blocks: Vec<Block>,
    /// Metrics whose header names a currency: `Amount spent (USD)`.
    pub(super) currency: Option<String>,
    /// Whether a mapping says what the columns hold.
    pub(super) mapped: bool,
}

/// The columns of one table, in the order of its roles.
pub(super) type Block = Vec<(usize, Role)>;

/// Why a table is not read.
pub(super) struct NotRead {
    pub(super) message: String,
    /// It is known what it is.
    pub(super) is_known: bool,
    /// Of a table that nobody knows.
    pub(super) columns: Vec<Sample>,
}

impl Bound {
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, Role)> + '_ {
        self.blocks.iter().flatten().copied()
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.columns().any(|(_, of)| of == role)
    }

    /// Whether somebody else has to say which days the table is about.
    pub(super) fn needs_a_period(&self) -> bool {
        let dated = [Role::Day, Role::From, Role::Span].into_iter().any(|role| self.has(role));
        matches!(self.dialect.about, About::Asked | About::Spans) && !dated && self.facts.period.is_none()
    }
}

/// Finds out how a table is read.
pub(super) fn bind(sheet: Sheet, options: &Options) -> Result<Bound, NotRead> {
    let top = top(&sheet).map_err(|message| NotRead { message, is_known: false, columns: Vec::new() })?;
    if let Some((at, dialect)) = header(&top, options) {
        return bound(sheet, &top, at, dialect, options);
    }
    if let Some(turned) = sideways(&sheet, &top)
        && let Ok(top) = self::top(&turned)
        && let Some((at, dialect)) = header(&top, options)
    {
        return bound(turned, &top, at, dialect, options);
    }
    Err(NotRead { message: unknown(&top, options), is_known: false, columns: samples(&top) })
}

/// What was said before about a file with the columns of this one, if nothing is said now and no dialect knows it.
pub(super) fn recalled<'o>(sheet: &Sheet, options: &'o Options) -> Option<&'o Options> {
    if options.map.is_some() || options.known.is_empty() {
        return None;
    }
    let top = top(sheet).ok()?;
    if header(&top, options).is_some() {
        return None;
    }
    let rows: Vec<Vec<String>> = top.iter().map(|row| row.iter().map(|cell| fold_bounded(cell)).collect()).collect();
    let fits = |known: &&Options| known.map.as_ref().is_some_and(|map| rows.iter().any(|row| map.fits(row)));
    options.known.iter().find(fits)
}

/// The first rows.
fn top(sheet: &Sheet) -> Result<Vec<Vec<String>>, String> {
    let mut rows = sheet.rows();
    let mut top = Vec::new();
    while top.len() <= ABOVE_MAX
        && let Some(row) = rows.next()?
    {
        top.push(row.iter().map(str::to_owned).collect());
    }
    Ok(top)
}

/// The row that is the header, and the dialect that it shows.
fn header(top: &[Vec<String>], options: &Options) -> Option<(usize, &'static Dialect)> {
    let folded = top.iter().map(|row| row.iter().map(|cell| fold_bounded(cell)).collect::<Vec<_>>());
    folded.enumerate().find_map(|(at, headers)| match &options.map {
        Some(map) => map.fits(&headers).then_some((at, &dialects::MAPPED)),
        None => dialects::of_headers(&headers).map(|dialect| (at, dialect)),
    })
}

/// A cell that is longer than any header is no header.
fn fold_bounded(cell: &str) -> String {
    if cell.len() > 4 * SHOWN_CHARS_MAX { String::new() } else { fold(cell) }
}

fn bound(
    sheet: Sheet,
    top: &[Vec<String>],
    at: usize,
    dialect: &'static Dialect,
    options: &Options,
) -> Result<Bound, NotRead> {
    let known = |message: String| NotRead { message, is_known: true, columns: Vec::new() };
    if let Some(reason) = dialect.refused {
        return Err(known(reason.to_owned()));
    }
    let headers: Vec<String> = top[at].iter().map(|cell| fold_bounded(cell)).collect();
    let look = Look { above: &top[..at], headers: &headers, table: &sheet.name };
    let facts = dialect.look.map_or(Ok(Facts::default()), |ask| ask(&look)).map_err(known)?;
    if let Some(reason) = facts.passed_over {
        return Err(known(reason.to_owned()));
    }
    let (blocks, currency) = match &options.map {
        Some(map) => (vec![mapped(&map.columns, &headers).map_err(known)?], None),
        None => blocks(dialect, &headers, &top[at], facts.titled).map_err(known)?,
    };
    let headers = top[at].iter().map(|cell| cell.chars().take(SHOWN_CHARS_MAX).collect()).collect();
    let mapped = options.map.is_some();
    Ok(Bound { sheet, dialect, facts, rows_before: at + 1, headers, blocks, currency, mapped })
}

fn mapped(columns: &[(Role, String)], headers: &[String]) -> Result<Block, String> {
    let find = |(role, header): &(Role, String)| {
        let at = headers.iter().position(|of| of == header);
        at.map(|at| (at, *role)).ok_or_else(|| format!("the header has no column {header:?}"))
    };
    columns.iter().map(find).collect()
}

/// The columns of each table that stands between empty headers; of all together, unless there are several.
fn blocks(
    dialect: &Dialect,
    headers: &[String],
    written: &[String],
    titled: Option<Metric>,
) -> Result<(Vec<Block>, Option<String>), String> {
    let mut currency = None;
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    let mut start = 0;
    for end in (0..=headers.len()).filter(|at| headers.get(*at).is_none_or(String::is_empty)) {
        if dialect.fits(&headers[start..end]) {
            parts.push(start..end);
        }
        start = end + 1;
    }
    if parts.len() < 2 {
        parts.clear();
        parts.push(0..headers.len());
    }
    let mut blocks = Vec::new();
    for part in parts {
        blocks.push(block(dialect, headers, written, part, titled, &mut currency)?);
    }
    Ok((blocks, currency))
}

fn block(
    dialect: &Dialect,
    headers: &[String],
    written: &[String],
    part: std::ops::Range<usize>,
    titled: Option<Metric>,
    currency: &mut Option<String>,
) -> Result<Block, String> {
    let (mut block, mut taken) = (Block::new(), HashSet::new());
    for column in dialect.columns {
        let role = match column.role {
            Role::Titled => titled.map_or(Role::Titled, Role::Metric),
            role => role,
        };
        // In the order of the dialect's names: the first of them says most exactly what is meant.
        for (name, at) in column.names.iter().flat_map(|name| part.clone().map(move |at| (*name, at))) {
            let bare = if role == Role::Metric(Metric::Spend) { without_currency(&written[at]) } else { None };
            let is_it = headers[at] == name || bare.as_ref().is_some_and(|(bare, _)| bare == name);
            if !is_it || (!role.may_repeat() && taken.contains(&role)) {
                continue;
            }
            if let Some((_, code)) = bare {
                *currency = Some(code);
            }
            taken.insert(role);
            block.push((at, role));
        }
    }
    Ok(block)
}

/// `Amount spent (USD)` without the code, folded, and the code.
fn without_currency(header: &str) -> Option<(String, String)> {
    let (bare, code) = header.trim().strip_suffix(')')?.rsplit_once('(')?;
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then(|| (fold(bare), code.to_owned()))
}

/// A small table with its headers in the first column and its one row in the second, turned around.
fn sideways(sheet: &Sheet, top: &[Vec<String>]) -> Option<Sheet> {
    let used = |row: &Vec<String>| row.iter().skip(2).all(String::is_empty);
    if top.len() < 2 || top.len() > SIDEWAYS_ROWS_MAX || !top.iter().all(used) {
        return None;
    }
    let line = |column: usize| {
        let cell =
            |row: &Vec<String>| format!("\"{}\"", row.get(column).map_or("", String::as_str).replace('"', "\"\""));
        top.iter().map(cell).collect::<Vec<_>>().join(",")
    };
    let text = format!("{}\n{}\n", line(0), line(1));
    let numbering = Numbering::Rows;
    Some(Sheet { text, numbering, delimiter: b',', ..sheet.clone() })
}

/// The row that is probably the header: the first of the widest.
fn widest(top: &[Vec<String>]) -> Option<usize> {
    let filled = |row: &Vec<String>| row.iter().filter(|cell| !cell.is_empty()).count();
    top.iter().enumerate().rev().max_by_key(|(_, row)| filled(row)).map(|(at, _)| at)
}

/// What stands below each header of a table that nobody knows.
fn samples(top: &[Vec<String>]) -> Vec<Sample> {
    let Some(at) = widest(top) else { return Vec::new() };
    let cut = |text: &String| text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect::<String>();
    let below = &top[at + 1..top.len().min(at + 1 + SAMPLE_CELLS)];
    let sample = |(column, header): (usize, &String)| Sample {
        header: cut(header),
        cells: below.iter().filter_map(|row| row.get(column)).map(cut).collect(),
    };
    let named = top[at].iter().enumerate().filter(|(_, header)| !header.is_empty());
    named.map(sample).take(SAMPLES_MAX).collect()
}

/// Nobody knows these headers: which they are, and what can be done.
fn unknown(top: &[Vec<String>], options: &Options) -> String {
    let headers: Vec<&str> = widest(top)
        .map(|at| &top[at])
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|cell| !cell.is_empty())
        .take(24)
        .collect();
    let shown: String = headers.join(", ").chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX * 2).collect();
    if let Some(map) = &options.map {
        let wanted: Vec<&str> = map.columns.iter().map(|(_, header)| header.as_str()).collect();
        return format!("no row has all the columns that the mapping names ({}); found: {shown}", wanted.join(", "));
    }
    format!(
        "no platform's file has these columns: {shown}. Say what they hold, as in --map 'post=URL,date=Day,views=Views'; \
         a file of your own needs post or link, date, and impressions, views, reach, profile_visits, story_views or \
         delivered"
    )
}
