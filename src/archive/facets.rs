//! What rows show of a facet: one number for each row, into a short list of texts.
//!
//! The texts are those that counters count by, so that a filter and a counter mean the same by a value. Pure. It must
//! never compare or copy a text per row.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use compact_str::CompactString;
use hashbrown::HashMap;

use super::columns::VERDICT;
use crate::domain::counter::{UNKNOWN, VALUE_BYTES_MAX};
use crate::domain::facet::{ClickFacet, NONE};
use crate::domain::verdict::Verdict;

/// What each row of a batch shows.
pub(super) struct Shown {
    /// For each row the place of its text in `texts`.
    pub(super) rows: Vec<u32>,
    pub(super) texts: Vec<CompactString>,
}

/// How a facet is made of columns.
#[derive(Clone, Copy)]
enum Form {
    /// One column, and the word for an empty cell.
    Plain(&'static str, &'static str),
    /// `country/place`; a place that nobody knows has no country either.
    Place(&'static str),
    /// `verdict:reason` of all but clicks of people.
    Reason,
}

fn form(facet: ClickFacet) -> Form {
    match facet {
        ClickFacet::Verdict => Form::Plain(VERDICT, UNKNOWN),
        ClickFacet::Reason => Form::Reason,
        ClickFacet::Source => Form::Plain("source", UNKNOWN),
        ClickFacet::SourceRule => Form::Plain("source_rule", UNKNOWN),
        ClickFacet::Channel => Form::Plain("channel", UNKNOWN),
        ClickFacet::SeenOn => Form::Plain("seen_on", UNKNOWN),
        ClickFacet::App => Form::Plain("app", NONE),
        ClickFacet::Referrer => Form::Plain("referrer_host", NONE),
        ClickFacet::Continent => Form::Plain("continent", UNKNOWN),
        ClickFacet::Country => Form::Plain("country", UNKNOWN),
        ClickFacet::Region => Form::Place("region"),
        ClickFacet::City => Form::Place("city"),
        ClickFacet::Asn => Form::Plain("asn", UNKNOWN),
        ClickFacet::Organisation => Form::Plain("organisation", UNKNOWN),
        ClickFacet::Device => Form::Plain("device", UNKNOWN),
        ClickFacet::Os => Form::Plain("os", UNKNOWN),
        ClickFacet::Browser => Form::Plain("browser", UNKNOWN),
        ClickFacet::Language => Form::Plain("language", UNKNOWN),
        ClickFacet::VisitorUtmSource => Form::Plain("visitor_utm_source", NONE),
        ClickFacet::VisitorUtmMedium => Form::Plain("visitor_utm_medium", NONE),
        ClickFacet::Unfilled => Form::Plain("unfilled", NONE),
    }
}

/// The columns that [`shown`] reads.
pub(super) fn columns(facet: ClickFacet) -> Vec<&'static str> {
    match form(facet) {
        Form::Plain(column, _) => vec![column],
        Form::Place(column) => vec!["country", column],
        Form::Reason => vec![VERDICT, "reason"],
    }
}

/// What the rows of `batch` show of `facet`. A column that is not there shows nothing.
pub(super) fn shown(facet: ClickFacet, batch: &RecordBatch) -> Shown {
    match form(facet) {
        Form::Plain(column, empty) => plain(batch, column, empty),
        Form::Place(column) => {
            let place = |country: &str, place: &str| match place {
                UNKNOWN => CompactString::const_new(UNKNOWN),
                place => joined(country, '/', place),
            };
            pair(&plain(batch, "country", UNKNOWN), &plain(batch, column, UNKNOWN), place)
        }
        Form::Reason => {
            let reason = |verdict: &str, reason: &str| match verdict {
                human if human == Verdict::Human.as_str() => CompactString::const_new(NONE),
                verdict => joined(verdict, ':', reason),
            };
            pair(&plain(batch, VERDICT, UNKNOWN), &plain(batch, "reason", ""), reason)
        }
    }
}

/// The values that one text stands for: a list for some facets.
pub(super) fn values(facet: ClickFacet, text: &str) -> impl Iterator<Item = &str> {
    let sign = if facet == ClickFacet::Unfilled { ',' } else { '\0' };
    text.split(sign)
}

fn joined(first: &str, sign: char, second: &str) -> CompactString {
    let mut text = CompactString::from(first);
    text.push(sign);
    text.push_str(second);
    cut(&text)
}

/// As long as counters keep it.
fn cut(text: &str) -> CompactString {
    CompactString::from(&text[..text.floor_char_boundary(VALUE_BYTES_MAX)])
}

fn plain(batch: &RecordBatch, column: &str, empty: &'static str) -> Shown {
    let nothing = || Shown { rows: vec![0; batch.num_rows()], texts: vec![CompactString::const_new(empty)] };
    let Some(cells) = batch.column_by_name(column).and_then(|column| column.as_dictionary_opt::<Int32Type>()) else {
        return nothing();
    };
    let Some(values) = cells.values().as_string_opt::<i32>() else { return nothing() };
    let mut texts: Vec<CompactString> = values.iter().map(|text| cut(text.unwrap_or(empty))).collect();
    texts.push(CompactString::const_new(empty));
    let absent = (texts.len() - 1) as u32;
    let keys = cells.keys();
    let number = |key: i32| u32::try_from(key).map_or(absent, |key| key.min(absent));
    let rows = match keys.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => keys.values().iter().map(|key| number(*key)).collect(),
        Some(nulls) => {
            let known = keys.values().iter().zip(nulls.iter());
            known.map(|(key, is_known)| if is_known { number(*key) } else { absent }).collect()
        }
    };
    Shown { rows, texts }
}

/// Two columns as one. A text of the second one nearly always comes with the same of the first, so the last pair of each
/// is at hand.
fn pair(first: &Shown, second: &Shown, join: impl Fn(&str, &str) -> CompactString) -> Shown {
    let mut texts = Vec::new();
    let mut known: HashMap<(u32, u32), u32> = HashMap::new();
    let mut last = vec![(u32::MAX, 0); second.texts.len()];
    let number = |(one, two): (&u32, &u32)| {
        let last = &mut last[*two as usize];
        if last.0 != *one {
            let number = *known.entry((*one, *two)).or_insert_with(|| {
                texts.push(join(&first.texts[*one as usize], &second.texts[*two as usize]));
                (texts.len() - 1) as u32
            });
            *last = (*one, number);
        }
        last.1
    };
    let rows = first.rows.iter().zip(&second.rows).map(number).collect();
    Shown { rows, texts }
}
