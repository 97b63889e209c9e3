//! A file of links as rows of named cells: CSV with any of three delimiters, JSON, or one JSON object a line.
//!
//! Pure. It must never hold more of a JSON file than its cells, nor take more rows than its bound.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::source::plain;

/// The most links of one file.
pub(crate) const ROWS_MAX: usize = 200_000;

/// The largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// Between several values of one cell; no title, tag or post holds one.
pub(super) const SEVERAL: char = '\u{1f}';

/// One link of a file, as cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The line of a CSV file; of JSON, which link it is, from 1.
    pub(super) number: u64,
    /// Plain names and what stands under them, in the order of the file; empty cells are left out.
    pub(super) cells: Vec<(String, String)>,
}

/// A file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) is_csv: bool,
    /// Every name that the file uses.
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// Reads a file.
///
/// # Errors
/// A sentence about what is wrong with it and what to do.
pub(super) fn read(bytes: &[u8]) -> Result<Table, String> {
    let text = text(bytes)?;
    let table = if text.trim_start().starts_with(['{', '[']) { json(&text) } else { csv(&text) }?;
    match table.rows.len() {
        0 => Err("the file has no links in it".to_owned()),
        rows if rows > ROWS_MAX => Err(format!("the file has more than {ROWS_MAX} links: split it")),
        _ => Ok(table),
    }
}

/// UTF-8 or UTF-16, with or without its mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    if bytes.starts_with(b"PK") {
        return Err("this is a workbook or an archive: unpack it, or save its sheet as \"CSV UTF-8\"".to_owned());
    }
    let encoding = encoding_rs::Encoding::for_bom(bytes).map_or(encoding_rs::UTF_8, |(encoding, _)| encoding);
    let (text, _, wrong) = encoding.decode(bytes);
    if wrong || text.contains('\0') {
        let line = bytes.utf8_chunks().next().map_or(1, |chunk| chunk.valid().matches('\n').count() + 1);
        return Err(format!("line {line} is not UTF-8: save the file as \"CSV UTF-8\" and try again"));
    }
    Ok(text)
}

fn csv(text: &str) -> Result<Table, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let broken = |error: csv::Error| format!("the file is not understood as CSV: {error}");
    let names: Vec<String> = reader.headers().map_err(broken)?.iter().map(plain).collect();
    let (mut rows, mut lines) = (Vec::new(), Lines { text, at: 0, line: 1 });
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let number = lines.of(record.position().map_or(0, |position| position.byte() as usize));
        let cells = names.iter().zip(&record).map(|(name, cell)| (name.clone(), cell.trim().to_owned()));
        let cells: Vec<_> = cells.filter(|(name, cell)| !name.is_empty() && !cell.is_empty()).collect();
        if !cells.is_empty() {
            rows.push(Row { number, cells });
        }
        if rows.len() > ROWS_MAX {
            break;
        }
    }
    Ok(Table { is_csv: true, names, rows })
}

/// Tells lines of places that only go forward. The reader's own count is behind where lines end in CR LF.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, place: usize) -> u64 {
        let bytes = self.text.as_bytes();
        let breaks = bytes.iter().skip(place).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = (place + breaks).clamp(self.at, bytes.len());
        self.line += bytes[self.at..begin].iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = begin;
        self.line
    }
}

/// The one that the header has most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of equals the last is taken, so a header of one column is read as CSV.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// One document, or one after the other, as in a file with one object a line.
fn json(text: &str) -> Result<Table, String> {
    let mut found = Found::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    while reader.end().is_err() {
        let broken = |error: serde_json::Error| format!("the file is not understood as JSON: {error}");
        let walked = Walk { found: &mut found, name: "" }.deserialize(&mut reader).map_err(broken)?;
        found.take(walked);
        if found.rows.len() > ROWS_MAX {
            break;
        }
    }
    let mut names: Vec<String> = found.rows.iter().flat_map(|row| &row.cells).map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    Ok(Table { is_csv: false, names, rows: found.rows })
}

/// The links found so far.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
}

impl Found {
    /// Keeps cells if they are a link: something that leads somewhere under a name. Else they are given back.
    fn take(&mut self, cells: Vec<(String, String)>) -> Vec<(String, String)> {
        let has = |wanted: &[&str]| cells.iter().any(|(name, _)| wanted.contains(&name.as_str()));
        if !has(URLS) || !has(SHORTS) {
            return cells;
        }
        self.rows.push(Row { number: self.rows.len() as u64 + 1, cells });
        Vec::new()
    }
}

/// Of an object that is a link it has one of each.
const URLS: &[&str] =
    &["url", "longurl", "originalurl", "destinationurl", "targeturl", "destination", "target", "longlink"];
const SHORTS: &[&str] = &[
    "slug",
    "slashtag",
    "shortcode",
    "keyword",
    "key",
    "address",
    "path",
    "link",
    "shorturl",
    "shortlink",
    "custombitlinks",
    "code",
    "alias",
];

/// Walks through a value. What is a link is kept; the cells of everything else are given to whatever is around it.
struct Walk<'f, 'n> {
    found: &'f mut Found,
    /// The plain name of what is being read, those around it first.
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = Vec<(String, String)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_, '_> {
    fn cell(&self, text: impl ToString) -> Vec<(String, String)> {
        let text = text.to_string();
        if text.is_empty() { Vec::new() } else { vec![(self.name.to_owned(), text)] }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.cell(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.cell(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.cell(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.cell(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.cell(value.trim()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut cells: Vec<(String, String)> = Vec::new();
        while let Some(item) = items.next_element_seed(Walk { found: self.found, name: self.name })? {
            for (name, cell) in self.found.take(item) {
                match cells.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, several)) => several.extend([SEVERAL].into_iter().chain(cell.chars())),
                    None => cells.push((name, cell)),
                }
            }
            if self.found.rows.len() > ROWS_MAX {
                return Err(A::Error::custom(format_args!("there are more than {ROWS_MAX} links in it: split it")));
            }
        }
        Ok(cells)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut cells = Vec::new();
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            let name = format!("{}{}", self.name, plain(&key));
            let below = entries.next_value_seed(Walk { found: self.found, name: &name })?;
            // An object within a list of links by number, as YOURLS writes it, has that number in its names.
            let is_container = below.len() > 1 && below.iter().all(|(cell, _)| cell.len() > name.len());
            let inner = below.iter().map(|(cell, text)| (cell[name.len()..].to_owned(), text.clone())).collect();
            if !is_container || !self.found.take(inner).is_empty() {
                cells.extend(below);
            }
        }
        Ok(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<(String, String)>> {
        read(text.as_bytes()).unwrap().rows.into_iter().map(|row| row.cells).collect()
    }

    fn cells(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())).collect()
    }

    #[test]
    fn csv_is_read_with_each_delimiter_and_says_its_lines() {
        for delimiter in [",", ";", "\t"] {
            let text = "\u{feff}Short link,Destination URL,Tags\r\n\"a\",https://e.com/,\r\n\r\nb,\"x\ny\",t\r\n";
            let table = read(text.replace(',', delimiter).as_bytes()).unwrap();
            assert_eq!(table.names, ["shortlink", "destinationurl", "tags"]);
            assert_eq!(table.rows[0].cells, cells(&[("shortlink", "a"), ("destinationurl", "https://e.com/")]));
            assert_eq!(table.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 4]);
        }
    }

    #[test]
    fn links_are_found_wherever_a_json_file_keeps_them() {
        let link = cells(&[("url", "https://e.com/"), ("slug", "a")]);
        for text in [
            r#"[{"url":"https://e.com/","slug":"a"}]"#,
            r#"{"url":"https://e.com/","slug":"a"}"#,
            r#"{"total":1,"links":[{"url":"https://e.com/","slug":"a"}]}"#,
            r#"{"shortUrls":{"data":[{"url":"https://e.com/","slug":"a"}],"pagination":{"url":"/x"}}}"#,
            r#"{"links":{"link_1":{"url":"https://e.com/","slug":"a"}},"stats":{"total":"1"}}"#,
        ] {
            assert_eq!(rows(text), std::slice::from_ref(&link), "{text}");
        }
        let lines = "{\"url\":\"https://e.com/\",\"slug\":\"a\"}\n{\"url\":\"https://e.com/\",\"slug\":\"a\"}\n";
        assert_eq!(rows(lines), [link.clone(), link]);
    }

    #[test]
    fn what_stands_inside_of_a_link_gets_its_name_and_lists_stay_together() {
        let text = r#"[{"shortUrl":"r.ly/a","destination":"https://e.com/","domain":{"id":"7","fullName":"r.ly"},
            "tags":[{"id":"1","name":"x"},{"id":"2","name":"y"}],"posts":["p","q"],"clicks":42,"title":null}]"#;
        let several = |a: &str, b: &str| format!("{a}{SEVERAL}{b}");
        assert_eq!(
            rows(text),
            [cells(&[
                ("shorturl", "r.ly/a"),
                ("destination", "https://e.com/"),
                ("domainid", "7"),
                ("domainfullname", "r.ly"),
                ("tagsid", &several("1", "2")),
                ("tagsname", &several("x", "y")),
                ("posts", &several("p", "q")),
                ("clicks", "42"),
            ])]
        );
    }

    #[test]
    fn what_is_no_list_of_links_is_refused_with_what_to_do() {
        for (bytes, words) in [
            (&b"PK\x03\x04"[..], "CSV UTF-8"),
            (b"", "no links"),
            (b"{\"a\": [1, 2]}", "no links"),
            (b"slug,url\n", "no links"),
            (b"slug,url\na,\xff\n", "line 2 is not UTF-8"),
            (b"[{\"a\":", "JSON"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes()).unwrap_err().contains("recursion"));
    }
}
