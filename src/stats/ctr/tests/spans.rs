//! What a CTR report says of lifetime numbers, of weeks and days, and of rows beside each other.

use super::*;
use crate::stats::wire::StandingVerdict;

/// A post published on 2 November at 10:00, with 5,000 views in its lifetime by the 12th at noon.
fn posted() -> Case {
    Case::default()
        .link(1, Level::Post, &["p"])
        .with("p", |post| post.published = Some(at("2026-11-02T10:00:00Z")))
        .lifetime("p", Kind::Views, 5000, "2026-11-12T12:00:00Z")
}

#[test]
fn e81_a_lifetime_is_divided_into_the_clicks_from_publication_to_the_as_of() {
    let row = posted()
        .clicks(1, nov(2), &[("08:00", 9), ("09:00", 1), ("10:00", 30)])
        .clicks(1, nov(12), &[("11:00", 19), ("12:00", 4)])
        .one(Grouping::Post);
    assert_eq!((row.basis, row.clicks, row.impressions), (Some(Basis::Lifetime), Some(50), Some(5000)));
    assert_eq!((row.ctr, row.clicks_outside), (Some(0.01), 13));
    assert!(has_note(&row, "4 clicks after the import's as-of left out"), "{row:?}");
}

#[test]
fn clicks_five_minutes_before_publication_belong_to_a_post() {
    let clicks = |minute: &str| {
        let case = posted().with("p", |post| post.published = Some(at(&format!("2026-11-02T10:{minute}:00Z"))));
        case.clicks(1, nov(2), &[("09:00", 7)]).one(Grouping::Post).clicks
    };
    assert_eq!((clicks("04"), clicks("05")), (Some(7), Some(0)));
}

#[test]
fn e82_a_link_made_days_after_its_post_is_flagged() {
    let late = posted().but(|link| link.created_at = at("2026-11-05T10:00:00Z")).clicks(1, nov(6), &[("10:00", 50)]);
    let row = late.one(Grouping::Post);
    assert!(row.denominator_covers_more && row.ctr == Some(0.01), "{row:?}");
    assert!(has_note(&row, "impressions were counted before the link was made"), "{row:?}");
    let of_day = |by: &str| {
        let day = |post: &mut PostEntry| (post.published, post.published_by) = (None, Some(at(by)));
        late.clone().with("p", day).one(Grouping::Post).denominator_covers_more
    };
    assert!(of_day("2026-11-03T12:00:00Z") && !of_day("2026-11-05T12:00:00Z"), "where only the day is known");
    assert!(
        !posted().but(|link| link.created_at = at("2026-11-02T10:30:00Z")).one(Grouping::Post).denominator_covers_more
    );
}

#[test]
fn e83_rates_say_that_the_rules_changed_where_clicks_were_counted_on_both_sides() {
    let case = |hours: &str| {
        let judged = serde_json::from_str(&format!(r#"[{{"since": "2026-11-01T00:00:00Z", "rules": 3}}, {hours}]"#));
        Case { judged: judged.unwrap(), ..posted() }.clicks(1, nov(6), &[("10:00", 50)]).one(Grouping::Post)
    };
    let note = "judged by two versions of the rules, the newest since 2026-11-05";
    let row = case(r#"{"since": "2026-11-05T09:00:00Z", "rules": 4}"#);
    assert!(row.ctr == Some(0.01) && has_note(&row, note), "{row:?}");
    let later = case(r#"{"since": "2026-11-12T12:00:00Z", "rules": 4}"#);
    assert!(!has_note(&later, "versions of the rules"), "after the as-of: {later:?}");
    let before = case(r#"{"since": "2026-11-02T08:00:00Z", "rules": 4}"#);
    assert!(!has_note(&before, "versions of the rules"), "before publication: {before:?}");
}

#[test]
fn e84_a_link_that_no_longer_answers_still_counts() {
    // Whether a link is enabled or expired is no part of what a rate is computed from.
    let row = posted().clicks(1, nov(6), &[("10:00", 50)]).one(Grouping::Link);
    assert_eq!(row.ctr, Some(0.01));
}

#[test]
fn e46_reach_above_views_is_shown_as_it_is() {
    let case = posted().clicks(1, nov(3), &[("10:00", 50)]).lifetime("p", Kind::Reach, 20_000, "2026-11-12T12:00:00Z");
    let rows = case.ask(Grouping::Post, Numerator::Human);
    let brief: Vec<_> = rows.iter().map(|row| (row.kind.as_deref(), row.impressions, row.ctr)).collect();
    assert_eq!(brief, [(Some("reach"), Some(20_000), Some(0.0025)), (Some("views"), Some(5000), Some(0.01))]);
}

#[test]
fn e77_a_series_that_goes_on_as_views_stays_apart_from_its_impressions() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .clicks(1, nov(1), &[("10:00", 10)])
        .clicks(1, nov(2), &[("10:00", 10)])
        .number("p", nov(1), Kind::Impressions, 1000, LATER)
        .number("p", nov(2), Kind::Views, 3000, LATER);
    for by in [Grouping::Post, Grouping::Level, Grouping::Day, Grouping::Week] {
        let rows = case.ask(by, Numerator::Human);
        let sums: Vec<_> = rows.iter().map(|row| (row.kind.as_deref(), row.clicks, row.impressions)).collect();
        assert_eq!(rows.len(), 2, "{by:?}");
        assert!(sums.contains(&(Some("impressions"), Some(10), Some(1000))), "{by:?} {sums:?}");
        assert!(sums.contains(&(Some("views"), Some(10), Some(3000))), "{by:?} {sums:?}");
    }
}

#[test]
fn e101_what_has_no_denominator_is_in_neither_sum_and_counted() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .link(2, Level::Post, &["share"])
        .link(3, Level::Post, &["quiet"])
        .clicks(1, nov(1), &[("10:00", 50)])
        .clicks(2, nov(1), &[("10:00", 17_257)])
        .views("p", nov(1), 5000)
        .lifetime("share", Kind::Reach, 9_000, LATER)
        .lifetime("quiet", Kind::Reach, 8, LATER);
    let rows = case.ask(Grouping::Campaign, Numerator::Human);
    let row = rows.iter().find(|row| row.kind.as_deref() == Some("views")).unwrap();
    assert_eq!((row.clicks, row.impressions, row.ctr), (Some(50), Some(5000), Some(0.01)));
    assert_eq!((row.excluded, row.clicks_outside), (1, 17_257));
    assert!(has_note(row, "1 link or post without views in neither sum"), "{row:?}");
}

#[test]
fn lifetimes_and_days_are_never_added() {
    let case = Case::default()
        .link(1, Level::Post, &["p"])
        .link(2, Level::Post, &["q"])
        .clicks(1, nov(1), &[("10:00", 10)])
        .clicks(2, nov(1), &[("10:00", 20)])
        .lifetime("p", Kind::Views, 1000, LATER)
        .views("p", nov(1), 400)
        .views("q", nov(1), 1000);
    let rows = case.ask(Grouping::Campaign, Numerator::Human);
    let brief: Vec<_> = rows.iter().map(|row| (row.basis, row.clicks, row.impressions)).collect();
    assert_eq!(brief, [(Some(Basis::Days), Some(20), Some(1000)), (Some(Basis::Lifetime), Some(10), Some(1000))]);
    let shared = Case::default().link(1, Level::Post, &["p", "q"]).lifetime("p", Kind::Views, 1000, LATER).views(
        "q",
        nov(1),
        1000,
    );
    let row = shared.one(Grouping::Post);
    assert_eq!(row.ctr, None);
    assert!(has_note(&row, "about different spans of time and cannot be added up"), "{row:?}");
}

#[test]
fn asked_about_some_days_two_lifetime_readings_give_what_came_between_them() {
    let case = posted()
        .lifetime("p", Kind::Views, 8000, "2026-11-19T12:00:00Z")
        .clicks(1, nov(11), &[("10:00", 50)])
        .clicks(1, nov(13), &[("10:00", 60)])
        .clicks(1, nov(20), &[("10:00", 9)])
        .in_window(nov(12), nov(19));
    let row = case.one(Grouping::Post);
    assert_eq!((row.basis, row.clicks, row.impressions), (Some(Basis::Snapshots), Some(60), Some(3000)));
    let from_birth = case.in_window(nov(1), nov(19)).one(Grouping::Post);
    assert_eq!((from_birth.clicks, from_birth.impressions), (Some(110), Some(8000)));
}

#[test]
fn a_lifetime_that_went_down_adds_nothing_and_says_so() {
    let case = posted().lifetime("p", Kind::Views, 4000, "2026-11-19T12:00:00Z").clicks(1, nov(13), &[("10:00", 60)]);
    assert_eq!(case.one(Grouping::Post).impressions, Some(4000));
    assert!(case.in_window(nov(12), nov(19)).ask(Grouping::Post, Numerator::Human).is_empty());
}

#[test]
fn days_and_weeks_are_rows_in_order_of_time() {
    let case = Case::default()
        .link(1, Level::Profile, &["instagram:profile"])
        .clicks(1, nov(1), &[("10:00", 5)])
        .clicks(1, nov(2), &[("10:00", 7)])
        .clicks(1, nov(8), &[("10:00", 11)])
        .number("instagram:profile", nov(1), Kind::ProfileVisits, 100, LATER)
        .number("instagram:profile", nov(2), Kind::ProfileVisits, 100, LATER)
        .number("instagram:profile", nov(8), Kind::ProfileVisits, 100, LATER);
    let brief = |by| -> Vec<(String, Option<u64>, Option<f64>)> {
        case.ask(by, Numerator::Human).into_iter().map(|row| (row.value, row.clicks, row.ctr)).collect()
    };
    let row = |day: &str, clicks, ctr| (day.to_owned(), Some(clicks), Some(ctr));
    assert_eq!(
        brief(Grouping::Day),
        [row("2026-11-01", 5, 0.05), row("2026-11-02", 7, 0.07), row("2026-11-08", 11, 0.11)]
    );
    assert_eq!(brief(Grouping::Week), [row("2026-10-26", 5, 0.05), row("2026-11-02", 18, 0.09)]);
}

#[test]
fn readings_of_a_lifetime_on_consecutive_days_are_a_trend() {
    let case = posted()
        .lifetime("p", Kind::Views, 6000, "2026-11-13T12:00:00Z")
        .lifetime("p", Kind::Views, 5900, "2026-11-14T13:00:00Z")
        .clicks(1, nov(12), &[("20:00", 10)])
        .clicks(1, nov(13), &[("20:00", 3)]);
    let rows = case.ask(Grouping::Day, Numerator::Human);
    let brief: Vec<_> = rows.iter().map(|row| (row.value.as_str(), row.clicks, row.impressions)).collect();
    assert_eq!(brief, [("2026-11-13", Some(10), Some(1000)), ("2026-11-14", Some(3), Some(0))]);
    assert_eq!(rows[0].ctr, Some(0.01));
}

#[test]
fn a_link_whose_level_is_not_its_posts_is_warned_about() {
    let case = posted().with("p", |post| post.level = Some(Level::Story)).clicks(1, nov(3), &[("10:00", 50)]);
    assert!(has_note(&case.one(Grouping::Post), "a link of level post stands in a post of level story"));
}

#[test]
fn a_story_is_divided_by_its_views_and_a_bio_by_its_visits() {
    let story = Case::default().link(1, Level::Story, &["s"]).clicks(1, nov(1), &[("10:00", 30)]).lifetime(
        "s",
        Kind::StoryViews,
        1000,
        LATER,
    );
    assert_eq!(story.one(Grouping::Placement).ctr, Some(0.03));
    assert_eq!(story.one(Grouping::Placement).value, "instagram story");
}

/// Twelve posts of 5,000 views, the last of which has 100 clicks and the others 40 to 50; and a lucky small one.
fn many() -> Case {
    let mut case = Case::default();
    for id in 1..=12_u64 {
        let post = format!("p{id:02}");
        let clicks = if id == 12 { 100 } else { 39 + id };
        case = case
            .link(id, Level::Post, &[&post])
            .with(&post, |entry| entry.format = Some("reel".to_owned()))
            .clicks(id, nov(3), &[("10:00", clicks)])
            .lifetime(&post, Kind::Views, 5000, LATER);
    }
    case.link(13, Level::Post, &["lucky"]).clicks(13, nov(3), &[("10:00", 7)]).lifetime("lucky", Kind::Views, 9, LATER)
}

#[test]
fn a_post_stands_beside_what_is_usual_and_beside_the_accounts_own() {
    let rows = many().ask(Grouping::Post, Numerator::Human);
    let of = |value: &str| {
        let row = rows.iter().find(|row| row.value == value).unwrap();
        row.baselines.iter().map(|standing| (standing.of.as_str(), standing.verdict)).collect::<Vec<_>>()
    };
    assert_eq!(of("p12"), [("usual", StandingVerdict::Above), ("own", StandingVerdict::Above)]);
    assert_eq!(of("p06"), [("usual", StandingVerdict::Within), ("own", StandingVerdict::Within)]);
    assert_eq!(of("lucky"), [("usual", StandingVerdict::NotEnoughData), ("own", StandingVerdict::NotEnoughData)]);
    let own = &rows.iter().find(|row| row.value == "p06").unwrap().baselines[1];
    assert_eq!(own.low, own.high);
    assert_eq!(own.source, "median of 12 posts of the last 90 days");
}

#[test]
fn a_ranking_is_not_led_by_luck() {
    let ranked = many().ask_in(Grouping::Post, Numerator::Human, Order::Rank);
    assert_eq!(ranked[0].value, "p12", "{:?}", ranked[0]);
    let lucky = ranked.iter().find(|row| row.value == "lucky").unwrap();
    assert!(lucky.ctr.unwrap() > 0.7 && lucky.shrunk.unwrap() < 0.02, "{lucky:?}");
    assert!(ranked.iter().all(|row| row.shrunk.is_some()));
}

#[test]
fn many_posts_have_a_median_and_an_interval_of_posts_drawn_again() {
    let row = many().one(Grouping::Campaign);
    assert_eq!((row.interval, row.pooled, row.excluded), (Some(Interval::Bootstrap), 13, 0));
    assert_eq!(row.median, Some(46.0 / 5000.0));
    assert!(row.low.unwrap() < row.ctr.unwrap() && row.ctr.unwrap() < row.high.unwrap(), "{row:?}");
}
