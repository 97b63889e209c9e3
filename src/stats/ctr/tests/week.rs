//! What a report on a week says.

use super::*;
use crate::stats::weekly::{Week, report};
use crate::stats::wire::{Counts, WeeklyReport};

/// Two links: `slug1` falls from 400 clicks to 200, `slug2` goes from 50 to 55; both with 20,000 views in each week.
fn two_weeks() -> Case {
    let mut case = Case::default().link(1, Level::Post, &["p"]).link(2, Level::Post, &["q"]);
    case.links[1].campaign = Some("autumn".to_owned());
    for (link, post, day, clicks) in [(1, "p", 3, 400), (1, "p", 10, 200), (2, "q", 3, 50), (2, "q", 10, 55)] {
        case = case.clicks(link, nov(day), &[("10:00", clicks)]).views(post, nov(day), 20_000);
    }
    case
}

fn asked(case: &Case) -> WeeklyReport {
    let windows = [(9, 15), (2, 8)].map(|(first, last)| Window::new(nov(first), nov(last)).unwrap());
    let seen = |window: Window, ask: &mut dyn FnMut(&Week<'_>)| {
        let case =
            Case { window: Some(window), links: case.links.clone(), posts: case.posts.clone(), ..Case::default() };
        let case = Case { counters: two_weeks().counters, ..case };
        case.material(Numerator::Human, |human| {
            case.material(Numerator::Unique, |unique| {
                case.material(Numerator::All, |all| {
                    ask(&Week { days: window, human: *human, unique: *unique, all: *all })
                })
            })
        })
    };
    let mut found = None;
    seen(windows[0], &mut |now| {
        seen(windows[1], &mut |before| found = Some(report(now, before, (0.8, 1.2), at(LATER))));
    });
    found.unwrap()
}

#[test]
fn a_week_names_what_fell_and_leaves_chance_alone() {
    let week = asked(&two_weeks());
    assert_eq!((week.clicks, week.hits), (Counts { now: 255, before: 450 }, Counts { now: 510, before: 900 }));
    let names: Vec<_> = week.changed.iter().map(|change| (change.of.as_str(), change.name.as_str())).collect();
    assert!(names.contains(&("link", "slug1")) && names.contains(&("campaign", "spring")), "{names:?}");
    assert!(!names.iter().any(|(_, name)| ["slug2", "autumn"].contains(name)), "{names:?}");
    assert_eq!(week.worsening.len(), week.changed.len());
    let rate = week.worsening.iter().find(|change| change.what == "views" && change.name == "spring").unwrap();
    assert_eq!((rate.now, rate.before), (0.01, 0.02));
}

#[test]
fn a_week_lists_the_best_and_the_worst_posts_once_each_and_every_campaign() {
    let week = asked(&two_weeks());
    let names = |rows: &[CtrRow]| rows.iter().map(|row| row.value.clone()).collect::<Vec<_>>();
    assert_eq!((names(&week.best), names(&week.worst)), (vec!["p".to_owned()], vec!["q".to_owned()]));
    let campaigns: Vec<_> = week.campaigns.iter().map(|week| (week.campaign.as_str(), week.clicks.now)).collect();
    assert_eq!(campaigns, [("spring", 200), ("autumn", 55)]);
    assert_eq!(week.campaigns[0].rates[0].ctr, Some(0.01));
}
