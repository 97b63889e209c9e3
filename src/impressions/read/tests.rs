//! Reading files as a whole: what people make themselves, and what holds for every dialect.

use jiff::civil::date;

use super::*;
use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric};
use crate::impressions::mapping::Mapping;
use crate::impressions::options::Span;
use crate::impressions::reading::{Grain, PlatformFile};

pub(crate) fn options() -> Options {
    Options { today: Some(date(2026, 11, 22)), ..Options::default() }
}

fn read_text(text: &str) -> Table {
    only(read(text.as_bytes().to_vec(), &options()).unwrap_or_else(|refusal| panic!("{refusal:?}")))
}

fn only(mut contents: Contents) -> Table {
    assert_eq!(contents.tables.len(), 1, "{:?}", contents.passed_over);
    contents.tables.remove(0)
}

fn refused(text: &str) -> Refusal {
    read(text.as_bytes().to_vec(), &options()).unwrap_err()
}

/// `name kind grain value`, in the order of the posts.
pub(crate) fn brief(file: &PlatformFile) -> Vec<String> {
    let line = |reading: &crate::impressions::reading::Reading| {
        let name = &file.posts[reading.post as usize].names[0];
        let grain = match reading.grain {
            Grain::Lifetime => "lifetime".to_owned(),
            Grain::Day(day) => day.to_string(),
            Grain::Period(from, to) => format!("{from}..{to}"),
        };
        format!("{name} {} {grain} {}", reading.metric.as_str(), reading.value)
    };
    file.readings.iter().map(line).collect()
}

fn errors(text: &str) -> Vec<(u64, String)> {
    refused(text).rows.first.into_iter().map(|error| (error.row, error.message)).collect()
}

#[test]
fn e22_columns_are_found_by_name_whatever_their_order_case_and_spaces() {
    let table = read_text("Story_Views;Notes;DATE;Profile Visits;Link\n7;x;2026-11-01;\"1.042\";spring\n");
    assert_eq!(
        brief(&table.file),
        ["link:spring profile_visits 2026-11-01 1042", "link:spring story_views 2026-11-01 7"]
    );
    assert_eq!(table.report.ignored, ["Notes"]);
    assert_eq!(table.report.title, "a file of your own");
}

#[test]
fn a_row_may_name_a_post_or_a_link_and_the_link_comes_first() {
    let table = read_text("post,link,date,views\np1,,2026-11-01,1\n,l1,2026-11-01,2\np2,l2,2026-11-01,3\n");
    let names: Vec<_> = table.file.posts.iter().map(|post| post.names.join(" ")).collect();
    assert_eq!(names, ["p1", "link:l1", "link:l2 p2"]);
}

#[test]
fn e41_a_blank_number_is_unknown_and_0_is_a_number() {
    let table = read_text("post,date,views,reach\np,2026-11-01,,0\nq,2026-11-02,--,5\nr,2026-11-03,NAN,undefined\n");
    assert_eq!(brief(&table.file), ["p reach 2026-11-01 0", "q reach 2026-11-02 5"]);
    let views = table.report.columns.iter().find(|column| column.role == "views").unwrap();
    assert_eq!((views.filled, views.blank), (0, 2));
    assert_eq!(table.report.skipped.first[0].row, 4);
    assert!(table.report.skipped.first[0].reason.contains("not 0"));
}

#[test]
fn e28_empty_rows_and_totals_are_skipped_and_rows_keep_their_line_numbers() {
    let table = read_text(
        "post,date,views\r\nTotal,,99\r\n\r\n,,\r\np,2026-11-01,5\r\nTotal: account,2026-11-01,99\r\nGesamt,,9",
    );
    assert_eq!(brief(&table.file), ["p views 2026-11-01 5"]);
    let rows: Vec<_> = table.report.skipped.first.iter().map(|skipped| skipped.row).collect();
    assert_eq!(rows, [2, 4, 6, 7]);
}

#[test]
fn e13_every_bad_row_is_named_with_its_line_and_refuses_the_file() {
    let found = errors(
        "post,date,views\n,2026-11-01,1\np,01/13/2026x,1\np,2026-02-30,1\np,1999-01-01,1\np,2026-11-01,12%\n\
         p,2026-11-01,-3\np,2026-11-01\np,2026-11-01,1,2\n1.22158E+17,2026-11-01,4\np,2027-11-01,5\n\
         p,2026-11-01,18446744073709551616\n",
    );
    let parts = [
        "names no post",
        "01/13/2026x",
        "2026-02-30",
        "before 2004",
        "percentage",
        "negative",
        "2 cells",
        "4 cells",
        "rounded by a spreadsheet",
        "in the future",
        "more than can be counted",
    ];
    assert_eq!(found.len(), parts.len(), "{found:?}");
    for (at, (row, message)) in found.iter().enumerate() {
        assert_eq!(*row, at as u64 + 2);
        assert!(message.contains(parts[at]), "{message}");
    }
}

#[test]
fn a_spreadsheets_empty_cells_at_the_end_do_no_harm() {
    assert_eq!(read_text("post,date,views,,\np,2026-11-01,5,,,,\nq,2026-11-01,6\n").file.readings.len(), 2);
}

#[test]
fn e14_a_file_without_columns_or_rows_says_what_is_missing() {
    for (text, missing) in [
        ("date,reach\n2026-11-01,1\n", "post or link"),
        ("post,date,shoes\np,2026-11-01,1\n", "post, date, shoes"),
        ("post,views\np,1\n", "--period lifetime"),
        ("post,date,views\n", "no row with a number"),
        ("sep=;\n", "empty"),
        ("", "empty"),
        ("post,date,views\nTotal,,4\n", "is a total"),
    ] {
        let message = refused(text).message;
        assert!(message.contains(missing), "{text:?}: {message}");
    }
}

#[test]
fn e37_a_number_that_stands_twice_counts_once_and_a_contradiction_is_refused() {
    let table = read_text("post,date,views\np,2026-11-01,5\np,2026-11-01,5\n");
    assert_eq!(table.file.readings.len(), 1);
    assert!(table.report.warnings[0].contains("twice"), "{:?}", table.report.warnings);
    let found = errors("post,date,views\np,2026-11-01,5\nq,2026-11-01,5\np,2026-11-01,6\n");
    assert_eq!(found[0].0, 4);
    assert!(found[0].1.contains("in row 2"), "{found:?}");
}

#[test]
fn e39_a_file_in_any_language_is_read_by_a_mapping() {
    let text = "Enlace;D\u{ed}a;Visualizaciones;Clics\nhttps://x.com/a/status/77;01/02/2026;1.500;3\n;13/02/2026;;\n";
    let map = Mapping::parse("post=enlace,date=d\u{ed}a,views=Visualizaciones,clicks_link=Clics").unwrap();
    let read = |map| read(text.as_bytes().to_vec(), &Options { map, ..options() });
    let table = only(read(Some(map)).unwrap());
    assert_eq!(brief(&table.file), ["x:77 views 2026-02-01 1500", "x:77 clicks_link 2026-02-01 3"]);
    assert_eq!(table.file.dialect, "mapped");
    let wrong = Mapping::parse("post=Link").unwrap();
    assert!(read(Some(wrong)).unwrap_err().message.contains("the mapping names (link)"));
    assert!(read(None).unwrap_err().message.contains("--map"));
}

#[test]
fn a_file_without_days_is_about_what_is_said() {
    let text = b"post,views,clicks_link\np,10,1\n".to_vec();
    let read = |period| only(read(text.clone(), &Options { period: Some(period), ..options() }).unwrap());
    assert_eq!(brief(&read(Span::Lifetime).file)[0], "p views lifetime 10");
    let november = Span::Days(date(2026, 11, 1), date(2026, 11, 3));
    assert_eq!(brief(&read(november).file)[0], "p views 2026-11-01..2026-11-03 10");
}

#[test]
fn sums_are_told_and_people_are_not_added() {
    let table = read_text("post,date,views,reach\np,2026-11-01,5,4\nq,2026-11-01,6,4\n");
    let sums: Vec<_> = table.report.sums.iter().map(|sum| (sum.metric.as_str(), sum.numbers, sum.sum)).collect();
    assert_eq!(sums, [("reach", 2, None), ("views", 2, Some(11))]);
    assert_eq!(table.file.readings[0].metric, Metric::Impressions(Kind::Views));
    assert!(Metric::Clicks(Clicks::Link).is_additive());
}

#[test]
fn e36_days_may_stand_in_any_order() {
    let table = read_text("post,date,views\np,2026-11-03,5\np,2026-11-01,6\np,2026-11-02,7\n");
    assert_eq!(table.file.period, Some((date(2026, 11, 1), date(2026, 11, 3))));
}

#[test]
fn e42_one_file_has_one_notation() {
    for (cells, counts) in [
        (["1,042", "12"], [1042, 12]),
        (["1.042", "12"], [1042, 12]),
        (["1 042", "12"], [1042, 12]),
        (["1'042", "12"], [1042, 12]),
        (["1010.0", "12"], [1010, 12]),
    ] {
        let table = read_text(&format!("post;date;views\np;2026-11-01;{}\nq;2026-11-01;{}\n", cells[0], cells[1]));
        let found: Vec<_> = table.file.readings.iter().map(|reading| reading.value).collect();
        assert_eq!(found, counts);
    }
    assert!(errors("post;date;views\np;2026-11-01;12,5\n")[0].1.contains("whole number"));
}
