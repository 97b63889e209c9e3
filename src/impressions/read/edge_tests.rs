//! The edge cases that concern whole files, E1 to E58 of the catalogue in `docs/imports.md`: each is a test whose name
//! begins with its number. Those of one part are tested beside it, under their numbers too.

use std::io::{Cursor, Write};

use jiff::civil::date;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use zip::write::SimpleFileOptions;

use super::fixture_tests::fixture;
use super::tests::{brief, options};
use super::*;
use crate::impressions::options::Span;

fn all(bytes: Vec<u8>) -> Contents {
    read(bytes, &options()).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn only(bytes: Vec<u8>) -> Table {
    let mut contents = all(bytes);
    assert_eq!(contents.tables.len(), 1, "{:?}", contents.passed_over);
    contents.tables.remove(0)
}

fn why(bytes: Vec<u8>) -> String {
    let refusal = read(bytes, &options()).unwrap_err();
    let rows = refusal.rows.first.iter().map(|row| format!("; row {}: {}", row.row, row.message));
    std::iter::once(refusal.message.clone()).chain(rows).collect()
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const CSV: &[u8] = b"post,date,views\np,2026-11-01,5\n";

/// A personal LinkedIn file: a summary lying sideways, days, and two tables side by side.
fn personal() -> Vec<u8> {
    let mut book = Workbook::new();
    let discovery = book.add_worksheet().set_name("DISCOVERY").unwrap();
    let rows = [("Overall Performance", "8/7/2025 - 8/5/2026"), ("Impressions", "1,200"), ("Members reached", "800")];
    for (row, (name, value)) in (0..).zip(rows) {
        discovery.write(row, 0, name).unwrap().write(row, 1, value).unwrap();
    }
    let days = book.add_worksheet().set_name("ENGAGEMENT").unwrap();
    for (row, cells) in
        (0..).zip([["Date", "Impressions", "Engagements"], ["9/18/2025", "70", "3"], ["9/8/2025", "50", "1"]])
    {
        for (column, cell) in (0..).zip(cells) {
            days.write(row, column, cell).unwrap();
        }
    }
    let top = book.add_worksheet().set_name("TOP POSTS").unwrap();
    top.write(0, 0, "Maximum of 50 posts available to include in this list").unwrap();
    let header = ["Post URL", "Post publish date", "Engagements", "", "Post URL", "Post publish date", "Impressions"];
    let url = |id: u32| format!("https://www.linkedin.com/feed/update/urn:li:activity:73800000000000000{id:02}");
    let rows = [
        header.map(str::to_owned),
        row_of_two(&url(1), "9/1/2025", "30", &url(2), "1/2/2025", "900"),
        row_of_two(&url(2), "1/2/2025", "20", &url(1), "9/1/2025", "600"),
    ];
    for (row, cells) in (2..).zip(rows) {
        for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            top.write(row, column, cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn row_of_two(a: &str, b: &str, c: &str, d: &str, e: &str, f: &str) -> [String; 7] {
    [a, b, c, "", d, e, f].map(str::to_owned)
}

#[test]
fn e10_e24_headers_with_commas_and_headers_that_stand_twice_are_read_by_name() {
    let facebook = only(fixture("facebook-posts.csv"));
    assert!(facebook.report.ignored.contains(&"Reactions, Comments and Shares".to_owned()));
    let ads = only(fixture("meta-ads.csv"));
    assert_eq!(ads.file.posts[0].campaign.as_deref(), Some("Spring"));
    assert!(ads.report.ignored.contains(&"Campaign name (2)".to_owned()), "{:?}", ads.report.ignored);
}

#[test]
fn e16_bounds_are_told_before_memory_is_asked_for() {
    let large = vec![b'a'; container::FILE_BYTES_MAX + 1];
    assert!(why(large).contains("larger than 200 MB"));
}

#[test]
fn e18_workbooks_are_read_whatever_they_are_called() {
    let old = all(fixture("linkedin-page-2020-1904.xls"));
    let names: Vec<_> = old.tables.iter().map(|table| table.file.dialect.as_str()).collect();
    assert_eq!(names, ["linkedin-page-days", "linkedin-page-posts"]);
    let legacy = all(fixture("facebook-page-insights.xls"));
    assert_eq!((legacy.tables.len(), legacy.passed_over.len()), (2, 1));
    assert_eq!(all(personal()).tables.len(), 4 - 1);
}

#[test]
fn e18_e20_what_is_no_table_is_refused_with_advice() {
    let mut lock = vec![b' '; 165];
    lock[0] = 5;
    lock[1..6].copy_from_slice(b"Linda");
    lock[55..65].copy_from_slice(b"\x05\0L\0i\0n\0d\0");
    let encrypted: Vec<u8> = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![0; 504]].concat();
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, advice) in [
        (lock, "lock file"),
        ([encrypted.clone(), name].concat(), "password"),
        (encrypted, "damaged"),
        (b"<html><table><tr><td>post</td></tr></table></html>".to_vec(), "web page"),
        (b"{\"posts\": []}".to_vec(), "JSON"),
        (b"\x1f\x8b\x08".to_vec(), "gzip"),
        (b"%PDF-1.7".to_vec(), "PDF"),
        (b"PK\x03\x04 and no more".to_vec(), "damaged"),
        (archive(&[("word/document.xml", b"<w/>")]), "Word"),
        (archive(&[("xl/workbook.bin", b"")]), "XLSB"),
        (b"GIF89a\0\0".to_vec(), "zero bytes"),
    ] {
        let told = why(bytes);
        assert!(told.contains(advice), "{advice}: {told}");
    }
}

#[test]
fn e19_an_archive_is_read_file_by_file_and_what_is_left_out_is_said() {
    let inner = archive(&[("a.csv", CSV)]);
    let bytes = archive(&[
        ("../../etc/passwd.csv", CSV),
        ("__MACOSX/._a.csv", b"\0\x05\x16\x07"),
        ("folder/.DS_Store", b"x"),
        ("nested.zip", &inner),
        ("disguised.csv", &inner),
        ("photo.png", b"\x89PNG"),
        ("~$book.xlsx", b"x"),
        ("empty.csv", b""),
        ("audience.csv", &fixture("meta-audience.csv")),
        ("days.csv", b"post,date,views\nq,2026-11-01,5\n"),
    ]);
    let contents = all(bytes);
    let read: Vec<_> = contents.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(read, ["../../etc/passwd.csv", "days.csv"]);
    let left: Vec<_> = contents.passed_over.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(left, ["nested.zip", "disguised.csv", "photo.png", "~$book.xlsx", "empty.csv", "audience.csv"]);
    assert!(why(archive(&[("photo.png", b"x")])).contains("no table in the archive (photo.png"));
    assert!(why(archive(&[])).contains("no table"));
}

#[test]
fn e19_a_wrong_row_in_one_file_refuses_the_whole_archive() {
    let bytes = archive(&[("a.csv", CSV), ("b.csv", b"post,date,views\nq,never,5\n")]);
    let told = why(bytes);
    assert!(told.contains("b.csv") && told.contains("row 2"), "{told}");
}

#[test]
fn e19_a_bomb_is_refused_at_its_bound() {
    let zeros = vec![b' '; 1 << 20];
    let mut bomb = zip::ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file("bomb.csv", SimpleFileOptions::default()).unwrap();
    for _ in 0..=(container::FILE_BYTES_MAX >> 20) {
        bomb.write_all(&zeros).unwrap();
    }
    let bytes = bomb.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    assert!(why(bytes).contains("unpacks to more than 200 MB"));
    let names: Vec<String> = (0..201).map(|at| format!("{at}.csv")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), CSV)).collect();
    assert!(why(archive(&many)).contains("at most 200"));
}

#[test]
fn e21_a_cell_that_could_be_a_formula_is_kept_to_the_letter() {
    let table = only(b"post,date,views,title\np,2026-11-01,5,\"=HYPERLINK(\"\"x\"\")\"\n".to_vec());
    assert_eq!(table.file.posts[0].text, "=HYPERLINK(\"x\")");
}

#[test]
fn e23_e26_columns_may_be_missing_and_spelled_as_they_were_another_year() {
    let older = only(fixture("x-posts-2025.csv"));
    let newer = only(fixture("x-posts-2026.csv"));
    assert_eq!((older.file.dialect.as_str(), newer.file.dialect.as_str()), ("x-posts", "x-posts"));
    let words = |table: &Table| table.report.columns.iter().map(|column| column.role.clone()).collect::<Vec<_>>();
    assert_eq!(words(&older), words(&newer));
    assert_eq!(
        only(b"Post id,Post text,Link,Impressions\n7,a,https://x.com/a/status/7,5\n".to_vec()).file.readings.len(),
        1
    );
}

#[test]
fn e27_lines_above_the_header_are_read_for_what_they_say_and_no_more() {
    let ads = only(fixture("linkedin-ads.csv"));
    assert_eq!(
        (ads.file.as_of, ads.file.period),
        (Some(date(2024, 11, 2)), Some((date(2024, 10, 1), date(2024, 10, 31))))
    );
    assert_eq!(only(fixture("google-ads-days.csv")).file.readings.len(), 6);
    let padded = b"My report,,\nmade by hand,,\n,,\npost,date,views\np,2026-11-01,5\n".to_vec();
    assert_eq!(brief(&only(padded).file), ["p views 2026-11-01 5"]);
}

#[test]
fn e28_totals_first_and_last_are_no_posts_and_a_campaign_called_total_is_one() {
    let read = read(fixture("youtube-videos.csv"), &Options { period: Some(Span::Lifetime), ..options() }).unwrap();
    let table = &read.tables[0];
    assert_eq!(table.file.posts.len(), 2);
    assert_eq!(table.report.skipped.first[0].reason, "the row is a total");
    assert_eq!(only(fixture("google-ads.csv")).report.skipped.count, 3);
    let ads = "Ad ID,Campaign name,Impressions,Link clicks,Day\n7,Total,100,1,2026-11-01\n,Total,100,1,\n";
    assert_eq!(only(ads.as_bytes().to_vec()).file.posts[0].campaign.as_deref(), Some("Total"));
}

#[test]
fn e29_e30_remarks_and_posts_that_are_gone_are_skipped_with_their_reason() {
    let youtube = read(fixture("youtube-videos.csv"), &Options { period: Some(Span::Lifetime), ..options() }).unwrap();
    assert_eq!(youtube.tables[0].report.skipped.first[1].reason, "the row is a remark");
    let skipped = only(fixture("x-posts-2025.csv")).report.skipped;
    assert!(skipped.first[0].reason.contains("undefined"), "{skipped:?}");
}

#[test]
fn e31_tables_side_by_side_are_two_tables_of_the_same_posts() {
    let contents = all(personal());
    let posts = contents.tables.iter().find(|table| table.file.dialect == "linkedin-personal-posts").unwrap();
    assert_eq!(
        brief(&posts.file),
        [
            "li:activity:7380000000000000001 impressions lifetime 600",
            "li:activity:7380000000000000001 engagements lifetime 30",
            "li:activity:7380000000000000002 impressions 2025-08-07..2026-08-05 900",
            "li:activity:7380000000000000002 engagements 2025-08-07..2026-08-05 20",
        ]
    );
}

#[test]
fn a_summary_that_lies_sideways_is_read_and_one_post_alone_too() {
    let contents = all(personal());
    let sum = contents.tables.iter().find(|table| table.file.dialect == "linkedin-personal-sum").unwrap();
    assert_eq!(brief(&sum.file)[0], "linkedin:profile impressions 2025-08-07..2026-08-05 1200");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("PERFORMANCE").unwrap();
    let rows = [
        ("Post URL", "https://www.linkedin.com/posts/x-share-7380000000000000003-ab"),
        ("Post Date", "Sep 1, 2025"),
        ("Impressions", "1204"),
        ("Reactions", "12"),
        ("Members reached", "900"),
    ];
    for (row, (name, value)) in (0..).zip(rows) {
        sheet.write(row, 0, name).unwrap().write(row, 1, value).unwrap();
    }
    let one = only(book.save_to_buffer().unwrap());
    assert_eq!(
        brief(&one.file),
        ["li:share:7380000000000000003 impressions lifetime 1204", "li:share:7380000000000000003 reach lifetime 900"]
    );
}

#[test]
fn e32_files_of_several_tables_are_left_out_with_a_reason() {
    assert!(why(fixture("meta-audience.csv")).contains("several tables"));
}

#[test]
fn e33_a_sentence_in_the_first_row_is_no_header() {
    let page = all(fixture("linkedin-page.xls"));
    assert_eq!(page.tables[0].report.rows, 3);
}

#[test]
fn e34_one_row_per_post_and_day_is_not_taken_for_one_row_per_post() {
    let told = why(fixture("facebook-posts-by-day.csv"));
    assert!(told.contains("24 rows are about 2 posts") && told.contains("lifetime"), "{told}");
}

#[test]
fn e35_totals_of_a_period_are_not_put_on_its_first_day() {
    let told = why(fixture("linkedin-ads-ungrouped.csv"));
    assert!(told.contains("totals of the whole period") && told.contains("by day"), "{told}");
    let said = Options { period: Some(Span::parse("2024-10-01").unwrap()), ..options() };
    assert!(read(fixture("linkedin-ads-ungrouped.csv"), &said).is_ok());
    let period = only(fixture("meta-ads-period.csv"));
    assert_eq!(period.report.grains, ["period"]);
}

#[test]
fn e14_a_report_without_delivery_is_told_from_a_broken_one() {
    assert!(why(fixture("linkedin-ads-nothing.csv")).contains("nothing was delivered"));
}

#[test]
fn e38_a_breakdown_is_read_as_parts_and_an_unknown_one_is_refused() {
    let ads = only(fixture("meta-ads.csv"));
    assert_eq!(ads.file.slices.len(), 4);
    assert_eq!(ads.file.slices[1]["age"], "18-24");
    let unknown = "Ad ID,Campaign name,Impressions,Day,Moon phase\n7,a,100,2026-11-01,new\n7,a,90,2026-11-01,full\n";
    assert!(why(unknown.as_bytes().to_vec()).contains("divided by something that is not read"));
}

#[test]
fn e40_two_accounts_in_one_file_stay_two() {
    let two = "Post ID,Account username,Permalink,Views\n17912345678901234,a,https://www.instagram.com/p/Abcde1/,1\n\
               17912345678901235,b,https://www.instagram.com/p/Abcde2/,2\n";
    let table = only(two.as_bytes().to_vec());
    let accounts: Vec<_> = table.file.posts.iter().map(|post| post.account.as_deref().unwrap()).collect();
    assert_eq!(accounts, ["a", "b"]);
}

#[test]
fn e43_ids_keep_all_digits_and_rounded_ones_are_refused() {
    assert!(only(fixture("instagram-posts.csv")).file.posts[0].names.contains(&"ig-id:17912345678901234".to_owned()));
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(["Tweet id", "Tweet permalink", "impressions"]) {
        sheet.write(0, column, header).unwrap();
    }
    sheet.write(1, 0, 1_891_500_000_000_000_001_f64).unwrap().write(1, 2, 5).unwrap();
    assert!(why(book.save_to_buffer().unwrap()).contains("rounded by a spreadsheet"));
}

#[test]
fn e47_negative_and_impossible_counts_are_refused() {
    for (cell, reason) in [("-5", "negative"), ("18446744073709551615", "more than"), ("(1,234)", "negative")] {
        assert!(why(format!("post,date,views\np,2026-11-01,\"{cell}\"\n").into_bytes()).contains(reason), "{cell}");
    }
}

#[test]
fn e49_money_has_one_currency_or_is_refused_and_none_is_left_out() {
    let two = "Campaign,Impr.,Cost,Currency code,Day\na,100,1.39,USD,2026-11-01\nb,100,1.39,EUR,2026-11-01\n";
    assert!(why(two.as_bytes().to_vec()).contains("two currencies, USD and EUR"));
    let none = only(fixture("pinterest-ads.csv"));
    assert!(none.report.warnings[0].contains("--currency"));
    let said = Options { currency: Some("eur".to_owned()), ..options() };
    let told = read(fixture("pinterest-ads.csv"), &said).unwrap();
    assert_eq!(told.tables[0].file.currency.as_deref(), Some("EUR"));
    assert_eq!(only(fixture("meta-ads.csv")).file.currency.as_deref(), Some("SEK"));
}

#[test]
fn e50_e51_days_without_a_year_and_with_months_of_another_language_are_read() {
    let crossing = only(fixture("tiktok-overview.csv"));
    assert_eq!(crossing.file.period, Some((date(2025, 12, 29), date(2026, 1, 3))));
    assert!(crossing.report.warnings[0].contains("--year"));
    assert_eq!(only(fixture("tiktok-overview-es.csv")).file.period, Some((date(2026, 3, 7), date(2026, 3, 8))));
    let content = only(fixture("tiktok-content.csv"));
    assert_eq!(content.file.as_of, Some(date(2026, 3, 9)));
}

#[test]
fn e52_a_file_whose_days_could_be_months_asks() {
    let told = why(b"post;date;views\np;03/04/2026;5\nq;05/06/2026;7\n".to_vec());
    assert!(told.contains("--dates day-first"), "{told}");
}

#[test]
fn e53_days_of_spreadsheets_are_read_in_both_counts_and_as_text() {
    for name in ["linkedin-page-2020-1904.xls", "linkedin-page.xls"] {
        let contents = all(fixture(name));
        assert_eq!(contents.tables[1].file.posts[0].published.as_deref(), Some("2020-06-26"), "{name}");
    }
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(["post", "date", "views"]) {
        sheet.write(0, column, header).unwrap();
    }
    let day = ExcelDateTime::from_ymd(2026, 11, 1).unwrap();
    let format = Format::new().set_num_format("dd.mm.yyyy");
    sheet.write(1, 0, "p").unwrap().write_with_format(1, 1, &day, &format).unwrap().write(1, 2, 5).unwrap();
    assert_eq!(brief(&only(book.save_to_buffer().unwrap()).file), ["p views 2026-11-01 5"]);
}

#[test]
fn e54_days_that_begin_an_hour_early_or_late_stay_the_days_they_are() {
    let late =
        read(fixture("meta-overview-views.csv"), &Options { platform: Some("facebook".to_owned()), ..options() });
    assert_eq!(late.unwrap().tables[0].file.period, Some((date(2025, 11, 1), date(2025, 11, 4))));
    let early = only(fixture("meta-overview-resaved.csv"));
    assert_eq!(early.file.period, Some((date(2025, 11, 1), date(2025, 11, 3))));
    for zone in ["Pacific/Apia", "Pacific/Kiritimati", "Europe/Stockholm"] {
        let told = read(CSV.to_vec(), &Options { tz: Some(zone.to_owned()), ..options() }).unwrap();
        assert_eq!(told.tables[0].file.zone.as_deref(), Some(zone));
    }
    let nowhere = Options { tz: Some("Mars/Olympus".to_owned()), ..options() };
    assert!(read(CSV.to_vec(), &nowhere).unwrap_err().message.contains("time zone"));
}

#[test]
fn e55_a_day_in_the_future_is_refused_and_tomorrow_is_somewhere_today() {
    assert!(why(b"post,date,views\np,2026-11-24,5\n".to_vec()).contains("in the future"));
    assert_eq!(only(b"post,date,views\np,2026-11-23,5\n".to_vec()).file.readings.len(), 1);
}

#[test]
fn e56_e57_texts_may_be_empty_long_and_in_any_script() {
    let instagram = only(fixture("instagram-posts.csv"));
    assert_eq!(instagram.file.posts[1].text, "");
    assert!(instagram.file.posts[2].text.starts_with("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"));
    let long = format!("post,date,views,title\np,2026-11-01,5,\"{}\"\n", "\u{1f956} ".repeat(2500));
    assert!(only(long.into_bytes()).file.posts[0].text.chars().count() <= 200);
}

#[test]
fn e101_a_blank_denominator_beside_clicks_stays_unknown_and_is_said() {
    let facebook = only(fixture("facebook-posts.csv"));
    let blank = facebook.report.columns.iter().find(|column| column.role == "views").unwrap();
    assert_eq!(blank.blank, 1);
    assert!(facebook.report.warnings.iter().any(|warning| warning.contains("blank impressions")));
}

#[test]
fn an_archive_of_youtube_takes_the_days_of_its_totals() {
    let contents = all(archive(&[
        ("Table data.csv", &fixture("youtube-videos.csv")),
        ("Totals.csv", &fixture("youtube-totals.csv")),
        ("Chart data.csv", b"Date,Content,Views\n2026-01-01,dQw4w9abcde,5\n"),
    ]));
    let videos = contents.tables.iter().find(|table| table.file.dialect == "youtube-videos").unwrap();
    assert_eq!(brief(&videos.file)[0], "youtube:dQw4w9abcde views 2026-01-01..2026-01-02 46333");
    assert!(brief(&videos.file)[1].contains("thumbnail_impressions"));
    assert_eq!(contents.passed_over[0].name, "Chart data.csv");
}

#[test]
fn an_archive_of_search_console_reads_days_and_pages_and_nothing_twice() {
    let contents = all(archive(&[
        ("Queries.csv", &fixture("search-console-queries.csv")),
        ("Pages.csv", &fixture("search-console-pages.csv")),
        ("Chart.csv", &fixture("search-console-chart.csv")),
        ("Filters.csv", b"Filter,Value\nSearch type,Web"),
    ]));
    let read: Vec<_> = contents.tables.iter().map(|table| table.file.dialect.as_str()).collect();
    assert_eq!(read, ["search-console-days", "search-console-pages"]);
    assert_eq!(brief(&contents.tables[1].file)[0], "https://example.com/buns impressions 2026-09-01..2026-09-02 110");
}

#[test]
fn an_archive_that_is_named_after_the_day_of_its_export_holds_until_that_day() {
    let as_of = |file_name: &str| {
        let bytes = archive(&[("Chart.csv", &fixture("search-console-chart.csv"))]);
        let options = Options { file_name: file_name.to_owned(), ..options() };
        read(bytes, &options).unwrap().tables[0].file.as_of
    };
    assert_eq!(as_of("example.com-Performance-on-Search-2026-09-05.zip"), Some(date(2026, 9, 5)));
    assert_eq!(as_of("example.com-Performance-on-Search-2026-09-05 (1).zip"), Some(date(2026, 9, 5)));
    assert_eq!(as_of("example.com-Performance-on-Search-2026-09-01.zip"), None, "it has numbers of the day after");
    assert_eq!(as_of("2026-09-05.zip"), None, "anybody may have written that");
}
