//! What the generic impressions file may look like, and what refuses it.

use jiff::civil::date;

use super::*;

fn read(text: &str) -> ParsedFile {
    parse(text.as_bytes()).unwrap()
}

fn refused(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err()
}

fn brief(file: &ParsedFile) -> Vec<(u64, String, Kind, u64)> {
    let name = |cell: &Cell| match cell {
        Cell::Link(text) | Cell::Post(text) => text.clone(),
    };
    let counts = |row: &ParsedRow| {
        let (at, name) = (row.row, name(&row.subject));
        row.counts.iter().map(move |count| (at, name.clone(), count.kind, count.count)).collect::<Vec<_>>()
    };
    file.rows.iter().flat_map(counts).collect()
}

fn errors(text: &str) -> Vec<(u64, String)> {
    read(text).errors.first.into_iter().map(|error| (error.row, error.message)).collect()
}

#[test]
fn columns_are_found_by_name_whatever_their_order_case_and_spaces() {
    let file = read("Story_Views;Notes;DATE;Profile Visits;Link\n7;x;2026-11-01;\"1.042\";spring\n");
    let counts = [(Kind::ProfileVisits, 1042), (Kind::StoryViews, 7)];
    let counts = counts.into_iter().map(|(kind, count)| Count { kind, count }).collect();
    let subject = Cell::Link("spring".to_owned());
    assert_eq!(file.rows, [ParsedRow { row: 2, subject, day: date(2026, 11, 1), counts }]);
}

#[test]
fn a_row_may_name_a_post_or_a_link_and_the_link_wins() {
    let file = read("post,link,date,views\np1,,2026-11-01,1\n,l1,2026-11-01,2\np2,l2,2026-11-01,3\n");
    let subjects: Vec<_> = file.rows.iter().map(|row| row.subject.clone()).collect();
    let text = str::to_owned;
    assert_eq!(subjects, [Cell::Post(text("p1")), Cell::Link(text("l1")), Cell::Link(text("l2"))]);
}

#[test]
fn a_blank_number_is_skipped_with_a_reason_and_is_not_0() {
    let file = read("post,date,views,reach\np,2026-11-01,,0\np,2026-11-02,--,5\n");
    assert_eq!(brief(&file), [(2, "p".to_owned(), Kind::Reach, 0), (3, "p".to_owned(), Kind::Reach, 5)]);
    let reasons: Vec<_> = file.skipped.first.iter().map(|skipped| (skipped.row, skipped.reason.as_str())).collect();
    assert_eq!(reasons[0], (2, "views is blank, which is unknown and not 0"));
    assert_eq!(reasons[1].0, 3);
}

#[test]
fn empty_rows_and_totals_are_skipped_and_rows_keep_their_line_numbers() {
    let file =
        read("post,date,views\r\nTotal,,99\r\n\r\n,,\r\np,2026-11-01,5\r\nTotal: account,2026-11-01,99\r\nGesamt,,9");
    assert_eq!(brief(&file), [(5, "p".to_owned(), Kind::Views, 5)]);
    let rows: Vec<_> = file.skipped.first.iter().map(|skipped| skipped.row).collect();
    assert_eq!(rows, [2, 4, 6, 7]);
    assert!(file.errors.is_empty());
}

#[test]
fn a_cell_may_hold_quotes_delimiters_and_line_breaks() {
    let file = read("post,title,date,views\n\"a \"\"b\"\", c\",\"two\nlines\",2026-11-01,5\nq,t,2026-11-01,6\n");
    assert_eq!(brief(&file), [(2, "a \"b\", c".to_owned(), Kind::Views, 5), (4, "q".to_owned(), Kind::Views, 6)]);
}

#[test]
fn every_bad_row_is_named_with_its_line() {
    let found = errors(
        "post,date,views\n,2026-11-01,1\np,01/11/2026,1\np,2026-02-30,1\np,1999-01-01,1\np,2026-11-01,12%\n\
         p,2026-11-01,-3\np,2026-11-01\np,2026-11-01,1,2\n1.22158E+17,2026-11-01,4\np,2026-11-01,5\n",
    );
    let parts = [
        "neither",
        "01/11/2026",
        "2026-02-30",
        "before 2004",
        "percentage",
        "negative",
        "2 cells",
        "4 cells",
        "damaged",
    ];
    assert_eq!(found.len(), parts.len(), "{found:?}");
    for (at, (row, message)) in found.iter().enumerate() {
        assert_eq!(*row, at as u64 + 2);
        assert!(message.contains(parts[at]), "{message}");
    }
}

#[test]
fn a_spreadsheets_empty_cells_at_the_end_do_no_harm() {
    let file = read("post,date,views,,\np,2026-11-01,5,,,,\nq,2026-11-01,6\n");
    assert_eq!(file.rows.len(), 2);
    assert!(file.errors.is_empty());
}

#[test]
fn a_file_without_the_columns_it_needs_says_which() {
    for (text, missing) in [
        ("date,views\n2026-11-01,1\n", "\"post\" or \"link\""),
        ("post,views\np,1\n", "\"date\""),
        ("post,date,clicks\np,2026-11-01,1\n", "impressions, views, reach"),
        ("post,date,views,Views\np,2026-11-01,1,2\n", "twice"),
        ("post,date,views\n", "no row"),
        ("sep=;\n", "no header"),
        ("\"post,\"\"date\"\",views\"\n\"p,2026-11-01,1\"\n", "\"post\" or \"link\""),
    ] {
        let message = refused(text);
        assert!(message.contains(missing), "{text:?}: {message}");
    }
}

#[test]
fn bounds_hold_for_columns_cells_errors_and_bytes() {
    assert!(refused(&format!("post,date,views{}\n", ",x".repeat(62))).contains("65 columns"));
    let long = "p".repeat(5000);
    assert!(errors(&format!("post,date,views\n{long},2026-11-01,1\n"))[0].1.contains("4096 bytes"));
    let many = format!("post,date,views\n{}", "p,never,1\n".repeat(250));
    let file = read(&many);
    assert_eq!((file.errors.first.len(), file.errors.count), (100, 250));
    assert!(parse(&vec![b'a'; FILE_BYTES_MAX + 1]).unwrap_err().contains("20 MB"));
}

#[test]
fn an_unclosed_quote_is_an_error_and_not_a_row() {
    let file = read("post,date,views\np,2026-11-01,1\n\"q,2026-11-01,2\nr,2026-11-01,3\n");
    assert_eq!(file.rows.len(), 1);
    assert_eq!(file.errors.first[0].row, 3);
}

#[test]
fn no_bytes_make_the_parser_panic() {
    let pieces =
        ["post", ",", "date", "\"", "\n", "views", ";", "\r", "2026-11-01", "1,2", "\t", "é", "-", "E+1", "sep=", " "];
    let mut state = 1_u64;
    for _ in 0..3000 {
        let mut text = "post,date,views\n".to_owned();
        for _ in 0..24 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 60) as usize]);
        }
        let _ = parse(text.as_bytes());
        let _ = parse(&text.as_bytes()[16..]);
    }
}

#[test]
fn the_synthetic_files_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/impressions/");
    for (name, rows, skipped) in [("posts.csv", 10, 0), ("links-semicolon.csv", 6, 2), ("kinds-tab.csv", 7, 5)] {
        let file = parse(&std::fs::read(format!("{folder}{name}")).unwrap()).unwrap();
        assert_eq!((brief(&file).len(), file.skipped.count, file.errors.count), (rows, skipped, 0), "{name}");
    }
}

#[test]
fn what_the_child_writes_is_what_the_server_reads() {
    let file = read("post,date,views,story_views\np\"\u{e9},2026-11-01,1,2\n,,\n,2026-11-01,3,4\n");
    let text = serde_json::to_vec(&file).unwrap();
    assert_eq!(serde_json::from_slice::<ParsedFile>(&text).unwrap(), file);
}
