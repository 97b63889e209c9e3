//! The rows of a CTR report: counts, a ratio where there is one, and in words what it rests on or why it is missing.
//!
//! Pure. It must never print a bare percentage: whatever was left out or does not fit is a note of the row.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::impression::{Kind, Subject};
use crate::domain::placement::Level;
use crate::stats::ctr::groups::{Group, name_posts, subject_name};
use crate::stats::ctr::pairing::{Number, Paired};
use crate::stats::ctr::rate::{Policy, Rate, divisible, rate};
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::wire::{CtrRow, Interval};

/// What a row says when clicks outnumber impressions.
const OVER_ALL: &str = "over 100 %: clicks and denominator do not describe the same events";

/// The row of a group for which impressions were imported. `total` is all of its clicks in the window.
pub(crate) fn paired_row(
    group: &Group,
    kind: Kind,
    paired: &Paired,
    total: u64,
    by: Grouping,
    numerator: Numerator,
) -> CtrRow {
    let obstacles = obstacles(group.level, kind, paired);
    let rate = if obstacles.is_empty() { rate(paired.clicks, paired.impressions, Policy::DEFAULT) } else { None };
    let mut notes = obstacles;
    notes.extend(remarks(group, kind, paired, by, numerator));
    notes.extend(rate.iter().flat_map(|rate| rate_remarks(rate, paired)));
    CtrRow {
        kind: Some(kind.as_str().to_owned()),
        clicks: Some(paired.clicks),
        impressions: denominator(kind, paired.numbers, paired.impressions),
        ctr: rate.map(|rate| rate.ctr),
        low: rate.map(|rate| rate.low),
        high: rate.map(|rate| rate.high),
        interval: rate.map(|rate| rate.interval),
        enough: rate.is_some_and(|rate| rate.enough),
        as_of: paired.as_of,
        clicks_outside: total.saturating_sub(paired.clicks),
        notes,
        ..group_row(group)
    }
}

/// The row of a group with clicks for which nothing was imported.
pub(crate) fn unmeasured_row(group: &Group, total: u64) -> CtrRow {
    CtrRow { clicks: Some(total), notes: vec!["no impressions imported".to_owned()], ..group_row(group) }
}

/// The row of impressions whose clicks nobody can know.
pub(crate) fn unlinked_row(subject: &Subject, kind: Kind, days: &BTreeMap<Date, Number>) -> CtrRow {
    let note = match subject {
        Subject::Post(_) => "no link stands in this post",
        Subject::Link(_) => "this link was removed",
    };
    let sum = days.values().fold(0_u64, |sum, number| sum.saturating_add(number.count));
    CtrRow {
        kind: Some(kind.as_str().to_owned()),
        impressions: denominator(kind, days.len(), sum),
        as_of: latest(days),
        notes: vec![note.to_owned()],
        ..empty_row(subject_name(subject))
    }
}

fn latest(days: &BTreeMap<Date, Number>) -> Option<Timestamp> {
    days.values().map(|number| number.as_of).max()
}

fn group_row(group: &Group) -> CtrRow {
    CtrRow {
        label: group.label.clone(),
        level: Some(group.level.as_str().to_owned()),
        ..empty_row(group.value.clone())
    }
}

fn empty_row(value: String) -> CtrRow {
    CtrRow {
        value,
        label: None,
        level: None,
        kind: None,
        clicks: None,
        impressions: None,
        ctr: None,
        low: None,
        high: None,
        interval: None,
        enough: false,
        as_of: None,
        clicks_outside: 0,
        notes: Vec::new(),
    }
}

/// The sum, unless it is one of reaches (the same people would count again) or of no number at all.
fn denominator(kind: Kind, numbers: usize, sum: u64) -> Option<u64> {
    let known = numbers == 1 || (numbers > 1 && kind != Kind::Reach);
    known.then_some(sum)
}

/// Why these clicks cannot be divided by these impressions; nothing when they can.
fn obstacles(level: Level, kind: Kind, paired: &Paired) -> Vec<String> {
    let word = kind.as_str();
    let mut reasons = Vec::new();
    if !divisible(level, kind) {
        reasons.push(format!("clicks of level {level} cannot be divided by {word}, which count something else"));
    }
    if kind == Kind::Reach && paired.numbers > 1 {
        reasons.push("reach of several days or posts cannot be added up: ask for one day of one post".to_owned());
    }
    if !paired.missing.is_empty() {
        let posts = name_posts(paired.missing.iter(), ", ");
        reasons.push(format!("no {word} imported for {posts}, whose clicks are among these"));
    }
    if paired.numbers == 0 {
        reasons.push(format!("no day has {word} for every post"));
    } else if paired.impressions == 0 {
        reasons.push(format!("0 {word}: nothing to divide by"));
    }
    reasons
}

/// What a reader has to know about the counts, whether or not they are divided.
fn remarks(group: &Group, kind: Kind, paired: &Paired, by: Grouping, numerator: Numerator) -> Vec<String> {
    let word = kind.as_str();
    let shared = group.components.iter().map(|component| component.posts.len()).max().unwrap_or(0);
    let links = group.links().count();
    let posts = || group.components.first().map_or_else(String::new, |found| name_posts(found.posts.iter(), ", "));
    let remarks = [
        (by == Grouping::Post && shared > 1).then(|| {
            format!("one link stands in several of these posts, so their clicks cannot be told apart: {}", posts())
        }),
        (paired.days_incomplete > 0)
            .then(|| format!("{} left out: a post has no {word} there", count(paired.days_incomplete as u64, "day"))),
        (paired.after_as_of > 0)
            .then(|| format!("{} after the import's as-of left out", count(paired.after_as_of, "click"))),
        paired
            .whole_day
            .then(|| "clicks of the as-of day are counted whole: only human clicks are known by the hour".to_owned()),
        paired.links_unused.then(|| format!("{word} of single links are not used: their posts have their own")),
        (kind == Kind::Reach && numerator != Numerator::Unique)
            .then(|| "reach counts people and these clicks do not: ask for unique clicks".to_owned()),
        (numerator == Numerator::Unique && links > 1)
            .then(|| "unique clicks are counted per link and day: who uses two links counts twice".to_owned()),
    ];
    remarks.into_iter().flatten().collect()
}

/// What a reader has to know about the ratio.
fn rate_remarks(rate: &Rate, paired: &Paired) -> Vec<String> {
    let policy = Policy::DEFAULT;
    let remarks = [
        (rate.interval == Interval::Poisson).then(|| OVER_ALL.to_owned()),
        (!rate.enough).then(|| {
            format!(
                "not enough data: fewer than {} impressions or {} clicks",
                policy.impressions_min, policy.clicks_min
            )
        }),
        (paired.pooled > 1).then(|| {
            format!("pooled over {} links or posts, which differ more than this interval says", paired.pooled)
        }),
    ];
    remarks.into_iter().flatten().collect()
}

/// `1 day`, `2 days`.
fn count(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}
