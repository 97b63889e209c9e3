//! What a CTR report says, one situation after the other.

use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::*;
use crate::domain::counter::{Counters, DayCounters, Dimension};
use crate::domain::import::ImportId;
use crate::domain::impression::Impression;
use crate::domain::link::LinkId;
use crate::domain::placement::{Level, PostRef};
use crate::stats::wire::Interval;

/// Links, clicks and impressions of one test.
#[derive(Default)]
struct Case {
    links: Vec<LinkEntry>,
    counters: Vec<DayCounters>,
    impressions: Vec<StoredImpression>,
    zone: Option<TimeZone>,
}

fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

fn post(text: &str) -> Subject {
    Subject::Post(PostRef::parse(text).unwrap())
}

impl Case {
    fn link(mut self, id: u64, level: Level, posts: &[&str]) -> Self {
        self.links.push(LinkEntry {
            id: LinkId(id),
            label: format!("slug{id}"),
            level,
            platform: Some("instagram".to_owned()),
            campaign: Some("spring".to_owned()),
            posts: posts.iter().map(|post| PostRef::parse(post).unwrap()).collect(),
        });
        self
    }

    /// Human clicks in hours of one day (UTC), each visitor once; and one bot for each human.
    fn clicks(mut self, link: u64, day: Date, hours: &[(&str, u64)]) -> Self {
        let mut counters = Counters::new();
        let sum = hours.iter().map(|(_, count)| count).sum();
        counters.add(Dimension::Verdict, "human", sum);
        counters.add(Dimension::Verdict, "bot", sum);
        hours.iter().for_each(|(hour, count)| counters.add(Dimension::Hour, &format!("{day}T{hour}Z"), *count));
        self.counters.push(DayCounters { link: LinkId(link), day, counters, visitors: sum.div_ceil(2) });
        self
    }

    fn number(mut self, subject: Subject, day: Date, kind: Kind, count: u64, as_of: &str) -> Self {
        let impression = Impression { subject, day, kind, count };
        self.impressions.push(StoredImpression { impression, as_of: as_of.parse().unwrap(), import: ImportId(1) });
        self
    }

    /// Views of a post, known long after the day.
    fn views(self, post_name: &str, day: Date, count: u64) -> Self {
        self.number(post(post_name), day, Kind::Views, count, "2026-12-01T00:00:00Z")
    }

    fn ask(&self, by: Grouping, numerator: Numerator) -> Vec<CtrRow> {
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let mut clicks = ClickDays::default();
        let cut = pairing::days_cut(&self.impressions, &zone);
        self.counters.iter().for_each(|day| clicks.add(day, cut.contains(&day.day)));
        let window = Window::new(nov(1), nov(30)).unwrap();
        let material =
            Material { links: &self.links, clicks: &clicks, impressions: &self.impressions, zone: &zone, window };
        report(by, numerator, &material).rows
    }

    fn one(&self, by: Grouping) -> CtrRow {
        let mut rows = self.ask(by, Numerator::Human);
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.remove(0)
    }
}

fn has_note(row: &CtrRow, part: &str) -> bool {
    row.notes.iter().any(|note| note.contains(part))
}

#[test]
fn clicks_of_days_with_impressions_are_divided_and_the_others_are_shown_outside() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, nov(1), &[("10:00", 20)])
        .clicks(1, nov(2), &[("10:00", 30)])
        .clicks(1, nov(5), &[("10:00", 3)])
        .views("p", nov(1), 2000)
        .views("p", nov(2), 3000);
    let row = case.one(Grouping::Link);
    assert_eq!((row.value.as_str(), row.label.as_deref(), row.level.as_deref()), ("1", Some("slug1"), Some("post")));
    assert_eq!((row.clicks, row.impressions, row.ctr, row.clicks_outside), (Some(50), Some(5000), Some(0.01), 3));
    assert_eq!((row.interval, row.enough, row.kind.as_deref()), (Some(Interval::Wilson), true, Some("views")));
    assert_eq!(row.as_of, Some("2026-12-01T00:00:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!(row.notes, Vec::<String>::new());
}

#[test]
fn clicks_are_cut_at_the_as_of_by_the_hours_that_began_before_it() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, nov(3), &[("08:00", 5), ("10:00", 7), ("11:00", 11)])
        .number(post("p"), nov(3), Kind::Views, 1000, "2026-11-03T10:30:00Z");
    let row = case.one(Grouping::Post);
    assert_eq!((row.clicks, row.clicks_outside), (Some(12), 11));
    assert!(has_note(&row, "11 clicks after the import's as-of left out"), "{row:?}");
    let all = &case.ask(Grouping::Post, Numerator::All)[0];
    assert_eq!((all.clicks, all.clicks_outside), (Some(46), 0));
    assert!(has_note(all, "counted whole"), "{all:?}");
}

#[test]
fn a_day_after_the_as_of_has_no_clicks_to_divide() {
    let case = Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(4), &[("08:00", 5)]).number(
        post("p"),
        nov(4),
        Kind::Views,
        1000,
        "2026-11-03T23:00:00Z",
    );
    for numerator in Numerator::ALL {
        let row = &case.ask(Grouping::Post, numerator)[0];
        assert_eq!(row.clicks, Some(0), "{row:?}");
    }
}

#[test]
fn the_as_of_is_an_instant_and_the_day_is_the_report_zones() {
    let case = Case {
        zone: Some(TimeZone::get("America/New_York").unwrap()),
        ..Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(3), &[("23:00", 5)]).number(
            post("p"),
            nov(3),
            Kind::Views,
            1000,
            "2026-11-04T02:00:00Z",
        )
    };
    assert_eq!(case.one(Grouping::Post).clicks, Some(5));
    assert_eq!(
        case.ask(Grouping::Post, Numerator::All)[0].notes.iter().filter(|note| note.contains("whole")).count(),
        1
    );
}

#[test]
fn clicks_above_impressions_are_shown_whole_and_flagged() {
    let case = Case::default().link(1, Level::Profile, &[]).clicks(1, nov(1), &[("10:00", 127)]).number(
        Subject::Link(LinkId(1)),
        nov(1),
        Kind::ProfileVisits,
        100,
        "2026-12-01T00:00:00Z",
    );
    let row = case.one(Grouping::Link);
    assert_eq!((row.ctr, row.interval), (Some(1.27), Some(Interval::Poisson)));
    assert!(has_note(&row, "over 100 %: clicks and denominator do not describe the same events"), "{row:?}");
}

#[test]
fn zero_impressions_divide_nothing() {
    let case = Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(1), &[("10:00", 3)]).views("p", nov(1), 0);
    let row = case.one(Grouping::Link);
    assert_eq!((row.clicks, row.impressions, row.ctr), (Some(3), Some(0), None));
    assert!(has_note(&row, "nothing to divide by"), "{row:?}");
}

#[test]
fn a_denominator_of_another_level_is_shown_and_not_divided_by() {
    let case =
        Case::default().link(1, Level::Profile, &["p"]).clicks(1, nov(1), &[("10:00", 3)]).views("p", nov(1), 900);
    let row = case.one(Grouping::Post);
    assert_eq!((row.clicks, row.impressions, row.ctr, row.low), (Some(3), Some(900), None, None));
    assert!(has_note(&row, "level profile cannot be divided by views"), "{row:?}");
}

#[test]
fn kinds_are_rows_of_their_own() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, nov(1), &[("10:00", 9)])
        .views("p", nov(1), 900)
        .number(post("p"), nov(1), Kind::Impressions, 1800, "2026-12-01T00:00:00Z");
    let rows = case.ask(Grouping::Campaign, Numerator::Human);
    let brief: Vec<_> = rows.iter().map(|row| (row.kind.as_deref(), row.impressions, row.ctr)).collect();
    assert_eq!(brief, [(Some("impressions"), Some(1800), Some(0.005)), (Some("views"), Some(900), Some(0.01))]);
}

#[test]
fn reach_is_divided_for_one_day_of_one_post_and_never_added_up() {
    let reach = |case: Case, name: &str, day| case.number(post(name), day, Kind::Reach, 400, "2026-12-01T00:00:00Z");
    let case = reach(Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(1), &[("10:00", 8)]), "p", nov(1));
    let row = case.one(Grouping::Post);
    assert_eq!(row.ctr, Some(0.02));
    assert!(has_note(&row, "ask for unique clicks"), "{row:?}");
    let unique = &case.ask(Grouping::Post, Numerator::Unique)[0];
    assert_eq!((unique.clicks, unique.ctr, unique.notes.len()), (Some(4), Some(0.01), 1), "{unique:?}");
    let row = reach(case, "p", nov(2)).one(Grouping::Post);
    assert_eq!((row.clicks, row.impressions, row.ctr), (Some(8), None, None));
    assert!(has_note(&row, "reach of several days or posts cannot be added up"), "{row:?}");
}

#[test]
fn two_links_in_one_post_share_its_impressions_once() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .link(2, Level::Post, &["p"])
        .clicks(1, nov(1), &[("10:00", 10)])
        .clicks(2, nov(1), &[("10:00", 20)])
        .views("p", nov(1), 1000);
    for by in [Grouping::Post, Grouping::Campaign, Grouping::Platform, Grouping::Level] {
        let row = case.one(by);
        assert_eq!((row.clicks, row.impressions, row.ctr), (Some(30), Some(1000), Some(0.03)), "{by:?}");
    }
    let by_link = case.ask(Grouping::Link, Numerator::Human);
    let rates: Vec<_> = by_link.iter().map(|row| (row.value.as_str(), row.ctr)).collect();
    assert_eq!(rates, [("2", Some(0.02)), ("1", Some(0.01))]);
}

#[test]
fn a_link_in_two_posts_makes_them_one_row_that_says_so() {
    let case = Case::default()
        .link(1, Level::Post, &["p", "q"])
        .clicks(1, nov(1), &[("10:00", 30)])
        .views("p", nov(1), 1000)
        .views("q", nov(1), 2000);
    let row = case.one(Grouping::Post);
    assert_eq!((row.value.as_str(), row.ctr), ("p + q", Some(0.01)));
    assert!(has_note(&row, "cannot be told apart: p, q"), "{row:?}");
    assert_eq!(case.one(Grouping::Link).ctr, Some(0.01));
}

#[test]
fn a_link_also_in_a_post_without_impressions_is_not_divided() {
    let case =
        Case::default().link(1, Level::Post, &["p", "q"]).clicks(1, nov(1), &[("10:00", 30)]).views("p", nov(1), 1000);
    for by in [Grouping::Link, Grouping::Post, Grouping::Campaign] {
        let row = case.one(by);
        assert_eq!((row.clicks, row.impressions, row.ctr), (Some(30), Some(1000), None), "{by:?}");
        assert!(has_note(&row, "no views imported for q, whose clicks are among these"), "{row:?}");
    }
}

#[test]
fn a_day_that_one_of_two_posts_has_no_number_for_is_left_out_unless_the_post_came_later() {
    let case = Case::default()
        .link(1, Level::Post, &["p", "q"])
        .clicks(1, nov(1), &[("10:00", 10)])
        .clicks(1, nov(2), &[("10:00", 30)])
        .clicks(1, nov(3), &[("10:00", 50)])
        .views("p", nov(1), 1000)
        .views("p", nov(2), 1000)
        .views("p", nov(3), 1000)
        .views("q", nov(2), 3000);
    let row = case.one(Grouping::Post);
    assert_eq!((row.clicks, row.impressions, row.clicks_outside), (Some(40), Some(5000), 50));
    assert!(has_note(&row, "1 day left out: a post has no views there"), "{row:?}");
}

#[test]
fn a_links_own_numbers_win_over_those_of_its_post() {
    let own =
        |case: Case, link| case.number(Subject::Link(LinkId(link)), nov(1), Kind::Views, 500, "2026-12-01T00:00:00Z");
    let case = own(
        Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(1), &[("10:00", 10)]).views("p", nov(1), 1000),
        1,
    );
    assert_eq!(case.one(Grouping::Link).impressions, Some(500));
    assert_eq!(case.one(Grouping::Campaign).impressions, Some(500));
    let shared = case.link(2, Level::Post, &["p"]).one(Grouping::Campaign);
    assert_eq!(shared.impressions, Some(1000));
    assert!(has_note(&shared, "views of single links are not used"), "{shared:?}");
    let without = own(own(Case::default().link(1, Level::Post, &["p"]).link(2, Level::Post, &["p"]), 1), 2);
    assert_eq!(without.one(Grouping::Campaign).impressions, Some(1000));
}

#[test]
fn a_pooled_rate_is_the_sum_over_the_sum_and_says_that_its_interval_is_narrow() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .link(2, Level::Post, &["q"])
        .link(3, Level::Post, &[])
        .clicks(1, nov(1), &[("10:00", 90)])
        .clicks(2, nov(1), &[("10:00", 10)])
        .clicks(3, nov(1), &[("10:00", 4)])
        .views("p", nov(1), 1000)
        .views("q", nov(1), 9000);
    let row = case.one(Grouping::Campaign);
    assert_eq!((row.value.as_str(), row.ctr, row.clicks_outside), ("spring", Some(0.01), 4));
    assert!(has_note(&row, "pooled over 2"), "{row:?}");
}

#[test]
fn a_post_without_a_link_has_unknown_clicks() {
    let case = Case::default().views("p", nov(1), 1000).views("p", nov(2), 1000);
    let row = case.one(Grouping::Post);
    assert_eq!((row.value.as_str(), row.clicks, row.impressions, row.ctr), ("p", None, Some(2000), None));
    assert_eq!(row.notes, ["no link stands in this post"]);
    assert!(case.ask(Grouping::Link, Numerator::Human).is_empty());
}

#[test]
fn impressions_of_a_removed_link_have_unknown_clicks() {
    let case = Case::default().number(Subject::Link(LinkId(9)), nov(1), Kind::Views, 10, "2026-12-01T00:00:00Z");
    let row = case.one(Grouping::Link);
    assert_eq!((row.value.as_str(), row.clicks), ("9", None));
    assert_eq!(row.notes, ["this link was removed"]);
}

#[test]
fn a_link_without_impressions_is_listed_when_asked_by_link_only() {
    let case =
        Case::default().link(1, Level::Post, &["p"]).link(2, Level::Post, &[]).clicks(1, nov(1), &[("10:00", 7)]);
    let row = case.one(Grouping::Link);
    assert_eq!((row.clicks, row.impressions, row.ctr, row.kind), (Some(7), None, None, None));
    assert_eq!(row.notes, ["no impressions imported"]);
    assert!(case.ask(Grouping::Post, Numerator::Human).is_empty());
}

#[test]
fn little_data_is_said_and_not_hidden() {
    let case = Case::default().link(1, Level::Post, &["p"]).clicks(1, nov(1), &[("10:00", 7)]).views("p", nov(1), 9);
    let row = case.one(Grouping::Link);
    assert_eq!((row.enough, row.ctr.is_some()), (false, true));
    assert!(has_note(&row, "not enough data"), "{row:?}");
}

#[test]
fn a_permalink_matches_however_it_is_spelt() {
    let mut case = Case::default().link(1, Level::Post, &["https://s.example/p/1"]).clicks(1, nov(1), &[("10:00", 7)]);
    case = case.views("http://www.S.example/p/1/", nov(1), 700);
    assert_eq!(case.one(Grouping::Post).ctr, Some(0.01));
}

#[test]
fn of_two_numbers_for_one_day_the_newer_is_used() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .number(post("p"), nov(1), Kind::Views, 300, "2026-11-20T00:00:00Z")
        .number(post("p"), nov(1), Kind::Views, 100, "2026-11-10T00:00:00Z");
    assert_eq!(case.one(Grouping::Post).impressions, Some(300));
}

#[test]
fn impressions_and_clicks_outside_the_window_are_not_looked_at() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, date(2026, 10, 31), &[("10:00", 7)])
        .clicks(1, nov(1), &[("10:00", 5)])
        .views("p", date(2026, 10, 31), 100)
        .views("p", nov(1), 100);
    let row = case.one(Grouping::Post);
    assert_eq!((row.clicks, row.impressions, row.clicks_outside), (Some(5), Some(100), 0));
}
