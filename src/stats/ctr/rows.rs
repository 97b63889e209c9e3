//! The rows of a CTR report: counts, a ratio where there is one, and in words what it rests on or why it is missing.
//!
//! Pure. It must never print a bare percentage: whatever was left out or does not fit is a note of the row.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::impression::Kind;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::stats::ctr::evidence::Series;
use crate::stats::ctr::groups::{Group, name_posts};
use crate::stats::ctr::pairing::Paired;
use crate::stats::ctr::rate::{Rate, divisible, rate};
use crate::stats::ctr::{Grouping, Material, Numerator};
use crate::stats::pooled::{Pooled, pool};
use crate::stats::wire::{Basis, CtrRow, Interval};

/// What a row says when clicks outnumber impressions.
const OVER_ALL: &str = "over 100 %: clicks and denominator do not describe the same events";

/// The row of a group for which impressions were imported. `total` is all of its clicks in the window.
pub(super) fn paired_row(
    material: &Material<'_>,
    group: &Group,
    (kind, basis): (Kind, Basis),
    paired: &Paired,
    total: u64,
    by: Grouping,
) -> CtrRow {
    let obstacles = obstacles(material, group.level, kind, paired);
    let pooled = if obstacles.is_empty() { pool(&paired.units) } else { None };
    let rate = if obstacles.is_empty() {
        rate(paired.clicks, paired.impressions, pooled.as_ref(), material.policy)
    } else {
        None
    };
    let mut notes = obstacles;
    notes.extend(remarks(material, group, kind, paired, by));
    notes.extend(rate.iter().flat_map(|rate| rate_remarks(material, rate, pooled.as_ref(), paired)));
    CtrRow {
        platform: material.platform(group),
        kind: Some(kind.as_str().to_owned()),
        basis: Some(basis),
        clicks: Some(paired.clicks),
        impressions: denominator(kind, paired.numbers, paired.impressions),
        ctr: rate.map(|rate| rate.ctr),
        low: rate.map(|rate| rate.low),
        high: rate.map(|rate| rate.high),
        interval: rate.map(|rate| rate.interval),
        enough: rate.is_some_and(|rate| rate.enough),
        pooled: paired.pooled as u64,
        median: pooled.map(|pooled| pooled.median),
        dispersion: pooled.map(|pooled| pooled.phi),
        excluded: paired.excluded as u64,
        denominator_covers_more: paired.late_links > 0,
        as_of: paired.as_of,
        clicks_outside: total.saturating_sub(paired.clicks),
        notes,
        ..group_row(group)
    }
}

/// The row of a group with clicks for which nothing was imported.
pub(super) fn unmeasured_row(group: &Group, total: u64) -> CtrRow {
    CtrRow { clicks: Some(total), notes: vec!["no impressions imported".to_owned()], ..group_row(group) }
}

/// The row of impressions whose clicks nobody can know.
pub(super) fn unlinked_row(material: &Material<'_>, post: usize, kind: Kind) -> Option<CtrRow> {
    let entry = &material.posts[post];
    let series = entry.whole.get(&Metric::Impressions(kind))?;
    let (basis, count, numbers, as_of) = seen(material, series)?;
    let (value, note) = match entry.about_link {
        Some(link) => (link.to_string(), "this link was removed"),
        None => (entry.name.clone(), "no link stands in this post"),
    };
    Some(CtrRow {
        value,
        label: Some(entry.text.clone()).filter(|text| !text.is_empty()),
        level: entry.level.map(|level| level.to_string()),
        platform: Some(entry.platform.clone()).filter(|platform| !platform.is_empty()),
        kind: Some(kind.as_str().to_owned()),
        basis: Some(basis),
        impressions: denominator(kind, numbers, count),
        as_of: Some(as_of),
        notes: vec![note.to_owned()],
        ..CtrRow::default()
    })
}

/// The sum of one post's numbers in the days asked for, without clicks to hold against it.
fn seen(material: &Material<'_>, series: &Series) -> Option<(Basis, u64, usize, Timestamp)> {
    let choices = match material.is_cut() {
        true => [Basis::Days, Basis::Snapshots, Basis::Periods],
        false => [Basis::Lifetime, Basis::Days, Basis::Periods],
    };
    choices.into_iter().find_map(|basis| {
        let pieces = material.pieces(series, None, basis, &mut Paired::default());
        let count = pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.count));
        Some((basis, count, pieces.len(), pieces.iter().map(|piece| piece.latest).max()?))
    })
}

fn group_row(group: &Group) -> CtrRow {
    CtrRow {
        value: group.value.clone(),
        label: group.label.clone(),
        level: Some(group.level.as_str().to_owned()),
        ..CtrRow::default()
    }
}

/// The sum, unless it is one of reaches (the same people would count again) or of no number at all.
fn denominator(kind: Kind, numbers: usize, sum: u64) -> Option<u64> {
    let known = numbers == 1 || (numbers > 1 && Metric::Impressions(kind).is_additive());
    known.then_some(sum)
}

/// Why these clicks cannot be divided by these impressions; nothing when they can.
fn obstacles(material: &Material<'_>, level: Level, kind: Kind, paired: &Paired) -> Vec<String> {
    let word = kind.as_str();
    let named = |posts: &[usize]| name_posts(material.posts, posts.iter(), ", ");
    let mut reasons = Vec::new();
    if !divisible(level, kind) {
        reasons.push(format!("clicks of level {level} cannot be divided by {word}, which count something else"));
    }
    if kind == Kind::Reach && paired.numbers > 1 {
        reasons.push("reach of several days or posts cannot be added up: ask for one day of one post".to_owned());
    }
    if !paired.missing.is_empty() {
        reasons.push(format!("no {word} imported for {}, whose clicks are among these", named(&paired.missing)));
    }
    if !paired.mixed.is_empty() {
        let posts = named(&paired.mixed);
        reasons.push(format!("the {word} of {posts} are about different spans of time and cannot be added up"));
    }
    if paired.numbers == 0 {
        reasons.push(format!("no day has {word} for every post"));
    } else if paired.impressions == 0 {
        reasons.push(format!("0 {word}: nothing to divide by"));
    }
    reasons
}

/// What a reader has to know about the counts, whether or not they are divided.
fn remarks(material: &Material<'_>, group: &Group, kind: Kind, paired: &Paired, by: Grouping) -> Vec<String> {
    let word = kind.as_str();
    let numerator = material.numerator;
    let shared = group.components.iter().map(|component| component.posts.len()).max().unwrap_or(0);
    let links: usize = group.components.iter().map(|component| component.links.len()).sum();
    let first = || group.components.first().map(|found| name_posts(material.posts, found.posts.iter(), ", "));
    let remarks = [
        (by == Grouping::Post && shared > 1).then(|| {
            let posts = first().unwrap_or_default();
            format!("one link stands in several of these posts, so their clicks cannot be told apart: {posts}")
        }),
        paired.other_level.map(|(link, post)| format!("a link of level {link} stands in a post of level {post}")),
        (paired.late_links > 0)
            .then(|| "the denominator covers more: impressions were counted before the link was made".to_owned()),
        (paired.excluded > 0)
            .then(|| format!("{} without {word} in neither sum", count(paired.excluded as u64, "link or post"))),
        (paired.days_incomplete > 0)
            .then(|| format!("{} left out: a post has no {word} there", count(paired.days_incomplete as u64, "day"))),
        (paired.decreased > 0)
            .then(|| format!("{} left out: {word} went down", count(paired.decreased as u64, "post"))),
        (paired.after_as_of > 0)
            .then(|| format!("{} after the import's as-of left out", count(paired.after_as_of, "click"))),
        paired.whole_day.then(|| {
            "clicks of a day that is cut are counted whole: only human clicks are known by the hour".to_owned()
        }),
        paired.links_unused.then(|| format!("{word} of single links are not used: their posts have their own")),
        (kind == Kind::Reach && numerator != Numerator::Unique)
            .then(|| "reach counts people and these clicks do not: ask for unique clicks".to_owned()),
        added_up(material, group),
        judged(material, paired.clicked),
        (numerator == Numerator::Unique && links > 1)
            .then(|| "unique clicks are counted per link and day: who uses two links counts twice".to_owned()),
    ];
    remarks.into_iter().flatten().collect()
}

/// By what a platform cut up what it says, where nothing but that is known.
fn added_up(material: &Material<'_>, group: &Group) -> Option<String> {
    let posts = group.components.iter().flat_map(|component| &component.posts);
    let by: BTreeSet<&str> = posts.filter_map(|post| Some(&*material.posts[*post].added_up.as_ref()?.by)).collect();
    let by: Vec<&str> = by.into_iter().collect();
    (!by.is_empty()).then(|| format!("slices are added up, because files have no whole: {}", by.join("; ")))
}

/// That clicks were not all told from other hits in the same way, where it is so.
fn judged(material: &Material<'_>, clicked: Option<(Timestamp, Timestamp)>) -> Option<String> {
    let (versions, newest) = material.judged.several(clicked?)?;
    let versions = if versions == 2 { "two".to_owned() } else { versions.to_string() };
    let day = newest.to_zoned(material.clicks.zone().clone()).date();
    Some(format!("judged by {versions} versions of the rules, the newest since {day}"))
}

/// What a reader has to know about the ratio.
fn rate_remarks(material: &Material<'_>, rate: &Rate, pooled: Option<&Pooled>, paired: &Paired) -> Vec<String> {
    let policy = material.policy;
    let remarks = [
        (rate.interval == Interval::Poisson).then(|| OVER_ALL.to_owned()),
        (!rate.enough).then(|| {
            format!(
                "not enough data: fewer than {} impressions or {} clicks",
                policy.impressions_min, policy.clicks_min
            )
        }),
        pooled.map(|pooled| {
            let method = match rate.interval {
                Interval::Bootstrap => "the interval is that of posts drawn again",
                Interval::QuasiBinomial => "the interval is widened by how much they differ",
                _ => "the interval does not know how much they differ",
            };
            let units = paired.units.len();
            format!("pooled over {units} links or posts, half of them at or below {}; {method}", percent(pooled.median))
        }),
    ];
    remarks.into_iter().flatten().collect()
}

fn percent(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

/// `1 day`, `2 days`.
fn count(number: u64, word: &str) -> String {
    match (number, word.split_once(' ')) {
        (1, _) => format!("1 {word}"),
        (_, Some((first, rest))) => format!("{number} {first}s {rest}s"),
        (_, None) => format!("{number} {word}s"),
    }
}
