//! Reads what click-through rates are computed from: links, the posts that imports know, and clicks.
//!
//! It must never decide what a number means; that is `ctr`'s.

use std::io::Read;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::conversions::Conversions;
use crate::domain::filter::LinkSet;
use crate::domain::link::LinkId;
use crate::impressions::book::Book;
use crate::impressions::matching::{Candidate, Matches};
use crate::judged::{Judged, Reign};
use crate::stats::StatsError;
use crate::stats::ctr::baseline::{BUILT_IN, BaselineError, Baselines, Own};
use crate::stats::ctr::clicks::{ClickLog, Span};
use crate::stats::ctr::entries::{Entries, entries};
use crate::stats::ctr::rate::Policy;
use crate::stats::ctr::reconcile::discrepancies;
use crate::stats::ctr::theirs::{self, TheirGrouping};
use crate::stats::ctr::versus::versus;
use crate::stats::ctr::{Grouping, Material, Numerator, rows, rows_about};
use crate::stats::days::{Days, LinkDay};
use crate::stats::interval::Method;
use crate::stats::query::{CtrQuery, WINDOW_DAYS_MAX, Window, head, wrong};
use crate::stats::series::begin;
use crate::stats::weekly::{self, Week};
use crate::stats::wire::{CtrReport, CtrRow, PlatformReport, Reconciliation, RulesChange, Versus, WeeklyReport};
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

/// What questions about rates are asked of.
pub(crate) struct Ratings<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) days: &'a Days,
    pub(crate) book: Arc<Book>,
    pub(crate) matches: Arc<Matches>,
    /// By id.
    pub(crate) links: Arc<Vec<Candidate>>,
    pub(crate) rules: &'a Rules,
    /// The report time zone.
    pub(crate) zone: &'a TimeZone,
    pub(crate) now: Timestamp,
}

/// What was read for one question.
pub(crate) struct Loaded<'a> {
    rules: &'a Rules,
    pub(crate) entries: Arc<Entries>,
    pub(crate) clicks: Arc<ClickLog>,
    conversions: Conversions,
    judged: Judged,
    pub(crate) window: Option<Window>,
    /// The days that the answer is about.
    pub(crate) days: Window,
    span: Span,
    /// By numerator.
    own: [OnceLock<Own>; Numerator::ALL.len()],
}

impl Ratings<'_> {
    /// Reads everything that is known of the days asked for; without an end up to today.
    ///
    /// # Errors
    /// When the days are no window, or the store fails.
    pub(crate) async fn load(&self, from: Option<Date>, to: Option<Date>) -> Result<Loaded<'_>, StatsError> {
        let today = self.now.to_zoned(self.zone.clone()).date();
        let entries = entries(&self.book, &self.matches, &self.links, self.zone);
        let first = || first_day(&entries, &self.links, self.zone).unwrap_or(today);
        let last = to.unwrap_or_else(|| today.max(from.unwrap_or(today)));
        let oldest = last.saturating_sub(jiff::Span::new().days(WINDOW_DAYS_MAX - 1));
        let days = Window::new(from.unwrap_or_else(|| first().min(last).max(oldest)), last)?;
        let is_cut = from.is_some() || to.is_some();
        Ok(Loaded {
            rules: self.rules,
            clicks: Arc::new(self.clicks(days.widened()).await?),
            entries: Arc::new(entries),
            conversions: Conversions::of_days(self.store, days.first(), days.last()).await?,
            judged: Judged::load(self.store).await?,
            window: is_cut.then_some(days),
            days,
            span: if is_cut { span(days, self.zone) } else { Span::ALWAYS },
            own: Default::default(),
        })
    }

    /// The same of some of the days that were read.
    async fn only<'a>(&self, loaded: &Loaded<'a>, days: Window) -> Result<Loaded<'a>, StatsError> {
        Ok(Loaded {
            rules: loaded.rules,
            clicks: loaded.clicks.clone(),
            entries: loaded.entries.clone(),
            conversions: Conversions::of_days(self.store, days.first(), days.last()).await?,
            judged: loaded.judged.clone(),
            window: Some(days),
            days,
            span: span(days, self.zone),
            own: Default::default(),
        })
    }

    /// The clicks of all links.
    async fn clicks(&self, days: Window) -> Result<ClickLog, StatsError> {
        Ok(ClickLog::new(self.zone.clone(), self.days.read(self.store, LinkDay::COUNTERS, &LinkSet::All, days).await?))
    }
}

fn span(days: Window, zone: &TimeZone) -> Span {
    let end = days.last().tomorrow().unwrap_or(days.last());
    Span { start: begin(days.first(), zone), end: begin(end, zone) }
}

/// The first day on which anything was published, seen or linked.
fn first_day(entries: &Entries, links: &[Candidate], zone: &TimeZone) -> Option<Date> {
    let series = || entries.posts.iter().flat_map(|post| post.whole.values());
    let day = |instant: Timestamp| instant.to_zoned(zone.clone()).date();
    let made = links.iter().map(|link| link.created_at).min();
    let published = entries.posts.iter().filter_map(|post| post.published).min();
    let days = series().filter_map(|series| series.days.keys().next().copied()).min();
    let periods = series().filter_map(|series| series.periods.keys().next().map(|(first, _)| *first)).min();
    [made.map(day), published.map(day), days, periods].into_iter().flatten().min()
}

impl Loaded<'_> {
    /// The rules that took over within the days of the answer.
    fn rules(&self, zone: &TimeZone) -> Vec<RulesChange> {
        let Span { start, end } = span(self.days, zone);
        self.judged.changes((start, end)).map(|Reign { since, rules }| RulesChange { since, rules }).collect()
    }

    fn week(&self) -> Week<'_> {
        Week {
            days: self.days,
            human: self.material(Numerator::Human),
            unique: self.material(Numerator::Unique),
            all: self.material(Numerator::All),
        }
    }

    pub(crate) fn material(&self, numerator: Numerator) -> Material<'_> {
        Material {
            links: &self.entries.links,
            posts: &self.entries.posts,
            clicks: &self.clicks,
            numerator,
            window: self.window,
            span: self.span,
            policy: self.rules.policy,
            baselines: &self.rules.baselines,
            conversions: &self.conversions,
            judged: &self.judged,
            own: &self.own[numerator as usize],
        }
    }
}

/// Answers `GET /api/v1/ctr`.
///
/// # Errors
/// When the window is not one, or the store fails.
pub(crate) async fn ctr(ratings: &Ratings<'_>, query: &CtrQuery) -> Result<CtrReport, StatsError> {
    let loaded = ratings.load(query.from, query.to).await?;
    let (rows, rows_left_out) = rows(query.by, query.order, &loaded.material(query.numerator));
    Ok(CtrReport {
        by: query.by.as_str().to_owned(),
        from: loaded.days.first(),
        to: loaded.days.last(),
        numerator: query.numerator.as_str().to_owned(),
        rules: loaded.rules(ratings.zone),
        rows,
        rows_left_out,
    })
}

/// The rows of `GET /api/v1/ctr` that are about `links`, over all imported days: once for each of `by`.
///
/// # Errors
/// When the store fails.
pub(crate) async fn of_links<const N: usize>(
    ratings: &Ratings<'_>,
    links: &[LinkId],
    by: [Grouping; N],
) -> Result<[Vec<CtrRow>; N], StatsError> {
    let loaded = ratings.load(None, None).await?;
    let asked = links.iter().copied().collect();
    let material = loaded.material(Numerator::Human);
    Ok(by.map(|by| rows_about(by, &asked, &material)))
}

/// Answers `GET /api/v1/ctr/compare`.
///
/// # Errors
/// When one of the two is not there, they have nothing in common, or the store fails.
pub(crate) async fn compare(ratings: &Ratings<'_>, query: &CtrQuery, a: &str, b: &str) -> Result<Versus, StatsError> {
    let loaded = ratings.load(query.from, query.to).await?;
    let material = loaded.material(query.numerator);
    let (rows, _) = rows(query.by, query.order, &material);
    versus(&material, &rows, a, b).map_err(|error| wrong("a", error.to_string()).into())
}

/// Answers `GET /api/v1/ctr/reconcile`.
///
/// # Errors
/// When the window is not one, or the store fails.
pub(crate) async fn reconcile(
    ratings: &Ratings<'_>,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Reconciliation, StatsError> {
    let loaded = ratings.load(from, to).await?;
    let band = ratings.rules.ratio;
    let (rows, rows_left_out) = discrepancies(&loaded.material(Numerator::Human), band, ratings.now);
    Ok(Reconciliation {
        from: loaded.days.first(),
        to: loaded.days.last(),
        expected_low: band.0,
        expected_high: band.1,
        rules: loaded.rules(ratings.zone),
        rows,
        rows_left_out,
    })
}

/// Answers `GET /api/v1/ctr/platform`.
///
/// # Errors
/// When no file has the slice that was asked for, the window is not one, or the store fails.
pub(crate) async fn platform(
    ratings: &Ratings<'_>,
    by: &str,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<PlatformReport, StatsError> {
    let grouping = TheirGrouping::parse(by);
    let loaded = ratings.load(from, to).await?;
    let slices: Vec<String> = theirs::slices(&loaded.entries.posts).into_iter().map(str::to_owned).collect();
    if matches!(&grouping, TheirGrouping::Slice(name) if !slices.contains(name)) {
        let words = TheirGrouping::WORDS.into_iter().chain(slices.iter().map(String::as_str)).collect::<Vec<_>>();
        return Err(wrong("by", format!("{:?} is none of {}", head(by), words.join(", "))).into());
    }
    let (rows, rows_left_out) = theirs::rows(&grouping, &loaded.material(Numerator::Human));
    Ok(PlatformReport {
        by: by.to_owned(),
        from: loaded.days.first(),
        to: loaded.days.last(),
        slices,
        rows,
        rows_left_out,
    })
}

/// Answers `GET /api/v1/report/weekly`: the seven days that end with `last` (yesterday when nothing is said).
///
/// # Errors
/// When the days are out of range, or the store fails.
pub(crate) async fn weekly(ratings: &Ratings<'_>, last: Option<Date>) -> Result<WeeklyReport, StatsError> {
    let back = |day: Date, days: i64| day.saturating_sub(jiff::Span::new().days(days));
    let last = last.unwrap_or_else(|| back(ratings.now.to_zoned(ratings.zone.clone()).date(), 1));
    let both = ratings.load(Some(back(last, 13)), Some(last)).await?;
    let now = ratings.only(&both, Window::new(back(last, 6), last)?).await?;
    let before = ratings.only(&both, Window::new(back(last, 13), back(last, 7))?).await?;
    let report = weekly::report(&now.week(), &before.week(), ratings.rules.ratio, ratings.now);
    Ok(WeeklyReport { rules: both.rules(ratings.zone), ..report })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::impression::Kind;
    use crate::domain::metric::Metric;
    use crate::impressions::book::{bound, volume};
    use crate::impressions::fake_store::FakeStore;
    use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Reading, Slice};
    use crate::stats::query::CtrParams;

    fn config() -> Config {
        crate::config::Config::default_values().ctr
    }

    fn views_on(day: Date) -> Book {
        let metric = Metric::Impressions(Kind::Views);
        let file = PlatformFile {
            posts: vec![PlatformPost { names: vec!["x:1".to_owned()], ..PlatformPost::default() }],
            slices: vec![Slice::new()],
            readings: vec![Reading { post: 0, slice: 0, metric, grain: Grain::Day(day), value: 20 }],
            ..PlatformFile::default()
        };
        bound(vec![volume(1, "2026-11-21T12:00:00Z".parse().unwrap(), file)])
    }

    async fn ask(book: Book, params: CtrParams) -> Result<CtrReport, StatsError> {
        let rules = Rules::open(&config()).unwrap();
        let ratings = Ratings {
            store: &FakeStore::default(),
            days: &Days::default(),
            book: Arc::new(book),
            matches: Arc::default(),
            links: Arc::default(),
            rules: &rules,
            zone: &TimeZone::UTC,
            now: "2026-11-21T12:00:00Z".parse().unwrap(),
        };
        ctr(&ratings, &CtrQuery::parse(&params)?).await
    }

    fn of_posts(from: Option<&str>, to: Option<&str>) -> CtrParams {
        let text = |text: Option<&str>| text.map(str::to_owned);
        CtrParams { by: Some("post".to_owned()), from: text(from), to: text(to), ..CtrParams::default() }
    }

    #[tokio::test]
    async fn without_days_a_report_runs_from_the_first_known_day_to_today() {
        let report = ask(views_on(date(2026, 3, 5)), of_posts(None, None)).await.unwrap();
        assert_eq!((report.from, report.to), (date(2026, 3, 5), date(2026, 11, 21)));
        assert_eq!((report.rows[0].clicks, report.rows[0].impressions), (None, Some(20)));
        let empty = ask(Book::default(), of_posts(None, None)).await.unwrap();
        assert_eq!((empty.from, empty.to, empty.rows.len()), (date(2026, 11, 21), date(2026, 11, 21), 0));
    }

    #[tokio::test]
    async fn the_days_of_a_report_are_bounded_like_any_others() {
        assert!(ask(Book::default(), of_posts(Some("2026-11-02"), Some("2026-11-01"))).await.is_err());
        assert!(ask(Book::default(), of_posts(Some("2001-01-01"), None)).await.is_err());
        let future = ask(Book::default(), of_posts(Some("2027-01-01"), None)).await.unwrap();
        assert_eq!((future.from, future.to), (date(2027, 1, 1), date(2027, 1, 1)));
        let outside = ask(views_on(date(2026, 3, 5)), of_posts(Some("2026-04-01"), None)).await.unwrap();
        assert_eq!(outside.rows.len(), 0);
    }

    #[test]
    fn settings_that_mean_nothing_are_named() {
        let named = |config: Config| Rules::open(&config).unwrap_err().to_string();
        assert!(named(Config { interval: "wald".to_owned(), ..config() }).contains("wald"));
        assert!(named(Config { ratio_low: 1.5, ..config() }).contains("ctr.ratio_low"));
        assert!(named(Config { baselines: "/does/not/exist.tsv".to_owned(), ..config() }).contains("ctr.baselines"));
    }

    #[test]
    fn a_table_of_ones_own_replaces_the_usual_one_and_a_wrong_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baselines.tsv");
        let open = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Rules::open(&Config { baselines: path.display().to_string(), ..config() })
        };
        assert!(open("x\tpost\t*\t0.2\t0.4\tour own posts of last year\n").is_ok());
        assert!(open("x\tpost\t*\t0.4\t0.2\tupside down\n").unwrap_err().to_string().contains("line 1"));
    }
}
