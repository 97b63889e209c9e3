//! Aligned text for people. Whatever it prints was escaped here, so data cannot move a cursor or fake a line.

use std::borrow::Cow;
use std::fmt::Write;

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

pub(crate) use Align::Left;
pub(crate) use Align::Right;

/// Rows under headings. A heading of no characters stays blank; a table of nothing but blank ones has no heading line.
pub(crate) struct Table<const COLUMNS: usize> {
    columns: [(&'static str, Align); COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(columns: [(&'static str, Align); COLUMNS]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| shown(&cell).into_owned()));
    }

    pub(crate) fn render(&self) -> String {
        let headings = self.columns.map(|(heading, _)| heading.to_owned());
        let has_headings = headings.iter().any(|heading| !heading.is_empty());
        let lines = has_headings.then_some(&headings).into_iter().chain(&self.rows);
        let widths = self.widths();
        lines.map(|cells| self.line(cells, widths)).collect()
    }

    fn widths(&self) -> [usize; COLUMNS] {
        std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| chars(&row[column])).max().unwrap_or(0);
            cells.max(chars(self.columns[column].0))
        })
    }

    fn line(&self, cells: &[String; COLUMNS], widths: [usize; COLUMNS]) -> String {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(self.columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(chars(cell)));
            match align {
                Left => line.extend([cell.as_str(), &padding]),
                Right => line.extend([padding.as_str(), cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// One `name  value` line for each pair whose value is not empty.
pub(crate) fn description(pairs: &[(&'static str, String)]) -> String {
    let mut table = Table::new([("", Left), ("", Left)]);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        table.row([(*name).to_owned(), value.clone()]);
    }
    table.render()
}

/// `text` cut to `max` characters, the last of which says that something is missing.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if chars(text) <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// `text` with everything that could act on a terminal written out: `\u{1b}`, `\n`.
///
/// Covers control characters and the invisible ones that reorder or hide text (Unicode TR 36, section 2.5).
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unsafe(letter) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "{}", letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Width counted in characters: right for all but wide and combining ones, which cost alignment and nothing else.
fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_without_spaces() {
        let mut table = Table::new([("slug", Left), ("clicks", Right), ("", Left)]);
        table.row(["spring".to_owned(), "1,204".to_owned(), "██".to_owned()]);
        table.row(["å".to_owned(), "3".to_owned(), String::new()]);
        assert_eq!(table.render(), "slug    clicks\nspring   1,204  ██\nå            3\n");
    }

    #[test]
    fn data_cannot_act_on_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\n\u{9b}c\u{202e}"), "a\\u{1b}[2Jb\\n\\u{9b}c\\u{202e}");
        assert!(matches!(shown("plain å 🎉"), Cow::Borrowed(_)));
        let mut table = Table::new([("", Left)]);
        table.row(["x\r\ny".to_owned()]);
        assert_eq!(table.render(), "x\\r\\ny\n");
    }

    #[test]
    fn a_description_leaves_out_what_is_not_set() {
        let pairs = [("title", String::new()), ("slug", "spring".to_owned()), ("campaign", "c".to_owned())];
        assert_eq!(description(&pairs), "slug      spring\ncampaign  c\n");
    }

    #[test]
    fn a_long_text_says_that_it_was_cut() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
