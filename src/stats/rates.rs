//! Reads what a click-through rate is computed from: links, the posts that imports know, and clicks.
//!
//! It must never decide what a number means; that is `ctr`'s.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::impression::{StoredImpression, Subject};
use crate::domain::link::Link;
use crate::domain::metric::Metric;
use crate::domain::permalink;
use crate::stats::ctr::baseline::{BUILT_IN, BaselineError, Baselines};
use crate::stats::ctr::clicks::{ClickLog, Span};
use crate::stats::ctr::evidence::{Number, PostEntry};
use crate::stats::ctr::groups::LinkEntry;
use crate::stats::ctr::rate::Policy;
use crate::stats::ctr::{Material, rows};
use crate::stats::interval::Method;
use crate::stats::query::{CtrQuery, WINDOW_DAYS_MAX, Window};
use crate::stats::series::begin;
use crate::stats::wire::CtrReport;
use crate::stats::{LINKS_PAGE, StatsError, read_links};
use crate::store::Store;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) interval: String,
    pub(crate) impressions_min: u64,
    pub(crate) clicks_min: u64,
    pub(crate) ratio_low: f64,
    pub(crate) ratio_high: f64,
    pub(crate) own_days: u16,
    pub(crate) baselines: String,
}

/// What an owner decides about rates.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    pub(crate) baselines: Baselines,
    /// Between these, our clicks over a platform's are as expected.
    pub(crate) ratio: (f64, f64),
}

/// The largest table of baselines, in bytes.
const BASELINES_BYTES_MAX: u64 = 1 << 20;

/// Why rates cannot be computed as somebody wants them to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("ctr.interval: {0:?} is none of wilson, clopper_pearson, jeffreys")]
    Interval(String),
    #[error("ctr.ratio_low and ctr.ratio_high: {0} to {1} is no band around 1")]
    Ratio(f64, f64),
    #[error("ctr.baselines: cannot read {path}: {cause}")]
    Read { path: String, cause: std::io::Error },
    #[error("ctr.baselines: {path}: {cause}")]
    Table { path: String, cause: BaselineError },
}

impl Rules {
    /// Reads the table of baselines, so call it before requests are answered.
    ///
    /// # Errors
    /// When a setting is out of range or the table cannot be read.
    pub(crate) fn open(config: &Config) -> Result<Self, RulesError> {
        let method = Method::parse(&config.interval).ok_or_else(|| RulesError::Interval(config.interval.clone()))?;
        let ratio = (config.ratio_low, config.ratio_high);
        if !(0.0 < ratio.0 && ratio.0 <= 1.0 && 1.0 <= ratio.1 && ratio.1.is_finite()) {
            return Err(RulesError::Ratio(ratio.0, ratio.1));
        }
        let policy = Policy { impressions_min: config.impressions_min, clicks_min: config.clicks_min, method };
        let table = if config.baselines.is_empty() { BUILT_IN.to_owned() } else { read(&config.baselines)? };
        let baselines = Baselines::parse(&table, config.own_days)
            .map_err(|cause| RulesError::Table { path: config.baselines.clone(), cause })?;
        Ok(Self { policy, baselines, ratio })
    }
}

fn read(path: &str) -> Result<String, RulesError> {
    let failed = |cause| RulesError::Read { path: path.to_owned(), cause };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(BASELINES_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Answers `GET /api/v1/ctr`. `now` ends the window of a question that names no end.
///
/// # Errors
/// When the window is not one, or the store fails.
pub(crate) async fn ctr(
    store: &dyn Store,
    query: &CtrQuery,
    rules: &Rules,
    report_zone: &TimeZone,
    now: Timestamp,
) -> Result<CtrReport, StatsError> {
    let today = now.to_zoned(report_zone.clone()).date();
    let all = Window::new(
        today.saturating_sub(jiff::Span::new().days(WINDOW_DAYS_MAX - 2)),
        today.tomorrow().unwrap_or(today),
    )?;
    let impressions = store.impressions(all.first(), all.last()).await?;
    let (links, posts) = entries(read_links(store, |link| Some(link.clone())).await?, &impressions, report_zone);
    let window = match (query.from, query.to) {
        (None, None) => None,
        (from, to) => {
            let last = to.unwrap_or_else(|| today.max(from.unwrap_or(today)));
            Some(Window::new(from.unwrap_or(all.first()).min(last), last)?)
        }
    };
    let span = window.map_or(Span::ALWAYS, |window| Span {
        start: begin(window.first(), report_zone),
        end: begin(window.last().tomorrow().unwrap_or(window.last()), report_zone),
    });
    let first = window.map_or(all.first(), |window| window.widened().first());
    let last = window.map_or(all.last(), |window| window.widened().last());
    let mut clicks = ClickLog::new(report_zone.clone());
    for page in links.chunks(LINKS_PAGE) {
        let ids: Vec<_> = page.iter().map(|link| link.id).collect();
        for day in store.counters(Some(&ids), first, last).await? {
            clicks.add(&day);
        }
    }
    let material = Material {
        links: &links,
        posts: &posts,
        clicks: &clicks,
        numerator: query.numerator,
        window,
        span,
        policy: rules.policy,
        baselines: &rules.baselines,
    };
    let (rows, rows_left_out) = rows(query.by, query.order, &material);
    Ok(CtrReport {
        by: query.by.as_str().to_owned(),
        from: first,
        to: last,
        numerator: query.numerator.as_str().to_owned(),
        rows,
        rows_left_out,
    })
}

fn entries(links: Vec<Link>, impressions: &[StoredImpression], zone: &TimeZone) -> (Vec<LinkEntry>, Vec<PostEntry>) {
    let mut posts: Vec<PostEntry> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut place = |name: String, posts: &mut Vec<PostEntry>| {
        *places.entry(name.clone()).or_insert_with(|| {
            posts.push(PostEntry::named(&name));
            posts.len() - 1
        })
    };
    let mut own: BTreeMap<u64, usize> = BTreeMap::new();
    for stored in impressions {
        let name = match &stored.impression.subject {
            Subject::Link(link) => format!("link {link}"),
            Subject::Post(post) => permalink::canonical(post).as_str().to_owned(),
        };
        let at = place(name, &mut posts);
        if let Subject::Link(link) = stored.impression.subject {
            own.insert(link.0, at);
        }
        let day: Date = stored.impression.day;
        let (start, end) = (begin(day, zone), begin(day.tomorrow().unwrap_or(day), zone));
        let number = Number { value: stored.impression.count, as_of: stored.as_of, start, end };
        let series = posts[at].whole.entry(Metric::Impressions(stored.impression.kind)).or_default();
        series.days.insert(day, number);
    }
    let entry = |link: &Link| {
        let named = link.spec.placement.posts.iter();
        let posts = named.map(|post| place(permalink::canonical(post).as_str().to_owned(), &mut posts)).collect();
        LinkEntry { posts, own: own.get(&link.id.0).copied(), ..LinkEntry::of(link) }
    };
    let links: Vec<LinkEntry> = links.iter().map(entry).collect();
    (links, posts)
}
