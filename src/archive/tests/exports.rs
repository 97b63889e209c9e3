//! What comes out of the archive as a file, in each of its formats.

use super::*;

#[test]
fn zero_clicks_are_a_valid_export_in_every_format() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let nothing = || archive.scan(ClickQuery::default()).unwrap();
    assert_eq!(exported(nothing(), Format::Jsonl), (0, Vec::new()));
    let (rows, csv) = exported(nothing(), Format::Csv);
    let csv = String::from_utf8(csv).unwrap();
    assert!(rows == 0 && csv.starts_with("id,time,link,") && csv.ends_with(",rules_version\r\n"), "{csv:?}");
    assert_eq!(csv.matches('\n').count(), 1);
    let (rows, parquet) = exported(nothing(), Format::Parquet);
    assert_eq!((rows, parquet_rows(&parquet)), (0, 0));
}

fn parquet_rows(file: &[u8]) -> usize {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let file = bytes::Bytes::copy_from_slice(file);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn every_format_holds_every_click() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..40_000));
    archive.seal(JOURNAL, Position(0)).unwrap();
    push(&archive, clicks(40_000..40_100));
    let everything = || archive.scan(ClickQuery::default()).unwrap();
    let (rows, parquet) = exported(everything(), Format::Parquet);
    assert_eq!((rows, parquet_rows(&parquet)), (40_100, 40_100));
    let (rows, csv) = exported(everything(), Format::Csv);
    assert_eq!((rows, csv.iter().filter(|byte| **byte == b'\n').count()), (40_100, 40_101));
    let (rows, lines) = exported(everything(), Format::Jsonl);
    assert_eq!((rows, lines.iter().filter(|byte| **byte == b'\n').count()), (40_100, 40_100));
}

#[test]
fn what_strangers_sent_is_quoted_and_cannot_become_a_formula() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mut hostile = click(0, MIDNIGHT);
    let look = Arc::make_mut(hostile.look.to_mut());
    look.user_agent = CompactString::const_new("=cmd|' /C calc'!A0\r\nx,\"y\"");
    look.referrer_path = CompactString::const_new("/\u{1}");
    push(&archive, vec![hostile.clone()]);
    let (_, csv) = exported(archive.scan(ClickQuery::default()).unwrap(), Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let place = |name| columns::COLUMNS.iter().position(|column| column.name == name).unwrap();
    let record = reader.records().next().unwrap().unwrap();
    assert_eq!(&record[place("user_agent")], "'=cmd|' /C calc'!A0\r\nx,\"y\"");
    assert_eq!(&record[place("referrer_path")], "/\u{1}");
    let line = json_lines(archive.scan(ClickQuery::default()).unwrap()).remove(0);
    assert_eq!(line["user_agent"], hostile.look.user_agent.as_str());
}
