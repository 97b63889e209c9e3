//! How days are written in files, and what decides between two readings.

use jiff::civil::{date, time};

use super::*;

fn read_all(cells: &[&str], known: Option<Order>) -> Result<Vec<Date>, String> {
    let mut evidence = Evidence::default();
    cells.iter().for_each(|cell| evidence.see(cell));
    let notation = evidence.decide(known, None, Some(Epoch::Y1900))?;
    cells.iter().map(|cell| notation.read(cell).map(|stamp| stamp.day)).collect()
}

fn stamp(cell: &str) -> Stamp {
    Evidence::default().decide(Some(Order::MonthFirst), None, None).unwrap().read(cell).unwrap()
}

#[test]
fn days_are_read_in_every_form_that_platforms_write() {
    for (cell, day) in [
        ("2026-06-23", date(2026, 6, 23)),
        ("2026-05-25T00:00:00", date(2026, 5, 25)),
        ("2025/10/31", date(2025, 10, 31)),
        ("2025/10/31 18:19:10", date(2025, 10, 31)),
        ("2020-01-31 16:59 +0000", date(2020, 1, 31)),
        ("05/26/2026 10:23", date(2026, 5, 26)),
        ("9/18/2023", date(2023, 9, 18)),
        ("Mon Feb 17 2025", date(2025, 2, 17)),
        ("Sun, Jan 4, 2026", date(2026, 1, 4)),
        ("Mar 15, 2025", date(2025, 3, 15)),
        ("Thu, 5 Feb 2026", date(2026, 2, 5)),
        ("1 September 2026", date(2026, 9, 1)),
        ("October 1, 2024, 12:00 AM", date(2024, 10, 1)),
        ("8 de marzo de 2026", date(2026, 3, 8)),
        ("12/31/2026 11:59 pm", date(2026, 12, 31)),
        ("44008", date(2020, 6, 26)),
    ] {
        assert_eq!(read_all(&[cell], Some(Order::MonthFirst)), Ok(vec![day]), "{cell}");
    }
}

#[test]
fn times_and_offsets_are_kept() {
    let read = stamp("2020-01-31 16:59 +0000");
    assert_eq!((read.time, read.offset), (Some(time(16, 59, 0, 0)), Some(Offset::UTC)));
    assert_eq!(stamp("2026-01-31T16:59:07.123-08:00").offset, Some(jiff::tz::offset(-8)));
    assert_eq!(stamp("1/2/2026 12:05 am").time, Some(time(0, 5, 0, 0)));
    assert_eq!(stamp("Oct 1, 2024, 11:59 PM").time, Some(time(23, 59, 0, 0)));
    assert_eq!(stamp("2026-01-31").time, None);
}

#[test]
fn what_is_no_day_is_named() {
    let wrong = [
        "",
        "never",
        "2026-02-30",
        "3.6",
        "99/99/2026",
        "2026-1",
        "1999-01-01",
        "0",
        "1e9",
        "31",
        "2026-01-01 25:00",
        "2026-01-01 10:00 zone",
        "May 5 5 2026",
        "12:00",
        "3.\u{438}\u{44e}\u{43d}",
    ];
    for cell in wrong {
        assert!(read_all(&[cell], Some(Order::MonthFirst)).is_err(), "{cell:?}");
    }
}

#[test]
fn e52_the_order_of_day_and_month_is_shown_by_one_day_after_the_12th_or_asked_for() {
    assert_eq!(read_all(&["3/4/2026", "13/4/2026"], None), Ok(vec![date(2026, 4, 3), date(2026, 4, 13)]));
    assert_eq!(read_all(&["3/4/2026", "4/13/2026"], None), Ok(vec![date(2026, 3, 4), date(2026, 4, 13)]));
    assert_eq!(read_all(&["3-4-2026"], Some(Order::DayFirst)), Ok(vec![date(2026, 4, 3)]));
    assert_eq!(read_all(&["4/4/2026"], None), Ok(vec![date(2026, 4, 4)]));
    assert!(read_all(&["3/4/2026", "5/6/2026"], None).unwrap_err().contains("--dates"));
    assert!(read_all(&["13/4/2026", "4/13/2026"], None).unwrap_err().contains("others"));
    // What the file shows stands above what is known of such files.
    assert_eq!(read_all(&["13/4/2026"], Some(Order::MonthFirst)), Ok(vec![date(2026, 4, 13)]));
}

#[test]
fn e50_e51_days_without_a_year_lead_back_from_the_newest() {
    assert_eq!(yearless("February 28"), Some((2, 28)));
    assert_eq!(yearless("8 de marzo"), Some((3, 8)));
    assert_eq!(yearless("3 f\u{e9}vr."), Some((2, 3)));
    assert_eq!(yearless("2026-02-28"), None);
    let days = [(12, 30), (12, 31), (1, 1)];
    let expected = vec![date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1)];
    assert_eq!(years(&days, date(2026, 3, 1), None), Ok(expected.clone()));
    assert_eq!(years(&days, date(2020, 1, 1), Some(2026)), Ok(expected.clone()));
    let descending: Vec<_> = days.iter().rev().copied().collect();
    assert_eq!(years(&descending, date(2026, 3, 1), None), Ok(expected.into_iter().rev().collect()));
    // A year that begins where it ends.
    let whole: Vec<_> = date(2025, 2, 28).series(jiff::Span::new().days(1)).take(365).collect();
    let yearless: Vec<_> = whole.iter().map(|day| (day.month(), day.day())).collect();
    assert_eq!(years(&yearless, date(2026, 2, 28), None), Ok(whole));
}

#[test]
fn e50_a_leap_day_finds_a_leap_year_or_is_asked_about() {
    let days = [(2, 28), (2, 29), (3, 1)];
    assert_eq!(years(&days, date(2026, 6, 1), None).unwrap()[1], date(2024, 2, 29));
    assert!(years(&days, date(2026, 6, 1), Some(2026)).unwrap_err().contains("--year"));
}

#[test]
fn two_days_are_a_span() {
    let notation = Evidence::default().decide(Some(Order::MonthFirst), None, None).unwrap();
    let both = (date(2026, 3, 27), date(2026, 4, 23));
    assert_eq!(span("March 27, 2026 - April 23, 2026", notation), Some(both));
    assert_eq!(span("3/27/2026 - 4/23/2026", notation), Some(both));
    assert_eq!(span("2026-03-27 \u{2013} 2026-04-23", notation), Some(both));
    assert_eq!(span("April 23, 2026 - March 27, 2026", notation), None);
}
