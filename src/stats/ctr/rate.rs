//! One click-through rate: clicks over impressions with its interval, and which clicks may stand over which
//! impressions. Pure. It must never hide a ratio above 1, nor make one out of nothing.

use crate::domain::impression::Kind;
use crate::domain::placement::Level;
use crate::stats::interval::{Bounds, Method, poisson, proportion};
use crate::stats::pooled::{Pooled, Spread};
use crate::stats::wire::Interval;

/// When there is enough data for a ratio to be read as one. Below it the ratio is shown, and marked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) impressions_min: u64,
    /// Expected clicks at the observed rate, which is the observed number of clicks.
    pub(crate) clicks_min: u64,
    /// The interval of a single proportion.
    pub(crate) method: Method,
}

impl Policy {
    /// Whether these are enough for their ratio to be read as one.
    pub(crate) fn is_enough(self, clicks: u64, impressions: u64) -> bool {
        impressions >= self.impressions_min && clicks >= self.clicks_min
    }

    /// The usual rule of thumb for a proportion: 100 trials, 5 expected events.
    #[cfg(test)]
    pub(crate) const DEFAULT: Self = Self { impressions_min: 100, clicks_min: 5, method: Method::Wilson };
}

/// A ratio that exists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Above 1 when the clicks and the denominator do not describe the same events; never cut.
    pub(crate) ctr: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) interval: Interval,
    pub(crate) enough: bool,
}

/// `clicks / impressions` with its 95 % interval; `None` without impressions, whatever the clicks.
///
/// Up to one click per impression this is a proportion; beyond it is a rate, and its interval that of a Poisson count
/// (Garwood) over a known denominator. Of several posts the interval is that of the spread between them.
pub(crate) fn rate(clicks: u64, impressions: u64, pooled: Option<&Pooled>, policy: Policy) -> Option<Rate> {
    if impressions == 0 {
        return None;
    }
    let n = impressions as f64;
    let (Bounds { low, high }, interval) = match (proportion(clicks, impressions, policy.method), pooled) {
        (None, _) => {
            let bounds = poisson(clicks);
            (Bounds { low: bounds.low / n, high: bounds.high / n }, Interval::Poisson)
        }
        (Some(_), Some(pooled)) => (pooled.bounds, named(pooled.spread)),
        (Some(bounds), None) => (bounds, of_method(policy.method)),
    };
    let enough = policy.is_enough(clicks, impressions);
    Some(Rate { ctr: clicks as f64 / n, low, high, interval, enough })
}

fn named(spread: Spread) -> Interval {
    match spread {
        Spread::Bootstrap => Interval::Bootstrap,
        Spread::QuasiBinomial => Interval::QuasiBinomial,
    }
}

fn of_method(method: Method) -> Interval {
    match method {
        Method::Wilson => Interval::Wilson,
        Method::ClopperPearson => Interval::ClopperPearson,
        Method::Jeffreys => Interval::Jeffreys,
    }
}

/// Whether clicks of this level happen among impressions of this kind: a profile's link is seen by those who visit
/// the profile, not by those who scroll past a post.
pub(crate) fn divisible(level: Level, kind: Kind) -> bool {
    match level {
        Level::Post | Level::Ad => matches!(kind, Kind::Impressions | Kind::Views | Kind::Reach),
        Level::Profile => kind == Kind::ProfileVisits,
        Level::Story => matches!(kind, Kind::StoryViews | Kind::Views | Kind::Impressions | Kind::Reach),
        Level::Email => kind == Kind::Delivered,
        Level::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_clicks_on_five_thousand_impressions_are_one_per_cent() {
        let rate = rate(50, 5000, None, Policy::DEFAULT).unwrap();
        assert_eq!((rate.ctr, rate.interval, rate.enough), (0.01, Interval::Wilson, true));
        assert_eq!(
            (format!("{:.4}", rate.low), format!("{:.4}", rate.high)),
            ("0.0076".to_owned(), "0.0132".to_owned())
        );
    }

    #[test]
    fn e44_e100_without_impressions_there_is_no_ratio() {
        assert_eq!(rate(0, 0, None, Policy::DEFAULT), None);
        assert_eq!(rate(7, 0, None, Policy::DEFAULT), None);
    }

    #[test]
    fn e45_more_clicks_than_impressions_are_a_rate_that_is_shown_whole() {
        let rate = rate(9838, 7724, None, Policy::DEFAULT).unwrap();
        assert_eq!(rate.interval, Interval::Poisson);
        assert!(rate.ctr > 1.27 && rate.ctr < 1.28, "{rate:?}");
        assert!(1.0 < rate.low && rate.low < rate.ctr && rate.ctr < rate.high, "{rate:?}");
    }

    #[test]
    fn little_data_is_a_ratio_that_is_marked() {
        let enough = |clicks, impressions| rate(clicks, impressions, None, Policy::DEFAULT).unwrap().enough;
        assert!(enough(5, 100));
        assert!(!enough(7, 9));
        assert!(!enough(99, 99));
        assert!(!enough(4, 100_000));
        assert!(!enough(0, 5000));
    }

    #[test]
    fn each_level_has_its_denominators() {
        let of =
            |level| Kind::ALL.into_iter().filter(|kind| divisible(level, *kind)).map(Kind::as_str).collect::<Vec<_>>();
        assert_eq!(of(Level::Post), ["impressions", "views", "reach"]);
        assert_eq!(of(Level::Profile), ["profile_visits"]);
        assert_eq!(of(Level::Story), ["impressions", "views", "reach", "story_views"]);
        assert_eq!(of(Level::Ad), ["impressions", "views", "reach"]);
        assert_eq!(of(Level::Email), ["delivered"]);
        assert_eq!(of(Level::Other).len(), Kind::ALL.len());
    }
}
