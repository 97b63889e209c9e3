//! Where a ratio stands: beside what is usual on its platform, by an editable table, and beside the account's own
//! recent posts.
//!
//! Pure. It must never call a ratio above or below anything while its interval reaches into the band.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::impression::Kind;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::stats::ctr::groups::{Group, groups, same};
use crate::stats::ctr::pairing::Paired;
use crate::stats::ctr::rate::divisible;
use crate::stats::ctr::{Grouping, Material};
use crate::stats::pooled::median;
use crate::stats::wire::{Basis, CtrRow, Standing, StandingVerdict};

/// The table that is built in.
pub(crate) const BUILT_IN: &str = include_str!("../../../config/baselines.tsv");

/// The most lines of a table of one's own.
const LINES_MAX: usize = 1000;

/// Fewer posts have no middle worth a comparison.
const OWN_POSTS_MIN: usize = 5;

/// The usual bands, and how far back the own median looks.
#[derive(Clone, Debug)]
pub(crate) struct Baselines {
    bands: Vec<Band>,
    own_days: u16,
}

/// One line of the table; bounds as shares of 1.
#[derive(Clone, Debug, PartialEq)]
struct Band {
    platform: Option<String>,
    level: Option<Level>,
    when: Option<String>,
    low: Option<f64>,
    high: Option<f64>,
    source: String,
}

/// What is wrong with a table, by line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub(crate) struct BaselineError {
    line: usize,
    wrong: String,
}

impl Baselines {
    /// # Errors
    /// The first line that cannot be understood.
    pub(crate) fn parse(table: &str, own_days: u16) -> Result<Self, BaselineError> {
        let mut bands = Vec::new();
        for (at, text) in table.lines().enumerate() {
            let line = at + 1;
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            if bands.len() == LINES_MAX {
                return Err(BaselineError { line, wrong: format!("there are more than {LINES_MAX} baselines") });
            }
            bands.push(band(text).map_err(|wrong| BaselineError { line, wrong })?);
        }
        Ok(Self { bands, own_days })
    }

    /// The first band that fits; `campaign` are the words of the ad's campaign and ad set.
    fn usual(&self, platform: Option<&str>, level: Level, campaign: &str) -> Option<&Band> {
        let campaign = campaign.to_lowercase();
        self.bands.iter().find(|band| {
            band.platform.as_deref().is_none_or(|name| Some(name) == platform)
                && band.level.is_none_or(|of| of == level)
                && band.when.as_ref().is_none_or(|word| campaign.contains(word))
        })
    }
}

fn band(text: &str) -> Result<Band, String> {
    let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
    let [platform, level, when, low, high, source] = cells[..] else {
        return Err(format!("{} columns instead of platform, level, when, low, high, source", cells.len()));
    };
    let any = |cell: &str| Some(cell.to_lowercase()).filter(|cell| cell != "*");
    let level = any(level).map(|word| Level::parse(&word).ok_or(format!("{word:?} is no level"))).transpose()?;
    let (low, high) = (bound(low)?, bound(high)?);
    if low.zip(high).is_some_and(|(low, high)| low > high) {
        return Err("the low end is above the high one".to_owned());
    }
    if source.is_empty() {
        return Err("it has no source: say who found this usual".to_owned());
    }
    Ok(Band { platform: any(platform), level, when: any(when), low, high, source: source.to_owned() })
}

fn bound(cell: &str) -> Result<Option<f64>, String> {
    if cell == "-" {
        return Ok(None);
    }
    let percent = cell.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| Some(percent / 100.0)).ok_or(format!("{cell:?} is no percentage from 0 to 100, nor -"))
}

/// The account's own recent posts: their median ratio by platform, level, kind of impressions, and format.
#[derive(Debug)]
pub(crate) struct Own {
    medians: HashMap<Like, (f64, usize)>,
    days: u16,
}

/// Platform, level, kind and basis; with a format those of that format, without one all of them.
type Like = (Option<String>, Level, Kind, Basis, Option<String>);

impl Own {
    /// From the posts with enough data that were published (or, where nobody knows when, read) in the trailing days.
    pub(super) fn of(material: &Material<'_>, kinds: &BTreeSet<Kind>) -> Self {
        let posts = groups(material.links, material.posts, Grouping::Post);
        let mut rates: Vec<(Like, Timestamp, f64)> = Vec::new();
        for group in &posts {
            for kind in kinds.iter().filter(|kind| divisible(group.level, **kind)) {
                rates.extend(ratios(material, group, *kind));
            }
        }
        let newest = rates.iter().map(|(_, at, _)| *at).max().unwrap_or(Timestamp::MIN);
        let days = material.baselines.own_days;
        let oldest = newest.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        let mut of: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for (like, _, ratio) in rates.into_iter().filter(|(_, at, _)| *at >= oldest) {
            let any_format = (like.0.clone(), like.1, like.2, like.3, None);
            of.entry(any_format).or_default().push(ratio);
            if like.4.is_some() {
                of.entry(like).or_default().push(ratio);
            }
        }
        let enough = of.into_iter().filter(|(_, ratios)| ratios.len() >= OWN_POSTS_MIN);
        let medians = enough.filter_map(|(like, ratios)| {
            let count = ratios.len();
            Some((like, (median(ratios)?, count)))
        });
        Self { medians: medians.collect(), days }
    }

    /// The median of the format if there is one, else that of the platform and level.
    fn median(&self, like: &Like) -> Option<(f64, usize)> {
        let any_format = || (like.0.clone(), like.1, like.2, like.3, None);
        self.medians.get(like).or_else(|| self.medians.get(&any_format())).copied()
    }
}

/// A post's ratios by basis, with when it was published or read.
fn ratios(material: &Material<'_>, group: &Group, kind: Kind) -> Vec<(Like, Timestamp, f64)> {
    let (platform, format) = (material.platform(group), format_of(material, group));
    let published = group.components.iter().flat_map(|component| &component.posts);
    let published = published.filter_map(|post| material.posts[*post].published).min();
    let ratio = |(basis, paired): (Basis, Paired)| {
        let (clicks, impressions) = (paired.clicks, paired.impressions);
        let is_enough = impressions > 0 && material.policy.is_enough(clicks, impressions);
        let whole = paired.missing.is_empty() && paired.mixed.is_empty();
        let like = (platform.clone(), group.level, kind, basis, format.clone());
        let at = published.or(paired.as_of)?;
        (is_enough && whole).then_some((like, at, clicks as f64 / impressions as f64))
    };
    material.pair(group, Metric::Impressions(kind)).into_iter().filter_map(ratio).collect()
}

fn format_of(material: &Material<'_>, group: &Group) -> Option<String> {
    let posts = group.components.iter().flat_map(|component| &component.posts);
    same(posts.map(|post| material.posts[*post].format.clone())).flatten()
}

/// Where a row stands; nothing for a row without a ratio.
pub(super) fn standings(row: &CtrRow, group: &Group, material: &Material<'_>, own: &Own) -> Vec<Standing> {
    let (Some(low), Some(high), Some(basis)) = (row.low, row.high, row.basis) else { return Vec::new() };
    let Some(kind) = row.kind.as_deref().and_then(Kind::parse) else { return Vec::new() };
    let verdict = |band: (Option<f64>, Option<f64>)| judge(row.enough, (low, high), band);
    let usual = material.baselines.usual(row.platform.as_deref(), group.level, &campaigns(material, group));
    let usual = usual.map(|band| Standing {
        of: "usual".to_owned(),
        low: band.low,
        high: band.high,
        verdict: verdict((band.low, band.high)),
        source: band.source.clone(),
    });
    let like = (row.platform.clone(), group.level, kind, basis, format_of(material, group));
    let own = own.median(&like).map(|(median, posts)| Standing {
        of: "own".to_owned(),
        low: Some(median),
        high: Some(median),
        verdict: verdict((Some(median), Some(median))),
        source: format!("median of {posts} posts of the last {} days", own.days),
    });
    usual.into_iter().chain(own).collect()
}

/// The words that people gave to the ads of a group.
fn campaigns(material: &Material<'_>, group: &Group) -> String {
    let posts = group.components.iter().flat_map(|component| &component.posts);
    let words = posts.flat_map(|post| {
        let post = &material.posts[*post];
        [post.campaign.as_deref(), post.ad_set.as_deref()]
    });
    words.flatten().collect::<Vec<_>>().join(" ")
}

fn judge(enough: bool, (low, high): (f64, f64), band: (Option<f64>, Option<f64>)) -> StandingVerdict {
    match band {
        _ if !enough => StandingVerdict::NotEnoughData,
        (_, Some(top)) if low > top => StandingVerdict::Above,
        (Some(bottom), _) if high < bottom => StandingVerdict::Below,
        _ => StandingVerdict::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_says_what_is_usual_where_and_by_whom() {
        let table = Baselines::parse(BUILT_IN, 90).unwrap();
        let band = |platform, level, campaign| {
            table.usual(Some(platform), level, campaign).map(|band| (band.low, band.high, !band.source.is_empty()))
        };
        assert_eq!(band("x", Level::Post, ""), Some((Some(0.005), Some(0.01), true)));
        assert_eq!(band("linkedin", Level::Post, ""), Some((Some(0.01), Some(0.02), true)));
        assert_eq!(band("instagram", Level::Story, ""), Some((Some(0.01), Some(0.03), true)));
        assert_eq!(band("tiktok", Level::Ad, "Retargeting EU"), Some((Some(0.03), None, true)));
        assert_eq!(band("tiktok", Level::Ad, "Launch"), Some((Some(0.01), Some(0.03), true)));
        assert_eq!(band("mailchimp", Level::Email, ""), Some((Some(0.02), Some(0.05), true)));
        assert_eq!(band("tiktok", Level::Post, ""), None);
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_named() {
        for (line, wrong) in [
            ("x\tpost\t*\t1", "4 columns"),
            ("x\tposts\t*\t1\t2\ts", "\"posts\" is no level"),
            ("x\tpost\t*\t2\t1\ts", "above the high one"),
            ("x\tpost\t*\t1\tmany\ts", "\"many\" is no percentage"),
            ("x\tpost\t*\t1\t2\t", "no source"),
        ] {
            let error = Baselines::parse(&format!("# mine\n{line}"), 90).unwrap_err();
            assert!(error.line == 2 && error.wrong.contains(wrong), "{error}");
        }
    }

    #[test]
    fn only_an_interval_that_clears_the_band_is_above_or_below_it() {
        let band = (Some(0.01), Some(0.02));
        for (interval, verdict) in [
            ((0.021, 0.03), StandingVerdict::Above),
            ((0.019, 0.03), StandingVerdict::Within),
            ((0.002, 0.011), StandingVerdict::Within),
            ((0.002, 0.009), StandingVerdict::Below),
        ] {
            assert_eq!(judge(true, interval, band), verdict, "{interval:?}");
            assert_eq!(judge(false, interval, band), StandingVerdict::NotEnoughData);
        }
        assert_eq!(judge(true, (0.9, 1.0), (Some(0.05), None)), StandingVerdict::Within);
    }
}
