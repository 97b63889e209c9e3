//! Reading on: every hit of a passage once and in order, wherever its click is.

use super::*;

fn passage(archive: &Archive, range: std::ops::Range<u64>) -> Vec<u64> {
    let range = Position(range.start)..Position(range.end);
    let (clicks, end) = archive.passage(JOURNAL, range.clone(), jiff::civil::Date::MIN).unwrap();
    assert_eq!(end, range.end);
    let mut ids = ClickIds::new(JOURNAL);
    for (position, click) in &clicks {
        assert_eq!(click.id, ids.of(click.time_ms, *position), "the id is that of the hit");
    }
    clicks.into_iter().map(|(position, _)| position.0).collect()
}

#[test]
fn a_passage_has_each_hit_once_and_in_order_from_files_and_from_memory() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..30));
    archive.seal(JOURNAL, Position(0)).unwrap();
    push(&archive, clicks(30..60));
    archive.seal(JOURNAL, Position(30)).unwrap();
    push(&archive, clicks(60..90));
    for range in [0..90, 5..6, 0..30, 29..31, 35..85, 70..90, 89..90] {
        assert_eq!(passage(&archive, range.clone()), range.collect::<Vec<_>>());
    }
    assert_eq!(passage(&archive, 85..100), (85..90).collect::<Vec<_>>());
    assert!(passage(&archive, 40..40).is_empty());
}

#[test]
fn it_goes_by_the_order_of_hits_and_not_by_their_times_or_days() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    // A clock that is set back over midnight while clicks come.
    let hits =
        (0..20).map(|position: u64| click(position, MIDNIGHT + 10_000 - 1000 * i64::try_from(position).unwrap()));
    push(&archive, hits.collect());
    assert_eq!(passage(&archive, 0..20), (0..20).collect::<Vec<_>>());
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 2);
    assert_eq!(passage(&archive, 3..18), (3..18).collect::<Vec<_>>());
}

#[test]
fn around_midnight_hits_of_both_days_are_found_from_wherever_reading_goes_on() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    // Two threads answer at once, one a moment before midnight and one after it.
    let time = |position: u64| if position.is_multiple_of(3) { MIDNIGHT + 1 } else { MIDNIGHT - 1 };
    push(&archive, (1..20).map(|position| click(position, time(position))).collect());
    assert_eq!(archive.seal(JOURNAL, Position(1)).unwrap(), 2);
    for from in 1..20 {
        assert_eq!(passage(&archive, from..20), (from..20).collect::<Vec<_>>());
    }
}

#[test]
fn positions_without_a_click_and_clicks_of_other_journals_are_passed_over() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..5).into_iter().chain(clicks(8..12)).collect());
    assert_eq!(passage(&archive, 2..10), [2, 3, 4, 8, 9]);
    archive.seal(JOURNAL, Position(0)).unwrap();
    assert_eq!(passage(&archive, 2..10), [2, 3, 4, 8, 9]);
    let (others, _) = archive.passage(Incarnation(9), Position(0)..Position(12), jiff::civil::Date::MIN).unwrap();
    assert!(others.is_empty());
}

#[test]
fn a_long_passage_ends_where_memory_does_and_old_days_are_left_out() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..20));
    archive.seal(JOURNAL, Position(0)).unwrap();
    let everything = Position(0)..Position(u64::MAX);
    let (clicks, end) = archive.passage(JOURNAL, everything.clone(), jiff::civil::Date::MIN).unwrap();
    assert_eq!((clicks.len(), end), (20, Position(10_000)));
    let (none, _) = archive.passage(JOURNAL, everything, jiff::civil::date(2026, 11, 22)).unwrap();
    assert!(none.is_empty());
}

#[test]
fn click_files_end_behind_their_last_hit_wherever_that_is_asked_from() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..30));
    archive.seal(JOURNAL, Position(0)).unwrap();
    for (from, end) in [(0, 30), (12, 30), (29, 30), (30, 30), (40, 40)] {
        assert_eq!(archive.end_of_files(JOURNAL, Position(from)).unwrap(), Position(end));
    }
    assert_eq!(archive.end_of_files(Incarnation(9), Position(3)).unwrap(), Position(3));
}

#[test]
fn a_damaged_file_costs_only_its_own_clicks() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    for from in [0, 10] {
        push(&archive, clicks(from..from + 10));
        archive.seal(JOURNAL, Position(from)).unwrap();
    }
    let damaged = &files(archive.root())[0];
    fs::write(damaged, b"no click file").unwrap();
    assert_eq!(passage(&archive, 0..20), (10..20).collect::<Vec<_>>());
}

#[test]
fn a_click_as_json_is_a_line_of_an_export() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(7..8));
    let (taken, _) = archive.passage(JOURNAL, Position(7)..Position(8), jiff::civil::Date::MIN).unwrap();
    let mut line = Vec::new();
    export(archive.scan(ClickQuery::default()).unwrap(), Format::Jsonl, &mut line).unwrap();
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(serde_json::Value::from(click_json(&taken[0].1)), line);
}
