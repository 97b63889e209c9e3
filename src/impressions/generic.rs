//! Rows of the generic file as readings of links and posts. Pure.

use std::collections::HashMap;

use crate::domain::metric::Metric;
use crate::impressions::csv::{Cell, ParsedRow};
use crate::impressions::reading::{Grain, LINK_CELL, PlatformFile, PlatformPost, Reading, Slice};

/// The name of the dialect.
const DIALECT: &str = "generic";

pub(super) fn platform_file(rows: Vec<ParsedRow>) -> PlatformFile {
    let mut file = PlatformFile { dialect: DIALECT.to_owned(), slices: vec![Slice::new()], ..PlatformFile::default() };
    let mut known: HashMap<Cell, u32> = HashMap::new();
    for row in rows {
        let post = *known.entry(row.subject).or_insert_with_key(|subject| {
            file.posts.push(post(subject));
            file.posts.len() as u32 - 1
        });
        let reading = |metric, value| Reading { post, slice: 0, metric, grain: Grain::Day(row.day), value };
        file.readings.extend(row.counts.iter().map(|count| reading(Metric::Impressions(count.kind), count.count)));
    }
    file
}

fn post(subject: &Cell) -> PlatformPost {
    let name = match subject {
        Cell::Link(text) => format!("{LINK_CELL}{text}"),
        Cell::Post(text) => text.clone(),
    };
    PlatformPost { names: vec![name], ..PlatformPost::default() }
}
