//! What a grouped scan promises, beside a scan of rows over the same clicks.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::*;
use crate::domain::counter::Count;

fn query(filter: ClickFilter) -> CountQuery {
    let groupings = vec![
        Grouping::Spans { begins: [MIDNIGHT, MIDNIGHT + 4000].into(), visitors: true },
        Grouping::Link,
        Grouping::Facet(ClickFacet::City),
        Grouping::Facet(ClickFacet::Reason),
    ];
    let clicks = ClickQuery { filter, ..ClickQuery::default() };
    CountQuery { clicks, groupings, until: Instant::now() + Duration::from_secs(60) }
}

/// Six clicks, a second apart; the third is a bot's, the last is on link 2.
fn six() -> Vec<Click> {
    let mut clicks = clicks(0..6);
    clicks[2].verdict = Verdict::Bot;
    clicks[4].visitor = Visitor(7);
    clicks[5].link = Cow::Owned(link(2, ""));
    Arc::make_mut(clicks[5].place.to_mut()).city = "".into();
    clicks
}

fn count(clicks: u64, hits: u64) -> Count {
    Count { clicks, hits }
}

#[test]
fn clicks_are_counted_by_time_link_and_what_they_show_pending_or_sealed() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, six());
    for is_sealed in [false, true] {
        let counted = archive.count(&query(ClickFilter::default())).unwrap();
        assert_eq!((counted.verdicts[Verdict::Human as usize], counted.verdicts[Verdict::Bot as usize]), (5, 1));
        assert_eq!(counted.visitors.count(), 3, "one on two links is two");
        let [Groups::Spans(spans, visitors), Groups::Links(links), Groups::Values(cities), Groups::Values(reasons)] =
            &counted.groups[..]
        else {
            panic!("other groups than were asked for: {counted:?}");
        };
        assert_eq!(spans[..], [count(3, 4), count(2, 2)], "sealed: {is_sealed}");
        assert_eq!(visitors.iter().map(|of| of.count()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((links[&1], links[&2]), (count(4, 5), count(1, 1)));
        assert_eq!((cities["SE/Malm\u{f6}"], cities["(unknown)"]), (count(4, 5), count(1, 1)));
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons["bot:default"], count(0, 1));
        let on_two = archive.count(&query(ClickFilter::default().on(LinkId(2)))).unwrap();
        assert_eq!(on_two.verdicts.iter().sum::<u64>(), 1);
        archive.seal(JOURNAL, Position(0)).unwrap();
    }
}

#[test]
fn a_click_that_is_pending_and_in_a_file_is_counted_once() {
    let folder = TempDir::new().unwrap();
    let before = open(&folder);
    push(&before, six());
    before.seal(JOURNAL, Position(0)).unwrap();
    let after = open(&folder);
    push(&after, six()[..3].to_vec());
    let counted = after.count(&query(ClickFilter::default())).unwrap();
    assert_eq!(counted.verdicts.iter().sum::<u64>(), 6);
}

#[test]
fn a_damaged_file_counts_not_at_all_and_is_told() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, six());
    archive.seal(JOURNAL, Position(0)).unwrap();
    push(&archive, clicks(10..13));
    archive.seal(JOURNAL, Position(10)).unwrap();
    let path = &files(archive.root())[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[100] ^= 1;
    fs::write(path, bytes).unwrap();
    let counted = archive.count(&query(ClickFilter::default())).unwrap();
    assert_eq!((counted.verdicts.iter().sum::<u64>(), counted.files_left_out), (3, 1));
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, six());
    archive.seal(JOURNAL, Position(0)).unwrap();
    let late = CountQuery { until: Instant::now(), ..query(ClickFilter::default()) };
    assert!(matches!(archive.count(&late), Err(ArchiveError::Deadline)));
}
