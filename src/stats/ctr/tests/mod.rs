//! What a CTR report says, one situation after the other: numbers of days. Lifetimes and trends
//! are in `spans`, platforms' own clicks in `platforms`.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::*;
use crate::domain::counter::{Counters, DayCounters, Dimension};
use crate::domain::link::LinkId;
use crate::domain::placement::Level;
use crate::impressions::reading::Slice;
use crate::stats::ctr::evidence::{Number, Numbers, Series, Snapshot};
use crate::stats::days::DaySum;
use crate::stats::series::begin;
use crate::stats::wire::Interval;

mod platforms;
mod spans;
mod week;

/// Links, clicks and impressions of one test.
#[derive(Clone, Default)]
struct Case {
    links: Vec<LinkEntry>,
    posts: Vec<PostEntry>,
    counters: Vec<DayCounters>,
    zone: Option<TimeZone>,
    window: Option<Window>,
    judged: Judged,
}

const LATER: &str = "2026-12-01T00:00:00Z";

fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Case {
    /// The place of a post; it is made when it is new.
    fn place(&mut self, name: &str) -> usize {
        let known = self.posts.iter().position(|post| post.name == name);
        known.unwrap_or_else(|| {
            self.posts.push(PostEntry { platform: "instagram".to_owned(), ..PostEntry::named(name) });
            self.posts.len() - 1
        })
    }

    fn link(mut self, id: u64, level: Level, posts: &[&str]) -> Self {
        let posts = posts.iter().map(|post| self.place(post)).collect();
        self.links.push(LinkEntry {
            id: LinkId(id),
            label: format!("slug{id}"),
            level,
            platform: Some("instagram".to_owned()),
            campaign: Some("spring".to_owned()),
            tags: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            permanent: false,
            posts,
            own: None,
        });
        self
    }

    /// Changes the last link.
    fn but(mut self, change: impl FnOnce(&mut LinkEntry)) -> Self {
        change(self.links.last_mut().unwrap());
        self
    }

    /// Changes a post.
    fn with(mut self, post: &str, change: impl FnOnce(&mut PostEntry)) -> Self {
        let place = self.place(post);
        change(&mut self.posts[place]);
        self
    }

    fn in_window(mut self, first: Date, last: Date) -> Self {
        self.window = Some(Window::new(first, last).unwrap());
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

    fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    fn series(&mut self, post: &str, kind: Kind) -> &mut Series {
        let place = self.place(post);
        self.posts[place].whole.entry(Metric::Impressions(kind)).or_default()
    }

    fn number(mut self, post: &str, day: Date, kind: Kind, value: u64, as_of: &str) -> Self {
        let zone = self.zone();
        let (start, end) = (begin(day, &zone), begin(day.tomorrow().unwrap(), &zone));
        let number = Number { value, as_of: at(as_of), start, end };
        self.series(post, kind).days.insert(day, number);
        self
    }

    /// Views of a post, known long after the day.
    fn views(self, post: &str, day: Date, count: u64) -> Self {
        self.number(post, day, Kind::Views, count, LATER)
    }

    fn lifetime(mut self, post: &str, kind: Kind, value: u64, as_of: &str) -> Self {
        self.series(post, kind).lifetime.push(Snapshot { value, as_of: at(as_of) });
        self
    }

    /// A number about the last link alone.
    fn own(mut self, day: Date, kind: Kind, value: u64) -> Self {
        let name = format!("link {}", self.links.last().unwrap().id);
        let place = self.place(&name);
        self.links.last_mut().unwrap().own = Some(place);
        self.number(&name, day, kind, value, LATER)
    }

    fn ask(&self, by: Grouping, numerator: Numerator) -> Vec<CtrRow> {
        self.ask_in(by, numerator, Order::Size)
    }

    fn ask_in(&self, by: Grouping, numerator: Numerator, order: Order) -> Vec<CtrRow> {
        self.material(numerator, |material| rows(by, order, material).0)
    }

    fn material<T>(&self, numerator: Numerator, ask: impl FnOnce(&Material<'_>) -> T) -> T {
        let zone = self.zone();
        let clicks = ClickLog::new(zone.clone(), DaySum::of_all(self.counters.clone()));
        let span = self.window.map_or(Span::ALWAYS, |window| Span {
            start: begin(window.first(), &zone),
            end: begin(window.last().tomorrow().unwrap(), &zone),
        });
        ask(&Material {
            links: &self.links,
            posts: &self.posts,
            clicks: &clicks,
            numerator,
            window: self.window,
            span,
            policy: Policy::DEFAULT,
            baselines: &Baselines::parse(baseline::BUILT_IN, 90).unwrap(),
            conversions: &Conversions::default(),
            judged: &self.judged,
            own: &OnceLock::new(),
        })
    }

    /// A lifetime number of any metric, about the whole or about a slice.
    fn read(mut self, post: &str, slice: &[(&str, &str)], metric: Metric, value: u64, as_of: &str) -> Self {
        let place = self.place(post);
        let post = &mut self.posts[place];
        let slice: Slice = slice.iter().map(|(name, part)| ((*name).to_owned(), (*part).to_owned())).collect();
        let numbers = if slice.is_empty() {
            &mut post.whole
        } else {
            let known = post.slices.iter().position(|(other, _)| *other == slice);
            let at = known.unwrap_or(post.slices.len());
            if known.is_none() {
                post.slices.push((slice, Numbers::new()));
            }
            &mut post.slices[at].1
        };
        numbers.entry(metric).or_default().lifetime.push(Snapshot { value, as_of: at(as_of) });
        self
    }

    /// Changes the counters of the last day of clicks.
    fn counted(mut self, dimension: Dimension, value: &str, count: u64) -> Self {
        self.counters.last_mut().unwrap().counters.add(dimension, value, count);
        self
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
    assert_eq!(row.as_of, Some(LATER.parse::<Timestamp>().unwrap()));
    assert_eq!(row.notes, Vec::<String>::new());
}

#[test]
fn e81_clicks_are_cut_at_the_as_of_by_the_hours_that_began_before_it() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, nov(3), &[("08:00", 5), ("10:00", 7), ("11:00", 11)])
        .number("p", nov(3), Kind::Views, 1000, "2026-11-03T10:30:00Z");
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
        "p",
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
            "p",
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
fn e45_clicks_above_impressions_are_shown_whole_and_flagged() {
    let case = Case::default().link(1, Level::Profile, &[]).clicks(1, nov(1), &[("10:00", 127)]).own(
        nov(1),
        Kind::ProfileVisits,
        100,
    );
    let row = case.one(Grouping::Link);
    assert_eq!((row.ctr, row.interval), (Some(1.27), Some(Interval::Poisson)));
    assert!(has_note(&row, "over 100 %: clicks and denominator do not describe the same events"), "{row:?}");
}

#[test]
fn e44_zero_impressions_divide_nothing() {
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
        .number("p", nov(1), Kind::Impressions, 1800, LATER);
    let rows = case.ask(Grouping::Campaign, Numerator::Human);
    let brief: Vec<_> = rows.iter().map(|row| (row.kind.as_deref(), row.impressions, row.ctr)).collect();
    assert_eq!(brief, [(Some("impressions"), Some(1800), Some(0.005)), (Some("views"), Some(900), Some(0.01))]);
}

#[test]
fn reach_is_divided_for_one_day_of_one_post_and_never_added_up() {
    let reach = |case: Case, name: &str, day| case.number(name, day, Kind::Reach, 400, LATER);
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
    for by in [Grouping::Post, Grouping::Campaign, Grouping::Platform, Grouping::Level, Grouping::Account] {
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
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .own(nov(1), Kind::Views, 500)
        .clicks(1, nov(1), &[("10:00", 10)])
        .views("p", nov(1), 1000);
    assert_eq!(case.one(Grouping::Link).impressions, Some(500));
    assert_eq!(case.one(Grouping::Campaign).impressions, Some(500));
    let shared = case.link(2, Level::Post, &["p"]).one(Grouping::Campaign);
    assert_eq!(shared.impressions, Some(1000));
    assert!(has_note(&shared, "views of single links are not used"), "{shared:?}");
    let own = |case: Case| case.own(nov(1), Kind::Views, 500);
    let without = own(own(Case::default().link(1, Level::Post, &["p"])).link(2, Level::Post, &["p"]));
    assert_eq!(without.one(Grouping::Campaign).impressions, Some(1000));
}

#[test]
fn a_pooled_rate_is_the_sum_over_the_sum_and_knows_that_posts_differ() {
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
    assert_eq!((row.interval, row.pooled, row.excluded), (Some(Interval::QuasiBinomial), 2, 1));
    let median = (90.0 / 1000.0 + 10.0 / 9000.0) / 2.0;
    assert!((row.median.unwrap() - median).abs() < 1e-12 && row.dispersion.unwrap() > 100.0, "{row:?}");
    assert!(row.high.unwrap() > 0.02, "posts that differ this much make a wide interval: {row:?}");
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
fn impressions_and_clicks_outside_the_window_are_not_looked_at() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, date(2026, 10, 31), &[("10:00", 7)])
        .clicks(1, nov(1), &[("10:00", 5)])
        .views("p", date(2026, 10, 31), 100)
        .views("p", nov(1), 100)
        .in_window(nov(1), nov(30));
    let row = case.one(Grouping::Post);
    assert_eq!((row.clicks, row.impressions, row.clicks_outside), (Some(5), Some(100), 0));
}
