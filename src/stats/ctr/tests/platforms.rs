//! Platforms' own clicks: beside ours, in parts, by slices, and two posts compared.

use super::*;
use crate::domain::metric::Clicks;
use crate::stats::ctr::reconcile::discrepancies;
use crate::stats::ctr::theirs::{self, TheirGrouping};
use crate::stats::ctr::versus::{VersusError, versus};
use crate::stats::wire::{Balance, Discrepancy, PlatformRow, Versus};

const LINK: Metric = Metric::Clicks(Clicks::Link);
const ALL: Metric = Metric::Clicks(Clicks::All);

impl Case {
    fn reconcile(&self) -> Discrepancy {
        let now = at("2027-01-01T00:00:00Z");
        let (mut rows, left_out) = self.material(Numerator::Human, |material| discrepancies(material, (0.8, 1.2), now));
        assert_eq!((rows.len(), left_out), (1, 0), "{rows:#?}");
        rows.remove(0)
    }

    /// The platform's link clicks on a post on a day.
    fn on_day(mut self, post: &str, day: Date, count: u64) -> Self {
        let (start, end) = (begin(day, &TimeZone::UTC), begin(day.tomorrow().unwrap(), &TimeZone::UTC));
        let number = Number { value: count, as_of: at(LATER), start, end };
        let place = self.place(post);
        self.posts[place].whole.entry(LINK).or_default().days.insert(day, number);
        self
    }

    fn theirs(&self, by: &str) -> Vec<PlatformRow> {
        self.material(Numerator::Human, |material| theirs::rows(&TheirGrouping::parse(by), material).0)
    }

    fn versus(&self, a: &str, b: &str) -> Result<Versus, VersusError> {
        self.material(Numerator::Human, |material| {
            let (rows, _) = rows(Grouping::Post, Order::Size, material);
            versus(material, &rows, a, b)
        })
    }
}

/// 100 people clicked on 3 November, half of them seen again; as many bots.
fn clicked() -> Case {
    Case::default()
        .link(1, Level::Post, &["p"])
        .with("p", |post| post.published = Some(at("2026-11-02T10:00:00Z")))
        .clicks(1, nov(3), &[("10:00", 100)])
}

fn names(row: &Discrepancy) -> Vec<&str> {
    row.causes.iter().map(|cause| cause.name.as_str()).collect()
}

#[test]
fn clicks_that_agree_need_no_cause() {
    let row = clicked().read("p", &[], LINK, 105, LATER).reconcile();
    assert_eq!((row.platform_link, row.human, row.unique, row.all), (Some(105), 100, 50, 200));
    assert_eq!((row.balance, row.causes.len()), (Balance::AsExpected, 0));
    assert_eq!(row.filtered, [("bot".to_owned(), 100)].into());
    assert!((row.ratio.unwrap() - 100.0 / 105.0).abs() < 1e-12);
}

#[test]
fn a_platform_that_counts_bots_is_explained_by_what_we_filtered() {
    let row = clicked().read("p", &[], LINK, 200, LATER).reconcile();
    assert_eq!(row.balance, Balance::OursFewer);
    assert_eq!(names(&row)[0], "bots_on_platform");
    assert_eq!(row.causes[0].explains, Some(1.0));
    assert!(names(&row).contains(&"abandoned"), "{row:?}");
}

#[test]
fn a_reconciliation_begins_with_the_link_where_nobody_knows_when_the_post_was_published() {
    let case = clicked().with("p", |post| post.published = None);
    let case = case.but(|link| link.created_at = at("2026-11-01T08:30:00.5Z")).read("p", &[], LINK, 105, LATER);
    let row = case.reconcile();
    assert_eq!((row.from, row.human), (Some(at("2026-11-01T08:30:01Z")), 100));
}

#[test]
fn a_platform_that_only_counts_taps_is_named_as_such() {
    let row = clicked().read("p", &[], ALL, 900, LATER).reconcile();
    assert_eq!((row.platform_link, row.platform_all), (None, Some(900)));
    assert!(names(&row).contains(&"all_clicks"), "{row:?}");
}

#[test]
fn link_clicks_that_stayed_on_the_platform_are_measured_by_its_outbound_clicks() {
    let row = clicked()
        .read("p", &[], LINK, 1000, LATER)
        .read("p", &[], Metric::Clicks(Clicks::Outbound), 110, LATER)
        .reconcile();
    assert_eq!(names(&row)[0], "stayed_on_platform");
    assert!((row.causes[0].explains.unwrap() - 890.0 / 900.0).abs() < 1e-12, "{row:?}");
}

#[test]
fn a_link_that_was_passed_on_is_seen_to_come_from_elsewhere() {
    let row = clicked()
        .counted(Dimension::SeenOn, "instagram", 40)
        .counted(Dimension::SeenOn, "whatsapp", 50)
        .counted(Dimension::SeenOn, "direct", 10)
        .read("p", &[], LINK, 40, LATER)
        .reconcile();
    assert_eq!(row.balance, Balance::OursMore);
    let elsewhere = row.causes.iter().find(|cause| cause.name == "shared_elsewhere").unwrap();
    assert!((elsewhere.explains.unwrap() - 50.0 / 60.0).abs() < 1e-12 && elsewhere.text.contains("whatsapp 50"));
}

#[test]
fn what_leaves_no_trace_is_named_where_it_can_be() {
    let permanent = clicked().but(|link| link.permanent = true).read("p", &[], LINK, 500, LATER).reconcile();
    assert!(names(&permanent).contains(&"cached_redirect"), "{permanent:?}");
    let late = clicked().but(|link| link.created_at = at("2026-11-03T00:00:00Z")).read("p", &[], LINK, 500, LATER);
    assert!(names(&late.reconcile()).contains(&"late_link"));
    let fresh = clicked().read("p", &[], LINK, 500, "2026-11-03T12:00:00Z").reconcile();
    assert!(names(&fresh).contains(&"unsettled"), "{fresh:?}");
}

#[test]
fn days_that_begin_at_another_hour_are_found_out() {
    let clicks_of = |day: i8| 20 + 30 * (u64::from(day.unsigned_abs()) % 4);
    let mut case = Case::default().link(1, Level::Post, &["p"]);
    for day in 1..=10 {
        case = case.clicks(1, nov(day), &[("06:00", clicks_of(day))]);
    }
    // The file's days begin at 08:00 UTC, so the early clicks of a day are in the day before; and it counts half more.
    for day in 1..=9 {
        case = case.on_day("p", nov(day), clicks_of(day + 1) * 3 / 2);
    }
    let row = case.reconcile();
    assert_eq!((row.balance, names(&row)[0]), (Balance::OursFewer, "bots_on_platform"));
    let zone = row.causes.iter().find(|cause| cause.name == "time_zone").unwrap();
    assert!(zone.text.contains("begin +7 hours") && zone.explains.unwrap() > 0.3, "{zone:?}");
}

#[test]
fn days_of_the_same_shape_say_nothing_about_the_hour_they_begin_at() {
    let mut case = Case::default().link(1, Level::Post, &["p"]);
    // Days that began later would leave the first morning out, and come nearer to the platform's small numbers.
    for (day, clicks) in (1..).zip([200, 10, 10, 10, 10]) {
        case = case.clicks(1, nov(day), &[("06:00", clicks)]).on_day("p", nov(day), clicks / 10);
    }
    let row = case.reconcile();
    assert_eq!(row.balance, Balance::OursMore);
    assert!(!names(&row).contains(&"time_zone"), "{row:?}");
}

#[test]
fn the_parts_of_all_clicks_are_checked_against_their_sum() {
    let part = |case: Case, clicks, count| case.read("p", &[], Metric::Clicks(clicks), count, LATER);
    // The example of the task: 200 link, 50 see more, 30 photo, 20 profile, 10 call to action, 5 video: 315 of 10,000.
    let mut case = clicked().lifetime("p", Kind::Impressions, 10_000, LATER).read("p", &[], ALL, 315, LATER);
    for (clicks, count) in [
        (Clicks::Link, 200),
        (Clicks::SeeMore, 50),
        (Clicks::Photo, 30),
        (Clicks::Profile, 20),
        (Clicks::CallToAction, 10),
        (Clicks::Video, 5),
    ] {
        case = part(case, clicks, count);
    }
    let row = case.theirs("post").remove(0);
    let parts = row.parts.clone().unwrap();
    assert_eq!((parts.sum, parts.adds_up, parts.of.len()), (315, true, 6));
    assert_eq!((row.ctr_all, row.ctr_link, row.human), (Some(0.0315), Some(0.02), Some(100)));
    let row = case.clone().read("p", &[], ALL, 320, "2026-12-02T00:00:00Z").theirs("post").remove(0);
    assert!(!row.parts.unwrap().adds_up);
    // Others that have link clicks alone, or all clicks with the link's part alone, are no contradiction.
    let others = case.read("q", &[], LINK, 900, LATER).read("r", &[], LINK, 40, LATER).read("r", &[], ALL, 90, LATER);
    let parts = others.theirs("platform").remove(0).parts.unwrap();
    assert_eq!((parts.sum, parts.adds_up, parts.of["clicks_link"]), (355, true, 240));
}

/// Two ads of one campaign, by age; the second also by country.
fn ads() -> Case {
    let ad = |case: Case, name: &str, set: &str| {
        case.with(name, |post| {
            post.level = Some(Level::Ad);
            post.campaign = Some("Spring".to_owned());
            post.ad_set = Some(set.to_owned());
            post.ad = Some(name.to_owned());
            post.currency = Some("EUR".to_owned());
        })
    };
    let slice = |case: Case, name: &str, slice: (&str, &str), shown: u64, clicks: u64| {
        case.read(name, &[slice], Metric::Impressions(Kind::Impressions), shown, LATER)
            .read(name, &[slice], Metric::Impressions(Kind::Reach), shown / 2, LATER)
            .read(name, &[slice], ALL, clicks, LATER)
            .read(name, &[slice], Metric::Spend, clicks * 500_000, LATER)
    };
    let case = ad(ad(Case::default(), "A", "cold"), "B", "warm");
    let case = slice(slice(case, "A", ("age", "18-24"), 1000, 10), "A", ("age", "25-34"), 2000, 40);
    let case = slice(slice(case, "B", ("age", "18-24"), 3000, 60), "B", ("country", "SE"), 3000, 60);
    case.link(1, Level::Ad, &["A"]).clicks(1, nov(3), &[("10:00", 25)])
}

#[test]
fn ads_are_added_up_by_ad_set_campaign_and_slice_and_nothing_twice() {
    let brief = |by: &str| {
        let row = |row: PlatformRow| (row.value, row.impressions, row.clicks_all, row.spend);
        ads().theirs(by).into_iter().map(row).collect::<Vec<_>>()
    };
    let row = |name: &str, shown, clicks, spend| (name.to_owned(), Some(shown), Some(clicks), Some(spend));
    assert_eq!(brief("campaign"), [row("Spring", 6000, 110, 55.0)]);
    assert_eq!(brief("ad_set"), [row("warm", 3000, 60, 30.0), row("cold", 3000, 50, 25.0)]);
    assert_eq!(brief("age"), [row("18-24", 4000, 70, 35.0), row("25-34", 2000, 40, 20.0)]);
    assert_eq!(brief("country"), [row("SE", 3000, 60, 30.0)]);
}

#[test]
fn what_a_click_cost_is_told_for_theirs_and_for_ours() {
    let rows = ads().theirs("ad_set");
    let cold = rows.iter().find(|row| row.value == "cold").unwrap();
    assert_eq!((cold.cpc_all, cold.human, cold.cpc_human), (Some(0.5), Some(25), Some(1.0)));
    assert_eq!(cold.currency.as_deref(), Some("EUR"));
    assert_eq!(cold.reach, None, "people of two ages are not added up");
    assert!(cold.notes.iter().any(|note| note.contains("reach cannot be added up")), "{cold:?}");
}

#[test]
fn two_currencies_are_not_added_up() {
    let case = ads().with("B", |post| post.currency = Some("SEK".to_owned()));
    let row = case.theirs("campaign").remove(0);
    assert_eq!((row.spend, row.cpc_all, row.currency), (None, None, None));
    assert!(row.notes.iter().any(|note| note.contains("EUR + SEK")), "{:?}", row.notes);
}

#[test]
fn e101_clicks_without_impressions_are_in_neither_sum_of_a_platforms_rate() {
    let row = clicked()
        .with("p", |post| post.platform = "facebook".to_owned())
        .with("share", |post| post.platform = "facebook".to_owned())
        .lifetime("p", Kind::Views, 1000, LATER)
        .read("p", &[], ALL, 20, LATER)
        .read("share", &[], ALL, 17_257, LATER)
        .theirs("platform")
        .remove(0);
    assert_eq!((row.ctr_all, row.clicks_all, row.excluded), (Some(0.02), Some(17_277), 1));
}

#[test]
fn two_posts_are_compared_with_an_interval_and_a_test() {
    let case = Case::default()
        .link(1, Level::Post, &["a"])
        .link(2, Level::Post, &["b"])
        .clicks(1, nov(3), &[("10:00", 50)])
        .clicks(2, nov(3), &[("10:00", 75)])
        .lifetime("a", Kind::Views, 5000, LATER)
        .lifetime("b", Kind::Views, 5000, LATER);
    let found = case.versus("a", "b").unwrap();
    assert_eq!(format!("{:.4} {:.5}", found.z.unwrap(), found.p.unwrap()), "-2.2502 0.02444");
    assert_eq!((found.test.as_deref(), found.notes.len()), (Some("z"), 0));
    assert_eq!(case.versus("a", "c"), Err(VersusError::NoRow("c".to_owned())));
}

#[test]
fn e77_posts_of_different_kinds_are_not_compared() {
    let case = clicked()
        .link(2, Level::Post, &["q"])
        .clicks(2, nov(3), &[("10:00", 75)])
        .lifetime("p", Kind::Impressions, 5000, LATER)
        .lifetime("q", Kind::Views, 5000, LATER);
    let refused = case.versus("p", "q").unwrap_err().to_string();
    assert!(refused.contains("\"p\" has impressions and \"q\" has views"), "{refused}");
}

#[test]
fn posts_of_different_age_are_compared_with_a_warning() {
    let case = clicked()
        .link(2, Level::Post, &["q"])
        .with("q", |post| post.published = Some(at("2026-11-28T10:00:00Z")))
        .clicks(2, nov(29), &[("10:00", 75)])
        .lifetime("p", Kind::Views, 5000, LATER)
        .lifetime("q", Kind::Views, 5000, LATER);
    let notes = case.versus("p", "q").unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("28.6 and 2.6 days after publication")), "{notes:?}");
}
