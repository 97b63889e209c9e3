//! What kind of text a file is, from its first bytes: encoding, byte order mark, delimiter.
//!
//! Pure. It must never change a byte of a cell; what it cannot read it refuses with advice.

/// Text of a CSV file and how its cells are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sniffed<'a> {
    /// From the header line on.
    pub(crate) text: &'a str,
    pub(crate) delimiter: u8,
    /// Lines before `text`.
    pub(crate) lines_before: u64,
}

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Finds out how to read `bytes`.
///
/// # Errors
/// In words, when this is not text in UTF-8.
pub(crate) fn sniff(bytes: &[u8]) -> Result<Sniffed<'_>, String> {
    if let Some(advice) = not_text(bytes) {
        return Err(advice.to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is not UTF-8: save the file as \"CSV UTF-8\"")
    })?;
    if text.contains('\0') {
        return Err("the file contains zero bytes: it is not a CSV file, or not in UTF-8".to_owned());
    }
    if text.trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    Ok(divide(text))
}

/// Files that begin like something else.
fn not_text(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "the file is in UTF-16: save it as \"CSV UTF-8\""),
        (b"\xfe\xff", "the file is in UTF-16: save it as \"CSV UTF-8\""),
        (b"PK\x03\x04", "this is a spreadsheet or a zip archive: save the table as \"CSV UTF-8\""),
        (b"\xd0\xcf\x11\xe0", "this is a spreadsheet: save the table as \"CSV UTF-8\""),
        (b"\x1f\x8b", "this file is compressed: unpack it first"),
    ];
    KNOWN.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, advice)| advice)
}

/// Spreadsheets may say `sep=;` on a line of its own; otherwise the header shows the delimiter.
fn divide(text: &str) -> Sniffed<'_> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let named = first.trim_end_matches('\r').trim_matches('"').strip_prefix("sep=");
    if let Some([delimiter]) = named.map(str::as_bytes)
        && DELIMITERS.contains(delimiter)
    {
        return Sniffed { text: rest, delimiter: *delimiter, lines_before: 1 };
    }
    Sniffed { text, delimiter: most_frequent(first), lines_before: 0 }
}

/// The delimiter that stands most often outside quotes; a comma when none does.
fn most_frequent(header: &str) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|delimiter| *delimiter == byte && !quoted) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let at = counts.iter().position(|count| *count == most).unwrap_or(0);
    DELIMITERS[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_of_the_header_outside_quotes() {
        for (text, delimiter) in [
            ("post,date,views\n", b','),
            ("post;date;\"a,b,c,d\"\n", b';'),
            ("post\tdate\tviews", b'\t'),
            ("post", b','),
            ("sep=;\r\npost,date", b';'),
        ] {
            assert_eq!(sniff(text.as_bytes()).unwrap().delimiter, delimiter, "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_a_line_that_names_the_delimiter_are_not_part_of_the_header() {
        let sniffed = sniff(b"\xef\xbb\xbfsep=,\r\npost,date\n").unwrap();
        assert_eq!((sniffed.text, sniffed.lines_before), ("post,date\n", 1));
        assert_eq!(sniff(b"\xef\xbb\xbfpost").unwrap().text, "post");
    }

    #[test]
    fn what_is_not_utf8_text_is_refused_with_advice() {
        let utf16 = [0xff, 0xfe, b'p', 0, b'o', 0];
        for (bytes, advice) in [
            (&utf16[..], "UTF-16"),
            (b"PK\x03\x04...", "spreadsheet"),
            (b"post,date\nR\xe4ksm\xf6rg\xe5s,1", "line 2 is not UTF-8"),
            (b"p\0o\0s\0t\0", "zero bytes"),
            (b"", "empty"),
            (b"\xef\xbb\xbf \r\n", "empty"),
        ] {
            let refused = sniff(bytes).unwrap_err();
            assert!(refused.contains(advice), "{refused}");
        }
    }
}
