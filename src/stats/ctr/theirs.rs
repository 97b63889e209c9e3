//! The platforms' own clicks, spend and rates: Clicks (All) in its parts, CTR (all), CTR (link), unique CTR, and what a
//! click cost, theirs and ours.
//!
//! Pure. It must never add people (reach, unique clicks) or two currencies, nor slices that count the same thing twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric};
use crate::stats::ctr::clicks::Span;
use crate::stats::ctr::evidence::{Numbers, PostEntry};
use crate::stats::ctr::pairing::{Paired, Piece};
use crate::stats::ctr::{Material, Numerator, ROWS_MAX};
use crate::stats::wire::{Basis, Parts, PlatformRow};

/// What a report about the platforms' numbers has one row of (per basis) each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TheirGrouping {
    Post,
    Ad,
    AdSet,
    Campaign,
    Platform,
    Account,
    Format,
    Level,
    /// A part of the audience or the delivery that files tell apart, such as `age`.
    Slice(String),
}

impl TheirGrouping {
    pub(crate) const WORDS: [&str; 8] = ["post", "ad", "ad_set", "campaign", "platform", "account", "format", "level"];

    /// A word, or else the name of a slice.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "post" => Self::Post,
            "ad" => Self::Ad,
            "ad_set" => Self::AdSet,
            "campaign" => Self::Campaign,
            "platform" => Self::Platform,
            "account" => Self::Account,
            "format" => Self::Format,
            "level" => Self::Level,
            slice => Self::Slice(slice.to_owned()),
        }
    }

    fn value(&self, post: &PostEntry) -> Option<String> {
        match self {
            Self::Post => Some(post.name.clone()),
            Self::Ad => post.ad.clone(),
            Self::AdSet => post.ad_set.clone(),
            Self::Campaign => post.campaign.clone(),
            Self::Platform => Some(post.platform.clone()).filter(|name| !name.is_empty()),
            Self::Account => post.account.clone(),
            Self::Format => post.format.clone(),
            Self::Level => post.level.map(|level| level.to_string()),
            Self::Slice(_) => None,
        }
    }
}

/// The kinds that platforms divide clicks by, the first that a row has.
const DIVIDED_BY: [Kind; 5] = [Kind::Impressions, Kind::Views, Kind::StoryViews, Kind::ProfileVisits, Kind::Delivered];

/// The names of slices that any file has.
pub(crate) fn slices(posts: &[PostEntry]) -> BTreeSet<&str> {
    posts.iter().flat_map(|post| &post.slices).flat_map(|(slice, _)| slice.keys().map(String::as_str)).collect()
}

/// The most impressions first; also how many rows there are beyond [`ROWS_MAX`].
pub(crate) fn rows(by: &TheirGrouping, material: &Material<'_>) -> (Vec<PlatformRow>, u64) {
    let mut sums: BTreeMap<(String, Basis), Sum<'_>> = BTreeMap::new();
    for (at, post) in material.posts.iter().enumerate().filter(|(_, post)| has_clicks_or_spend(post)) {
        for (value, numbers) in parts_of(by, post) {
            let Some((basis, cells)) = cells(material, post, &numbers) else { continue };
            sums.entry((value, basis)).or_default().add(at, post, cells);
        }
    }
    let is_sliced = matches!(by, TheirGrouping::Slice(_));
    let links = links_by_post(material);
    let row = |((value, basis), sum): ((String, Basis), Sum<'_>)| sum.row(material, &links, (value, basis), is_sliced);
    let mut rows: Vec<_> = sums.into_iter().map(row).collect();
    rows.sort_by(|a, b| (b.impressions, b.clicks_all).cmp(&(a.impressions, a.clicks_all)).then(a.value.cmp(&b.value)));
    let left_out = rows.len().saturating_sub(ROWS_MAX) as u64;
    rows.truncate(ROWS_MAX);
    (rows, left_out)
}

/// Which links stand in each post, as places in the material.
type LinksByPost = HashMap<usize, Vec<usize>>;

fn links_by_post(material: &Material<'_>) -> LinksByPost {
    let mut by_post = LinksByPost::new();
    for (at, link) in material.links.iter().enumerate() {
        link.posts.iter().for_each(|post| by_post.entry(*post).or_default().push(at));
    }
    by_post
}

fn has_clicks_or_spend(post: &PostEntry) -> bool {
    let all = std::iter::once(&post.whole).chain(post.slices.iter().map(|(_, numbers)| numbers));
    all.flat_map(|numbers| numbers.keys()).any(|metric| matches!(metric, Metric::Clicks(_) | Metric::Spend))
}

/// Which numbers of a post go into which row: the whole, or each value of the slice that is asked for.
fn parts_of<'a>(by: &TheirGrouping, post: &'a PostEntry) -> Vec<(String, Vec<&'a Numbers>)> {
    let TheirGrouping::Slice(name) = by else {
        // Slices may also tell people, whom a sum leaves out.
        let is_sliced = post.whole.is_empty() || post.added_up.as_ref().is_some_and(|added| added.all);
        let numbers = match is_sliced {
            true => post.one_cut(None).into_iter().map(|(_, numbers)| numbers).collect(),
            false => vec![&post.whole],
        };
        return vec![(by.value(post).unwrap_or_else(|| "(none)".to_owned()), numbers)];
    };
    let mut values: BTreeMap<String, Vec<&Numbers>> = BTreeMap::new();
    for (slice, numbers) in post.one_cut(Some(name)) {
        if let Some(value) = slice.get(name) {
            values.entry(value.clone()).or_default().push(numbers);
        }
    }
    values.into_iter().collect()
}

/// The sum of one metric over the slices of a post, in one basis; and the spans it is about.
struct Cell {
    sum: u64,
    numbers: usize,
    pieces: Vec<Piece>,
}

/// The metrics of a post in the first basis that any of them has.
fn cells(material: &Material<'_>, post: &PostEntry, numbers: &[&Numbers]) -> Option<(Basis, BTreeMap<Metric, Cell>)> {
    let choices = match material.is_cut() {
        true => [Basis::Days, Basis::Snapshots, Basis::Periods],
        false => [Basis::Lifetime, Basis::Days, Basis::Periods],
    };
    choices.into_iter().find_map(|basis| {
        let mut cells: BTreeMap<Metric, Cell> = BTreeMap::new();
        for (metric, series) in numbers.iter().flat_map(|numbers| numbers.iter()) {
            let pieces = material.pieces(series, post.published, basis, &mut Paired::default());
            if pieces.is_empty() {
                continue;
            }
            let cell = cells.entry(*metric).or_insert_with(|| Cell { sum: 0, numbers: 0, pieces: Vec::new() });
            cell.sum = pieces.iter().fold(cell.sum, |sum, piece| sum.saturating_add(piece.count));
            cell.numbers += pieces.len();
            cell.pieces.extend(pieces);
        }
        (!cells.is_empty()).then_some((basis, cells))
    })
}

/// The posts of one row, added up as far as that is allowed.
#[derive(Default)]
struct Sum<'a> {
    posts: Vec<(usize, &'a PostEntry, BTreeMap<Metric, Cell>)>,
}

impl<'a> Sum<'a> {
    fn add(&mut self, at: usize, post: &'a PostEntry, cells: BTreeMap<Metric, Cell>) {
        self.posts.push((at, post, cells));
    }

    /// The sum of a metric; of people only a single number.
    fn of(&self, metric: Metric) -> Option<u64> {
        let cells = || self.posts.iter().filter_map(|(_, _, cells)| cells.get(&metric));
        let numbers: usize = cells().map(|cell| cell.numbers).sum();
        let may_add = metric.is_additive() || numbers == 1;
        (numbers > 0 && may_add).then(|| cells().fold(0_u64, |sum, cell| sum.saturating_add(cell.sum)))
    }

    /// `top / bottom` over the posts that have both; and how many have the first alone.
    fn ratio(&self, top: Metric, bottom: Metric) -> (Option<f64>, u64) {
        let (mut sums, mut excluded) = ((0_u64, 0_u64), 0);
        for (_, _, cells) in &self.posts {
            match (cells.get(&top), cells.get(&bottom)) {
                (Some(top), Some(bottom)) => {
                    sums = (sums.0.saturating_add(top.sum), sums.1.saturating_add(bottom.sum));
                }
                (Some(_), None) => excluded += 1,
                (None, _) => {}
            }
        }
        let may_add = self.of(top).is_some() && self.of(bottom).is_some();
        ((may_add && sums.1 > 0).then(|| sums.0 as f64 / sums.1 as f64), excluded)
    }

    fn row(
        &self,
        material: &Material<'_>,
        by_post: &LinksByPost,
        (value, basis): (String, Basis),
        is_sliced: bool,
    ) -> PlatformRow {
        let links = self.links(by_post);
        let clicks = |clicks| self.of(Metric::Clicks(clicks));
        let kind = DIVIDED_BY.into_iter().find(|kind| self.of(Metric::Impressions(*kind)).is_some());
        let by_kind = |clicks| kind.map(|kind| self.ratio(Metric::Clicks(clicks), Metric::Impressions(kind)));
        let (ctr_all, without_all) = by_kind(Clicks::All).unwrap_or_default();
        let (ctr_link, without_link) = by_kind(Clicks::Link).unwrap_or_default();
        let unique = self.ratio(Metric::Clicks(Clicks::UniqueLink), Metric::Impressions(Kind::Reach)).0;
        let (currency, spend) = self.spend();
        let human = (!is_sliced).then(|| self.human(material, &links)).flatten();
        let cost = |clicks: Option<u64>| {
            let clicks = clicks.filter(|clicks| *clicks > 0)?;
            spend.map(|spend| spend as f64 / 1e6 / clicks as f64)
        };
        PlatformRow {
            label: self.label(),
            basis,
            posts: self.posts.len() as u64,
            kind: kind.map(|kind| kind.as_str().to_owned()),
            impressions: kind.and_then(|kind| self.of(Metric::Impressions(kind))),
            reach: self.of(Metric::Impressions(Kind::Reach)),
            clicks_all: clicks(Clicks::All),
            clicks_link: clicks(Clicks::Link),
            clicks: Clicks::ALL.into_iter().filter_map(|of| Some((of.as_str().to_owned(), clicks(of)?))).collect(),
            parts: self.parts(),
            ctr_all,
            ctr_link,
            unique_ctr: unique,
            spend: spend.map(|micros| micros as f64 / 1e6),
            cpc_all: cost(clicks(Clicks::All)),
            cpc_link: cost(clicks(Clicks::Link)),
            human,
            cpc_human: cost(human),
            as_of: self.posts.iter().flat_map(|(_, _, cells)| cells.values()).flat_map(latest).max(),
            excluded: without_all.max(without_link),
            notes: self.notes(&value, currency.as_deref(), (material, &links)),
            currency: currency.filter(|currency| !currency.contains('+')),
            value,
        }
    }

    /// The links that stand in any of the posts.
    fn links(&self, by_post: &LinksByPost) -> BTreeSet<usize> {
        self.posts.iter().filter_map(|(at, _, _)| by_post.get(at)).flatten().copied().collect()
    }

    fn label(&self) -> Option<String> {
        let [(_, post, _)] = &self.posts[..] else { return None };
        Some(post.text.clone()).filter(|text| !text.is_empty())
    }

    /// The currency and the sum in millionths; of two currencies their names, and no sum.
    fn spend(&self) -> (Option<String>, Option<u64>) {
        let spent = self.posts.iter().filter(|(_, _, cells)| cells.contains_key(&Metric::Spend));
        let currencies: BTreeSet<&str> =
            spent.map(|(_, post, _)| post.currency.as_deref().unwrap_or("unknown currency")).collect();
        let sum = self.of(Metric::Spend).filter(|_| currencies.len() == 1);
        let names: Vec<_> = currencies.into_iter().collect();
        ((!names.is_empty()).then(|| names.join(" + ")), sum)
    }

    /// Whether the parts that the platform names give its sum, post by post: not every post has both.
    fn parts(&self) -> Option<Parts> {
        let of_post = |(_, _, cells): &(usize, &PostEntry, BTreeMap<Metric, Cell>)| {
            let part = |of: Clicks| Some((of.as_str().to_owned(), cells.get(&Metric::Clicks(of))?.sum));
            Parts::of(
                cells.get(&Metric::Clicks(Clicks::All))?.sum,
                Clicks::PARTS.into_iter().filter_map(part).collect(),
            )
        };
        self.posts.iter().filter_map(of_post).reduce(Parts::and)
    }

    /// Our human clicks in the spans that these numbers are about; none when no link of ours stands in these posts.
    fn human(&self, material: &Material<'_>, links: &BTreeSet<usize>) -> Option<u64> {
        let mut sum = None;
        let pieces_of: BTreeMap<usize, Vec<Span>> =
            self.posts.iter().map(|(at, _, cells)| (*at, spans(cells))).collect();
        for link in links.iter().map(|link| &material.links[*link]) {
            let spans: Vec<Span> =
                link.posts.iter().filter_map(|post| pieces_of.get(post)).flatten().copied().collect();
            let counted =
                union(spans).into_iter().map(|span| material.clicks.count(link.id, Numerator::Human, span).clicks);
            if link.posts.iter().any(|post| pieces_of.contains_key(post)) {
                sum = Some(counted.fold(sum.unwrap_or(0), u64::saturating_add));
            }
        }
        sum
    }

    fn notes(
        &self,
        value: &str,
        currency: Option<&str>,
        (material, links): (&Material<'_>, &BTreeSet<usize>),
    ) -> Vec<String> {
        let metrics: BTreeSet<Metric> = self.posts.iter().flat_map(|(_, _, cells)| cells.keys().copied()).collect();
        let people: Vec<_> =
            metrics.into_iter().filter(|metric| self.of(*metric).is_none()).map(Metric::as_str).collect();
        let here: BTreeSet<usize> = self.posts.iter().map(|(at, _, _)| *at).collect();
        let mut of_links = links.iter().flat_map(|link| &material.links[*link].posts);
        let is_shared = of_links.any(|post| !here.contains(post));
        let notes = [
            (!people.is_empty()).then(|| format!("{} cannot be added up: they count people", people.join(", "))),
            currency.filter(|names| names.contains('+')).map(|names| format!("spend in {names} is not added up")),
            is_shared.then(|| format!("our clicks on links that stand in posts beyond {value} are counted here too")),
        ];
        notes.into_iter().flatten().collect()
    }
}

fn latest(cell: &Cell) -> Option<jiff::Timestamp> {
    cell.pieces.iter().map(|piece| piece.latest).max()
}

fn spans(cells: &BTreeMap<Metric, Cell>) -> Vec<Span> {
    union(cells.values().flat_map(|cell| &cell.pieces).map(|piece| piece.span).collect())
}

/// Spans put together where they overlap or meet, so that nothing in them counts twice.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut().filter(|last| span.start <= last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => joined.push(span),
        }
    }
    joined
}
