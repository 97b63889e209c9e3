//! SpreadsheetML 2003: workbooks in XML that older exports call `.xls`.
//!
//! Pure. It must never expand an entity that the file defines, nor follow one outside.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::grid::Grid;
use crate::impressions::table::Sheet;

const NAMESPACE: &str = "urn:schemas-microsoft-com:office:spreadsheet";
/// How far into a file its namespace is looked for.
const LOOK_BYTES: usize = 4096;
/// The most sheets of one workbook.
const SHEETS_MAX: usize = 64;

/// Whether a text is such a workbook.
pub(super) fn is_workbook(text: &str) -> bool {
    let look = text.get(..LOOK_BYTES).unwrap_or(text);
    text.trim_start().starts_with("<?xml") && look.contains(NAMESPACE)
}

/// Reads the sheets of a workbook.
///
/// # Errors
/// In words, when it is damaged or beyond the bounds.
pub(super) fn sheets(text: &str) -> Result<Vec<Sheet>, String> {
    let mut reader = Reader::from_str(text);
    let mut workbook = Workbook { sheets: Vec::new(), sheet: None, row: 0, column: 0, cell: None, in_remark: false };
    loop {
        let event = reader.read_event().map_err(|error| damaged(&error))?;
        match event {
            Event::Start(tag) => workbook.open(&tag)?,
            Event::Empty(tag) => {
                workbook.open(&tag)?;
                workbook.close(tag.local_name().as_ref())?;
            }
            Event::End(tag) => workbook.close(tag.local_name().as_ref())?,
            Event::Text(text) => workbook.text(&text.xml10_content()),
            Event::CData(text) => workbook.text(&text.xml10_content()),
            Event::GeneralRef(name) => workbook.text(&entity(&name)?),
            Event::Eof => return Ok(workbook.sheets),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
}

fn damaged(error: &dyn std::fmt::Display) -> String {
    format!("the workbook is damaged: {error}")
}

fn entity(name: &BytesRef<'_>) -> Result<String, String> {
    if let Some(letter) = name.resolve_char_ref().map_err(|error| damaged(&error))? {
        return Ok(letter.to_string());
    }
    let known = resolve_predefined_entity(&name.xml10_content()).map(str::to_owned);
    known.ok_or_else(|| "the workbook defines entities of its own, which are not read".to_owned())
}

/// What has been read of the workbook.
struct Workbook {
    sheets: Vec<Sheet>,
    sheet: Option<(String, Grid)>,
    /// The next row and column, from 0.
    row: usize,
    column: usize,
    /// The text of the cell that is being read; markup inside of it is passed over.
    cell: Option<String>,
    /// A remark on a cell has data of its own, which are not the cell's.
    in_remark: bool,
}

impl Workbook {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        match tag.local_name().as_ref() {
            "Worksheet" if self.sheets.len() >= SHEETS_MAX => {
                return Err(format!("the workbook has more than {SHEETS_MAX} sheets"));
            }
            "Worksheet" => {
                let name = attribute(tag, "Name").unwrap_or_default();
                self.sheet = Some((name, Grid::new(None)));
                self.row = 0;
            }
            "Row" => {
                self.row = index(tag).unwrap_or(self.row);
                self.column = 0;
            }
            "Cell" => self.column = index(tag).unwrap_or(self.column),
            "Comment" => self.in_remark = true,
            "Data" if !self.in_remark => self.cell = Some(String::new()),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        match (name, self.sheet.as_mut()) {
            ("Worksheet", _) => {
                let finished = self.sheet.take().map(|(name, grid)| grid.finish(&name));
                self.sheets.extend(finished);
            }
            ("Row", _) => self.row = self.row.saturating_add(1),
            ("Cell", _) => self.column = self.column.saturating_add(1),
            ("Comment", _) => self.in_remark = false,
            ("Data", Some((_, grid))) => {
                if let Some(cell) = self.cell.take() {
                    grid.put(self.row, self.column, &cell)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(cell) = self.cell.as_mut() {
            cell.push_str(text);
        }
    }
}

/// `ss:Index` counts from 1.
fn index(tag: &BytesStart<'_>) -> Option<usize> {
    attribute(tag, "Index")?.parse::<usize>().ok()?.checked_sub(1)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    quick_xml::escape::unescape(&found.value).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workbook(body: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<Workbook xmlns:ss=\"{NAMESPACE}\">{body}</Workbook>")
    }

    #[test]
    fn e18_rows_and_cells_stand_where_the_file_says() {
        let text = workbook(
            "<Worksheet ss:Name=\"Key &amp; Metrics\"><Table><Row><Cell><Data ss:Type=\"String\">Post ID</Data></Cell>\
             <Cell ss:Index=\"3\"><Data ss:Type=\"Number\">12</Data></Cell></Row><Row ss:Index=\"3\"><Cell/>\
             <Cell><Data ss:Type=\"String\">a &lt;b&gt; &#228;<![CDATA[ & c]]></Data></Cell></Row></Table></Worksheet>",
        );
        assert!(is_workbook(&text));
        let sheets = sheets(&text).unwrap();
        assert_eq!(sheets[0].name, "Key & Metrics");
        assert_eq!(sheets[0].text, "Post ID,,12\n\"\"\n,a <b> \u{e4} & c\n");
    }

    #[test]
    fn e18_damage_and_entities_of_its_own_are_refused() {
        let cell =
            |text: &str| workbook(&format!("<Worksheet><Row><Cell><Data>{text}</Data></Cell></Row></Worksheet>"));
        assert!(sheets(&cell("&lol;")).unwrap_err().contains("entities"));
        assert!(sheets(&cell("</Cell>")).unwrap_err().contains("damaged"));
        let far = workbook("<Worksheet><Row ss:Index=\"99999999\"><Cell><Data>a</Data></Cell></Row></Worksheet>");
        assert!(sheets(&far).unwrap_err().contains("more than"));
        assert!(!is_workbook("<html><table></table></html>"));
    }
}
