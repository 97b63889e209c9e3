//! Click-through rates: links are put into groups, each group's clicks are paired with the impressions that describe
//! the same events, and what pairs is divided.
//!
//! Pure. It must never divide across levels, kinds or grains, and never show a percentage without what it rests on.

pub(crate) mod baseline;
mod causes;
pub(crate) mod clicks;
pub(crate) mod entries;
pub(crate) mod evidence;
pub(crate) mod groups;
pub(crate) mod pairing;
pub(crate) mod rate;
pub(crate) mod reconcile;
mod rows;
pub(crate) mod theirs;
mod trend;
pub(crate) mod versus;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

use crate::conversions::Conversions;
use crate::domain::impression::Kind;
use crate::domain::link::LinkId;
use crate::domain::metric::Metric;
use crate::judged::Judged;
use crate::stats::ctr::baseline::{Baselines, Own};
use crate::stats::ctr::clicks::{ClickLog, Span};
use crate::stats::ctr::evidence::PostEntry;
use crate::stats::ctr::groups::{Group, LinkEntry, groups, platform, same};
use crate::stats::ctr::rate::Policy;
use crate::stats::ctr::rows::{paired_row, unlinked_row, unmeasured_row};
use crate::stats::pooled::Unit;
use crate::stats::query::Window;
use crate::stats::shrink::Prior;
use crate::stats::wire::{Basis, ConversionRate, CtrRow};

/// The most rows of one report; the ones with the fewest impressions are left out, and counted.
pub(crate) const ROWS_MAX: usize = 10_000;

/// What a report has one row of (per level, kind and basis) each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    Link,
    Post,
    Placement,
    Platform,
    Campaign,
    Tag,
    Account,
    Level,
    Day,
    Week,
}

impl Grouping {
    pub(crate) const ALL: [Self; 10] = [
        Self::Link,
        Self::Post,
        Self::Placement,
        Self::Platform,
        Self::Campaign,
        Self::Tag,
        Self::Account,
        Self::Level,
        Self::Day,
        Self::Week,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Post => "post",
            Self::Placement => "placement",
            Self::Platform => "platform",
            Self::Campaign => "campaign",
            Self::Tag => "tag",
            Self::Account => "account",
            Self::Level => "level",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.as_str() == text)
    }

    /// Whether its rows are about a span of time rather than about something that was posted.
    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Week)
    }
}

/// Which clicks are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numerator {
    /// Human clicks.
    Human,
    /// Different visitors per link and day.
    Unique,
    /// Hits of every verdict.
    All,
}

impl Numerator {
    pub(crate) const ALL: [Self; 3] = [Self::Human, Self::Unique, Self::All];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Unique => "unique",
            Self::All => "all",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|numerator| numerator.as_str() == text)
    }
}

/// In which order rows stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// The most impressions first.
    #[default]
    Size,
    /// The highest ratio first, each drawn towards the others the more the less it was seen.
    Rank,
}

impl Order {
    pub(crate) const ALL: [Self; 2] = [Self::Size, Self::Rank];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Rank => "rank",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == text)
    }
}

/// What a report is made of.
#[derive(Clone, Copy)]
pub(crate) struct Material<'a> {
    pub(crate) links: &'a [LinkEntry],
    pub(crate) posts: &'a [PostEntry],
    pub(crate) clicks: &'a ClickLog,
    pub(crate) numerator: Numerator,
    /// The days asked for; `None` for everything.
    pub(crate) window: Option<Window>,
    /// The same in the report time zone.
    pub(crate) span: Span,
    pub(crate) policy: Policy,
    pub(crate) baselines: &'a Baselines,
    pub(crate) conversions: &'a Conversions,
    /// Which rules judged the clicks.
    pub(crate) judged: &'a Judged,
    /// The account's own medians of this numerator in these days, once somebody has needed them.
    pub(crate) own: &'a OnceLock<Own>,
}

impl Material<'_> {
    /// Whether some days were asked for, so that a lifetime number says too much.
    pub(crate) fn is_cut(&self) -> bool {
        self.window.is_some()
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    fn kinds(&self) -> BTreeSet<Kind> {
        let kind = |metric: &Metric| match metric {
            Metric::Impressions(kind) => Some(*kind),
            Metric::Clicks(_) | Metric::Spend | Metric::Shown(_) => None,
        };
        self.posts.iter().flat_map(|post| post.whole.keys()).filter_map(kind).collect()
    }

    /// Where all of a group was shown, if that is one platform.
    fn platform(&self, group: &Group) -> Option<String> {
        let links = group.components.iter().flat_map(|component| &component.links);
        same(links.map(|link| platform(&self.links[*link], self.posts))).flatten()
    }

    /// All clicks of a group in the window, whether or not there are impressions for them.
    fn total(&self, group: &Group) -> u64 {
        let links = group.components.iter().flat_map(|component| &component.links);
        let clicks = links.map(|link| self.clicks.count(self.links[*link].id, self.numerator, self.span).clicks);
        clicks.fold(0, u64::saturating_add)
    }
}

/// The rows of a report, and how many more there are than [`ROWS_MAX`].
pub(crate) fn rows(by: Grouping, order: Order, material: &Material<'_>) -> (Vec<CtrRow>, u64) {
    let kinds = material.kinds();
    let mut rows = if by.is_time() { trend::rows(by, material, &kinds) } else { group_rows(by, material, &kinds) };
    rank(&mut rows);
    sort(&mut rows, by, order);
    let left_out = rows.len().saturating_sub(ROWS_MAX) as u64;
    rows.truncate(ROWS_MAX);
    (rows, left_out)
}

/// The rows of a report that are about some links, without what they would be if all rows were drawn together.
pub(crate) fn rows_about(by: Grouping, asked: &HashSet<LinkId>, material: &Material<'_>) -> Vec<CtrRow> {
    let kinds = material.kinds();
    let own = material.own.get_or_init(|| Own::of(material, &kinds));
    let is_asked = |group: &&Group| {
        let links = group.components.iter().flat_map(|component| &component.links);
        links.into_iter().any(|link| asked.contains(&material.links[*link].id))
    };
    let groups = groups(material.links, material.posts, by);
    let rows = groups.iter().filter(is_asked).flat_map(|group| rows_of(group, by, material, &kinds, own));
    let mut rows: Vec<_> = rows.collect();
    sort(&mut rows, by, Order::Size);
    rows
}

fn group_rows(by: Grouping, material: &Material<'_>, kinds: &BTreeSet<Kind>) -> Vec<CtrRow> {
    let own = material.own.get_or_init(|| Own::of(material, kinds));
    let groups = groups(material.links, material.posts, by);
    let mut rows: Vec<_> = groups.iter().flat_map(|group| rows_of(group, by, material, kinds, own)).collect();
    rows.extend(unlinked_rows(by, material, kinds));
    rows
}

/// One row per kind and basis; a link that has clicks and no impressions is listed as well, because its owner asked
/// for links.
fn rows_of(group: &Group, by: Grouping, material: &Material<'_>, kinds: &BTreeSet<Kind>, own: &Own) -> Vec<CtrRow> {
    let total = material.total(group);
    let of_kind = |kind: &Kind| {
        let paired = material.pair(group, Metric::Impressions(*kind));
        let row = |(basis, paired)| paired_row(material, group, (*kind, basis), &paired, total, by);
        paired.into_iter().map(row).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = kinds.iter().flat_map(of_kind).collect();
    if rows.is_empty() && by == Grouping::Link && total > 0 {
        rows.push(unmeasured_row(group, total));
    }
    let converted = converted(group, material);
    for row in &mut rows {
        row.conversions.clone_from(&converted);
        row.baselines = baseline::standings(row, group, material, own);
    }
    rows
}

/// What became of a group's human clicks in the window, whether or not there are impressions for them; nothing where
/// nobody reports conversions.
fn converted(group: &Group, material: &Material<'_>) -> Option<ConversionRate> {
    let links = || group.components.iter().flat_map(|component| &component.links);
    let sum = material.conversions.of(links().map(|link| material.links[*link].id));
    if sum.count == 0 {
        return None;
    }
    let clicks =
        links().map(|link| material.clicks.count(material.links[*link].id, Numerator::Human, material.span).clicks);
    let clicks = clicks.fold(0, u64::saturating_add);
    let rate = rate::rate(sum.count, clicks, None, material.policy);
    Some(ConversionRate {
        conversions: sum.count,
        clicks,
        rate: rate.map(|rate| rate.ctr),
        low: rate.map(|rate| rate.low),
        high: rate.map(|rate| rate.high),
        values: sum.values.into_iter().map(|(currency, micros)| (currency, micros as f64 / 1e6)).collect(),
    })
}

/// Impressions whose clicks nobody can know: of posts in which no link stands, and of links that were removed.
fn unlinked_rows(by: Grouping, material: &Material<'_>, kinds: &BTreeSet<Kind>) -> Vec<CtrRow> {
    if !matches!(by, Grouping::Post | Grouping::Link) {
        return Vec::new();
    }
    let links = material.links.iter();
    let linked: HashSet<usize> = links.flat_map(|link| link.posts.iter().copied().chain(link.own)).collect();
    let is_asked = |post: &usize| material.posts[*post].about_link.is_some() == (by == Grouping::Link);
    let unlinked = (0..material.posts.len()).filter(|post| is_asked(post) && !linked.contains(post));
    unlinked.flat_map(|post| kinds.iter().filter_map(move |kind| unlinked_row(material, post, *kind))).collect()
}

/// Gives every row that has a ratio the one it would have if all rows like it were drawn together.
fn rank(rows: &mut [CtrRow]) {
    type Like = (Option<String>, Option<String>, Option<Basis>);
    let like = |row: &CtrRow| -> Like { (row.level.clone(), row.kind.clone(), row.basis) };
    let unit = |row: &CtrRow| {
        row.ctr?;
        Some(Unit { clicks: row.clicks?, impressions: row.impressions? })
    };
    let mut units: BTreeMap<Like, Vec<Unit>> = BTreeMap::new();
    for row in rows.iter() {
        if let Some(unit) = unit(row) {
            units.entry(like(row)).or_default().push(unit);
        }
    }
    let priors: BTreeMap<Like, Prior> =
        units.into_iter().filter_map(|(like, units)| Some((like, Prior::fit(&units)?))).collect();
    for row in rows {
        let prior = priors.get(&like(row));
        row.shrunk = prior.zip(unit(row)).map(|(prior, unit)| prior.shrink(unit.clicks, unit.impressions));
    }
}

/// Time runs forward. Else the most impressions first, then the most clicks, then by name; by rank, what has no ratio
/// comes last.
fn sort(rows: &mut [CtrRow], by: Grouping, order: Order) {
    let rate = |row: &CtrRow| row.shrunk.or(row.ctr).unwrap_or(-1.0);
    let size = |row: &CtrRow| (row.impressions, row.clicks);
    rows.sort_by(|a, b| match (by.is_time(), order) {
        (true, _) => by_name(a, b),
        (false, Order::Size) => size(b).cmp(&size(a)).then_with(|| by_name(a, b)),
        (false, Order::Rank) => rate(b).total_cmp(&rate(a)).then_with(|| by_name(a, b)),
    });
}

fn by_name(a: &CtrRow, b: &CtrRow) -> Ordering {
    (&a.value, &a.level, &a.kind, a.basis).cmp(&(&b.value, &b.level, &b.kind, b.basis))
}
