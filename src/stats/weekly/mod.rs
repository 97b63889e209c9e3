//! A week beside the one before: what changed, what is worsening, the best and the worst posts, and each campaign.
//!
//! Pure. It must never call chance a change: many things are compared at once, so of those that it names at most one in
//! twenty is expected to be chance (Benjamini and Hochberg).

mod form;

pub(crate) use form::{csv, html, markdown};

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::stats::compare::{Share, compare, false_discoveries};
use crate::stats::ctr::reconcile::discrepancies;
use crate::stats::ctr::{Grouping, Material, Order, rows};
use crate::stats::query::Window;
use crate::stats::special::normal_tails;
use crate::stats::wire::{Balance, CampaignWeek, Change, Counts, CtrRow, WeeklyReport};

/// The most lines of each part.
const CHANGES_MAX: usize = 20;
const POSTS_MAX: usize = 5;
const CAMPAIGNS_MAX: usize = 50;

/// Of what is called a change, so much may be chance.
const FALSE_SHARE: f64 = 0.05;

/// The campaign of links without one.
const NONE: &str = "(none)";

/// One week, as three numerators see it.
pub(crate) struct Week<'a> {
    pub(crate) days: Window,
    pub(crate) human: Material<'a>,
    pub(crate) unique: Material<'a>,
    pub(crate) all: Material<'a>,
}

pub(crate) fn report(now: &Week<'_>, before: &Week<'_>, band: (f64, f64), at: Timestamp) -> WeeklyReport {
    let sums = |week: fn(&Week<'_>) -> u64| Counts { now: week(now), before: week(before) };
    let changes = changes(now, before);
    let worse = changes.iter().filter(|change| change.now < change.before);
    let worsening = worse.take(CHANGES_MAX).cloned().collect();
    let (best, worst) = best_and_worst(&now.human);
    let apart = discrepancies(&now.human, band, at).0.into_iter();
    let apart = apart.filter(|row| !matches!(row.balance, Balance::AsExpected | Balance::Unknown));
    WeeklyReport {
        from: now.days.first(),
        to: now.days.last(),
        before_from: before.days.first(),
        before_to: before.days.last(),
        clicks: sums(|week| total(&week.human)),
        visitors: sums(|week| total(&week.unique)),
        hits: sums(|week| total(&week.all)),
        changed: changes.into_iter().take(CHANGES_MAX).collect(),
        worsening,
        best,
        worst,
        campaigns: campaigns(now, before),
        discrepancies: apart.take(POSTS_MAX).collect(),
        rules: Vec::new(),
    }
}

fn total(material: &Material<'_>) -> u64 {
    by_link(material, |_| ()).values().copied().fold(0, u64::saturating_add)
}

/// Clicks of the week by what `name` takes of a link.
fn by_link<K: Ord>(material: &Material<'_>, name: impl Fn(usize) -> K) -> BTreeMap<K, u64> {
    let mut clicks: BTreeMap<K, u64> = BTreeMap::new();
    for (at, link) in material.links.iter().enumerate() {
        let counted = material.clicks.count(link.id, material.numerator, material.span()).clicks;
        let sum = clicks.entry(name(at)).or_default();
        *sum = sum.saturating_add(counted);
    }
    clicks
}

fn campaign(material: &Material<'_>, link: usize) -> String {
    material.links[link].campaign.clone().unwrap_or_else(|| NONE.to_owned())
}

/// What is not what it was, by more than chance; the largest change relative to its uncertainty first.
fn changes(now: &Week<'_>, before: &Week<'_>) -> Vec<Change> {
    let label = |material: &Material<'_>, link: usize| material.links[link].label.clone();
    let mut found = counts(
        "link",
        &by_link(&now.human, |at| label(&now.human, at)),
        &by_link(&before.human, |at| label(&before.human, at)),
    );
    let of_campaign = |week: &Week<'_>| by_link(&week.human, |at| campaign(&week.human, at));
    found.extend(counts("campaign", &of_campaign(now), &of_campaign(before)));
    for by in [Grouping::Campaign, Grouping::Placement] {
        found.extend(rates(by, now, before));
    }
    let is_change = false_discoveries(&found.iter().map(|change| change.p).collect::<Vec<_>>(), FALSE_SHARE);
    let mut certain: Vec<_> =
        found.into_iter().zip(is_change).filter(|(_, is)| *is).map(|(change, _)| change).collect();
    certain.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| (&a.of, &a.name).cmp(&(&b.of, &b.name))));
    certain
}

/// Two counts of the same length of time: given their sum, each click fell into either week with equal chance.
fn counts(of: &str, now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> Vec<Change> {
    let change = |(name, now): (&String, &u64)| {
        let (now, before) = (*now as f64, before.get(name).copied().unwrap_or(0) as f64);
        let p = if now + before > 0.0 { normal_tails((now - before) / (now + before).sqrt()) } else { 1.0 };
        Change { of: of.to_owned(), name: name.clone(), what: "clicks".to_owned(), now, before, p }
    };
    now.iter().map(change).collect()
}

/// The rates of both weeks that divide by the same kind over the same basis. Between one post and the next they differ
/// more than impressions do by chance, so the interval of the spread decides, where there is one.
fn rates(by: Grouping, now: &Week<'_>, before: &Week<'_>) -> Vec<Change> {
    let (rows_now, _) = rows(by, Order::Size, &now.human);
    let (rows_before, _) = rows(by, Order::Size, &before.human);
    let key = |row: &CtrRow| (row.value.clone(), row.level.clone(), row.kind.clone(), row.basis);
    let before: BTreeMap<_, &CtrRow> = rows_before.iter().map(|row| (key(row), row)).collect();
    let change = |row: &CtrRow| {
        let earlier = before.get(&key(row)).filter(|earlier| row.enough && earlier.enough)?;
        let share = |row: &CtrRow| Share::new(row.clicks?, row.impressions?);
        let p = compare(share(row)?, share(earlier)?).p();
        let spread = |row: &CtrRow| row.dispersion.unwrap_or(1.0).max(1.0);
        let p = if spread(row).max(spread(earlier)) > 1.0 { apart(row, earlier)? } else { p };
        Some(Change {
            of: by.as_str().to_owned(),
            name: row.value.clone(),
            what: row.kind.clone()?,
            now: row.ctr?,
            before: earlier.ctr?,
            p,
        })
    };
    rows_now.iter().filter_map(change).collect()
}

/// The probability of such a distance between two rates with these intervals, taken for normal ones.
fn apart(a: &CtrRow, b: &CtrRow) -> Option<f64> {
    let error = |row: &CtrRow| Some((row.high? - row.low?) / (2.0 * 1.96));
    let error = error(a)?.hypot(error(b)?);
    (error > 0.0).then_some(normal_tails((a.ctr? - b.ctr?) / error))
}

/// Posts with enough data; a post is never in both lists.
fn best_and_worst(material: &Material<'_>) -> (Vec<CtrRow>, Vec<CtrRow>) {
    let (ranked, _) = rows(Grouping::Post, Order::Rank, material);
    let mut ranked: Vec<_> = ranked.into_iter().filter(|row| row.enough).collect();
    let middle = ranked.len().div_ceil(2);
    let worst = ranked.split_off(middle).into_iter().rev().take(POSTS_MAX).collect();
    ranked.truncate(POSTS_MAX);
    (ranked, worst)
}

fn campaigns(now: &Week<'_>, before: &Week<'_>) -> Vec<CampaignWeek> {
    let earlier = by_link(&before.human, |at| campaign(&before.human, at));
    let (rows, _) = rows(Grouping::Campaign, Order::Size, &now.human);
    let week = |(campaign, now): (String, u64)| CampaignWeek {
        clicks: Counts { now, before: earlier.get(&campaign).copied().unwrap_or(0) },
        rates: rows.iter().filter(|row| row.value == campaign).cloned().collect(),
        campaign,
    };
    let mut weeks: Vec<_> = by_link(&now.human, |at| campaign(&now.human, at)).into_iter().map(week).collect();
    weeks.retain(|week| week.clicks != Counts::default() || !week.rates.is_empty());
    weeks.sort_by(|a, b| b.clicks.now.cmp(&a.clicks.now).then_with(|| a.campaign.cmp(&b.campaign)));
    weeks.truncate(CAMPAIGNS_MAX);
    weeks
}
